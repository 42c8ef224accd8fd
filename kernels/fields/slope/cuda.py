"""Values and gradients for the ``cuda`` backend, in forward mode.

Of each row there are the value and its derivatives by each coordinate, which go through the layers
together: with three coordinates that is four times the work of the value, and nothing has to be
kept for a way back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from kernels.cuda.device import to_device
from kernels.cuda.residents import resident
from kernels.fields.encodings import Encoding
from kernels.fields.network.layers import rows_at_a_time, through
from kernels.fields.networks import Network, Span
from kernels.fields.slope.encodings import derive


def _of_one(network: Network, column: int) -> Network:
    """With one of the results."""
    places = [(span.source, c) for span in network.results for c in range(span.first, span.last)]
    source, at = places[column]
    return replace(network, results=(Span(source, at, at + 1),))


def run(
    encoding: Encoding,
    description: Network,
    positions: Any,
    encoding_parameters: Any,
    network_parameters: Any,
    column: int = 0,
    extra: Any = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """See :func:`kernels.fields.slope.slope`; tensors on the device."""
    points = to_device(positions).float()
    table = resident(encoding_parameters).float()
    beyond = None if extra is None else to_device(extra).float()
    network, width = _of_one(description, column), encoding.width
    count, sides = len(points), 1 + encoding.inputs
    found = torch.empty((sides, count), dtype=torch.float32, device=points.device)
    rows = max(rows_at_a_time(network) // sides, 1)
    for first in range(0, count, rows):
        own = points[first : first + rows]
        shape = (sides, len(own), network.inputs)
        inputs = torch.zeros(shape, dtype=torch.float32, device=points.device)
        derive(encoding, own, table, inputs[..., :width])
        if beyond is not None:
            inputs[0, :, width:] = beyond[first : first + rows]
        results = through(network, inputs.flatten(0, 1), network_parameters, sides)
        found[:, first : first + rows] = results.view(sides, -1)
    return found[0], found[1:].T.contiguous()
