"""Sphere tracing for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.fields import trace
from kernels.fields.trace.rays import (
    CLOSING,
    EVALUATIONS,
    HIGH,
    HIGH_VALUE,
    HIT,
    LIMIT,
    LOW,
    LOW_VALUE,
    MARCHING,
    MISSED,
    PHASE,
    RELAXATION,
    SIGN,
    T,
)

_ONE, _HALF = np.float32(1.0), np.float32(0.5)
_BET, _GROWTH = np.float32(trace.BET), np.float32(trace.GROWTH)
_CLOSE = np.float32(trace.CLOSE)
_LEAST, _MOST = np.float32(trace.LEAST), np.float32(1 - trace.LEAST)
_AT, _BOLD = np.float32(trace.AT), np.float32(trace.BOLD)


@njit(inline="always")
def _march(ray, value, width, scale, is_first, is_last):
    """A step of a ray that has not passed the surface; False where it has just done so."""
    t, low, low_value, limit = ray[T], ray[LOW], ray[LOW_VALUE], ray[LIMIT]
    step = t - low
    if not is_first and ray[RELAXATION] > _ONE and step > scale * (low_value + abs(value)):
        ray[T], ray[RELAXATION] = low + scale * low_value, _ONE
        if is_last:
            ray[PHASE] = MISSED
        return True
    if value < 0:
        ray[HIGH], ray[HIGH_VALUE], ray[PHASE], ray[RELAXATION] = t, value, CLOSING, 0
        return False
    if value < _CLOSE * width:
        fall = low_value - value
        ahead = value * step / fall if fall > 0 and not is_first else value
        ray[T], ray[PHASE] = min(t + min(ahead, _BOLD * value), limit), HIT
        return True
    if is_last:
        ray[PHASE] = HIT if value < width else MISSED
        return True
    free = scale * value
    if t + free >= limit:
        ray[PHASE] = MISSED
        return True
    # The first step is a plain one: there is nothing yet to bet on.
    fall = _ONE if is_first else scale * (low_value - value) / step
    fall = min(max(fall, -_GROWTH), _ONE)
    ray[RELAXATION] = _ONE + _BET * (_ONE - fall) / (_ONE + fall)
    ray[LOW], ray[LOW_VALUE] = t, value
    ray[T] = min(t + ray[RELAXATION] * free, limit)
    return True


@njit(inline="always")
def _close_in(ray, width, is_last):
    """The next place within the bracket, or the end."""
    length = ray[HIGH] - ray[LOW]
    drop = ray[LOW_VALUE] - ray[HIGH_VALUE]
    share = ray[LOW_VALUE] / drop if drop > 0 else _HALF
    ray[T] = ray[LOW] + min(max(share, _LEAST), _MOST) * length
    if length <= _CLOSE * width or is_last:
        ray[PHASE] = HIT


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _step(rays, distances, widths, scale, steps):
    for r in prange(len(rays)):
        ray, found, width = rays[r], distances[r], widths[r]
        is_first = ray[SIGN] == 0
        if is_first:
            ray[SIGN] = -_ONE if found < 0 else _ONE
        value = ray[SIGN] * found
        ray[EVALUATIONS] += _ONE
        is_last = ray[EVALUATIONS] >= steps
        if found != found:
            ray[PHASE] = MISSED
            continue
        if ray[PHASE] == MARCHING:
            if _march(ray, value, width, scale, is_first, is_last):
                continue
        elif abs(value) < _AT * width:
            ray[PHASE] = HIT
            continue
        elif value >= 0:
            if ray[RELAXATION] > 0:
                ray[HIGH_VALUE] *= _HALF
            ray[LOW], ray[LOW_VALUE], ray[RELAXATION] = ray[T], value, _ONE
        else:
            if ray[RELAXATION] < 0:
                ray[LOW_VALUE] *= _HALF
            ray[HIGH], ray[HIGH_VALUE], ray[RELAXATION] = ray[T], value, -_ONE
        _close_in(ray, width, is_last)


def run(rays: Any, distances: Any, widths: Any, stride: trace.Stride) -> Any:
    """See :func:`kernels.fields.trace.trace`."""
    table = np.array(rays, np.float32, order="C")
    _step(
        table,
        np.ascontiguousarray(distances, np.float32),
        np.ascontiguousarray(widths, np.float32),
        np.float32(stride.scale),
        np.float32(stride.steps),
    )
    return table
