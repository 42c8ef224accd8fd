"""Halving for the ``cuda`` backend: one launch makes the level of all layers, borders included."""

from __future__ import annotations

import triton
import triton.language as tl

from kernels.planes.pack.cuda import TEXELS, DeviceTextures, inside
from kernels.planes.types import HEIGHT, STRIDE


@triton.jit(do_not_specialize=["levels", "level"])
def _halve(texels, sizes, wrapping, levels, level, PLACES: tl.constexpr):
    layer = tl.program_id(1)
    wraps = tl.load(wrapping + layer)
    after = sizes + (layer.to(tl.int64) * levels + level) * 4
    width = tl.load(after + 1).to(tl.int32)
    height = tl.load(after + 2).to(tl.int32)
    stride = tl.load(after + 3).to(tl.int32)
    from_width = tl.load(after - 3).to(tl.int32)
    from_height = tl.load(after - 2).to(tl.int32)
    from_stride = tl.load(after - 1).to(tl.int32)
    source = texels + tl.load(after - 4) + from_stride + 1
    place = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    used = place < stride * (height + 2)
    x, y, shows = inside(place, width, height, stride, wraps)
    goes_on = tl.zeros_like(x) + wraps > 0
    red = tl.zeros([PLACES], tl.int32)
    green = tl.zeros([PLACES], tl.int32)
    blue = tl.zeros([PLACES], tl.int32)
    alpha = tl.zeros([PLACES], tl.int32)
    for j in tl.static_range(2):
        for i in tl.static_range(2):
            column = 2 * x + i
            row = 2 * y + j
            known = used & shows & (((column < from_width) & (row < from_height)) | goes_on)
            column = tl.minimum(column, from_width - 1)
            row = tl.minimum(row, from_height - 1)
            texel = tl.load(source + row * from_stride + column, mask=known, other=0)
            weight = (texel >> 24) & 255
            alpha += weight
            red += (texel & 255) * weight
            green += ((texel >> 8) & 255) * weight
            blue += ((texel >> 16) & 255) * weight
    mean = (alpha + 2) >> 2
    divisor = tl.maximum(2 * alpha, 1)
    packed = (2 * red + alpha) // divisor
    packed |= ((2 * green + alpha) // divisor) << 8
    packed |= ((2 * blue + alpha) // divisor) << 16
    packed |= mean << 24
    tl.store(texels + tl.load(after) + place, tl.where(mean > 0, packed, 0), mask=used)


def run(textures: DeviceTextures, level: int) -> None:
    """See :func:`kernels.planes.halve.halve`."""
    table = textures.table[:, level]
    most = int((table[:, STRIDE] * (table[:, HEIGHT] + 2)).max(initial=0))
    if most:
        _halve[(triton.cdiv(most, TEXELS), textures.count)](
            textures.texels, *textures.sizes, textures.levels, level, PLACES=TEXELS
        )
