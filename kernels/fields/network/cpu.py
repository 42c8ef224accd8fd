"""Small networks for the ``cpu`` backend: a block of rows goes through all layers at once.

A block's values and the weights of a layer stay in the caches nearest to the processor; sixteen
outputs are one vector, and a tile of rows and vectors stays in registers (see ``tile``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.fields.network.activations import RELU, activate
from kernels.fields.network.plan import (
    ACTIVATION,
    BLOCK,
    COPIES,
    COUNT,
    DEPTH,
    EXTRA,
    FROM_AT,
    FROM_STRIDE,
    KIND,
    LAST_COPY,
    OUT_AT,
    OUT_STRIDE,
    TO_AT,
    TO_STRIDE,
    VECTORS,
    WEIGHTS,
    X_AT,
    X_STRIDE,
    packed,
    plan_of,
)
from kernels.fields.network.tile import DISTANCE, LINEAR, ROWS, ROWS_OF_ONE, WIDEST, tile
from kernels.fields.networks import Network
from kernels.simd import LANES, fetch_add, load, pointer, prefetch, store
from kernels.workspace import aligned_empty


@njit(inline="always")
def copy_rows(target, to, to_stride, source, at, stride, rows, count):
    """``rows`` times ``count`` floats from one pointer to another."""
    whole = count - count % LANES
    for r in range(rows):
        there, here = to + r * to_stride, at + r * stride
        for c in range(0, whole, LANES):
            store(target, there + c, load(source, here + c))
        for c in range(whole, count):
            target[there + c] = source[here + c]


@njit(inline="always")
def _layer(memory, packed, row, floor, kind):
    """All outputs of a block; ``kind`` is a literal."""
    x_at, x_stride, depth = row[X_AT], row[X_STRIDE], row[DEPTH]
    out_at, out_stride = row[OUT_AT], row[OUT_STRIDE]
    weights, extra = row[WEIGHTS], row[EXTRA]
    left = row[VECTORS]
    while left > 0:
        group = min(left, WIDEST)
        rows = ROWS if group > 1 else ROWS_OF_ONE
        for first in range(0, BLOCK, rows):
            x, out = x_at + first * x_stride, out_at + first * out_stride
            if group == 1:
                tile(
                    memory, x, x_stride, depth, packed, weights, extra, floor, out, out_stride,
                    ROWS_OF_ONE, 1, kind,
                )  # fmt: skip
            elif group == 2:
                tile(
                    memory, x, x_stride, depth, packed, weights, extra, floor, out, out_stride,
                    ROWS, 2, kind,
                )  # fmt: skip
            elif group == 3:
                tile(
                    memory, x, x_stride, depth, packed, weights, extra, floor, out, out_stride,
                    ROWS, 3, kind,
                )  # fmt: skip
            else:
                tile(
                    memory, x, x_stride, depth, packed, weights, extra, floor, out, out_stride,
                    ROWS, 4, kind,
                )  # fmt: skip
        weights += group * LANES * depth
        extra += group * LANES
        out_at += group * LANES
        left -= group


@njit(nogil=True, cache=True, error_model="numpy")
def linear_layer(memory, packed, row, floor):
    _layer(memory, packed, row, floor, LINEAR)


@njit(nogil=True, cache=True, error_model="numpy")
def distance_layer(memory, packed, row, floor):
    _layer(memory, packed, row, floor, DISTANCE)


@njit(nogil=True, cache=True, error_model="numpy")
def _block(memory, packed, layers, omegas, copies):
    """Rows of the input, which lie at the start of the memory, through all layers."""
    for index in range(len(layers)):
        row = layers[index]
        for number in range(row[COPIES], row[LAST_COPY]):
            way = copies[number]
            copy_rows(
                memory, way[TO_AT], way[TO_STRIDE], memory, way[FROM_AT], way[FROM_STRIDE], BLOCK,
                way[COUNT],
            )  # fmt: skip
        activation = row[ACTIVATION]
        floor = np.float32(0.0) if activation == RELU else np.float32(-np.inf)
        if row[KIND] == DISTANCE:
            distance_layer(memory, packed, row, floor)
        else:
            linear_layer(memory, packed, row, floor)
        activate(memory, row[OUT_AT], BLOCK * row[OUT_STRIDE], activation, omegas[index])


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _forward(inputs, stride, packed, layers, omegas, copies, memory, ticket, out):
    count, columns = inputs.shape
    given, weights, result = pointer(inputs), pointer(packed), pointer(out)
    for worker in prange(len(memory)):
        mine = pointer(memory[worker])
        first = fetch_add(ticket, 0, BLOCK)
        while first < count:
            rows = min(BLOCK, count - first)
            following = fetch_add(ticket, 0, BLOCK)
            if following < count:
                for c in range(0, BLOCK * columns, LANES):
                    prefetch(given, following * columns + c)
            copy_rows(mine, 0, stride, given, first * columns, columns, rows, columns)
            _block(mine, weights, layers, omegas, copies)
            for number in range(layers[-1, LAST_COPY], len(copies)):
                way = copies[number]
                to, width = first * way[TO_STRIDE] + way[TO_AT], way[TO_STRIDE]
                copy_rows(
                    result, to, width, mine, way[FROM_AT], way[FROM_STRIDE], rows, way[COUNT]
                )  # fmt: skip
            first = following


def run(description: Network, inputs: Any, parameters: Any) -> Any:
    """See :func:`kernels.fields.network.network`."""
    plan = plan_of(description)
    rows = np.ascontiguousarray(inputs, np.float32)
    out = np.empty((len(rows), description.outputs), np.float32)
    workers = max(1, min(get_num_threads(), -(-len(rows) // BLOCK)))
    memory = aligned_empty((workers, plan.memory), np.float32)
    # What a short last block does not fill goes through the layers too.
    memory[:] = 0
    _forward(
        rows, plan.input_stride, packed(description, plan, parameters), plan.layers, plan.omegas,
        plan.copies, memory, np.zeros(1, np.int64), out,
    )  # fmt: skip
    return out
