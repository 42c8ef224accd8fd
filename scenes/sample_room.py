"""The room: furnished, with the evening sun falling in through a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scenes.sample_bake import Light
from scenes.sample_shapes import Vector, ball, blades, box, cone, disc, foliage, rect, torus
from scenes.sample_sheet import Array, Paint, Patch, Sheet, mix, mottled, noise, ramp

VIEW: dict[str, Any] = {
    "eye": [-2.9, -1.75, -2.75],
    "target": [0.75, -0.85, 0.75],
    "up": [0.0, -1.0, 0.0],
    "fov_y": 58.0,
}

LIGHT = Light(
    sun=(0.80, 0.46, -0.26),
    sun_colour=(3.4, 2.7, 1.8),
    sky_colour=(0.70, 0.70, 0.72),
    ground_colour=(0.62, 0.55, 0.47),
    region=((0.0, 1.3, 0.0), 5.4),
    sky_directions=20,
)

X, Z, H = 3.8, 3.2, 2.8
"""Half width, half depth and height of the room, metres."""

_WOOD = mottled((0.40, 0.25, 0.14), (0.58, 0.39, 0.23), 11, 5.0)
_OAK = mottled((0.66, 0.50, 0.33), (0.80, 0.64, 0.45), 12, 5.0)
_WHITE = mottled((0.88, 0.87, 0.84), (0.94, 0.93, 0.90), 13, 1.5)


def patches() -> list[Patch]:
    """Everything in the room."""
    return [
        *_shell(),
        *_window(),
        *_table(),
        *_sofa(),
        *_shelf(),
        *_plant(),
        *_lamp(),
        *_low_table(),
    ]


def _shell() -> list[Patch]:
    """Floor, ceiling and walls. They keep the sun out but not the light of the sky: a closed box
    would be dark inside, where real rooms are lit by what comes back from the walls."""
    walls = [
        rect((-X, 0, Z), (2 * X, 0, 0), (0, 0, -2 * Z), _floor, 1.6, gloss=0.16, grazing=0.06),
        # Ceiling and window wall reach over the corners, so that no sun comes in there.
        rect((-X, H, -Z), (2 * X + 0.2, 0, 0), (0, 0, 2 * Z), _WHITE, 0.6),
        rect((-X, 0, Z), (0, H, 0), (2 * X, 0, 0), _wall, 1.1),
        rect((-X, 0, -Z), (2 * X, 0, 0), (0, H, 0), _wall, 0.8),
        rect((-X, 0, -Z), (0, H, 0), (0, 0, 2 * Z), _wall, 1.0),
        # The wall with the window, in four pieces around the opening.
        rect((X, 0, -Z - 0.3), (0, 0, 2 * Z + 0.6), (0, 0.8, 0), _wall, 1.0),
        rect((X, 2.35, -Z - 0.3), (0, 0, 2 * Z + 0.6), (0, H - 1.85, 0), _wall, 1.0),
        rect((X, 0.8, -Z - 0.3), (0, 0, Z - 1.2), (0, 1.55, 0), _wall, 1.0),
        rect((X, 0.8, 1.3), (0, 0, Z - 1.0), (0, 1.55, 0), _wall, 1.0),
        rect((-1.9, 0.012, 1.25), (3.5, 0, 0), (0, 0, -2.3), _rug, 2.0, gloss=0.0),
    ]
    skirting = [
        *box((-X, 0, Z - 0.03), (X, 0.12, Z), _WHITE),
        *box((-X, 0, -Z), (-X + 0.03, 0.12, Z), _WHITE),
        *box((X - 0.03, 0, -Z), (X, 0.12, Z), _WHITE),
    ]
    return [_hull(patch) for patch in walls] + skirting


def _hull(patch: Patch) -> Patch:
    def make(rng: np.random.Generator, count: int) -> Sheet:
        return replace(patch.make(rng, count), shades_sky=False, thick=0.25)

    return Patch(patch.weight, make)


def _floor(points: Array, normals: Array) -> Array:
    plank = np.floor(points[:, 2] / 0.16)
    board = np.floor((points[:, 0] + plank * 0.73) / 1.3)
    tone = (np.sin(plank * 12.9898 + board * 78.233) * 43758.5453) % 1.0
    grain = noise(points * np.array([1.0, 0.0, 16.0], np.float32), 21, 2.0, 3)
    colour = mix((0.46, 0.30, 0.18), (0.72, 0.51, 0.32), (0.45 * tone + 0.55 * grain).astype("f4"))
    across, along = points[:, 2] / 0.16, (points[:, 0] + plank * 0.73) / 1.3
    seam = np.minimum(
        np.abs(across - np.round(across)) * 0.16, np.abs(along - np.round(along)) * 1.3
    )
    return colour * (0.62 + 0.38 * ramp(seam, 0.0, 0.008))[:, None]


def _rug(points: Array, normals: Array) -> Array:
    x, z = (points[:, 0] + 0.15) / 1.75, (points[:, 2] - 0.1) / 1.15
    rim = np.maximum(np.abs(x), np.abs(z))
    diamond = (np.abs(x * 3.5) + np.abs(z * 2.3)) % 1.0
    colour = mix((0.55, 0.16, 0.15), (0.70, 0.26, 0.20), noise(points, 22, 6.0))
    colour = np.where((np.abs(diamond - 0.5) < 0.09)[:, None], (0.88, 0.76, 0.55), colour)
    colour = np.where((rim > 0.84)[:, None], (0.16, 0.22, 0.36), colour)
    colour = np.where((np.abs(rim - 0.89) < 0.018)[:, None], (0.88, 0.76, 0.55), colour)
    return (colour * (0.85 + 0.3 * noise(points, 23, 30.0, 2))[:, None]).astype(np.float32)


def _wall(points: Array, normals: Array) -> Array:
    colour = mix((0.72, 0.77, 0.72), (0.78, 0.82, 0.77), noise(points, 24, 1.2))
    panel = points[:, 1] < 0.95
    colour = np.where(panel[:, None], (0.90, 0.89, 0.85), colour)
    rail = np.abs(points[:, 1] - 0.95) < 0.03
    groove = (np.abs((points[:, 0] + points[:, 2]) % 0.4 - 0.2) < 0.006) & panel
    colour = np.where(rail[:, None], (0.97, 0.96, 0.93), colour)
    return np.where(groove[:, None], (0.74, 0.73, 0.70), colour).astype(np.float32)


def _window() -> list[Patch]:
    """Frame, bars, sill, curtains and what is outside."""
    bar = _WHITE
    parts = [
        *box((X - 0.06, 0.76, -1.6), (X + 0.1, 0.84, 1.4), bar, 1.5, gloss=0.2),
        *box((X - 0.03, 2.31, -1.55), (X + 0.06, 2.39, 1.35), bar, 1.5),
        *box((X - 0.02, 1.62, -1.5), (X + 0.03, 1.67, 1.3), bar, 2.0),
        *box((X - 0.08, 0.72, -1.65), (X + 0.02, 0.77, 1.45), bar, 1.5, gloss=0.2),
    ]
    for z in (-1.5, -0.82, -0.12, 0.58, 1.28):
        parts += box((X - 0.03, 0.8, z - 0.025), (X + 0.05, 2.35, z + 0.025), bar, 1.5)
    parts += [_curtain(-2.1, -1.35), _curtain(1.15, 1.95)]
    parts.append(cone_rod((X - 0.14, 2.5, -2.3), (0, 0, 4.4), 0.02, (0.5, 0.36, 0.2)))
    return [*parts, _view()]


def cone_rod(origin: Vector, along: Vector, radius: float, colour: tuple[float, ...]) -> Patch:
    """A level round rod."""
    o, a = np.asarray(origin, np.float32), np.asarray(along, np.float32)
    length = float(np.linalg.norm(a))

    def make(rng: np.random.Generator, count: int) -> Sheet:
        upright = cone((0, 0, 0), length, radius, radius, (1, 1, 1)).make(rng, count)
        turn = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], np.float32)
        points = upright.points @ turn + o
        albedo = np.broadcast_to(np.asarray(colour, np.float32), points.shape)
        return replace(upright, points=points, normals=upright.normals @ turn, albedo=albedo)

    return Patch(2 * np.pi * radius * length * 3.0, make)


def _curtain(first: float, last: float) -> Patch:
    def make(rng: np.random.Generator, count: int) -> Sheet:
        base = rect((0, 0.35, 0), (0, 2.15, 0), (0, 0, 1), (1, 1, 1)).make(rng, count)
        z = first + (last - first) * base.points[:, 2]
        fold = 11.0 * 2 * np.pi * base.points[:, 2]
        x = X - 0.14 + 0.045 * np.sin(fold)
        slope = 0.045 * np.cos(fold) * 11.0 * 2 * np.pi / (last - first)
        points = np.stack([x, base.points[:, 1], z], 1).astype(np.float32)
        normals = np.stack([-np.ones_like(x), np.zeros_like(x), slope], 1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        colour = mix((0.80, 0.62, 0.42), (0.93, 0.80, 0.60), noise(points, 31, 4.0))
        spacing = float(np.sqrt(2.15 * (last - first) * 2.4 / max(count, 1)))
        return Sheet(points, normals.astype("f4"), colour, spacing, wrap=0.5, shades_sky=False)

    return Patch(2.15 * (last - first) * 2.0, make)


def _view() -> Patch:
    """Hills and an evening sky, far enough to move behind the window."""

    def paint(points: Array, normals: Array) -> Array:
        height, along = points[:, 1], points[:, 2]
        colour = mix((0.99, 0.86, 0.66), (0.56, 0.74, 0.92), ramp(height, 1.5, 7.5))
        flat = np.stack([along * 0.5, np.zeros_like(along)], 1).astype(np.float32)
        far = 1.6 + 1.3 * noise(flat, 41, 0.7, 3)
        near = 0.5 + 1.2 * noise(flat, 42, 1.1, 4)
        colour = np.where((height < far)[:, None], (0.55, 0.66, 0.72), colour)
        trees = mix((0.28, 0.44, 0.20), (0.50, 0.62, 0.30), noise(points, 43, 2.5, 3))
        return np.where((height < near)[:, None], trees, colour).astype(np.float32)

    look: dict[str, Any] = {"glow": 1.0, "gloss": 0.0, "grazing": 0.0, "casts": False}
    return rect((12, -5, -11), (0, 0, 26), (0, 15, 0), paint, 0.03, **look)


def _legs(xs: Sequence[float], zs: Sequence[float], top: float, radius: float) -> list[Patch]:
    return [cone((x, 0, z), top, radius * 0.8, radius, _WOOD, 2.0) for x in xs for z in zs]


def _table() -> list[Patch]:
    """A round table with fruit, a vase and two chairs."""
    x, z = 1.75, 0.35
    fruit: list[tuple[Vector, float, Paint]] = [
        ((x - 0.12, 0.86, z - 0.05), 0.075, mottled((0.80, 0.14, 0.10), (0.93, 0.45, 0.16), 51, 9)),
        ((x + 0.05, 0.86, z - 0.09), 0.075, mottled((0.55, 0.68, 0.16), (0.78, 0.80, 0.28), 52, 9)),
        ((x - 0.03, 0.86, z + 0.09), 0.075, mottled((0.93, 0.55, 0.12), (0.98, 0.70, 0.20), 53, 9)),
        ((x + 0.0, 0.95, z - 0.01), 0.07, mottled((0.75, 0.12, 0.10), (0.90, 0.35, 0.14), 54, 9)),
    ]
    parts = [
        disc((x, 0.76, z), 0.72, _OAK, 2.0, gloss=0.3, grazing=0.1),
        cone((x, 0.72, z), 0.04, 0.72, 0.72, _OAK, 2.0),
        disc((x, 0.72, z), 0.72, _WOOD, 0.5),
        cone((x, 0.04, z), 0.68, 0.07, 0.07, _WOOD, 2.0),
        cone((x, 0.0, z), 0.05, 0.38, 0.3, _WOOD, 1.5),
        cone((x - 0.02, 0.765, z), 0.09, 0.1, 0.24, (0.90, 0.90, 0.93), 3.0, gloss=0.5),
        *[ball(centre, radius, paint, 4.0, gloss=0.4) for centre, radius, paint in fruit],
        cone((x + 0.36, 0.76, z + 0.26), 0.24, 0.055, 0.1, (0.16, 0.34, 0.56), 4.0, gloss=0.8),
        cone((x + 0.36, 1.0, z + 0.26), 0.12, 0.1, 0.05, (0.16, 0.34, 0.56), 4.0, gloss=0.8),
    ]
    for index, colours in enumerate(
        (
            ((0.85, 0.45, 0.55), (0.98, 0.80, 0.84)),
            ((0.92, 0.75, 0.35), (0.99, 0.92, 0.70)),
            ((0.80, 0.35, 0.45), (0.97, 0.72, 0.76)),
        )
    ):
        angle = 2.1 * index
        centre = (
            x + 0.36 + 0.1 * np.cos(angle),
            1.25 + 0.05 * index,
            z + 0.26 + 0.1 * np.sin(angle),
        )
        parts.append(foliage(centre, 0.1, *colours, seed=60 + index, detail=5.0))
    return parts + _chair(0.75, 0.2, -1.0) + _chair(2.05, -0.75, 0.0)


def _chair(x: float, z: float, side: float) -> list[Patch]:
    """A chair whose back is towards -x (``side`` -1) or -z (0)."""
    parts = [
        *_legs((x - 0.19, x + 0.19), (z - 0.19, z + 0.19), 0.44, 0.025),
        *box((x - 0.22, 0.43, z - 0.22), (x + 0.22, 0.48, z + 0.22), _fabric(71), 1.6),
    ]
    for offset in (-0.19, 0.0, 0.19):
        px, pz = (x - 0.2, z + offset) if side else (x + offset, z - 0.2)
        parts.append(cone((px, 0.46, pz), 0.5, 0.022, 0.018, _WOOD, 3.0))
    low = (x - 0.225, 0.9, z - 0.22) if side else (x - 0.22, 0.9, z - 0.225)
    high = (x - 0.175, 1.0, z + 0.22) if side else (x + 0.22, 1.0, z - 0.175)
    return parts + box(low, high, _WOOD, 2.0)


def _fabric(seed: int) -> Paint:
    return mottled((0.22, 0.36, 0.44), (0.36, 0.52, 0.58), seed, 14.0)


def _sofa() -> list[Patch]:
    cloth = mottled((0.20, 0.34, 0.42), (0.32, 0.47, 0.54), 81, 9.0)
    x, z = -0.2, 2.35
    parts = [
        *box((x - 1.15, 0.12, z - 0.4), (x + 1.15, 0.34, z + 0.5), cloth),
        *box((x - 1.3, 0.12, z - 0.42), (x - 1.08, 0.62, z + 0.5), cloth, 1.2),
        *box((x + 1.08, 0.12, z - 0.42), (x + 1.3, 0.62, z + 0.5), cloth, 1.2),
        *_legs((x - 1.2, x + 1.2), (z - 0.32, z + 0.4), 0.13, 0.04),
    ]
    for cx in (-0.72, 0.0, 0.72):
        parts.append(ball((x + cx, 0.42, z), (0.39, 0.13, 0.43), cloth, 1.4, rough=0.04))
        parts.append(ball((x + cx, 0.72, z + 0.36), (0.38, 0.32, 0.17), cloth, 1.4, rough=0.04))
    mustard = mottled((0.85, 0.60, 0.20), (0.95, 0.75, 0.35), 82, 9)
    brick = mottled((0.72, 0.28, 0.20), (0.86, 0.45, 0.32), 83, 9)
    parts.append(ball((x - 0.85, 0.68, z + 0.1), (0.23, 0.21, 0.1), mustard, 2.0))
    parts.append(ball((x + 0.85, 0.68, z + 0.12), (0.23, 0.21, 0.1), brick, 2.0))
    for px, width, seed in ((-0.95, 0.42, 1), (0.1, 0.6, 2), (1.1, 0.36, 3)):
        parts += _picture(x + px, 1.72, width, seed)
    return parts


def _picture(x: float, y: float, size: float, seed: int) -> list[Patch]:
    def art(points: Array, normals: Array) -> Array:
        u, v = (points[:, 0] - x) / size, (points[:, 1] - y) / size
        sky = mix((0.96, 0.78, 0.52), (0.35, 0.55, 0.75), ramp(v, -0.2, 0.5))
        disc_ = np.hypot(u - 0.12 * seed + 0.25, v - 0.1) < 0.11
        hills = v < 0.12 * np.sin(5 * u + 2 * seed) - 0.12
        front = v < 0.09 * np.sin(7 * u - seed) - 0.28
        colour = np.where(disc_[:, None], (0.98, 0.93, 0.80), sky)
        colour = np.where(hills[:, None], (0.26, 0.44, 0.46), colour)
        return np.where(front[:, None], (0.13, 0.26, 0.30), colour).astype(np.float32)

    half = 0.5 * size
    frame = box(
        (x - half - 0.04, y - half - 0.04, Z - 0.05),
        (x + half + 0.04, y + half + 0.04, Z),
        _OAK,
        2.0,
    )
    canvas = rect((x - half, y - half, Z - 0.06), (0, size, 0), (size, 0, 0), art, 4.0)
    return [*frame, canvas]


def _shelf() -> list[Patch]:
    """Shelves of books along the left wall."""
    parts = [
        *box((-X + 0.02, 0.0, 0.1), (-X + 0.34, 2.1, 0.14), _OAK, 1.3),
        *box((-X + 0.02, 0.0, 2.26), (-X + 0.34, 2.1, 2.3), _OAK, 1.3),
    ]
    rng = np.random.default_rng(5)
    palette = ((0.60, 0.20, 0.16), (0.20, 0.34, 0.46), (0.80, 0.66, 0.38), (0.30, 0.44, 0.30),
               (0.86, 0.82, 0.74), (0.42, 0.26, 0.34), (0.78, 0.46, 0.24))  # fmt: skip
    for level in range(5):
        y = 0.08 + 0.5 * level
        parts += box((-X + 0.02, y, 0.14), (-X + 0.34, y + 0.03, 2.26), _OAK, 1.3)
        z = 0.17
        while z < 2.15 and level < 4:
            thick = rng.uniform(0.03, 0.065)
            if rng.random() < 0.9:
                high, deep = rng.uniform(0.26, 0.4), rng.uniform(0.2, 0.27)
                colour = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.85, 1.1)
                paint = mottled(colour * 0.9, np.minimum(colour * 1.05, 1), int(rng.integers(999)))
                low = (-X + 0.04, y + 0.03, z)
                parts += box(low, (-X + 0.04 + deep, y + 0.03 + high, z + thick), paint, 1.4)
            z += thick + 0.004
    return parts


def _plant() -> list[Patch]:
    """A palm in a pot, in the corner by the window."""
    x, z = 3.05, 2.45
    pot = mottled((0.70, 0.38, 0.26), (0.82, 0.50, 0.36), 91, 5.0)
    parts = [
        cone((x, 0, z), 0.42, 0.2, 0.28, pot, 2.0),
        torus((x, 0.42, z), 0.27, 0.03, pot, 2.0),
        disc((x, 0.39, z), 0.26, (0.24, 0.17, 0.12), 2.0),
    ]
    rng = np.random.default_rng(92)
    for _ in range(17):
        angle, lift, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.3), rng.uniform(0.4, 0.8)
        t = np.linspace(0, 1, 60)[:, None]
        tip = np.array([reach * np.cos(angle), 0.0, reach * np.sin(angle)])
        stem = (
            np.array([x, 0.4, z]) + t * tip + np.array([0, 1, 0]) * lift * (1.9 * t - 1.0 * t * t)
        )
        stem[:, 0] = np.minimum(stem[:, 0], X - 0.2)
        stem[:, 2] = np.minimum(stem[:, 2], Z - 0.1)
        green = mix((0.12, 0.30, 0.12), (0.42, 0.60, 0.24), t[:, 0].astype("f4"))
        parts.append(blades(stem.astype("f4"), 0.13, 0.012, green, 0.16, lean=0.9))
    return parts


def _lamp() -> list[Patch]:
    """A standing lamp beside the sofa and a pendant above the table."""
    brass = (0.72, 0.56, 0.30)
    x, z = -1.95, 2.5
    return [
        cone((x, 0, z), 0.04, 0.17, 0.15, brass, 2.0, gloss=0.5),
        cone((x, 0.04, z), 1.45, 0.016, 0.014, brass, 4.0, gloss=0.6),
        cone((x, 1.42, z), 0.3, 0.24, 0.15, (0.99, 0.90, 0.70), 2.0, glow=0.75),
        cone((1.75, 1.9, 0.35), 0.2, 0.26, 0.05, (0.20, 0.36, 0.36), 2.0, gloss=0.5),
        ball((1.75, 1.93, 0.35), 0.08, (1.0, 0.95, 0.80), 3.0, glow=1.0),
        cone((1.75, 2.1, 0.35), 0.7, 0.008, 0.008, (0.15, 0.15, 0.15), 6.0),
    ]


def _low_table() -> list[Patch]:
    x, z = -0.3, 0.45
    glaze = mottled((0.2, 0.5, 0.5), (0.4, 0.7, 0.6), 7)
    return [
        *box((x - 0.55, 0.36, z - 0.3), (x + 0.55, 0.4, z + 0.3), _WOOD, 2.0, gloss=0.25),
        *_legs((x - 0.48, x + 0.48), (z - 0.24, z + 0.24), 0.36, 0.03),
        *box((x - 0.35, 0.4, z - 0.12), (x - 0.05, 0.44, z + 0.12), (0.70, 0.30, 0.22), 3.0),
        *box((x - 0.32, 0.44, z - 0.1), (x - 0.06, 0.47, z + 0.11), (0.20, 0.36, 0.44), 3.0),
        cone((x + 0.25, 0.4, z - 0.05), 0.1, 0.04, 0.05, (0.93, 0.91, 0.86), 5.0, gloss=0.5),
        torus((x + 0.25, 0.5, z - 0.05), 0.047, 0.006, (0.93, 0.91, 0.86), 6.0, gloss=0.5),
        disc((x + 0.25, 0.485, z - 0.05), 0.045, (0.28, 0.15, 0.08), 5.0, gloss=0.6),
        torus((x + 0.02, 0.43, z + 0.17), 0.08, 0.03, glaze, 5.0, gloss=0.6),
    ]
