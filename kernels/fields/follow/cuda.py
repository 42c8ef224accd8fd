"""Rays followed on the ``cuda`` backend, in one launch; see ``source`` for its kernel."""

from __future__ import annotations

from typing import Any

import torch
import triton

from kernels.cuda.device import device, on_its_way, to_device
from kernels.cuda.generated import module_of
from kernels.cuda.residents import derived, resident
from kernels.fields.encode import cuda as encode
from kernels.fields.encode.device import harmonics_table, levels_of
from kernels.fields.encodings import HashGrid, Simplex, TriPlane
from kernels.fields.follow import Followed
from kernels.fields.follow.source import parts_of, written
from kernels.fields.march.cuda import numbers_of
from kernels.fields.model import Field, Weights
from kernels.fields.network.cuda import padded
from kernels.fields.types import Grid, Lattice, March, Rays

LANES = 64
"""Rays of a program."""
WARPS = 4
TRIES = 8
"""Steps after which a turn goes on with what has come, if anything has."""
PROGRAMS = 2
"""Programs of a multiprocessor: as many as have room for their registers."""


def _programs(rays: int) -> int:
    """As many as run at once, or as there are rays for."""
    where, wanted = device(), triton.cdiv(rays, LANES)
    if where.type == "cpu":
        return min(2, wanted)
    return min(PROGRAMS * torch.cuda.get_device_properties(where).multi_processor_count, wanted)


def _tables(model: Field, parameters: Any) -> list[Any]:
    """What the parts of the encoding read; the order is that of ``table_arguments``."""
    flat = resident(parameters).float()
    if flat.data_ptr() % 8:
        flat = flat.clone()
    found: list[Any] = []
    for part in parts_of(model.encoding):
        encoding = part.encoding
        own = flat[part.first : part.first + encoding.parameters]
        words = own.view(torch.int64) if part.vector == 2 else own
        if isinstance(encoding, HashGrid | Simplex):
            levels = levels_of(encoding, part.vector)
            found += [words, levels.numbers, levels.scales, levels.rows]
        elif isinstance(encoding, TriPlane):
            found += [words, encoding.resolution, encoding.features // part.vector]
    return found


def _of_directions(model: Field, weights: Weights, directions: torch.Tensor) -> torch.Tensor:
    """(N, E) encoded directions, which are the same along a ray."""
    if model.direction is None:
        return directions
    zero, one = model.toward
    places = ((directions.double() - zero) / (one - zero)).float()
    return encode.run(model.direction, places, weights.direction)


def run(
    model: Field,
    weights: Weights,
    rays: Rays,
    lattice: Lattice,
    grid: Grid | None,
    stop: float,
    transfer: Any,
) -> Followed:
    """See :func:`kernels.fields.follow.follow`; waits for nothing."""
    count, where = len(rays), device()
    color = torch.empty((count, 3), dtype=torch.float32, device=where)
    left, far = torch.empty((2, count), dtype=torch.float32, device=where)
    samples = torch.empty(count, dtype=torch.int32, device=where)
    counters = torch.zeros(2, dtype=torch.int64, device=where)
    if count:
        given = [to_device(getattr(rays, name)).float() for name in Rays.__dataclass_fields__]
        text, layout = written(model)
        packed = derived(weights.network, text, lambda array: padded(array, layout))
        clear = counters if grid is None else resident(grid.clearance)
        levels, side = (0, 1) if grid is None else grid.clearance.shape[:2]
        scratch = torch.empty(4 * LANES * _programs(count), dtype=torch.float32, device=where)
        module_of(text).follow_rays[(_programs(count),)](
            *given, numbers_of(March.of(model, lattice, 1), grid), clear, packed,
            _of_directions(model, weights, given[1]),
            packed if transfer is None else resident(transfer), harmonics_table(), counters,
            scratch, color, left, far, samples, *_tables(model, weights.encoding), count, levels,
            side, float(stop), WITH_GRID=grid is not None, TAPERED=lattice.cone > 0, LANES=LANES,
            TRIES=TRIES, num_warps=WARPS,
        )  # fmt: skip
    return Followed(color, left, far, samples, on_its_way(counters)[1])
