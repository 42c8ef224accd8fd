"""Shapes of procedural scenes: each returns a patch that discs can be spread over.

Coordinates are (x, height, z). ``detail`` multiplies the share of splats; further keywords go to
:class:`scenes.sample_sheet.Sheet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scenes.sample_sheet import (
    Array,
    Paint,
    Patch,
    Sheet,
    grid,
    mix,
    noise,
    normal_noise,
    painted,
    unit,
)

Vector = Sequence[float]


def _vector(values: Vector) -> Array:
    return np.asarray(values, np.float32)


def _sheet(points: Array, normals: Array, area: float, paint: Paint, look: dict[str, Any]) -> Sheet:
    spacing = float(np.sqrt(area / max(len(points), 1)))
    return Sheet(points, normals, painted(paint, points, normals), spacing, **look)


def rect(
    origin: Vector, u: Vector, v: Vector, paint: Paint, detail: float = 1.0, **look: Any
) -> Patch:
    """A parallelogram; its front is where ``cross(u, v)`` points."""
    o, a, b = _vector(origin), _vector(u), _vector(v)
    cross = np.cross(a, b)
    area = float(np.linalg.norm(cross))

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        points = o + s[:, None] * a + t[:, None] * b
        normals = np.broadcast_to(cross / area, points.shape).astype(np.float32)
        return _sheet(points, normals, area, paint, look)

    return Patch(area * detail, make)


def box(low: Vector, high: Vector, paint: Paint, detail: float = 1.0, **look: Any) -> list[Patch]:
    """The six faces of an upright box, fronts outwards."""
    lo, hi = _vector(low), _vector(high)
    x, y, z = np.diag(hi - lo)
    faces = [
        (lo, z, y), (lo + x, y, z), (lo, x, z), (lo + y, z, x), (lo, y, x), (lo + z, x, y),
    ]  # fmt: skip
    return [rect(o, u, v, paint, detail, **look) for o, u, v in faces]


def ball(
    centre: Vector,
    radius: float | Vector | Array,
    paint: Paint,
    detail: float = 1.0,
    rough: float = 0.0,
    upper: bool = False,
    **look: Any,
) -> Patch:
    """An ellipsoid, ``rough`` as a fraction of the radius; ``upper`` leaves out the lower half."""
    c, r = _vector(centre), np.broadcast_to(np.asarray(radius, np.float32), 3)
    mean = float(np.mean([r[0] * r[1], r[1] * r[2], r[0] * r[2]]))
    area = 4.0 * np.pi * mean * (0.5 if upper else 1.0)
    seed = int(1000 * abs(float(c[0])) + 77 * abs(float(c[2])))

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        height = s if upper else 2.0 * s - 1.0
        ring = np.sqrt(np.maximum(0.0, 1.0 - height * height))
        angle = 2.0 * np.pi * t
        direction = np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], 1).astype("f4")
        bulge = 1.0 + rough * (2.0 * noise(direction, seed, 2.5, 2) - 1.0)
        points = c + direction * r * bulge[:, None]
        normals = unit(direction / r + rough * 0.8 * normal_noise(rng, count))
        return _sheet(points, normals, area, paint, look)

    return Patch(area * detail, make)


def cone(
    base: Vector,
    height: float,
    bottom: float,
    top: float,
    paint: Paint,
    detail: float = 1.0,
    rough: float = 0.0,
    **look: Any,
) -> Patch:
    """An upright cone, frustum or cylinder without its ends; radii ``bottom`` and ``top``."""
    c = _vector(base)
    slant = float(np.hypot(height, bottom - top))
    area = np.pi * (bottom + top) * slant

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        if abs(bottom - top) < 1e-6:
            along = s
        else:  # radius from the inverse of the cumulative area
            radius = np.sqrt(bottom**2 + s * (top**2 - bottom**2))
            along = (bottom - radius) / (bottom - top)
        radius = bottom + (top - bottom) * along
        angle = 2.0 * np.pi * t
        cos, sin = np.cos(angle), np.sin(angle)
        points = c + np.stack([radius * cos, height * along, radius * sin], 1).astype(np.float32)
        rise = (bottom - top) / slant
        flat = height / slant
        normals = np.stack([flat * cos, np.full_like(cos, rise), flat * sin], 1)
        normals = unit(normals + rough * normal_noise(rng, count))
        points = points + rough * 0.15 * bottom * normal_noise(rng, count)
        return _sheet(points.astype(np.float32), normals, area, paint, look)

    return Patch(area * detail, make)


def disc(
    centre: Vector, radius: float, paint: Paint, detail: float = 1.0, hole: float = 0.0, **look: Any
) -> Patch:
    """A level disc or ring that faces up."""
    c = _vector(centre)
    area = np.pi * (radius**2 - hole**2)

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        r = np.sqrt(hole**2 + s * (radius**2 - hole**2))
        points = c + np.stack(
            [r * np.cos(2 * np.pi * t), np.zeros_like(r), r * np.sin(2 * np.pi * t)], 1
        ).astype(np.float32)
        normals = np.tile(np.array([0, 1, 0], np.float32), (count, 1))
        return _sheet(points, normals, area, paint, look)

    return Patch(area * detail, make)


def torus(
    centre: Vector, radius: float, tube: float, paint: Paint, detail: float = 1.0, **look: Any
) -> Patch:
    """A level ring of round section."""
    c = _vector(centre)
    area = 4.0 * np.pi**2 * radius * tube

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        a, b = 2 * np.pi * s, 2 * np.pi * t
        normals = np.stack([np.cos(b) * np.cos(a), np.sin(b), np.cos(b) * np.sin(a)], 1)
        around = np.stack([np.cos(a), np.zeros_like(a), np.sin(a)], 1)
        points = (c + radius * around + tube * normals).astype(np.float32)
        return _sheet(points, normals.astype(np.float32), area, paint, look)

    return Patch(area * detail, make)


def foliage(
    centre: Vector, radius: float, dark: Vector, light: Vector, seed: int, detail: float = 1.0
) -> Patch:
    """A bushy crown: a shell of leaves, lighter outside than inside."""
    c = _vector(centre)
    area = 4.0 * np.pi * radius**2 * 1.5

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        height = 2.0 * s - 1.0
        ring = np.sqrt(np.maximum(0.0, 1.0 - height * height))
        angle = 2.0 * np.pi * t
        direction = np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], 1).astype("f4")
        lumps = noise(direction, seed, 4.0, 3)
        depth = rng.random(count, dtype=np.float32) ** 2
        reach = radius * (0.74 + 0.42 * lumps - 0.22 * depth)
        points = c + direction * reach[:, None] * np.array([1.0, 0.86, 1.0], np.float32)
        normals = unit(direction + 0.55 * normal_noise(rng, count))
        tone = np.clip(lumps * 0.9 - 0.5 * depth + 0.25 * rng.random(count) + 0.1, 0, 1)
        albedo = mix(dark, light, tone.astype(np.float32))
        spacing = float(np.sqrt(area / max(count, 1)))
        return Sheet(points.astype(np.float32), normals, albedo, spacing, gloss=0.05, wrap=0.45)

    return Patch(area * detail, make)


def blades(
    roots: Array, length: float, width: float, colours: Array, weight: float, lean: float = 0.35
) -> Patch:
    """Thin upright leaves that stand on given points; colours (n, 3) go with the points."""

    def make(rng: np.random.Generator, count: int) -> Sheet:
        index = rng.integers(0, len(roots), count)
        up = unit(np.array([0, 1, 0], np.float32) + lean * normal_noise(rng, count))
        size = length * np.exp(0.25 * rng.standard_normal(count, dtype=np.float32))
        spread = 0.35 * length * normal_noise(rng, count) * np.array([1, 0, 1], np.float32)
        points = roots[index] + spread + up * size[:, None]
        side = unit(np.cross(up, normal_noise(rng, count)))
        tone = 0.85 + 0.4 * rng.random((count, 1), dtype=np.float32)
        # A few thick blades when there are few, many thin ones when there are many.
        thick = np.float32(width * np.clip(np.sqrt(30_000 / max(count, 1)), 0.6, 6.0))
        return Sheet(
            points.astype(np.float32),
            side,
            np.clip(colours[index] * tone, 0, 1).astype(np.float32),
            np.full(count, thick, np.float32),
            wrap=0.7,
            tangents=up,
            stretch=min(12.0, 0.5 * length / float(thick)),
            casts=False,
        )

    return Patch(weight, make)
