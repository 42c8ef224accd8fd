"""Encodings in plain torch."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product
from typing import Any

import torch

from kernels.fields.encode.harmonics import constants
from kernels.fields.encodings import (
    PLANES,
    PRIMES,
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    Level,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)

_WORD = 0xFFFFFFFF


def entries(level: Level, vertices: torch.Tensor) -> torch.Tensor:
    """Entry of a level for each (..., D) int64 vertex: uint32 arithmetic in int64."""
    words = vertices & _WORD
    if level.hashed:
        terms = [words[..., d] * PRIMES[d] & _WORD for d in range(words.shape[-1])]
        return reduce(torch.bitwise_xor, terms) % level.size
    return (words * torch.tensor(level.strides, device=words.device)).sum(-1) % 2**32 % level.size


def _placed(level: Level, positions: torch.Tensor) -> torch.Tensor:
    """``scale p + 0.5``; the product of two float32 is exact in float64, so it is rounded once."""
    return (positions.double() * level.scale + 0.5).to(positions.dtype)


def _floor(x: torch.Tensor) -> torch.Tensor:
    """To int64, saturated as a conversion to int32 on a GPU; what is no number becomes 0."""
    whole = torch.nan_to_num(x.detach().floor().double(), nan=0.0)
    return whole.clamp(-(2**31), 2**31 - 1).long()


def _fraction(x: torch.Tensor) -> torch.Tensor:
    """What is above the floor, which is not saturated; NaN for infinity."""
    return x - x.detach().floor()


def _grid(grid: HashGrid, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    found = []
    table = parameters.reshape(-1, grid.features)
    for level in grid.tables:
        rows = table[level.first : level.first + level.size]
        x = _placed(level, positions)
        vertex = _floor(x)
        weight = _fraction(x)
        if grid.interpolation == "nearest":
            found.append(rows[entries(level, vertex)])
            continue
        if grid.interpolation == "smoothstep":
            weight = weight * weight * (3 - 2 * weight)
        total = torch.zeros((len(x), grid.features), dtype=x.dtype, device=x.device)
        for corner in product((0, 1), repeat=grid.dims):
            side = torch.tensor(corner, device=x.device)
            share = torch.where(side == 1, weight, 1 - weight).prod(-1, keepdim=True)
            total = total + share * rows[entries(level, vertex + side)]
        found.append(total)
    return torch.cat(found, -1)


def _skewed(grid: Simplex, x: torch.Tensor) -> torch.Tensor:
    """``x + sum(x) skew``; the sum is taken in order, the rest rounded once (see _placed)."""
    total = reduce(torch.add, x.unbind(-1))[:, None]
    skew = torch.tensor(grid.skew, dtype=x.dtype, device=x.device)
    return (total.double() * skew + x).to(x.dtype)


def _simplex(grid: Simplex, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    found = []
    table = parameters.reshape(-1, grid.features)
    for level in grid.tables:
        rows = table[level.first : level.first + level.size]
        x = _placed(level, positions)
        x = _skewed(grid, x)
        vertex = _floor(x)
        # Along the path from the lowest vertex to the highest, largest fraction first.
        fraction, order = _fraction(x).sort(dim=-1, descending=True, stable=True)
        one, zero = torch.ones_like(fraction[:, :1]), torch.zeros_like(fraction[:, :1])
        steps = torch.cat([one, fraction], -1) - torch.cat([fraction, zero], -1)
        total = steps[:, :1] * rows[entries(level, vertex)]
        for k in range(grid.dims):
            vertex = vertex.scatter_add(-1, order[:, k : k + 1], torch.ones_like(order[:, :1]))
            total = total + steps[:, k + 1 : k + 2] * rows[entries(level, vertex)]
        found.append(total)
    return torch.cat(found, -1)


def _triplane(planes: TriPlane, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    last = planes.resolution - 1
    tables = parameters.reshape(3, planes.resolution, planes.resolution, planes.features)
    x = positions.clamp(0, 1) * last
    low = _floor(x).clamp(0, last - 1)
    weight = (x - low)[..., None]
    found = []
    for table, (across, down) in zip(tables, PLANES, strict=True):
        column, row, s, t = low[:, across], low[:, down], weight[:, across], weight[:, down]
        upper = table[row, column] * (1 - s) + table[row, column + 1] * s
        lower = table[row + 1, column] * (1 - s) + table[row + 1, column + 1] * s
        found.append(upper * (1 - t) + lower * t)
    return (
        sum(found[1:], found[0]) if planes.reduce == "sum" else math.prod(found[1:], start=found[0])
    )


def _frequency(waves: Frequency, positions: torch.Tensor) -> torch.Tensor:
    powers = 2.0 ** torch.arange(waves.count, dtype=positions.dtype, device=positions.device)
    turns = positions[..., None] * powers
    # Whole turns are taken away while that is exact.
    angles = torch.pi * (turns - 2 * (turns.detach() / 2).round())
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def _triangle_wave(waves: TriangleWave, positions: torch.Tensor) -> torch.Tensor:
    k = torch.arange(waves.count, dtype=positions.dtype, device=positions.device)
    x = positions[..., None] * 2.0 ** (k - 1) + k / 4
    return ((x - x.detach().floor() - 0.5).abs() * 4 - 1).flatten(1)


def _one_blob(blobs: OneBlob, positions: torch.Tensor) -> torch.Tensor:
    borders = torch.arange(blobs.bins + 1, dtype=positions.dtype, device=positions.device)
    shares = []
    for shift in (-1.0, 0.0, 1.0):
        u = ((borders / blobs.bins - positions[..., None] + shift) * blobs.bins).clamp(-1, 1)
        # Integral of 15/16 (1 - u^2)^2.
        shares.append((15 / 16) * u * (1 - 2 / 3 * u**2 + 1 / 5 * u**4) + 0.5)
    return sum(shares[1:], shares[0]).diff(dim=-1).flatten(1)


def _harmonics(bands: SphericalHarmonics, positions: torch.Tensor) -> torch.Tensor:
    x, y, z = (2 * positions - 1).unbind(-1)
    a, b, n = constants(bands.degree)
    values: list[Any] = [None] * bands.width
    real, imaginary = torch.ones_like(x), torch.zeros_like(x)
    for m in range(bands.degree):
        before, legendre = torch.zeros_like(x), torch.ones_like(x)
        for band in range(m, bands.degree):
            if band > m:
                ahead = a[band, m] * z * legendre + b[band, m] * before
                before, legendre = legendre, ahead
            middle = band * (band + 1)
            values[middle + m] = n[band, m] * legendre * real
            if m > 0:
                values[middle - m] = n[band, m] * legendre * imaginary
        real, imaginary = real * x - imaginary * y, real * y + imaginary * x
    return torch.stack(values, -1)


def _composite(whole: Composite, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    counts = [part.parameters for part in whole.parts]
    found = [
        run(part, positions[:, first:], own)
        for part, first, own in zip(
            whole.parts, whole.begins, parameters.split(counts), strict=True
        )
    ]
    if whole.reduce == "concatenate":
        return torch.cat(found, -1)
    stacked = torch.stack(found)
    return stacked.sum(0) if whole.reduce == "sum" else stacked.prod(0)


def run(encoding: Encoding, positions: Any, parameters: Any) -> torch.Tensor:
    """See :func:`kernels.fields.encode.encode`."""
    positions = torch.as_tensor(positions)
    positions = positions[:, : encoding.inputs]
    parameters = torch.as_tensor(parameters).to(positions)
    match encoding:
        case HashGrid():
            return _grid(encoding, positions, parameters)
        case Simplex():
            return _simplex(encoding, positions, parameters)
        case TriPlane():
            return _triplane(encoding, positions, parameters)
        case Frequency():
            return _frequency(encoding, positions)
        case TriangleWave():
            return _triangle_wave(encoding, positions)
        case OneBlob():
            return _one_blob(encoding, positions)
        case Identity():
            return positions * encoding.scale + encoding.offset
        case SphericalHarmonics():
            return _harmonics(encoding, positions)
        case Composite():
            return _composite(encoding, positions, parameters)
