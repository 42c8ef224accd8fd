"""Shading for the ``cuda`` backend: a program per 128 visible splats."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from kernels.gaussians.pack.cuda import DeviceGaussians
from kernels.gaussians.project.cuda import POSITION, DeviceSplats
from kernels.gaussians.shade import basis
from kernels.gaussians.types import RECORD, RED, SOURCE, View

BLOCK = 128
"""Splats of a program."""

_RECORD, _RED, _SOURCE = tl.constexpr(RECORD), tl.constexpr(RED), tl.constexpr(SOURCE)
_C0, _C1 = tl.constexpr(basis.C0), tl.constexpr(basis.C1)
_C20, _C21, _C22 = (tl.constexpr(value) for value in basis.C2)
_C30, _C31, _C32, _C33, _C34 = (tl.constexpr(value) for value in basis.C3)
_C40, _C41, _C42, _C43, _C44, _C45, _C46 = (tl.constexpr(value) for value in basis.C4)


@triton.jit
def _coefficient(table, k: tl.constexpr, CODED: tl.constexpr):
    """One coefficient of one channel, as float32."""
    at, steps, row, used = table
    value = tl.load(at + k * row, mask=used).to(tl.float32)
    if CODED:
        value = tl.load(steps + 2 * k) + tl.load(steps + 2 * k + 1) * value
    return value


@triton.jit
def _term(color, table, k: tl.constexpr, CODED: tl.constexpr, basis):
    """Add coefficient ``k`` of the three channels times its basis function."""
    red = color[0] + _coefficient(table, 3 * k - 3, CODED) * basis
    green = color[1] + _coefficient(table, 3 * k - 2, CODED) * basis
    blue = color[2] + _coefficient(table, 3 * k - 1, CODED) * basis
    return red, green, blue


@triton.jit(do_not_specialize=["room", "total"])
def _shade(
    geometry, base, rest, steps, records, rows, position, room, total,
    DEGREE: tl.constexpr, CODED: tl.constexpr, SPLATS: tl.constexpr,
):  # fmt: skip
    high_x = tl.load(position)
    high_y = tl.load(position + 1)
    high_z = tl.load(position + 2)
    low_x = tl.load(position + 3)
    low_y = tl.load(position + 4)
    low_z = tl.load(position + 5)
    place = tl.program_id(0) * SPLATS + tl.arange(0, SPLATS)
    slot = tl.load(rows + place, mask=place < room, other=-1)
    used = slot >= 0
    cell = records + tl.maximum(slot, 0).to(tl.int64) * _RECORD
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
    at = base + source
    red = tl.load(at, mask=used, other=0.0) * _C0 + 0.5
    green = tl.load(at + row, mask=used, other=0.0) * _C0 + 0.5
    blue = tl.load(at + 2 * row, mask=used, other=0.0) * _C0 + 0.5
    color = red, green, blue
    table = rest + source, steps, row, used
    if DEGREE >= 1:
        color = _term(color, table, 1, CODED, y * -_C1)
        color = _term(color, table, 2, CODED, z * _C1)
        color = _term(color, table, 3, CODED, x * -_C1)
    if DEGREE >= 2:
        xx = x * x
        yy = y * y
        zz = z * z
        xy = x * y
        yz = y * z
        xz = x * z
        color = _term(color, table, 4, CODED, xy * _C20)
        color = _term(color, table, 5, CODED, yz * -_C20)
        color = _term(color, table, 6, CODED, (zz + zz - xx - yy) * _C21)
        color = _term(color, table, 7, CODED, xz * -_C20)
        color = _term(color, table, 8, CODED, (xx - yy) * _C22)
        if DEGREE >= 3:
            ring = 4.0 * zz - xx - yy
            polar = zz + zz - 3.0 * (xx + yy)
            east = xx - 3.0 * yy
            north = 3.0 * xx - yy
            color = _term(color, table, 9, CODED, y * north * -_C30)
            color = _term(color, table, 10, CODED, xy * z * _C31)
            color = _term(color, table, 11, CODED, y * ring * -_C32)
            color = _term(color, table, 12, CODED, z * polar * _C33)
            color = _term(color, table, 13, CODED, x * ring * -_C32)
            color = _term(color, table, 14, CODED, z * (xx - yy) * _C34)
            color = _term(color, table, 15, CODED, x * east * -_C30)
            if DEGREE >= 4:
                seven = 7.0 * zz
                polar = zz * (35.0 * zz - 30.0) + 3.0
                inner = seven - 1.0
                outer = seven - 3.0
                quartic = xx * east - yy * north
                color = _term(color, table, 16, CODED, xy * (xx - yy) * _C40)
                color = _term(color, table, 17, CODED, yz * north * -_C41)
                color = _term(color, table, 18, CODED, xy * inner * _C42)
                color = _term(color, table, 19, CODED, yz * outer * -_C43)
                color = _term(color, table, 20, CODED, polar * _C44)
                color = _term(color, table, 21, CODED, xz * outer * -_C43)
                color = _term(color, table, 22, CODED, (xx - yy) * inner * _C45)
                color = _term(color, table, 23, CODED, xz * east * -_C41)
                color = _term(color, table, 24, CODED, quartic * _C46)
    tl.store(cell + _RED, tl.maximum(color[0], 0.0), mask=used)
    tl.store(cell + _RED + 1, tl.maximum(color[1], 0.0), mask=used)
    tl.store(cell + _RED + 2, tl.maximum(color[2], 0.0), mask=used)


def run(packed: DeviceGaussians, splats: DeviceSplats, view: View, degree: int) -> DeviceSplats:
    """See :func:`kernels.gaussians.shade.shade`; writes in place and returns the same."""
    room = len(splats.rows)
    if room:
        _shade[(triton.cdiv(room, BLOCK),)](
            packed.geometry, packed.base, packed.rest, packed.steps, splats.records, splats.rows,
            splats.tables.numbers[POSITION:], room, packed.count,
            DEGREE=degree, CODED=packed.rest.dtype == torch.uint8, SPLATS=BLOCK,
        )  # fmt: skip
    return splats
