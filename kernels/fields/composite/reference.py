"""Compositing in float64 torch: the samples of all rays, one at a time of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kernels.fields.model import Field
from kernels.fields.types import Light, Samples


def activated(name: str, values: torch.Tensor) -> torch.Tensor:
    """One of :data:`kernels.fields.model.ACTIVATIONS`."""
    match name:
        case "relu":
            return values.relu()
        case "exponential":
            return values.clamp_max(15).exp()
        case "sigmoid":
            return values.sigmoid()
        case "softplus":
            return torch.nn.functional.softplus(values)
        case _:
            return values


def looked_up(transfer: Any, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Colour (M, 3) and extinction (M,) of densities."""
    table = torch.as_tensor(transfer).to(values)
    place = values.clamp(0, 1) * (len(table) - 1)
    low = place.floor().long().clamp_max(len(table) - 2)
    share = (place - low)[:, None]
    row = table[low] * (1 - share) + table[low + 1] * share
    return row[:, :3], row[:, 3]


def run(
    model: Field,
    outputs: Any,
    samples: Samples,
    live: Any,
    light: Light,
    stop: float,
    transfer: Any,
) -> Any:
    """See :func:`kernels.fields.composite.composite`."""
    values = torch.as_tensor(outputs).double()
    bad = ~values.isfinite().all(1)
    values = values.nan_to_num(0, 0, 0)
    density = activated(model.density, values[:, 0])
    if transfer is None:
        color = activated(model.color, values[:, 1:])
    else:
        color, density = looked_up(transfer, density)
    length = torch.as_tensor(samples.lengths).double()
    distance = torch.as_tensor(samples.distances).double()
    alpha = 1 - torch.exp(-density.clamp_min(0) * length)
    alpha = torch.where(bad, 0.0, alpha)
    live = np.asarray(live)
    rays = torch.as_tensor(live, dtype=torch.int64)
    first, count = torch.as_tensor(samples.spans).unbind(1)
    gathered = torch.as_tensor(light.color)[rays].double()
    left = torch.as_tensor(light.transmittance)[rays].double()
    far = torch.as_tensor(light.distance)[rays].double()
    seen = torch.as_tensor(light.samples)[rays].clone()
    most = int(count.max()) if len(count) else 0
    for number in range(most):
        on = (number < count) & (left > stop)
        at = torch.where(on, first + number, 0)
        weight = torch.where(on, left * alpha[at], 0.0)
        gathered += weight[:, None] * color[at]
        far += weight * distance[at]
        left = left - weight
        seen += on
    for array, new in (
        (light.color, gathered),
        (light.transmittance, left),
        (light.distance, far),
        (light.samples, seen),
    ):
        array[live] = new.to(torch.as_tensor(array).dtype).numpy()
    return live[((count == most) & (left > stop)).numpy()] if most else live[:0]
