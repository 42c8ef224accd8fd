"""Structural similarity for the ``cpu`` backend: one band of rows per step, both axes in turn.

Down the columns, four sums of a row are built (the mean of one picture and of the difference d,
both second moments together, and that of d); along that row the window is applied again. All loops
run over neighbouring values and vectorise; nothing of the size of the picture is written.

Both factors of the similarity are written with d, which loses no digits where pictures are alike:
``2 a b + C = a^2 + b^2 + C - (a - b)^2`` for the means, and so for the (co)variances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.image.ssim import C1, C2, WINDOW, window

_BANDS_PER_THREAD = 4
# Variances do not change when 0.5 is taken from every value, but their sums cancel less.
_SHIFT = np.float32(0.5)
_C1, _C2 = np.float32(C1), np.float32(C2)
_ZERO = np.float32(0.0)
# Sums may be split over lanes; not-a-number must stay one.
_FAST = {"contract", "reassoc", "nsz"}


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def _down(image, truth, top, weights, sums):
    """The four weighted sums of rows ``top`` to ``top + 10``, per column."""
    mean, difference, squares, errors = sums[0], sums[1], sums[2], sums[3]
    sums[:] = _ZERO
    for k in range(weights.size):
        weight = weights[k]
        one, other = image[top + k], truth[top + k]
        for i in range(one.size):
            x, y = one[i] - _SHIFT, other[i] - _SHIFT
            mean[i] += weight * x
            difference[i] += weight * (x - y)
            squares[i] += weight * (x * x + y * y)
            errors[i] += weight * ((x - y) * (x - y))


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def _along(source, channels, weights, target):
    """The window along a row of interleaved channels."""
    # A constant number of taps is unrolled, so the sum stays in a register.
    step = np.uint64(channels)
    for i in range(np.uint64(target.size)):
        total = _ZERO
        for k in range(np.uint64(WINDOW)):
            total += weights[k] * source[i + k * step]
        target[i] = total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def _row_sum(means):
    """The sum of the similarity over a row, from its filtered sums."""
    mean, difference, squares, errors = means[0], means[1], means[2], means[3]
    total = _ZERO
    for i in range(mean.size):
        x, apart = mean[i], difference[i]
        y = x - apart
        structure = squares[i] - x * x - y * y + _C2
        x += _SHIFT
        y += _SHIFT
        light = x * x + y * y + _C1
        unlike = errors[i] - apart * apart
        total += (light - apart * apart) * (structure - unlike) / (light * structure)
    return total


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _rows(image, truth, channels, weights, bands, totals):
    rows = totals.size
    inside = image.shape[1] - (weights.size - 1) * channels
    for band in prange(bands):
        sums = np.empty((4, image.shape[1]), np.float32)
        means = np.empty((4, inside), np.float32)
        for row in range(band * rows // bands, (band + 1) * rows // bands):
            _down(image, truth, row, weights, sums)
            for moment in range(4):
                _along(sums[moment], channels, weights, means[moment])
            totals[row] = _row_sum(means)


def run(image: Any, truth: Any) -> float:
    """See :func:`kernels.image.ssim.ssim`."""
    height, width = image.shape[:2]
    one, other = (np.ascontiguousarray(a, np.float32).reshape(height, -1) for a in (image, truth))
    channels = one.shape[1] // width
    totals = np.empty(height - WINDOW + 1, np.float32)
    bands = min(_BANDS_PER_THREAD * get_num_threads(), totals.size)
    _rows(one, other, channels, window().astype(np.float32), bands, totals)
    return float(totals.mean(dtype=np.float64)) / ((width - WINDOW + 1) * channels)
