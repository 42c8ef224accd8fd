"""Compositing for the ``cuda`` backend: one warp per 32 x 8 pixels, front to back.

A plan goes first, a program per block with a lane per layer. It drops the layers that show nothing
in the block, places the rest in float64 at its first pixel, and where the order of the picture does
not hold in all of it, sorts them anew and says which layers change places within the block. A warp
then goes through its list alone, with no barrier, and leaves when none of its pixels lets light
through. Layers that change places are ordered pixel by pixel: each takes the next one by its key.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import device, on_its_way, to_device, to_host
from kernels.cuda.interop import handed_out
from kernels.cuda.pixels import byte, pixel
from kernels.cuda.residents import resident
from kernels.gaussians.types import View
from kernels.planes.composite import device_frame as frame_columns
from kernels.planes.composite.device_frame import FrameTable, frame_table
from kernels.planes.composite.device_sample import (
    BLUE_UNIT,
    GREEN_UNIT,
    RED_UNIT,
    ROW,
    key_at,
    sample,
)
from kernels.planes.geometry import KEY, U, V
from kernels.planes.pack.cuda import DeviceTextures
from kernels.planes.types import BLOCK, STOP, Coefficients, Composite, Geometry, Options, Wanted
from kernels.workspace import Workspace

COLUMNS = 32
"""Pixels of a block in a row: a warp reads neighbouring texels."""
SLOTS = 1 << 24
"""Layers times blocks of one launch: 256 MB of slots at most."""

_COLUMNS, _BLOCK = tl.constexpr(COLUMNS), tl.constexpr(BLOCK)
_U, _V, _KEY = tl.constexpr(U), tl.constexpr(V), tl.constexpr(KEY)
_SLOPE, _IS_SHELL, _LAYER = (
    tl.constexpr(getattr(frame_columns, name)) for name in ("SLOPE", "IS_SHELL", "LAYER")
)
_DARK = tl.constexpr(STOP)
_SLACK = tl.constexpr(1e-5)
"""Of a coordinate: more than float32 is off."""
_INFINITY = tl.constexpr(float("inf"))


@triton.jit
def _exact(word):
    return tl.load(word).to(tl.float64, bitcast=True)


@triton.jit
def _number(word):
    return _exact(word).to(tl.float32)


@triton.jit
def _at(row, COLUMN: tl.constexpr, x, y):
    """An affine number of the plan, exact enough wherever the block is."""
    number = _exact(row + COLUMN) * x + (_exact(row + COLUMN + 1) * y + _exact(row + COLUMN + 2))
    return number.to(tl.float32)


@triton.jit
def _place(
    frame, squares, marks, position, there, x, y, far_x, far_y, highest,
    ORTHO: tl.constexpr,
):  # fmt: skip
    """Slots of layers in a block from (x, y), and whether they show anything."""
    row = frame + position.to(tl.int64) * ROW
    u0 = _at(row, _U, x, y)
    v0 = _at(row, _V, x, y)
    key0 = _at(row, _KEY, x, y)
    is_shell = _number(row + _IS_SHELL) > 0.0
    slope = _number(row + _SLOPE)
    left = tl.zeros_like(u0) + _INFINITY
    top = left
    least = left
    right = -left
    bottom = -left
    most = -left
    front = tl.zeros_like(position)
    for corner in tl.static_range(4):
        dx = far_x * (corner % 2)
        dy = far_y * (corner // 2)
        u = u0 + _step(row, _U, dx, dy)
        v = v0 + _step(row, _V, dx, dy)
        key = key0 + _step(row, _KEY, dx, dy)
        ahead = key > 0.0
        detail = tl.zeros_like(u)
        if ORTHO:
            ahead = key < 0.0
        else:
            u /= key
            v /= key
            detail -= 1.5 * tl.log2(tl.maximum(tl.abs(key), 1e-30))
        front += ahead.to(tl.int32)
        left = tl.minimum(left, u)
        right = tl.maximum(right, u)
        top = tl.minimum(top, v)
        bottom = tl.maximum(bottom, v)
        least = tl.minimum(least, detail)
        most = tl.maximum(most, detail)
    least = tl.where(is_shell, slope, least + 0.5 * slope)
    most = tl.where(is_shell, slope, most + 0.5 * slope)
    last = highest.to(tl.float32)
    whole = front == 4
    # Behind the eye coordinates come back from infinity.
    partly = (front > 0) & (front < 4) & (_number(row + _IS_SHELL) == 0.0)
    low = tl.where(partly, 0.0, tl.minimum(tl.maximum(tl.floor(least), 0.0), last))
    high = tl.where(partly, last, tl.minimum(tl.maximum(tl.floor(most) + 1.0, 0.0), last))

    # A texel is met from one before to one behind it; those of smaller levels are larger.
    spare = 1.0 + tl.exp2(tl.minimum(tl.maximum(tl.ceil(most), 0.0), last))
    layer = tl.load(row + _LAYER)
    square = squares + layer * 5
    columns = tl.load(square + 1)
    end_x = (tl.load(square + 3) - 1).to(tl.float32)
    end_y = (tl.load(square + 4) - 1).to(tl.float32)
    left -= spare + _SLACK * tl.abs(left)
    right += spare + _SLACK * tl.abs(right)
    top -= spare + _SLACK * tl.abs(top)
    bottom += spare + _SLACK * tl.abs(bottom)
    meets = whole & (right >= 0.0) & (bottom >= 0.0) & (left <= end_x) & (top <= end_y)
    first_x = tl.minimum(tl.maximum(left, 0.0), end_x).to(tl.int32) // _BLOCK
    first_y = tl.minimum(tl.maximum(top, 0.0), end_y).to(tl.int32) // _BLOCK
    last_x = tl.minimum(tl.maximum(right, 0.0), end_x).to(tl.int32) // _BLOCK + 1
    last_y = tl.minimum(tl.maximum(bottom, 0.0), end_y).to(tl.int32) // _BLOCK + 1
    corner_0 = marks + tl.load(square) + first_y * (columns + 1)
    corner_1 = marks + tl.load(square) + last_y * (columns + 1)
    meets = meets & there
    shown = tl.load(corner_1 + last_x, mask=meets, other=0)
    shown -= tl.load(corner_0 + last_x, mask=meets, other=0)
    shown -= tl.load(corner_1 + first_x, mask=meets, other=0)
    shown += tl.load(corner_0 + first_x, mask=meets, other=0)
    kept = there & (is_shell | partly | (shown > 0))
    code = position | (low.to(tl.int32) << 16) | (high.to(tl.int32) << 24)
    return code, u0, v0, key0, kept


@triton.jit
def _step(row, COLUMN: tl.constexpr, dx, dy):
    """How much an affine number changes by over part of a block."""
    return _number(row + COLUMN) * dx + _number(row + COLUMN + 1) * dy


@triton.jit
def _shell_keys(row, nearest, farthest, ORTHO: tl.constexpr):
    """Bounds of the keys of a sphere, wherever it is hit; the lengths of rays are per depth."""
    cx = _number(row)
    cy = _number(row + 1)
    cz = _number(row + 2)
    radius = _number(row + 3)
    if ORTHO:
        slack = _SLACK * (tl.abs(cz) + radius)
        return -(cz + radius) - slack, slack - cz
    distance = tl.sqrt(cx * cx + (cy * cy + cz * cz))
    tangent = tl.sqrt(tl.abs((radius - distance) * (radius + distance)))
    low = nearest / (radius + distance) * (1.0 - _SLACK)
    return low, farthest / tl.maximum(tangent, 1e-30) * (1.0 + _SLACK)


@triton.jit
def _lower(a, b):
    return tl.minimum(a, b)


@triton.jit
def _upper(a, b):
    return tl.maximum(a, b)


@triton.jit(
    do_not_specialize=["count", "first", "blocks_x", "width", "height", "lines", "highest"],
)
def _plan(
    frame, squares, marks, slots, joined, counts, count, first, blocks_x, width, height,
    lines, highest, start_x, start_y, step_x, step_y,
    ORTHO: tl.constexpr, SORT: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    block = first + program
    left = block % blocks_x * _COLUMNS
    top = block // blocks_x * lines
    far_x = (tl.minimum(width - left, _COLUMNS) - 1).to(tl.float32)
    far_y = (tl.minimum(height - top, lines) - 1).to(tl.float32)
    x = left.to(tl.float64) + 0.5
    y = top.to(tl.float64) + 0.5
    lane = tl.arange(0, LANES)
    there = lane < count
    position = tl.where(there, lane, 0)
    code, u, v, key, kept = _place(
        frame, squares, marks, position, there, x, y, far_x, far_y, highest, ORTHO
    )
    shown = tl.sum(kept.to(tl.int32), 0)
    tl.store(counts + program, shown)
    target = tl.cumsum(kept.to(tl.int32), 0) - 1
    listed = kept
    base = program.to(tl.int64) * count
    if SORT:
        tan_x = left.to(tl.float32) * step_x + start_x
        tan_y = top.to(tl.float32) * step_y + start_y
        end_x = tan_x + far_x * step_x
        end_y = tan_y + far_y * step_y
        near_x = tl.maximum(tl.maximum(tl.minimum(tan_x, end_x), -tl.maximum(tan_x, end_x)), 0.0)
        near_y = tl.maximum(tl.maximum(tl.minimum(tan_y, end_y), -tl.maximum(tan_y, end_y)), 0.0)
        far_tan_x = tl.maximum(tl.abs(tan_x), tl.abs(end_x))
        far_tan_y = tl.maximum(tl.abs(tan_y), tl.abs(end_y))
        nearest = tl.sqrt(near_x * near_x + (near_y * near_y + 1.0))
        farthest = tl.sqrt(far_tan_x * far_tan_x + (far_tan_y * far_tan_y + 1.0))
        row = frame + position.to(tl.int64) * ROW
        is_shell = _number(row + _IS_SHELL) > 0.0
        low, high = _shell_keys(row, nearest, farthest, ORTHO)
        middle = _at(row, _KEY, x + 0.5 * far_x, y + 0.5 * far_y)
        middle = tl.where(is_shell, 0.5 * (low + tl.minimum(high, 1e30)), middle)
        # Floats as whole numbers of the same order; the largest comes first, and of equals that
        # which the picture's order has first.
        bits = middle.to(tl.int32, bitcast=True)
        rank = -1 - tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
        rank = tl.where(kept, rank, 0x7FFFFFFF)
        packed = tl.sort((rank.to(tl.int64) << 32) | lane.to(tl.int64))
        position = tl.minimum((packed & 0xFFFF).to(tl.int32), count - 1)
        target = lane
        listed = lane < shown
        code, u, v, key, kept = _place(
            frame, squares, marks, position, there, x, y, far_x, far_y, highest, ORTHO
        )
        row = frame + position.to(tl.int64) * ROW
        is_shell = _number(row + _IS_SHELL) > 0.0
        low, high = _shell_keys(row, nearest, farthest, ORTHO)
        swaps = tl.zeros_like(lane)
        following = tl.minimum(lane + 1, LANES - 1)
        for corner in tl.static_range(4):
            here = key + _step(row, _KEY, far_x * (corner % 2), far_y * (corner // 2))
            least = tl.associative_scan(tl.where(is_shell, low, here), 0, _lower)
            here = tl.where(listed, tl.where(is_shell, high, here), -_INFINITY)
            most = tl.gather(tl.associative_scan(here, 0, _upper, reverse=True), following, 0)
            swaps |= (least < most).to(tl.int32)
        swaps = tl.where(lane + 1 < shown, swaps, 0)
        tl.store(joined + base + lane, swaps, mask=listed)
    slot = slots + (base + target) * 4
    tl.store(slot, code, mask=listed)
    tl.store(slot + 1, u.to(tl.int32, bitcast=True), mask=listed)
    tl.store(slot + 2, v.to(tl.int32, bitcast=True), mask=listed)
    tl.store(slot + 3, key.to(tl.int32, bitcast=True), mask=listed)


@triton.jit
def _over(
    red, green, blue, through, summed, most, which, r, g, b, a, depth, layer, EXTRAS: tl.constexpr
):  # fmt: skip
    """Composite a sample behind what is there."""
    weight = through * a
    red += through * r
    green += through * g
    blue += through * b
    if EXTRAS:
        summed = tl.where(weight > 0.0, summed + weight * depth, summed)
        more = weight > most
        most = tl.where(more, weight, most)
        which = tl.where(more, layer, which)
    return red, green, blue, through - weight, summed, most, which


@triton.jit(
    do_not_specialize=[
        "first", "capacity", "levels", "functions", "blocks_x", "width", "height",
    ],
    do_not_specialize_on_alignment=["values", "basis"],
)  # fmt: skip
def _composite(
    texels, places, frame, slots, joined, counts, values, basis, picture, color, depths, index,
    stats, first, capacity, levels, functions, blocks_x, width, height,
    start_x, start_y, step_x, step_y, back_red, back_green, back_blue,
    ORTHO: tl.constexpr, SHELLS: tl.constexpr, LEVELS: tl.constexpr, FUNCTIONS: tl.constexpr,
    SORT: tl.constexpr, EXTRAS: tl.constexpr, COLOR: tl.constexpr, PICTURE: tl.constexpr,
    OPAQUE: tl.constexpr, LINES: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    block = first + program
    count = tl.load(counts + program)
    base = program.to(tl.int64) * capacity
    lane_x = tl.arange(0, _COLUMNS)
    lane_y = tl.arange(0, LINES)
    column = (block % blocks_x * _COLUMNS + lane_x)[None, :]
    line = (block // blocks_x * LINES + lane_y)[:, None]
    across = lane_x[None, :].to(tl.float32)
    down = lane_y[:, None].to(tl.float32)
    tan_x = column.to(tl.float32) * step_x + start_x
    tan_y = line.to(tl.float32) * step_y + start_y
    pixels = width.to(tl.int64) * height
    here = basis
    if FUNCTIONS:
        here += line.to(tl.int64) * width + column
    through = tl.where((column < width) & (line < height), 1.0, 0.0)
    red = tl.zeros_like(through)
    green = tl.zeros_like(through)
    blue = tl.zeros_like(through)
    summed = tl.zeros_like(through)
    most = tl.zeros_like(through)
    which = tl.zeros_like(through).to(tl.int32) - 1
    at = tl.zeros_like(count)
    shining = count > 0
    while (at < count) & shining:
        last = at
        if SORT:
            while tl.load(joined + base + last) != 0:
                last += 1
        if last == at:
            r, g, b, a, depth, layer = sample(
                texels, places, frame, slots + (base + at) * 4, across, down, tan_x, tan_y,
                through > _DARK, levels, values, here, pixels, functions, ORTHO, SHELLS, LEVELS,
                FUNCTIONS, False,
            )  # fmt: skip
            red, green, blue, through, summed, most, which = _over(
                red, green, blue, through, summed, most, which, r, g, b, a, depth, layer, EXTRAS
            )
        else:
            # Each pixel takes the layer of the next smaller key, of equals the next in the list.
            before = tl.zeros_like(which) - 1
            key_before = tl.zeros_like(through) + _INFINITY
            step = at
            while step <= last:
                chosen = tl.zeros_like(which) - 1
                key_chosen = tl.zeros_like(through) - _INFINITY
                other = at
                while other <= last:
                    key = key_at(
                        frame, slots + (base + other) * 4, across, down, tan_x, tan_y, ORTHO, SHELLS
                    )
                    follows = (key < key_before) | ((key == key_before) & (other > before))
                    better = follows & (key > key_chosen)
                    chosen = tl.where(better, other, chosen)
                    key_chosen = tl.where(better, key, key_chosen)
                    other += 1
                live = (through > _DARK) & (chosen >= 0)
                slot = slots + (base + tl.maximum(chosen, at)) * 4
                r, g, b, a, depth, layer = sample(
                    texels, places, frame, slot, across, down, tan_x, tan_y, live, levels, values,
                    here, pixels, functions, ORTHO, SHELLS, LEVELS, FUNCTIONS, True,
                )  # fmt: skip
                red, green, blue, through, summed, most, which = _over(
                    red, green, blue, through, summed, most, which, r, g, b, a, depth, layer, EXTRAS
                )
                before = chosen
                key_before = key_chosen
                step += 1
        at = last + 1
        shining = tl.max(through) > _DARK
    # Not kept in registers meanwhile.
    column = (block % blocks_x * _COLUMNS + lane_x)[None, :]
    line = (block // blocks_x * LINES + lane_y)[:, None]
    inside = (column < width) & (line < height)
    at_pixel = line.to(tl.int64) * width + column
    if not FUNCTIONS:
        red *= RED_UNIT
        green *= GREEN_UNIT
        blue *= BLUE_UNIT
    through = tl.maximum(through, 0.0)
    covered = 1.0 - through
    if COLOR:
        target = color + at_pixel * 4
        tl.store(target, red, mask=inside)
        tl.store(target + 1, green, mask=inside)
        tl.store(target + 2, blue, mask=inside)
        tl.store(target + 3, covered, mask=inside)
    if EXTRAS:
        mean = tl.where(covered > 0.0, summed / tl.maximum(covered, 1e-30), 0.0)
        tl.store(depths + at_pixel, mean, mask=inside)
        tl.store(index + at_pixel, which, mask=inside)
    if PICTURE:
        if OPAQUE:
            red += through * back_red
            green += through * back_green
            blue += through * back_blue
            alpha = tl.zeros_like(which) + 255
        else:
            inverse = 1.0 / tl.maximum(covered, 1e-10)
            red *= inverse
            green *= inverse
            blue *= inverse
            alpha = byte(covered)
        tl.store(picture + at_pixel, pixel(red, green, blue, alpha), mask=inside)
    across = tl.minimum(width - block % blocks_x * _COLUMNS, _COLUMNS).to(tl.int64)
    within = across * tl.minimum(height - block // blocks_x * LINES, LINES)
    tl.atomic_add(stats, within * at)
    tl.atomic_add(stats + 1, within * count)


def lines_of(table: FrameTable, levels: bool, functions: bool) -> int:
    """Rows of a block, pixels of a thread: fewer where each needs more registers."""
    if functions or (table.shells and not table.same):
        return 2
    return 4 if levels or table.shells or not table.same else 8


def _words(values: Any) -> torch.Tensor:
    """(T n,) int32: the coefficients of a function for red, green and blue in a word."""
    words = resident(values)
    if words.shape[2] == 3:
        words = torch.nn.functional.pad(words, (0, 1))
    return words.view(torch.int32).reshape(-1)


def run(
    textures: DeviceTextures,
    geometry: Geometry,
    view: View,
    options: Options,
    wanted: Wanted,
    coefficients: Coefficients | None,
    workspace: Workspace,
) -> Composite:
    """See :func:`kernels.planes.composite.composite`.

    Colour and depth are tensors of the device, which is waited for where a picture or an index is
    wanted; the counters are on their way, and there when the picture is.
    """
    where = device()
    table = frame_table(textures, geometry, view, coefficients)
    count = len(table.rows)
    frame = to_device(table.rows.view(np.int64))
    averaged = options.mipmaps and coefficients is None and table.smaller
    highest = textures.filled[0] - 1 if averaged else 0
    levels = highest > 0
    lines = lines_of(table, levels, coefficients is not None)
    blocks_x = triton.cdiv(view.width, COLUMNS)
    blocks = blocks_x * triton.cdiv(view.height, lines)
    portion = min(blocks, max(1, SLOTS // max(count, 1)))

    def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.empty(shape, dtype=dtype, device=where)

    integer = torch.int32
    slots = empty(portion * count, 4, dtype=integer)
    counts = torch.zeros(portion, dtype=integer, device=where)
    joined = empty(0 if table.same else portion * count, dtype=integer)
    size, extras = (view.height, view.width), wanted.depth or wanted.index
    picture = empty(*(size if wanted.picture else (0,)), dtype=integer)
    color = empty(*((*size, 4) if wanted.color else (0,)))
    depth = empty(*(size if extras else (0,)))
    index = empty(*(size if extras else (0,)), dtype=integer)
    stats = torch.zeros(2, dtype=torch.int64, device=where)
    values, basis, functions = slots, depth, 0
    if coefficients is not None:
        values, functions = _words(coefficients.values), coefficients.values.shape[1]
        basis = coefficients.basis
        if not isinstance(basis, torch.Tensor):
            basis = to_device(basis)
        basis = basis.permute(2, 0, 1).contiguous()
    rays = [(0.5 - view.cx) / view.fx, (0.5 - view.cy) / view.fy, 1 / view.fx, 1 / view.fy]
    rays = [float(number) for number in rays]
    lanes = max(32, triton.next_power_of_2(count))
    for first in range(0, blocks, portion):
        grid = (min(portion, blocks - first),)
        if count:
            _plan[grid](
                frame, textures.squares, textures.marks, slots, joined, counts, count, first,
                blocks_x, view.width, view.height, lines, highest, *rays, ORTHO=view.orthographic,
                SORT=not table.same, LANES=lanes, num_warps=min(8, lanes // 32),
            )  # fmt: skip
        _composite[grid](
            textures.texels, textures.places, frame, slots, joined, counts, values, basis,
            picture, color, depth, index, stats, first, count, textures.levels, functions,
            blocks_x, view.width, view.height, *rays,
            *(float(v) for v in wanted.background or (0, 0, 0)), ORTHO=view.orthographic,
            SHELLS=table.shells, LEVELS=levels,
            FUNCTIONS=coefficients is not None, SORT=not table.same, EXTRAS=extras,
            COLOR=wanted.color, PICTURE=wanted.picture, OPAQUE=wanted.background is not None,
            LINES=lines, num_warps=1,
        )  # fmt: skip
    totals = torch.stack(
        [stats[0], count * view.width * view.height - stats[1], stats[1] - stats[0]]
    )
    counters = on_its_way(totals)
    names = ("touched", "empty", "stopped")
    return Composite(
        handed_out(picture) if wanted.picture else None,
        color if wanted.color else None,
        depth if wanted.depth else None,
        to_host(index)[0] if wanted.index else None,
        {name: cast(int, number) for name, number in zip(names, counters, strict=True)},
    )
