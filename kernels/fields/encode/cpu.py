"""Encodings for the ``cpu`` backend: a block of samples goes through all steps of a plan at once.

A level of a grid is read for the whole block before the next one is, so that its table stays in
the caches as far as it can; the rows of the result that a block fills stay there too. Small
blocks suit tables that do not fit, larger ones are some percent faster where they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.fields.encode.formulas import formulas
from kernels.fields.encode.grids import STRIP, levels, planes
from kernels.fields.encode.plan import (
    ADD,
    COLUMN,
    DIMS,
    FROM,
    GRID,
    KIND,
    MULTIPLY,
    PLANES_PRODUCT,
    PLANES_SUM,
    RESULT,
    SIMPLEX,
    START,
    WIDTH,
    Plan,
    plan_of,
)
from kernels.fields.encodings import Encoding
from kernels.simd import LANES, fetch_add, pointer
from kernels.workspace import aligned_empty

_RESULT = 1 << 14
"""Floats of the result that a block fills: they stay in a cache of 1 MB beside a level's table."""
_LEAST, _MOST = 128, 4096
"""Samples of a block: whole strips."""


@njit(nogil=True, cache=True, error_model="numpy")
def _combine(memory, from_at, width, rows, multiplied, out, out_at, stride):
    for r in range(rows):
        here, there = from_at + r * width, out_at + r * stride
        if multiplied:
            for c in range(width):
                out[there + c] *= memory[here + c]
        else:
            for c in range(width):
                out[there + c] += memory[here + c]


@njit(nogil=True, cache=True, error_model="numpy")
def _step(
    row, numbers, table, tables, scales, harmonics, memory, aside, block, rows, entries, weights,
    spare, out, out_at,
):  # fmt: skip
    """One step for the samples of a block, written to rows of ``out`` from ``out_at`` on."""
    kind, stride = row[KIND], row[WIDTH]
    if kind in (GRID, SIMPLEX):
        levels(
            row, table, tables, scales, numbers[0], memory, block, rows, entries, weights, out,
            out_at, stride, kind == SIMPLEX,
        )  # fmt: skip
    elif kind in (PLANES_SUM, PLANES_PRODUCT):
        planes(
            row, table, memory, block, rows, entries, weights, spare, out, out_at, stride,
            kind == PLANES_PRODUCT,
        )  # fmt: skip
    elif kind in (ADD, MULTIPLY):
        from_at = aside + row[FROM] * block
        _combine(memory, from_at, row[DIMS], rows, kind == MULTIPLY, out, out_at, stride)
    else:
        formulas(row, numbers, harmonics, memory, block, rows, spare, out, out_at, stride)


@njit(inline="always")
def _turned(given, first, columns, rows, inputs, memory, block):
    """The samples of a block, coordinate by coordinate; the last vector is filled up with zeros."""
    for d in range(inputs):
        for r in range(rows):
            memory[d * block + r] = given[(first + r) * columns + d]
        for r in range(rows, -(-rows // LANES) * LANES):
            memory[d * block + r] = np.float32(0)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _encode(
    positions, inputs, parameters, steps, numbers, levels, scales, harmonics, block, memory,
    entries, weights, spare, ticket, out,
):  # fmt: skip
    count, columns = positions.shape
    given, table, result = pointer(positions), pointer(parameters), pointer(out)
    aside = inputs * block
    for worker in prange(len(memory)):
        mine, whole = pointer(memory[worker]), pointer(entries[worker])
        shares, extra = pointer(weights[worker]), pointer(spare[worker])
        first = fetch_add(ticket, 0, block)
        while first < count:
            rows = min(block, count - first)
            _turned(given, first, columns, rows, inputs, mine, block)
            for number in range(len(steps)):
                row = steps[number]
                if row[START] == RESULT:
                    to, at = result, first * row[WIDTH] + row[COLUMN]
                else:
                    to, at = mine, aside + row[START] * block + row[COLUMN]
                _step(
                    row, numbers[number], table, levels, scales, harmonics, mine, aside, block,
                    rows, whole, shares, extra, to, at,
                )  # fmt: skip
            first = fetch_add(ticket, 0, block)


def _block(plan: Plan, encoding: Encoding, count: int) -> int:
    """Samples of a block: several for each thread, if that leaves them large enough."""
    floats = encoding.width + encoding.inputs + plan.aside
    wanted = min(_RESULT // floats, count // (4 * get_num_threads()), _MOST)
    return max(wanted // STRIP * STRIP, _LEAST)


def run(encoding: Encoding, positions: Any, parameters: Any) -> Any:
    """See :func:`kernels.fields.encode.encode`."""
    plan = plan_of(encoding)
    rows = np.ascontiguousarray(positions, np.float32)
    out = np.empty((len(rows), encoding.width), np.float32)
    block = _block(plan, encoding, len(rows))
    workers = max(1, min(get_num_threads(), -(-len(rows) // block)))
    corners = max(1, plan.corners) * STRIP
    spare = max(LANES * plan.columns, STRIP * plan.features, 1)
    _encode(
        rows, encoding.inputs, np.ascontiguousarray(parameters, np.float32), plan.steps,
        plan.numbers, plan.levels, plan.scales, plan.harmonics, block,
        aligned_empty((workers, (encoding.inputs + plan.aside) * block), np.float32),
        aligned_empty((workers, corners), np.uint32), aligned_empty((workers, corners), np.float32),
        aligned_empty((workers, spare), np.float32), np.zeros(1, np.int64), out,
    )  # fmt: skip
    return out
