"""Values and gradients for the ``cpu`` backend: blocks of rows go forth and back in the caches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.fields.encodings import Encoding
from kernels.fields.network.activations import RELU, activate
from kernels.fields.network.cpu import copy_rows, distance_layer, linear_layer
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
    X_AT,
    X_STRIDE,
)
from kernels.fields.network.tile import DISTANCE
from kernels.fields.networks import Network
from kernels.fields.slope.activations import differentiate
from kernels.fields.slope.derivatives import derive
from kernels.fields.slope.plan import GRADIENT, KEPT, plan_of, weights_of
from kernels.simd import fetch_add, pointer
from kernels.workspace import aligned_empty

CHUNK = 16_384
"""Rows that are encoded at a time: their derivatives, 100 floats a row or so, stay in a cache."""


@njit(nogil=True, cache=True, error_model="numpy")
def _forth(memory, weights, forward, omegas, copies):
    for index in range(len(forward)):
        row = forward[index]
        for number in range(row[COPIES], row[LAST_COPY]):
            way = copies[number]
            copy_rows(
                memory, way[TO_AT], way[TO_STRIDE], memory, way[FROM_AT], way[FROM_STRIDE], BLOCK,
                way[COUNT],
            )  # fmt: skip
        activation, stride = row[ACTIVATION], row[OUT_STRIDE]
        floor = np.float32(0.0) if activation == RELU else np.float32(-np.inf)
        if row[KIND] == DISTANCE:
            distance_layer(memory, weights, row, floor)
        else:
            linear_layer(memory, weights, row, floor)
        if row[KEPT] >= 0:
            copy_rows(memory, row[KEPT], stride, memory, row[OUT_AT], stride, BLOCK, stride)
        activate(memory, row[OUT_AT], BLOCK * stride, activation, omegas[index])


@njit(nogil=True, cache=True, error_model="numpy")
def _widths(memory, weights, row):
    """The derivative of a factor times a squared distance, without the distance itself."""
    stride, extra = row[OUT_STRIDE], row[EXTRA]
    for r in range(BLOCK):
        at = row[GRADIENT] + r * stride
        for c in range(stride):
            memory[at + c] *= np.float32(-2.0) * weights[extra + c]


@njit(nogil=True, cache=True, error_model="numpy")
def _centres(memory, row, out_at, out_stride):
    """``sum_j s_j (mu_j - x)`` from ``sum_j s_j mu_j``."""
    for r in range(BLOCK):
        at = row[GRADIENT] + r * row[OUT_STRIDE]
        total = np.float32(0.0)
        for c in range(row[OUT_STRIDE]):
            total += memory[at + c]
        for c in range(row[DEPTH]):
            memory[out_at + r * out_stride + c] -= total * memory[row[X_AT] + r * row[X_STRIDE] + c]


@njit(nogil=True, cache=True, error_model="numpy")
def _back(memory, weights, back_weights, forward, backward, omegas, additions):
    for index in range(len(forward) - 1, -1, -1):
        row, behind = forward[index], backward[index]
        count = BLOCK * row[OUT_STRIDE]
        differentiate(
            memory, row[GRADIENT], row[OUT_AT], row[KEPT], count, row[ACTIVATION], omegas[index]
        )
        radial = row[KIND] == DISTANCE
        if radial:
            _widths(memory, weights, row)
        linear_layer(memory, back_weights, behind, np.float32(-np.inf))
        if radial:
            _centres(memory, row, behind[OUT_AT], behind[OUT_STRIDE])
        for number in range(behind[COPIES], behind[LAST_COPY]):
            way = additions[number]
            for r in range(BLOCK):
                to, at = way[TO_AT] + r * way[TO_STRIDE], way[FROM_AT] + r * way[FROM_STRIDE]
                for c in range(way[COUNT]):
                    memory[to + c] += memory[at + c]


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _through(
    inputs, slopes, weights, back_weights, forward, backward, omegas, copies, additions, stride,
    places, memory, ticket, values, gradients,
):  # fmt: skip
    """Rows of encoded positions, with derivatives (N, D, W), to values and gradients."""
    count, columns = inputs.shape
    first_gradient, last_gradient, result, result_stride, seed, input_gradient = places
    dims, width = slopes.shape[1], slopes.shape[2]
    given, ahead, behind = pointer(inputs), pointer(weights), pointer(back_weights)
    for worker in prange(len(memory)):
        mine = pointer(memory[worker])
        first = fetch_add(ticket, 0, BLOCK)
        while first < count:
            rows = min(BLOCK, count - first)
            copy_rows(mine, 0, stride, given, first * columns, columns, rows, columns)
            _forth(mine, ahead, forward, omegas, copies)
            for i in range(first_gradient, last_gradient):
                mine[i] = np.float32(0.0)
            for r in range(BLOCK):
                mine[seed + r * result_stride] = np.float32(1.0)
            _back(mine, ahead, behind, forward, backward, omegas, additions)
            for r in range(rows):
                values[first + r] = mine[result + r * result_stride]
                for d in range(dims):
                    total = np.float32(0.0)
                    for c in range(width):
                        total += mine[input_gradient + r * stride + c] * slopes[first + r, d, c]
                    gradients[first + r, d] = total
            first = fetch_add(ticket, 0, BLOCK)


def run(
    encoding: Encoding,
    description: Network,
    positions: Any,
    encoding_parameters: Any,
    network_parameters: Any,
    column: int = 0,
    extra: Any = None,
) -> tuple[Any, Any]:
    """See :func:`kernels.fields.slope.slope`."""
    plan = plan_of(description, column)
    points = np.ascontiguousarray(positions[:, : encoding.inputs], np.float32)
    table = np.ascontiguousarray(encoding_parameters, np.float32)
    count, chunk = len(points), min(CHUNK, len(points))
    values = np.empty(count, np.float32)
    gradients = np.empty((count, encoding.inputs), np.float32)
    workers = max(1, min(get_num_threads(), -(-chunk // BLOCK)))
    memory = aligned_empty((workers, plan.memory), np.float32)
    # What a short last block does not fill goes through the layers too.
    memory[:] = 0
    weights = weights_of(description, plan, network_parameters)
    inputs = np.empty((chunk, description.inputs), np.float32)
    slopes = np.empty((chunk, encoding.inputs, encoding.width), np.float32)
    places = (*plan.gradients, *plan.result, plan.seed, plan.input_gradient)
    for first in range(0, count, CHUNK):
        rows = slice(first, min(first + CHUNK, count))
        own = rows.stop - first
        derive(encoding, points[rows], table, inputs[:own, : encoding.width], slopes[:own])
        if extra is not None:
            inputs[:own, encoding.width :] = extra[rows]
        _through(
            inputs[:own], slopes[:own], *weights, plan.forward, plan.backward, plan.omegas,
            plan.copies, plan.additions, plan.input_stride, places, memory, np.zeros(1, np.int64),
            values[rows], gradients[rows],
        )  # fmt: skip
    return values, gradients
