"""Shading for the ``cuda`` backend: a program per 128 visible splats."""

from __future__ import annotations

import numpy as np
import triton
import triton.language as tl

from kernels.gaussians.pack.cuda import DeviceGaussians
from kernels.gaussians.shade import basis
from kernels.gaussians.types import RECORD, RED, SOURCE, Splats, View

BLOCK = 128
"""Splats of a program."""

_RECORD, _RED, _SOURCE = tl.constexpr(RECORD), tl.constexpr(RED), tl.constexpr(SOURCE)
_C0, _C1 = tl.constexpr(basis.C0), tl.constexpr(basis.C1)
_C20, _C21, _C22 = (tl.constexpr(value) for value in basis.C2)
_C30, _C31, _C32, _C33, _C34 = (tl.constexpr(value) for value in basis.C3)
_C40, _C41, _C42, _C43, _C44, _C45, _C46 = (tl.constexpr(value) for value in basis.C4)


@triton.jit
def _term(at, row, used, k: tl.constexpr, basis, red, green, blue):
    """Add coefficient ``k`` of the three channels times its basis function."""
    red += tl.load(at + 3 * k * row, mask=used, other=0.0) * basis
    green += tl.load(at + (3 * k + 1) * row, mask=used, other=0.0) * basis
    blue += tl.load(at + (3 * k + 2) * row, mask=used, other=0.0) * basis
    return red, green, blue


@triton.jit(do_not_specialize=["visible", "total"], do_not_specialize_on_alignment=["rows"])
def _shade(
    geometry, sh, records, rows, visible, total,
    high_x, high_y, high_z, low_x, low_y, low_z,
    DEGREE: tl.constexpr, SPLATS: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0) * SPLATS + tl.arange(0, SPLATS)
    used = place < visible
    cell = records + tl.load(rows + place, mask=used, other=0).to(tl.int64) * _RECORD
    source = tl.load(cell + _SOURCE, mask=used, other=0.0).to(tl.int32, bitcast=True)
    row = total.to(tl.int64)
    at = geometry + source
    x = (tl.load(at, mask=used, other=0.0) - high_x) - low_x
    y = (tl.load(at + row, mask=used, other=0.0) - high_y) - low_y
    z = (tl.load(at + 2 * row, mask=used, other=1.0) - high_z) - low_z
    inverse = 1.0 / tl.sqrt(tl.maximum(x * x + (y * y + z * z), 1e-30))
    x *= inverse
    y *= inverse
    z *= inverse
    at = sh + source
    red, green, blue = _term(at, row, used, 0, tl.zeros_like(x) + _C0, 0.5, 0.5, 0.5)
    if DEGREE >= 1:
        red, green, blue = _term(at, row, used, 1, y * -_C1, red, green, blue)
        red, green, blue = _term(at, row, used, 2, z * _C1, red, green, blue)
        red, green, blue = _term(at, row, used, 3, x * -_C1, red, green, blue)
    if DEGREE >= 2:
        xx = x * x
        yy = y * y
        zz = z * z
        xy = x * y
        yz = y * z
        xz = x * z
        red, green, blue = _term(at, row, used, 4, xy * _C20, red, green, blue)
        red, green, blue = _term(at, row, used, 5, yz * -_C20, red, green, blue)
        red, green, blue = _term(at, row, used, 6, (zz + zz - xx - yy) * _C21, red, green, blue)
        red, green, blue = _term(at, row, used, 7, xz * -_C20, red, green, blue)
        red, green, blue = _term(at, row, used, 8, (xx - yy) * _C22, red, green, blue)
        if DEGREE >= 3:
            ring = 4.0 * zz - xx - yy
            polar = zz + zz - 3.0 * (xx + yy)
            east = xx - 3.0 * yy
            north = 3.0 * xx - yy
            red, green, blue = _term(at, row, used, 9, y * north * -_C30, red, green, blue)
            red, green, blue = _term(at, row, used, 10, xy * z * _C31, red, green, blue)
            red, green, blue = _term(at, row, used, 11, y * ring * -_C32, red, green, blue)
            red, green, blue = _term(at, row, used, 12, z * polar * _C33, red, green, blue)
            red, green, blue = _term(at, row, used, 13, x * ring * -_C32, red, green, blue)
            red, green, blue = _term(at, row, used, 14, z * (xx - yy) * _C34, red, green, blue)
            red, green, blue = _term(at, row, used, 15, x * east * -_C30, red, green, blue)
            if DEGREE >= 4:
                seven = 7.0 * zz
                polar = zz * (35.0 * zz - 30.0) + 3.0
                inner = seven - 1.0
                outer = seven - 3.0
                quartic = xx * east - yy * north
                red, green, blue = _term(at, row, used, 16, xy * (xx - yy) * _C40, red, green, blue)
                red, green, blue = _term(at, row, used, 17, yz * north * -_C41, red, green, blue)
                red, green, blue = _term(at, row, used, 18, xy * inner * _C42, red, green, blue)
                red, green, blue = _term(at, row, used, 19, yz * outer * -_C43, red, green, blue)
                red, green, blue = _term(at, row, used, 20, polar * _C44, red, green, blue)
                red, green, blue = _term(at, row, used, 21, xz * outer * -_C43, red, green, blue)
                red, green, blue = _term(
                    at, row, used, 22, (xx - yy) * inner * _C45, red, green, blue
                )
                red, green, blue = _term(at, row, used, 23, xz * east * -_C41, red, green, blue)
                red, green, blue = _term(at, row, used, 24, quartic * _C46, red, green, blue)
    tl.store(cell + _RED, tl.maximum(red, 0.0), mask=used)
    tl.store(cell + _RED + 1, tl.maximum(green, 0.0), mask=used)
    tl.store(cell + _RED + 2, tl.maximum(blue, 0.0), mask=used)


def run(packed: DeviceGaussians, splats: Splats, view: View, degree: int) -> Splats:
    """See :func:`kernels.gaussians.shade.shade`; writes in place and returns the same."""
    if splats.count == 0:
        return splats
    high = view.position.astype(np.float32).astype(np.float64)
    low = view.position - high
    _shade[(triton.cdiv(splats.count, BLOCK),)](
        packed.geometry, packed.sh, splats.records, splats.rows, splats.count, packed.count,
        *high.tolist(), *low.tolist(), DEGREE=degree, SPLATS=BLOCK,
    )  # fmt: skip
    return splats
