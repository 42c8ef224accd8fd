"""Samples of the ``cuda`` backend: where pixels meet layers, and what they find there.

Every function takes the slot of one layer for all pixels, or one of its own for each. A slot is
four words: the position in the table of the frame with the levels that may be needed, then U, V and
the key at the first pixel of the block (:mod:`kernels.planes.composite.device_frame`).

Bytes become floats without conversions, of which a GPU does a fourth as many as additions: between
the bits of 1.0 and the mantissa's end they are 1 + value / 2^8 or 2^16, and the ones of all four
texels are taken off at the end.
"""

from __future__ import annotations

import math

import triton
import triton.language as tl

from kernels.cuda.functions import power_of_two
from kernels.planes.composite import device_frame as frame_columns

ROW = tl.constexpr(frame_columns.ROW)
_U, _V, _KEY = (
    tl.constexpr(getattr(frame_columns, name)) for name in ("U_STEPS", "V_STEPS", "KEY_STEPS")
)
_DETAIL, _CORNER, _SIZE, _LAYER, _START, _SHELL = (
    tl.constexpr(getattr(frame_columns, name))
    for name in ("DETAIL", "CORNER", "SIZE", "LAYER", "START", "SHELL")
)
_ROUND = tl.constexpr(1.5 * 2**23)
"""Added to a float it leaves the nearest whole number in the lowest bits."""
_ROUND_BITS = tl.constexpr(0x4B400000)
_LOW, _HIGH = tl.constexpr(0x7F80), tl.constexpr(0x7F8000)
_ONE = tl.constexpr(0x3F800000)
_LOW_UNIT, _HIGH_UNIT = tl.constexpr(65536.0 / 255.0), tl.constexpr(256.0 / 255.0)
RED_UNIT, GREEN_UNIT, BLUE_UNIT = (
    tl.constexpr(side * 256.0 / 255.0**2) for side in (65536.0, 256.0, 65536.0)
)
_BORDER = tl.constexpr(-0.9999)
"""Coordinates above meet the border; at -1 rounding might miss it."""
_TURN, _HALF_TURN = tl.constexpr(0.5 / math.pi), tl.constexpr(1.0 / math.pi)
_PI, _HALF_PI, _QUARTER_PI = (tl.constexpr(math.pi / n) for n in (1, 2, 4))
_EIGHTH = tl.constexpr(math.tan(math.pi / 8))
_INFINITY = tl.constexpr(float("inf"))


@triton.jit
def pair(word):
    """A word of eight bytes as two float32."""
    low = word.to(tl.int32).to(tl.float32, bitcast=True)
    return low, (word >> 32).to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def row_of(frame, slot):
    """The row of the layer in the table of the frame."""
    return frame + (tl.load(slot) & 0xFFFF).to(tl.int64) * ROW


@triton.jit
def _affine(base, steps, across, down):
    """An affine number at pixels ``across`` and ``down`` from the first of the block."""
    step_x, step_y = pair(tl.load(steps))
    return (base.to(tl.float32, bitcast=True) + across * step_x) + down * step_y


@triton.jit
def atan2(y, x):
    """As :func:`kernels.simd_math.atan2`."""
    width = tl.abs(x)
    height = tl.abs(y)
    t = tl.minimum(width, height) / tl.maximum(tl.maximum(width, height), 1e-30)
    far = t > _EIGHTH
    t = tl.where(far, (t - 1.0) / (t + 1.0), t)
    z = t * t
    p = z * 8.05374449538e-2 - 1.38776856032e-1
    p = p * z + 1.99777106478e-1
    p = p * z - 3.33329491539e-1
    angle = p * z * t + t + tl.where(far, _QUARTER_PI, 0.0)
    angle = tl.where(height > width, _HALF_PI - angle, angle)
    angle = tl.where(x < 0.0, _PI - angle, angle)
    return tl.where(y < 0.0, -angle, angle)


@triton.jit
def _shell(row, tan_x, tan_y, ORTHO: tl.constexpr):
    """Depth of the far root of a sphere, the vector from its centre, its radius, and if hit."""
    cx, cy = pair(tl.load(row + _SHELL))
    cz, radius = pair(tl.load(row + _SHELL + 1))
    if ORTHO:
        ax = cx - tan_x
        ay = cy - tan_y
        half = cz + tl.zeros_like(ax)
        length = 1.0 + tl.zeros_like(ax)
    else:
        ax = cx + tl.zeros_like(tan_x)
        ay = cy + tl.zeros_like(tan_x)
        half = tan_x * cx + (tan_y * cy + cz)
        length = tan_x * tan_x + (tan_y * tan_y + 1.0)
    offset = ax * ax + (ay * ay + cz * cz) - radius * radius
    inside = half * half - length * offset
    depth = (half + tl.sqrt(tl.maximum(inside, 0.0))) / length
    if ORTHO:
        nx = -ax
        ny = -ay
    else:
        nx = depth * tan_x - ax
        ny = depth * tan_y - ay
    return depth, nx, ny, depth - cz, (inside >= 0.0) & (depth > 0.0)


@triton.jit
def key_at(
    frame, slot, across, down, tan_x, tan_y, ORTHO: tl.constexpr, SHELLS: tl.constexpr
):  # fmt: skip
    """The key of the order of a layer; of shells that are missed -inf."""
    row = row_of(frame, slot)
    key = _affine(tl.load(slot + 3), row + _KEY, across, down)
    if SHELLS:
        _, is_shell = pair(tl.load(row + _DETAIL))
        depth, _, _, _, hit = _shell(row, tan_x, tan_y, ORTHO)
        round_key = -depth
        if not ORTHO:
            round_key = 1.0 / depth
        curved = tl.zeros_like(key) + is_shell > 0.0
        key = tl.where(curved, tl.where(hit, round_key, -_INFINITY), key)
    return key


@triton.jit
def _byte(bits, FIELD: tl.constexpr):
    """A byte in the low or high field as 1 + value / 65536 or 256."""
    return ((bits & FIELD) | _ONE).to(tl.float32, bitcast=True)


@triton.jit
def _add_texel(texel, weight, red, green, blue, alpha):
    """Add a texel, its colour weighted with its alpha; the ones stay in the sums of colours."""
    right = texel >> 9
    left = texel << 7
    share = weight * _byte(right, _HIGH) - weight
    red += share * _byte(left, _LOW)
    green += share * _byte(left, _HIGH)
    blue += share * _byte(right, _LOW)
    return red, green, blue, alpha + share


@triton.jit
def _add_seen(texel, weight, value, basis, pixels, functions, hit, red, green, blue, alpha):
    """Add a texel whose colour depends on the direction: ``clamp(k0 + sum_n k_n H_n)``."""
    seen = hit & ((texel >> 24) != 0)
    left = tl.zeros_like(weight)
    middle = tl.zeros_like(weight)
    right = tl.zeros_like(weight)
    total = tl.zeros_like(weight)
    n = 0
    while n < functions:
        h = tl.load(basis + n * pixels, mask=seen, other=0.0)
        word = tl.load(value + n, mask=seen, other=0)
        left += h * _byte(word << 7, _LOW)
        middle += h * _byte(word << 7, _HIGH)
        right += h * _byte(word >> 9, _LOW)
        total += h
        n += 1
    # k_n is 2 value / 255 - 1.
    first = (_byte(texel << 7, _LOW) - 1.0) * _LOW_UNIT
    first += (left - total) * (2.0 * _LOW_UNIT) - total
    second = (_byte(texel << 7, _HIGH) - 1.0) * _HIGH_UNIT
    second += (middle - total) * (2.0 * _HIGH_UNIT) - total
    third = (_byte(texel >> 9, _LOW) - 1.0) * _LOW_UNIT
    third += (right - total) * (2.0 * _LOW_UNIT) - total
    share = (weight * _byte(texel >> 9, _HIGH) - weight) * _HIGH_UNIT
    red += share * tl.minimum(tl.maximum(first, 0.0), 1.0)
    green += share * tl.minimum(tl.maximum(second, 0.0), 1.0)
    blue += share * tl.minimum(tl.maximum(third, 0.0), 1.0)
    return red, green, blue, alpha + share


@triton.jit
def _bilinear(
    texels, at, u, v, live, values, start, basis, pixels, functions, FUNCTIONS: tl.constexpr,
    LIMITED: tl.constexpr,
):  # fmt: skip
    """Premultiplied colour and alpha at (u, v), coordinates of texels; outside nothing.

    With ``LIMITED`` only where ``live``. ``at`` is the place of texel (0, 0), of size and of
    stride in a table. Colours of 1 are :data:`RED_UNIT`, :data:`GREEN_UNIT` and :data:`BLUE_UNIT`
    without functions.
    """
    corner = texels + tl.load(at)
    width, height = pair(tl.load(at + 1))
    stride = tl.load(at + 2).to(tl.int32)
    hit = (u > _BORDER) & (u < width) & (v > _BORDER) & (v < height)
    if LIMITED:
        hit = hit & live
    # The nearest to a half less is the next whole number below, as a float and in the lowest bits;
    # of a whole number it may be the one before, which weights of 0 and 1 make good for.
    column = (u - 0.5) + _ROUND
    line = (v - 0.5) + _ROUND
    s = tl.where(hit, u - (column - _ROUND), 0.0)
    t = tl.where(hit, v - (line - _ROUND), 0.0)
    column = column.to(tl.int32, bitcast=True)
    line = line.to(tl.int32, bitcast=True)
    # Modulo 2^32, in which the bits above the whole numbers fall out again.
    place = line * stride + (column - _ROUND_BITS * (stride + 1))
    below = corner + stride
    first = tl.load(corner + place, mask=hit, other=0)
    second = tl.load(corner + 1 + place, mask=hit, other=0)
    third = tl.load(below + place, mask=hit, other=0)
    fourth = tl.load(below + 1 + place, mask=hit, other=0)
    lower_right = s * t
    upper_right = s - lower_right
    lower_left = t - lower_right
    upper_left = (1.0 - s) - lower_left
    red = tl.zeros_like(s)
    green = tl.zeros_like(s)
    blue = tl.zeros_like(s)
    alpha = tl.zeros_like(s)
    if FUNCTIONS:
        # Coefficients have no border.
        columns = stride - 2
        line -= _ROUND_BITS
        column -= _ROUND_BITS
        upper = tl.maximum(line, 0) * columns
        lower = tl.minimum(line + 1, height.to(tl.int32) - 1) * columns
        before = tl.maximum(column, 0)
        after = tl.minimum(column + 1, columns - 1)
        red, green, blue, alpha = _add_seen(
            first, upper_left, values + (start + (upper + before)) * functions, basis,
            pixels, functions, hit, red, green, blue, alpha,
        )  # fmt: skip
        red, green, blue, alpha = _add_seen(
            second, upper_right, values + (start + (upper + after)) * functions, basis,
            pixels, functions, hit, red, green, blue, alpha,
        )  # fmt: skip
        red, green, blue, alpha = _add_seen(
            third, lower_left, values + (start + (lower + before)) * functions, basis,
            pixels, functions, hit, red, green, blue, alpha,
        )  # fmt: skip
        red, green, blue, alpha = _add_seen(
            fourth, lower_right, values + (start + (lower + after)) * functions, basis,
            pixels, functions, hit, red, green, blue, alpha,
        )  # fmt: skip
    else:
        red, green, blue, alpha = _add_texel(first, upper_left, red, green, blue, alpha)
        red, green, blue, alpha = _add_texel(second, upper_right, red, green, blue, alpha)
        red, green, blue, alpha = _add_texel(third, lower_left, red, green, blue, alpha)
        red, green, blue, alpha = _add_texel(fourth, lower_right, red, green, blue, alpha)
        red -= alpha
        green -= alpha
        blue -= alpha
        alpha *= _HIGH_UNIT
    return red, green, blue, alpha


@triton.jit
def sample(
    texels, places, frame, slot, across, down, tan_x, tan_y, live, levels, values, basis, pixels,
    functions, ORTHO: tl.constexpr, SHELLS: tl.constexpr, LEVELS: tl.constexpr,
    FUNCTIONS: tl.constexpr, EACH: tl.constexpr,
):  # fmt: skip
    """Premultiplied colour as of :func:`_bilinear`, alpha and depth of a layer, and its number.

    ``EACH`` says that every pixel has a slot of its own, and only those count that are ``live``.
    """
    code = tl.load(slot)
    row = row_of(frame, slot)
    u = _affine(tl.load(slot + 1), row + _U, across, down)
    v = _affine(tl.load(slot + 2), row + _V, across, down)
    key = _affine(tl.load(slot + 3), row + _KEY, across, down)
    depth = -key
    if not ORTHO:
        # Half the instructions of a division; behind the eye it is not a number.
        depth = tl.rsqrt(key)
        depth *= depth
        u *= depth
        v *= depth
    detail = tl.zeros_like(key)
    if LEVELS or SHELLS:
        slope, is_shell = pair(tl.load(row + _DETAIL))
        detail += 0.5 * slope
        if LEVELS and not ORTHO:
            detail -= 1.5 * tl.log2(tl.maximum(tl.abs(key), 1e-30))
    if SHELLS:
        width, height = pair(tl.load(row + _SIZE))
        far, nx, ny, nz, met = _shell(row, tan_x, tan_y, ORTHO)
        r0, r1 = pair(tl.load(row + _SHELL + 2))
        r2, r3 = pair(tl.load(row + _SHELL + 3))
        r4, r5 = pair(tl.load(row + _SHELL + 4))
        r6, r7 = pair(tl.load(row + _SHELL + 5))
        r8, _ = pair(tl.load(row + _SHELL + 6))
        mx = nx * r0 + (ny * r1 + nz * r2)
        my = nx * r3 + (ny * r4 + nz * r5)
        mz = nx * r6 + (ny * r7 + nz * r8)
        longitude = atan2(mx, mz)
        latitude = atan2(my, tl.sqrt(mx * mx + mz * mz))
        curved = tl.zeros_like(key) + is_shell > 0.0
        u = tl.where(curved, (longitude * _TURN + 0.5) * width - 0.5, u)
        v = tl.where(curved, (latitude * _HALF_TURN + 0.5) * height - 0.5, v)
        live = live & tl.where(curved, met, depth > 0.0)
        depth = tl.where(curved, far, depth)
        detail = tl.where(curved, slope, detail)
    elif ORTHO:
        live = live & (depth > 0.0)
    layer = tl.load(row + _LAYER)
    start = layer
    if FUNCTIONS:
        start = tl.load(row + _START)
    red = tl.zeros_like(key)
    green = tl.zeros_like(key)
    blue = tl.zeros_like(key)
    alpha = tl.zeros_like(key)
    if LEVELS:
        low = (code >> 16) & 255
        high = (code >> 24) & 255
        detail = tl.minimum(tl.maximum(detail, low.to(tl.float32)), high.to(tl.float32))
        level = low
        if EACH:
            level = tl.min(low)
            high = tl.max(high)
        while level <= high:
            number = level.to(tl.float32)
            weight = tl.maximum(1.0 - tl.abs(detail - number), 0.0)
            factor = power_of_two(-level)
            r, g, b, a = _bilinear(
                texels, places + (layer * levels + level) * 3, (u + 0.5) * factor - 0.5,
                (v + 0.5) * factor - 0.5, live & (weight > 0.0), values, start, basis, pixels,
                functions, False, True,
            )  # fmt: skip
            red += weight * r
            green += weight * g
            blue += weight * b
            alpha += weight * a
            level += 1
    else:
        red, green, blue, alpha = _bilinear(
            texels, row + _CORNER, u, v, live, values, start, basis, pixels, functions, FUNCTIONS,
            EACH or ORTHO or SHELLS,
        )  # fmt: skip
    return red, green, blue, alpha, depth, layer.to(tl.int32)
