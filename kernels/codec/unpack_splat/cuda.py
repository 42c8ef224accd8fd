"""Records of ``.splat`` files for the ``cuda`` backend: a record is eight words of a thread."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.codec.landing import Landing, brought
from kernels.codec.outputs import Outputs
from kernels.gaussians.shade.basis import C0

BLOCK = 256
"""Splats of a program."""

_STEP, _HALF = tl.constexpr(1 / 255 / C0), tl.constexpr(0.5 / C0)
_BYTE, _TURN = tl.constexpr(1 / 255), tl.constexpr(1 / 128)


@triton.jit(do_not_specialize=["count"])
def _unpack(words, means, quats, scales, opacities, sh, count, ROWS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
    for axis in tl.static_range(3):
        value = tl.load(words + 8 * row + axis, mask=used, other=0)
        tl.store(means + 3 * row + axis, value.to(tl.float32, bitcast=True), mask=used)
        value = tl.load(words + 8 * row + 3 + axis, mask=used, other=0)
        tl.store(scales + 3 * row + axis, value.to(tl.float32, bitcast=True), mask=used)
    colours = tl.load(words + 8 * row + 6, mask=used, other=0)
    turns = tl.load(words + 8 * row + 7, mask=used, other=0)
    for part in tl.static_range(4):
        colour = ((colours >> (8 * part)) & 255).to(tl.float32)
        if part < 3:
            tl.store(sh + 3 * row + part, colour * _STEP - _HALF, mask=used)
        else:
            tl.store(opacities + row, colour * _BYTE, mask=used)
        turn = ((turns >> (8 * part)) & 255).to(tl.float32)
        tl.store(quats + 4 * row + part, (turn - 128.0) * _TURN, mask=used)


def run(records: Any, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_splat.unpack_splat`."""
    landing, count = Landing(out), len(records)
    if count:
        words = brought(records).view(torch.int32)
        _unpack[(triton.cdiv(count, BLOCK),)](words, *landing.tensors, count, ROWS=BLOCK)
    landing.finish()
