"""Encodings without parameters: sixteen samples are a vector, then columns become rows."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.fields.encode.lanes import nearest_whole
from kernels.fields.encode.plan import (
    BLOB,
    COORDINATE,
    COUNT,
    DIMS,
    FREQUENCY,
    HARMONICS,
    IDENTITY,
    KIND,
    TRIANGLE,
)
from kernels.simd import LANES, absolute, floor, fma, full, load, maximum, minimum, store
from kernels.simd_math import sin

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_TURN = np.float32(2 * np.pi)


@njit(inline="always")
def _frequency(x, columns, at, count):
    """Whole turns are taken away while that is exact; a cosine is a sine 1/4 turn on."""
    power = _HALF
    for k in range(count):
        turns = x * power
        turns = turns - nearest_whole(turns)
        store(columns, at + 2 * k * LANES, sin(turns * _TURN))
        ahead = np.float32(0.25) - absolute(turns)
        store(columns, at + (2 * k + 1) * LANES, sin(ahead * _TURN))
        power = power + power


@njit(inline="always")
def _triangle(x, columns, at, count):
    power = _HALF
    for k in range(count):
        turns = fma(x, power, np.float32(k) * np.float32(0.25))
        away = absolute(turns - floor(turns) - _HALF)
        store(columns, at + k * LANES, away * np.float32(4) - _ONE)
        power = power + power


@njit(inline="always")
def _quartic(u):
    """Integral of 15/16 (1 - u^2)^2 from -1 on."""
    u = minimum(full(_ONE), maximum(full(-_ONE), u))
    z = u * u
    p = fma(z, np.float32(3 / 16), np.float32(-5 / 8))
    return fma(fma(p, z, np.float32(15 / 16)), u, _HALF)


@njit(inline="always")
def _blob(x, columns, at, bins):
    wide = np.float32(bins)
    before = full(_ZERO)
    for j in range(bins + 1):
        border = fma(x, -wide, np.float32(j))
        below = _quartic(border - wide) + _quartic(border) + _quartic(border + wide)
        if j > 0:
            store(columns, at + (j - 1) * LANES, below - before)
        before = below


@njit(inline="always")
def _harmonics(x, y, z, columns, degree, table):
    """See :mod:`kernels.fields.encode.harmonics`; the table holds A, B and N."""
    x, y, z = x + x - _ONE, y + y - _ONE, z + z - _ONE
    real, imaginary = full(_ONE), full(_ZERO)
    for m in range(degree):
        before, legendre = full(_ZERO), full(_ONE)
        for band in range(m, degree):
            if band > m:
                ahead = z * legendre * table[0, band, m] + before * table[1, band, m]
                before, legendre = legendre, ahead
            middle = band * (band + 1)
            scaled = legendre * table[2, band, m]
            store(columns, (middle + m) * LANES, scaled * real)
            if m > 0:
                store(columns, (middle - m) * LANES, scaled * imaginary)
        real, imaginary = real * x - imaginary * y, real * y + imaginary * x


@njit(nogil=True, cache=True, error_model="numpy")
def _columns(row, numbers, harmonics, coordinates, block, first, columns):
    """All columns of sixteen samples; how many there are."""
    kind, dims, count = row[KIND], row[DIMS], row[COUNT]
    own = row[COORDINATE] * block + first
    if kind == HARMONICS:
        x, y = load(coordinates, own), load(coordinates, own + block)
        z = load(coordinates, own + 2 * block)
        _harmonics(x, y, z, columns, count, harmonics)
        return count * count
    width = 2 * count if kind == FREQUENCY else 1 if kind == IDENTITY else count
    for d in range(dims):
        x, at = load(coordinates, own + d * block), d * width * LANES
        if kind == FREQUENCY:
            _frequency(x, columns, at, count)
        elif kind == TRIANGLE:
            _triangle(x, columns, at, count)
        elif kind == BLOB:
            _blob(x, columns, at, count)
        else:
            store(columns, at, fma(x, numbers[0], numbers[1]))
    return dims * width


@njit(nogil=True, cache=True, error_model="numpy")
def formulas(row, numbers, harmonics, coordinates, block, rows, columns, out, out_at, stride):
    """An encoding without parameters for the samples of a block, from ``out_at`` on."""
    for first in range(0, rows, LANES):
        width = _columns(row, numbers, harmonics, coordinates, block, first, columns)
        for r in range(min(LANES, rows - first)):
            to = out_at + (first + r) * stride
            for c in range(width):
                out[to + c] = columns[c * LANES + r]
