"""Table lookups of SOG pixels for the ``cuda`` backend; labels behind the palette are counted.

Rotations are completed in float64, as ``cpu`` does and for the same reason.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from kernels.codec.landing import Landing, brought
from kernels.codec.outputs import Outputs
from kernels.codec.unpack_sog import IDENTITY_BELOW, Pixels, Tables
from kernels.cuda.residents import resident

BLOCK = 256
"""Splats of a program."""
ENTRIES = 32
"""Splats of a program that copies rows of the palette."""

_IDENTITY = tl.constexpr(IDENTITY_BELOW)
_STEP = tl.constexpr(2.0 / 255.0 / math.sqrt(2.0))
_LEAST = tl.constexpr(-1.0 / math.sqrt(2.0))
_MEANS = tl.constexpr(65536)


@triton.jit
def _byte(at, used):
    return tl.load(at, mask=used, other=0).to(tl.int32)


@triton.jit
def _rotations(cell, quats, row, used):
    place = _byte(cell + 3, used) - _IDENTITY
    given = place >= 0
    first = _byte(cell, used).to(tl.float64) * _STEP + _LEAST
    second = _byte(cell + 1, used).to(tl.float64) * _STEP + _LEAST
    third = _byte(cell + 2, used).to(tl.float64) * _STEP + _LEAST
    rest = 1.0 - first * first - second * second - third * third
    rest = tl.sqrt(tl.maximum(rest, 0.0))
    # The largest stands before, between or behind the three.
    w = tl.where(place == 0, rest, tl.where(given, first, 1.0))
    x = tl.where(place == 1, rest, tl.where(place > 1, second, first))
    y = tl.where(place == 2, rest, tl.where(place > 2, third, second))
    z = tl.where(place == 3, rest, third)
    tl.store(quats + 4 * row, w.to(tl.float32), mask=used)
    tl.store(quats + 4 * row + 1, tl.where(given, x, 0.0).to(tl.float32), mask=used)
    tl.store(quats + 4 * row + 2, tl.where(given, y, 0.0).to(tl.float32), mask=used)
    tl.store(quats + 4 * row + 3, tl.where(given, z, 0.0).to(tl.float32), mask=used)


@triton.jit(do_not_specialize=["count", "width"])
def _unpack(
    low, high, sizes, turns, base, mean_table, scale_table, base_table,
    means, quats, scales, opacities, sh, count, width,
    LOW: tl.constexpr, HIGH: tl.constexpr, SIZES: tl.constexpr, TURNS: tl.constexpr,
    BASE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Constants are the channels of the pictures; ``width`` numbers of ``sh`` are a splat's."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
    for axis in tl.static_range(3):
        code = _byte(low + row * LOW + axis, used) | (_byte(high + row * HIGH + axis, used) << 8)
        mean = tl.load(mean_table + axis * _MEANS + code, mask=used, other=0.0)
        tl.store(means + 3 * row + axis, mean, mask=used)
        size = _byte(sizes + row * SIZES + axis, used)
        scale = tl.load(scale_table + 3 * size + axis, mask=used, other=0.0)
        tl.store(scales + 3 * row + axis, scale, mask=used)
        color = _byte(base + row * BASE + axis, used)
        first = tl.load(base_table + 4 * color + axis, mask=used, other=0.0)
        tl.store(sh + row * width + axis, first, mask=used)
    opacity = _byte(base + row * BASE + 3, used)
    opacity = tl.load(base_table + 4 * opacity + 3, mask=used, other=0.0)
    tl.store(opacities + row, opacity, mask=used)
    _rotations(turns + row * TURNS, quats, row, used)


@triton.jit(do_not_specialize=["count", "entries"])
def _rest(
    labels, palette, sh, lost, count, entries,
    LABELS: tl.constexpr, WIDTH: tl.constexpr, COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Rows of the palette; neighbouring threads copy neighbouring numbers of a row."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
    label = _byte(labels + row * LABELS, used) | (_byte(labels + row * LABELS + 1, used) << 8)
    inside = label < entries
    tl.atomic_add(lost, tl.sum((used & (label >= entries)).to(tl.int32), 0))
    place = tl.arange(0, COLUMNS)
    there = used[:, None] & (place < WIDTH)[None, :]
    source = palette + label.to(tl.int64)[:, None] * WIDTH + place[None, :]
    value = tl.load(source, mask=there & inside[:, None], other=0.0)
    tl.store(sh + row[:, None] * (WIDTH + 3) + 3 + place[None, :], value, mask=there)


def run(pixels: Pixels, tables: Tables, out: Outputs) -> int:
    """See :func:`kernels.codec.unpack_sog.unpack_sog`; waits for the device where K > 1."""
    landing = Landing(out)
    count, terms = out.sh.shape[:2]
    lost = 0
    if count:
        pictures = [brought(pixels[place]) for place in range(5)]
        _unpack[(triton.cdiv(count, BLOCK),)](
            *pictures, *(resident(table) for table in (tables.means, tables.scales, tables.base)),
            *landing.tensors, count, 3 * terms, *(picture.shape[1] for picture in pictures),
            ROWS=BLOCK,
        )  # fmt: skip
    if count and terms > 1:
        lost = _look_up(brought(pixels.labels), resident(tables.palette), landing.tensors.sh)
    landing.finish()
    return lost


def _look_up(labels: torch.Tensor, palette: torch.Tensor, sh: torch.Tensor) -> int:
    """Fill in all coefficients but the first; how many labels point behind the palette."""
    lost = torch.zeros(1, dtype=torch.int32, device=sh.device)
    count, width = len(labels), palette.shape[1]
    _rest[(triton.cdiv(count, ENTRIES),)](
        labels, palette, sh, lost, count, len(palette), LABELS=labels.shape[1], WIDTH=width,
        COLUMNS=triton.next_power_of_2(width), ROWS=ENTRIES,
    )  # fmt: skip
    return int(lost)
