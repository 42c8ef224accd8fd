"""Shading for the ``cpu`` backend: a block of sixteen splats at a time, hidden blocks untouched."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.gaussians.pack.cpu import GEOMETRY, PackedGaussians
from kernels.gaussians.shade.basis import C0, C1, C2, C3, C4
from kernels.gaussians.types import BLUE, GREEN, RED, Splats, View
from kernels.simd import LANES, fetch_add, fma, full, load, maximum, sqrt, store

CHUNK = 64

_C0 = np.float32(C0)
_C1 = np.float32(C1)
_C20, _C21, _C22 = (np.float32(value) for value in C2)
_C30, _C31, _C32, _C33, _C34 = (np.float32(value) for value in C3)
_C40, _C41, _C42, _C43, _C44, _C45, _C46 = (np.float32(value) for value in C4)


@njit(inline="always")
def _term(sh, base, k, basis, total):
    return fma(load(sh, base + 48 * k), basis, total)


@njit(nogil=True, cache=True, error_model="numpy")
def _channel(sh, base, x, y, z, degree):
    """One colour channel of sixteen splats: max(0, sum of c_k Y_k + 0.5)."""
    total = fma(load(sh, base), _C0, full(0.5))
    if degree >= 1:
        total = _term(sh, base, 1, y * -_C1, total)
        total = _term(sh, base, 2, z * _C1, total)
        total = _term(sh, base, 3, x * -_C1, total)
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        xy, yz, xz = x * y, y * z, x * z
        total = _term(sh, base, 4, xy * _C20, total)
        total = _term(sh, base, 5, yz * -_C20, total)
        total = _term(sh, base, 6, (zz + zz - xx - yy) * _C21, total)
        total = _term(sh, base, 7, xz * -_C20, total)
        total = _term(sh, base, 8, (xx - yy) * _C22, total)
        if degree >= 3:
            three = np.float32(3.0)
            four_zz = zz * np.float32(4.0) - xx - yy
            total = _term(sh, base, 9, y * (xx * three - yy) * -_C30, total)
            total = _term(sh, base, 10, xy * z * _C31, total)
            total = _term(sh, base, 11, y * four_zz * -_C32, total)
            total = _term(sh, base, 12, z * (zz + zz - (xx + yy) * three) * _C33, total)
            total = _term(sh, base, 13, x * four_zz * -_C32, total)
            total = _term(sh, base, 14, z * (xx - yy) * _C34, total)
            total = _term(sh, base, 15, x * (xx - yy * three) * -_C30, total)
            if degree >= 4:
                seven = zz * np.float32(7.0)
                one = np.float32(1.0)
                polar = zz * (zz * np.float32(35.0) - np.float32(30.0)) + three
                total = _term(sh, base, 16, xy * (xx - yy) * _C40, total)
                total = _term(sh, base, 17, yz * (xx * three - yy) * -_C41, total)
                total = _term(sh, base, 18, xy * (seven - one) * _C42, total)
                total = _term(sh, base, 19, yz * (seven - three) * -_C43, total)
                total = _term(sh, base, 20, polar * _C44, total)
                total = _term(sh, base, 21, xz * (seven - three) * -_C43, total)
                total = _term(sh, base, 22, (xx - yy) * (seven - one) * _C45, total)
                total = _term(sh, base, 23, xz * (xx - yy * three) * -_C41, total)
                quartic = xx * (xx - yy * three) - yy * (xx * three - yy)
                total = _term(sh, base, 24, quartic * _C46, total)
    return maximum(total, np.float32(0.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _shade_block(geometry, block, sh, coefficients, degree, high, low, colours):
    base = block * GEOMETRY * LANES
    x = (load(geometry, base) - high[0]) - low[0]
    y = (load(geometry, base + 16) - high[1]) - low[1]
    z = (load(geometry, base + 32) - high[2]) - low[2]
    squared = maximum(fma(x, x, fma(y, y, z * z)), np.float32(1e-30))
    inverse = np.float32(1.0) / sqrt(squared)
    x, y, z = x * inverse, y * inverse, z * inverse
    base = block * 3 * coefficients * LANES
    store(colours, 0, _channel(sh, base, x, y, z, degree))
    store(colours, 16, _channel(sh, base + 16, x, y, z, degree))
    store(colours, 32, _channel(sh, base + 32, x, y, z, degree))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _shade(
    geometry, sh, coefficients, degree, high, low, row_of_block, masks, records, ticket, threads
):
    blocks = len(masks)
    for _ in prange(threads):
        colours = np.empty(48, np.float32)
        first = fetch_add(ticket, 0, CHUNK)
        while first < blocks:
            for block in range(first, min(first + CHUNK, blocks)):
                visible = masks[block]
                if visible == 0:
                    continue
                _shade_block(geometry, block, sh, coefficients, degree, high, low, colours)
                row = row_of_block[block]
                for lane in range(LANES):
                    if (visible >> lane) & 1:
                        records[row, RED] = colours[lane]
                        records[row, GREEN] = colours[16 + lane]
                        records[row, BLUE] = colours[32 + lane]
                        row += 1
            first = fetch_add(ticket, 0, CHUNK)


def run(packed: PackedGaussians, splats: Splats, view: View, degree: int) -> Splats:
    """See :func:`kernels.gaussians.shade.shade`."""
    high = view.position.astype(np.float32)
    low = (view.position - high).astype(np.float32)
    row_of_block, masks, *_ = splats.blocks
    _shade(
        packed.geometry.reshape(-1), packed.sh.reshape(-1), packed.sh.shape[1] // 3, degree,
        high, low, row_of_block, masks, splats.records, np.zeros(1, np.int64), get_num_threads(),
    )  # fmt: skip
    return splats
