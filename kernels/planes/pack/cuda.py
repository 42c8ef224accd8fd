"""Packing for the ``cuda`` backend: pictures go to the device one by one, and stay there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import device, to_device, to_host
from kernels.planes.types import BLOCK, HEIGHT, OFFSET, STRIDE, WIDTH, Textures

TEXELS = 1024
"""Texels of a program."""

_BLOCK = tl.constexpr(BLOCK)


@dataclass(frozen=True, eq=False)
class DeviceTextures(Textures):
    """Textures whose ``texels`` are an int32 tensor of the device.

    Attributes
    ----------
    places
        (L, M, 3) int64 on the device, for kernels that read words of eight bytes: the place of
        texel (0, 0), width and height as two float32, texels from row to row.
    sizes
        (L, M, 4) int64 and (L,) int32 on the device: the table of textures and which layers wrap,
        for kernels that go through all layers.
    squares
        (L, 5) int32 on the device: where the layer's counts begin in ``marks``, columns and rows
        of squares, width and height of the picture.
    marks
        (S,) int32 on the device: ``occupied``.
    """

    places: torch.Tensor
    sizes: tuple[torch.Tensor, torch.Tensor]
    squares: torch.Tensor
    marks: torch.Tensor


@triton.jit
def inside(place, width, height, stride, wraps):
    """Column and row of the texel that a place of the bordered picture shows, and whether one."""
    x = place % stride - 1
    y = (place // stride).to(tl.int32) - 1
    around = tl.where(x < 0, width - 1, tl.where(x >= width, 0, x))
    within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    y = tl.minimum(tl.maximum(y, 0), height - 1)
    return around, y, within | (tl.zeros_like(x) + wraps > 0)


@triton.jit(
    do_not_specialize=["width", "height", "wraps"], do_not_specialize_on_alignment=["texels"]
)
def _border(image, texels, width, height, wraps, PLACES: tl.constexpr):
    """``texels`` begin at the first of the picture's border."""
    stride = width + 2
    place = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    used = place < stride * (height + 2)
    x, y, shows = inside(place, width, height, stride, wraps)
    texel = tl.load(image + y * width + x, mask=used & shows, other=0)
    tl.store(texels + place, texel, mask=used)


@triton.jit
def _mark(texels, sizes, squares, marks, levels, SIDE: tl.constexpr):
    """Whether a square shows anything; beside the counts' first row and column."""
    layer = tl.program_id(1)
    row = sizes + layer.to(tl.int64) * levels * 4
    width = tl.load(row + 1).to(tl.int32)
    height = tl.load(row + 2).to(tl.int32)
    stride = tl.load(row + 3).to(tl.int32)
    columns = tl.load(squares + layer * 5 + 1)
    rows = tl.load(squares + layer * 5 + 2)
    square = tl.program_id(0)
    if square < columns * rows:
        lane = tl.arange(0, SIDE)
        x = square % columns * SIDE + lane
        y = square // columns * SIDE + lane
        used = (x < width)[None, :] & (y < height)[:, None]
        at = texels + tl.load(row) + (y + 1)[:, None] * stride + (x + 1)[None, :]
        alpha = (tl.load(at, mask=used, other=0) >> 24) & 255
        corner = tl.load(squares + layer * 5) + (square // columns + 1) * (columns + 1)
        tl.store(marks + corner + square % columns + 1, (tl.max(alpha) > 0).to(tl.int32))


def run(images: Any, wraps: Any, textures: Textures) -> DeviceTextures:
    """See :func:`kernels.planes.pack.pack`; waits for the device once, for the marks of squares."""
    texels = torch.empty(textures.texels.shape, dtype=torch.int32, device=device())
    for image, row, wrap in zip(images, textures.table[:, 0], wraps, strict=True):
        words = to_device(np.ascontiguousarray(image).view("<i4")[..., 0])
        count = int(row[STRIDE] * (row[HEIGHT] + 2))
        _border[(triton.cdiv(count, TEXELS),)](
            words, texels[int(row[OFFSET]) :], int(row[WIDTH]), int(row[HEIGHT]), int(wrap),
            PLACES=TEXELS,
        )  # fmt: skip
    squares = np.concatenate([textures.blocks, textures.table[:, 0, [WIDTH, HEIGHT]]], 1)
    sizes = to_device(textures.table), to_device(textures.wraps.astype(np.int32))
    on_device = to_device(squares.astype(np.int32))
    marks = torch.zeros(textures.occupied.shape, dtype=torch.int32, device=device())
    most = int((textures.blocks[:, 1] * textures.blocks[:, 2]).max(initial=0))
    if most:
        _mark[(most, textures.count)](
            texels, sizes[0], on_device, marks, textures.levels, SIDE=BLOCK
        )
    textures.occupied[:] = _summed(to_host(marks)[0], textures)
    known = {field.name: getattr(textures, field.name) for field in fields(Textures)}
    return DeviceTextures(
        **known | {"texels": texels},
        places=to_device(_places(textures)),
        sizes=sizes,
        squares=on_device,
        marks=to_device(textures.occupied),
    )


def _summed(marks: np.ndarray, textures: Textures) -> np.ndarray:
    """Marks of squares as the summed-area tables of all layers."""
    counts = np.empty_like(marks)
    for first, columns, rows in textures.blocks:
        part = slice(first, first + (columns + 1) * (rows + 1))
        shown = marks[part].reshape(rows + 1, columns + 1)
        counts[part] = shown.cumsum(0, np.int32).cumsum(1, np.int32).ravel()
    return counts


def _places(textures: Textures) -> np.ndarray:
    """The (L, M, 3) table of :class:`DeviceTextures`."""
    places = np.empty((*textures.table.shape[:2], 3), np.int64)
    table = textures.table
    places[..., 0] = table[..., OFFSET] + table[..., STRIDE] + 1
    sides = np.ascontiguousarray(table[..., [WIDTH, HEIGHT]], np.float32)
    places[..., 1] = sides.view(np.int64)[..., 0]
    places[..., 2] = table[..., STRIDE]
    return places
