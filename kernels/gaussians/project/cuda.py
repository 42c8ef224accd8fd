"""Projection for the ``cuda`` backend: a program per 256 splats, and no wait for the host.

Every program writes what it found visible to its own stretch of the tables and counts it, so the
rows stand in the order of the scene whatever order the programs ran in; the counts are summed and
the stretches joined in a table that has room for about as many as the frame before had. Its tail
has row -1 and a key behind all others. How many there were comes to the host with the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.tables import FrameTables
from kernels.gaussians.pack.cuda import DeviceGaussians
from kernels.gaussians.types import FALLOFF, RECORD, Options, Splats, View
from kernels.workspace import Workspace

BLOCK = 256
"""Splats of a program."""
VISIBLE, KEYS = 0, 1
"""Places of the counts of a frame: visible splats, and what binning may have to sort."""
BEHIND = 0x7FFFFFFF
"""Key of the tail of the table: as a float it is none, so behind all depths."""
POSITION = 9
"""Place of the position among the numbers of a frame: its leading part, then the rest."""
QUARTER = 16
"""Side, px, of what this backend bins and blends by: a quarter of a tile."""

_RECORD = tl.constexpr(RECORD)
_FALLOFF = tl.constexpr(FALLOFF)
_SUPPORT = tl.constexpr(1.0 / FALLOFF)
_FADED = tl.constexpr(math.exp(-4.0) / (1.0 - math.exp(-4.0)))
_LOG2_FADE = tl.constexpr(math.log2(1.0 - math.exp(-4.0)))
SLACK = tl.constexpr(1.0002)
"""Boxes are widened by this much for binning, so that rounding never loses a rim pixel."""
_INFINITY = tl.constexpr(float("inf"))


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceSplats(Splats):
    """Splats whose number the device knows, and the host when the picture has arrived.

    Attributes
    ----------
    spans
        (R, 2) int32: first and last pixel column, then row, as two halves of 16 bits.
    scene
        Which has the room of the next frame.
    tables
        Of the frame: its counts begin with the visible splats, and with the quarters of tiles that
        their boxes touch.
    """

    spans: torch.Tensor
    scene: DeviceGaussians
    tables: FrameTables

    @property
    def count(self) -> int:
        """Number of visible splats in the tables, once the frame is over."""
        return min(int(self.tables.told[VISIBLE]), len(self.rows))

    def settled(self) -> bool:
        """Whether the tables had room for everything, once the frame is over."""
        visible, keys = self.tables.told[: KEYS + 1].tolist()
        # Both are looked at: each makes its room for the next frame.
        return self.scene.visible.settle(visible) & self.scene.keys.settle(keys)


@triton.jit
def _span(middle, reach, box, size, BOXED: tl.constexpr):
    """First and last pixel along an axis; the last is below the first where there is none."""
    wide = reach * SLACK + 1e-3
    first = tl.maximum(tl.ceil(middle - wide - 0.5), 0.0)
    last = tl.minimum(tl.floor(middle + wide - 0.5), size - 1.0)
    if BOXED:
        # Inria's rectangle of 16-pixel tiles around the square box, pixel centres at integers.
        first = tl.maximum(first, tl.floor((middle - 0.5 - box) * 0.0625) * 16.0)
        last = tl.minimum(last, tl.floor((middle + box + 14.5) * 0.0625) * 16.0 - 1.0)
    first = tl.minimum(first, 32767.0).to(tl.int32)
    return first, tl.maximum(last, -1.0).to(tl.int32)


@triton.jit
def quarters(first, last):
    """How many quarters of tiles a span of pixels touches."""
    return tl.where(first <= last, (last >> 4) - (first >> 4) + 1, 0)


@triton.jit(do_not_specialize=["total"])
def _project(
    geometry, numbers, records, spans, keys, counts, total,
    ORTHOGRAPHIC: tl.constexpr, RADIAL: tl.constexpr, COMPENSATE: tl.constexpr,
    FADE: tl.constexpr, BOXED: tl.constexpr, LIMITED: tl.constexpr, SPLATS: tl.constexpr,
):  # fmt: skip
    # In the order of `numbers_of`.
    r00 = tl.load(numbers + 0)
    r01 = tl.load(numbers + 1)
    r02 = tl.load(numbers + 2)
    r10 = tl.load(numbers + 3)
    r11 = tl.load(numbers + 4)
    r12 = tl.load(numbers + 5)
    r20 = tl.load(numbers + 6)
    r21 = tl.load(numbers + 7)
    r22 = tl.load(numbers + 8)
    high_x = tl.load(numbers + 9)
    high_y = tl.load(numbers + 10)
    high_z = tl.load(numbers + 11)
    low_x = tl.load(numbers + 12)
    low_y = tl.load(numbers + 13)
    low_z = tl.load(numbers + 14)
    fx = tl.load(numbers + 15)
    fy = tl.load(numbers + 16)
    cx = tl.load(numbers + 17)
    cy = tl.load(numbers + 18)
    width = tl.load(numbers + 19)
    height = tl.load(numbers + 20)
    near = tl.load(numbers + 21)
    far = tl.load(numbers + 22)
    left = tl.load(numbers + 23)
    right = tl.load(numbers + 24)
    top = tl.load(numbers + 25)
    bottom = tl.load(numbers + 26)
    splat_scale = tl.load(numbers + 27)
    blur = tl.load(numbers + 28)
    alpha_min = tl.load(numbers + 29)
    cut = tl.load(numbers + 30)
    box_sigma = tl.load(numbers + 31)
    max_axis = tl.load(numbers + 32)
    min_axis = tl.load(numbers + 33)
    program = tl.program_id(0)
    place = program * SPLATS + tl.arange(0, SPLATS)
    there = place < total
    at = geometry + place
    row = total.to(tl.int64)
    # The position in two parts: differences stay exact far from the origin.
    x = (tl.load(at, mask=there, other=0.0) - high_x) - low_x
    y = (tl.load(at + row, mask=there, other=0.0) - high_y) - low_y
    z = (tl.load(at + 2 * row, mask=there, other=0.0) - high_z) - low_z
    depth = x * r20 + (y * r21 + z * r22)
    kept = there & (depth >= near) & (depth <= far)
    across = x * r00 + (y * r01 + z * r02)
    down = x * r10 + (y * r11 + z * r12)
    if ORTHOGRAPHIC:
        mean_x = across * fx + cx
        mean_y = down * fy + cy
        j00 = tl.zeros_like(depth) + fx
        j11 = tl.zeros_like(depth) + fy
        j02 = tl.zeros_like(depth)
        j12 = tl.zeros_like(depth)
    else:
        inverse = 1.0 / depth
        tan_x = across * inverse
        tan_y = down * inverse
        mean_x = tan_x * fx + cx
        mean_y = tan_y * fy + cy
        j00 = inverse * fx
        j11 = inverse * fy
        j02 = -j00 * tl.minimum(tl.maximum(tan_x, -left), right)
        j12 = -j11 * tl.minimum(tl.maximum(tan_y, -top), bottom)

    # T = J W (2 x 3), then N = T R S (2 x 3), the square root of the screen covariance.
    t00 = j02 * r20 + j00 * r00
    t01 = j02 * r21 + j00 * r01
    t02 = j02 * r22 + j00 * r02
    t10 = j12 * r20 + j11 * r10
    t11 = j12 * r21 + j11 * r11
    t12 = j12 * r22 + j11 * r12
    qw = tl.load(at + 3 * row, mask=kept, other=1.0)
    qx = tl.load(at + 4 * row, mask=kept, other=0.0)
    qy = tl.load(at + 5 * row, mask=kept, other=0.0)
    qz = tl.load(at + 6 * row, mask=kept, other=0.0)
    size = tl.load(at + 7 * row, mask=kept, other=0.0) * splat_scale
    m0 = (1.0 - 2.0 * (qy * qy + qz * qz)) * size
    m1 = 2.0 * (qx * qy + qw * qz) * size
    m2 = 2.0 * (qx * qz - qw * qy) * size
    n00 = t00 * m0 + (t01 * m1 + t02 * m2)
    n10 = t10 * m0 + (t11 * m1 + t12 * m2)
    size = tl.load(at + 8 * row, mask=kept, other=0.0) * splat_scale
    m0 = 2.0 * (qx * qy - qw * qz) * size
    m1 = (1.0 - 2.0 * (qx * qx + qz * qz)) * size
    m2 = 2.0 * (qy * qz + qw * qx) * size
    n01 = t00 * m0 + (t01 * m1 + t02 * m2)
    n11 = t10 * m0 + (t11 * m1 + t12 * m2)
    size = tl.load(at + 9 * row, mask=kept, other=0.0) * splat_scale
    m0 = 2.0 * (qx * qz + qw * qy) * size
    m1 = 2.0 * (qy * qz - qw * qx) * size
    m2 = (1.0 - 2.0 * (qx * qx + qy * qy)) * size
    n02 = t00 * m0 + (t01 * m1 + t02 * m2)
    n12 = t10 * m0 + (t11 * m1 + t12 * m2)
    a = n00 * n00 + (n01 * n01 + n02 * n02)
    b = n00 * n10 + (n01 * n11 + n02 * n12)
    c = n10 * n10 + (n11 * n11 + n12 * n12)
    minor0 = n01 * n12 - n02 * n11
    minor1 = n02 * n10 - n00 * n12
    minor2 = n00 * n11 - n01 * n10
    sharp = minor0 * minor0 + (minor1 * minor1 + minor2 * minor2)
    det = sharp + (blur * (a + c) + blur * blur)
    a += blur
    c += blur

    opacity = tl.load(at + 10 * row, mask=kept, other=0.0)
    if COMPENSATE:
        opacity *= tl.sqrt(tl.maximum(sharp / det, 0.005 * 0.005))
    box = tl.zeros_like(a) + _INFINITY
    middle = 0.5 * (a + c)
    if BOXED:
        box = tl.sqrt(middle + tl.sqrt(tl.maximum(middle * middle - det, 0.1)))
        box = tl.ceil(box_sigma * box)
    if LIMITED:
        spread = 0.5 * (a - c)
        radius = tl.sqrt(spread * spread + b * b)
        longer = middle + radius
        kept = kept & (2.0 * longer >= min_axis * min_axis)
        limit = 0.5 * max_axis * max_axis
        short = tl.minimum(det / longer, limit)
        longer = tl.minimum(longer, limit)
        shrunk = 0.5 * (longer - short) / tl.maximum(radius, 1e-20)
        middle = 0.5 * (longer + short)
        spread *= shrunk
        b *= shrunk
        a = middle + spread
        c = middle - spread
        det = longer * short

    log_opacity = tl.log2(tl.maximum(opacity, 1e-30))
    offset = tl.zeros_like(opacity)
    if FADE:
        log_opacity -= _LOG2_FADE
        offset = opacity * _FADED
    lowest = tl.log2(tl.maximum(offset + alpha_min, 1e-30))
    lowest = tl.maximum(lowest, log_opacity - _FALLOFF * cut)
    support = (log_opacity - lowest) * _SUPPORT
    extent_x = tl.sqrt(tl.maximum(support * a, 0.0))
    extent_y = tl.sqrt(tl.maximum(support * c, 0.0))
    l11 = tl.sqrt(c / det)
    kept = kept & (support >= 0.0) & (opacity > 0.0) & (det > 0.0) & (l11 < 1e18)
    kept = kept & (extent_x < 1e15) & (extent_y < 1e15)
    kept = kept & (mean_x + extent_x >= 0.5) & (mean_x - extent_x <= width - 0.5)
    kept = kept & (mean_y + extent_y >= 0.5) & (mean_y - extent_y <= height - 0.5)

    mean_x = tl.where(kept, mean_x, 0.0)
    mean_y = tl.where(kept, mean_y, 0.0)
    first_x, last_x = _span(mean_x, tl.where(kept, extent_x, 0.0), box, width, BOXED)
    first_y, last_y = _span(mean_y, tl.where(kept, extent_y, 0.0), box, height, BOXED)
    touched = quarters(first_x, last_x) * quarters(first_y, last_y)
    ones = kept.to(tl.int32)
    tl.store(counts + program, tl.sum(ones, 0).to(tl.int64))
    tl.store(
        counts + tl.num_programs(0) + program,
        tl.sum(tl.where(kept, touched, 0).to(tl.int64), 0),
    )
    target = program * SPLATS + tl.cumsum(ones, 0) - 1
    pair = spans + 2 * target
    tl.store(pair, (first_x & 0xFFFF) | (last_x << 16), mask=kept)
    tl.store(pair + 1, (first_y & 0xFFFF) | (last_y << 16), mask=kept)
    key = depth
    if RADIAL:
        key = tl.sqrt(x * x + (y * y + z * z))
    tl.store(keys + target, key.to(tl.int32, bitcast=True), mask=kept)
    cell = records + target.to(tl.int64) * _RECORD
    tl.store(cell, mean_x, mask=kept)
    tl.store(cell + 1, mean_y, mask=kept)
    tl.store(cell + 2, l11, mask=kept)
    tl.store(cell + 3, -b / c * l11, mask=kept)
    tl.store(cell + 4, 1.0 / tl.sqrt(c), mask=kept)
    tl.store(cell + 5, log_opacity, mask=kept)
    tl.store(cell + 6, lowest, mask=kept)
    tl.store(cell + 7, offset, mask=kept)
    tl.store(cell + 11, depth, mask=kept)
    tl.store(cell + 12, extent_x, mask=kept)
    tl.store(cell + 13, extent_y, mask=kept)
    tl.store(cell + 14, box, mask=kept)
    tl.store(cell + 15, place.to(tl.float32, bitcast=True), mask=kept)


@triton.jit(do_not_specialize=["room"])
def _join(ends, keys, rows, joined, room, SPLATS: tl.constexpr):
    """Bring the stretches of all programs together, as far as there is room."""
    program = tl.program_id(0)
    end = tl.load(ends + program).to(tl.int32)
    start = tl.load(ends + program - 1, mask=program > 0, other=0).to(tl.int32)
    lane = tl.arange(0, SPLATS)
    used = (lane < end - start) & (start + lane < room)
    source = program * SPLATS + lane
    tl.store(rows + start + lane, source, mask=used)
    tl.store(joined + start + lane, tl.load(keys + source, mask=used, other=0), mask=used)


def numbers_of(view: View, options: Options, splat_scale: float) -> list[float]:
    """The numbers of a frame, in the order in which the kernel reads them."""
    high = view.position.astype(np.float32).astype(np.float64)
    margin_x = options.clamp * 0.5 * view.width / view.fx
    margin_y = options.clamp * 0.5 * view.height / view.fy
    max_axis = options.max_axis
    if options.max_axis_in_view:
        max_axis = min(max_axis, view.width, view.height)
    numbers = [
        *view.rotation.ravel(), *high, *(view.position - high),
        view.fx, view.fy, view.cx, view.cy, view.width, view.height, options.near, options.far,
        view.cx / view.fx + margin_x, (view.width - view.cx) / view.fx + margin_x,
        view.cy / view.fy + margin_y, (view.height - view.cy) / view.fy + margin_y,
        splat_scale, options.blur, options.alpha_min, min(options.cut, 1e30), options.box_sigma,
        min(max_axis, 1e18), options.min_axis,
    ]  # fmt: skip
    return [float(number) for number in numbers]


def run(
    packed: DeviceGaussians,
    view: View,
    options: Options,
    splat_scale: float,
    workspace: Workspace,
) -> Splats:
    """See :func:`kernels.gaussians.project.project`; nothing is waited for."""
    count, programs = packed.count, triton.cdiv(packed.count, BLOCK)
    where, room = packed.geometry.device, min(packed.visible.rows, packed.count)
    tables = workspace.keep("frame tables", FrameTables.new)
    tables.fill(numbers_of(view, options, splat_scale))
    tables.send()

    def table(*shape: int, dtype: torch.dtype = torch.int32) -> Any:
        return torch.empty(shape, dtype=dtype, device=where)

    records = table(programs * BLOCK, RECORD, dtype=torch.float32)
    spans, keys = table(programs * BLOCK, 2), table(programs * BLOCK)
    rows, joined = table(room).fill_(-1), table(room).fill_(BEHIND)
    if count:
        counts = table(2, programs, dtype=torch.int64)
        _project[(programs,)](
            packed.geometry, tables.numbers, records, spans, keys, counts, count,
            ORTHOGRAPHIC=view.orthographic, RADIAL=options.radial, COMPENSATE=options.compensate,
            FADE=options.fade, BOXED=options.box_sigma > 0,
            LIMITED=math.isfinite(options.max_axis) or options.min_axis > 0, SPLATS=BLOCK,
        )  # fmt: skip
        ends = torch.cumsum(counts, 1)
        _join[(programs,)](ends, keys, rows, joined, room, SPLATS=BLOCK)
        tables.counts[: KEYS + 1] = ends[:, -1]
    tables.tell()
    return DeviceSplats(
        records, rows, joined, total=count, spans=spans, scene=packed, tables=tables
    )
