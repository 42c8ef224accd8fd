"""Encodings together with their derivatives, one pass over the table for both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.fields.encodings import (
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)
from kernels.fields.slope.grids import grid, tables_of
from kernels.fields.slope.harmonics import harmonics
from kernels.fields.slope.planes import triplane
from kernels.fields.slope.simplices import simplex

_PI = np.float32(np.pi)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _frequency(positions, waves, values, slopes):
    rows, dims = positions.shape
    slopes[:] = np.float32(0.0)
    for r in prange(rows):
        for d in range(dims):
            turns, rate = positions[r, d], _PI
            for k in range(waves):
                angle = _PI * (turns - np.float32(2.0) * np.rint(turns * np.float32(0.5)))
                sine, cosine = np.sin(angle), np.cos(angle)
                at = 2 * (d * waves + k)
                values[r, at], values[r, at + 1] = sine, cosine
                slopes[r, d, at], slopes[r, d, at + 1] = rate * cosine, -rate * sine
                turns *= np.float32(2.0)
                rate *= np.float32(2.0)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _triangle_wave(positions, waves, values, slopes):
    rows, dims = positions.shape
    slopes[:] = np.float32(0.0)
    for r in prange(rows):
        for d in range(dims):
            rate = np.float32(0.5)
            for k in range(waves):
                x = positions[r, d] * rate + np.float32(k) * np.float32(0.25)
                height = x - np.floor(x) - np.float32(0.5)
                at = d * waves + k
                values[r, at] = np.abs(height) * np.float32(4.0) - np.float32(1.0)
                slopes[r, d, at] = np.float32(4.0) * rate * np.sign(height)
                rate *= np.float32(2.0)


@njit(inline="always")
def _bump(u):
    """The integral of ``15/16 (1 - u^2)^2`` from the middle, and the derivative."""
    u = min(max(u, np.float32(-1.0)), np.float32(1.0))
    s = u * u
    rest = np.float32(1.0) - s
    area = np.float32(1.0) - np.float32(2 / 3) * s + np.float32(1 / 5) * s * s
    return np.float32(15 / 16) * u * area, np.float32(15 / 16) * rest * rest


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _one_blob(positions, bins, values, slopes):
    rows, dims = positions.shape
    slopes[:] = np.float32(0.0)
    size = np.float32(bins)
    for r in prange(rows):
        for d in range(dims):
            x = positions[r, d]
            before, rising = np.float32(0.0), np.float32(0.0)
            for border in range(bins + 1):
                share, slope = np.float32(0.0), np.float32(0.0)
                for shift in range(-1, 2):
                    u = (np.float32(border) / size - x + np.float32(shift)) * size
                    area, density = _bump(u)
                    share += area
                    slope -= density * size
                if border > 0:
                    at = d * bins + border - 1
                    values[r, at] = share - before
                    slopes[r, d, at] = slope - rising
                before, rising = share, slope


def _identity(encoding: Identity, positions: Any, values: Any, slopes: Any) -> None:
    values[:] = positions * np.float32(encoding.scale) + np.float32(encoding.offset)
    slopes[:] = 0
    axes = np.arange(encoding.dims)
    slopes[:, axes, axes] = encoding.scale


def _composite(whole: Composite, positions: Any, parameters: Any, values: Any, slopes: Any) -> None:
    """Parts one after the other, their sum, or their product with the product's rule."""
    slopes[:] = 0
    start = column = 0
    for number, (part, first) in enumerate(zip(whole.parts, whole.begins, strict=True)):
        own = parameters[start : start + part.parameters]
        start += part.parameters
        axes = slice(first, first + part.inputs)
        found = np.empty((len(values), part.width), np.float32)
        rising = np.empty((len(values), part.inputs, part.width), np.float32)
        derive(part, positions[:, axes], own, found, rising)
        if whole.reduce == "concatenate":
            columns = slice(column, column + part.width)
            values[:, columns], slopes[:, axes, columns] = found, rising
            column += part.width
        elif number == 0:
            values[:], slopes[:, axes] = found, rising
        elif whole.reduce == "sum":
            values += found
            slopes[:, axes] += rising
        else:
            slopes *= found[:, None]
            slopes[:, axes] += rising * values[:, None]
            values *= found


def derive(encoding: Encoding, positions: Any, parameters: Any, values: Any, slopes: Any) -> None:
    """Write ``values`` (N, W) and ``slopes`` (N, D, W), the derivatives by each coordinate.

    All float32, ``values`` with any stride of rows; ``positions`` (N, D) and the parameters are
    as :func:`kernels.fields.encode.encode` takes them.
    """
    match encoding:
        case HashGrid():
            smooth = ("linear", "smoothstep", "nearest").index(encoding.interpolation)
            table = parameters.reshape(-1, encoding.features)
            grid(positions, table, tables_of(encoding), smooth, values, slopes)
        case Simplex():
            table = parameters.reshape(-1, encoding.features)
            skew = np.float32(encoding.skew)
            simplex(positions, table, tables_of(encoding), skew, values, slopes)
        case TriPlane():
            side = encoding.resolution
            table = parameters.reshape(3, side, side, encoding.features)
            triplane(positions, table, encoding.reduce == "product", values, slopes)
        case Frequency():
            _frequency(positions, encoding.count, values, slopes)
        case TriangleWave():
            _triangle_wave(positions, encoding.count, values, slopes)
        case OneBlob():
            _one_blob(positions, encoding.bins, values, slopes)
        case Identity():
            _identity(encoding, positions, values, slopes)
        case SphericalHarmonics():
            harmonics(encoding.degree, positions, values, slopes)
        case Composite():
            _composite(encoding, positions, parameters, values, slopes)
