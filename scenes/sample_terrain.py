"""The ground of the garden: the island, the sea around it and the sky above.

Coordinates are (x, height, z), scene units are metres, the sea lies at height 0.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from scenes.sample_sheet import (
    Array,
    Patch,
    Sheet,
    grid,
    mix,
    noise,
    normal_noise,
    ramp,
    unit,
)

SUN = (-0.72, 0.52, 0.46)
PATH = np.array([[5.2, -9.2], [4.4, -6.2], [1.6, -4.2], [-1.2, -2.2], [-3.4, 0.6], [-4.2, 2.0]])
"""Corners (x, z) of the walk from the landing stage to the lighthouse."""

_FAR = 130.0


def shore(angle: Array) -> Array:
    """Distance of the waterline from the middle, by compass angle."""
    return (
        10.2
        + 1.0 * np.sin(2 * angle + 0.6)
        + 0.7 * np.sin(3 * angle - 1.1)
        + 0.35 * np.sin(7 * angle)
    ).astype(np.float32)


def inland(x: Array, z: Array) -> Array:
    """0 at the waterline, 1 in the middle, negative in the sea."""
    return (1.0 - np.hypot(x, z) / shore(np.arctan2(z, x))).astype(np.float32)


def height_at(x: Array, z: Array) -> Array:
    """Height of the ground: beach, meadow, the lighthouse's knoll, the pavilion's terrace."""
    s = inland(x, z)
    ground = 0.9 * s + 1.1 * ramp(s, 0.08, 0.55)
    flat = np.stack([x, z], 1).astype(np.float32)
    ground += (noise(flat, 5, 0.35, 3) - 0.5) * 1.1 * ramp(s, 0.05, 0.4)
    knoll = np.exp(-((x + 4.2) ** 2 + (z - 2.6) ** 2) / 5.0)
    ground += 1.3 * knoll
    terrace = ramp(np.hypot(x - 3.6, z - 0.9), 3.1, 1.9)
    return (ground + (1.75 - ground) * terrace).astype(np.float32)


def path_distance(x: Array, z: Array) -> Array:
    """Distance to the middle of the walk."""
    best = np.full(len(x), np.inf, np.float32)
    for (ax, az), (bx, bz) in pairwise(PATH):
        dx, dz = bx - ax, bz - az
        t = np.clip(((x - ax) * dx + (z - az) * dz) / (dx * dx + dz * dz), 0, 1)
        best = np.minimum(best, np.hypot(x - ax - t * dx, z - az - t * dz))
    return best


def ground_points(rng: np.random.Generator, count: int, reach: float = 1.06) -> Array:
    """(count, 3) points spread evenly over the island."""
    s, t = grid(rng, count)
    angle = 2 * np.pi * t
    radius = np.sqrt(s) * shore(angle) * reach
    x, z = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack([x, height_at(x, z), z], 1).astype(np.float32)


def ground_normals(points: Array) -> Array:
    """Normals of the ground at points on it, (n, 3)."""
    x, z, step = points[:, 0], points[:, 2], np.float32(0.05)
    dx = (height_at(x + step, z) - points[:, 1]) / step
    dz = (height_at(x, z + step) - points[:, 1]) / step
    return unit(np.stack([-dx, np.ones_like(dx), -dz], 1))


def island() -> Patch:
    """Sand, meadow, rock on the slopes and the walk."""

    def make(rng: np.random.Generator, count: int) -> Sheet:
        points = ground_points(rng, count)
        normals = ground_normals(points)
        x, z = points[:, 0], points[:, 2]
        s = inland(x, z)
        meadow = mix((0.36, 0.50, 0.20), (0.58, 0.68, 0.28), noise(points, 1, 0.9, 4))
        meadow = _blend(meadow, (0.70, 0.66, 0.34), 0.45 * ramp(noise(points, 2, 0.5), 0.55, 0.85))
        sand = mix((0.84, 0.74, 0.55), (0.93, 0.86, 0.69), noise(points, 3, 2.0))
        wet = ramp(points[:, 1], 0.12, 0.0)
        sand = _blend(sand, (0.60, 0.50, 0.36), 0.8 * wet)
        edge = s + 0.05 * (noise(points, 4, 2.2) - 0.5)
        colour = sand + (meadow - sand) * ramp(edge, 0.07, 0.12)[:, None]
        rock = mix((0.46, 0.44, 0.42), (0.66, 0.63, 0.58), noise(points, 6, 2.5, 4))
        steep = ramp(normals[:, 1], 0.80, 0.68)[:, None]
        colour = colour + (rock - colour) * steep
        walk = ramp(path_distance(x, z) + 0.25 * (noise(points, 7, 2.5) - 0.5), 0.62, 0.45)
        gravel = mix((0.74, 0.67, 0.55), (0.88, 0.82, 0.70), noise(points, 8, 8.0))
        colour = colour + (gravel - colour) * (walk * ramp(s, 0.02, 0.08))[:, None]
        # Evenly spread on the map means farther apart on a slope.
        spacing = np.sqrt(np.pi * 11.0**2 / max(count, 1) / np.maximum(normals[:, 1], 0.3))
        normals = unit(normals + 0.08 * normal_noise(rng, count))
        colour = colour.astype(np.float32)
        return Sheet(points, normals, colour, spacing.astype(np.float32), gloss=0.03)

    return Patch(300.0, make)


def _blend(colours: Array, towards: tuple[float, float, float], t: Array) -> Array:
    return (colours + (np.asarray(towards, np.float32) - colours) * t[:, None]).astype(np.float32)


def sea() -> Patch:
    """Water to the horizon, in discs that grow with the distance; sun glints on the waves."""

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        inner, outer = 6.5, _FAR
        radius = inner * (outer / inner) ** s
        angle = 2 * np.pi * t
        x, z = radius * np.cos(angle), radius * np.sin(angle)
        flat = np.stack([x, z], 1).astype(np.float32)
        slope = _wave_slopes(flat)
        calm = ramp(radius, 90.0, 10.0)[:, None]
        normals = unit(
            np.stack([-slope[:, 0], np.ones(count), -slope[:, 1]], 1) * [1, 1, 1]
            + 0.05 * calm * normal_noise(rng, count)
        )
        height = 0.02 * np.sin(1.7 * x + 0.9 * z) * ramp(radius, 60.0, 12.0)
        depth = -inland(x, z)
        colour = mix((0.48, 0.72, 0.68), (0.15, 0.47, 0.56), ramp(depth, 0.0, 0.4))
        colour = _blend(colour, (0.07, 0.30, 0.44), ramp(depth, 0.3, 2.0))
        colour = _blend(colour, (0.50, 0.65, 0.75), 0.75 * ramp(radius, 30.0, 125.0))
        tone = 0.88 + 0.24 * noise(flat, 21, 0.6, 3)
        colour = colour * (1 + (tone - 1) * ramp(radius, 110.0, 20.0))[:, None]
        surf = ramp(np.abs(depth - 0.012 - 0.03 * noise(flat, 22, 1.1)), 0.018, 0.006)
        colour = _blend(colour, (0.97, 0.98, 0.97), 0.9 * surf)
        spacing = radius * np.float32(np.sqrt(2 * np.pi * np.log(outer / inner) / max(count, 1)))
        points = np.stack([x, height, z], 1).astype(np.float32)
        return Sheet(
            points,
            normals.astype(np.float32),
            np.clip(colour, 0, 1).astype(np.float32),
            spacing.astype(np.float32),
            gloss=0.6,
            grazing=0.16,
            glow=0.45,
            casts=False,
        )

    return Patch(210.0, make)


def _wave_slopes(flat: Array) -> Array:
    """Slope of the waves in x and z, (n, 2)."""
    rng = np.random.default_rng(77)
    slope = np.zeros_like(flat)
    for index in range(9):
        angle = rng.normal(0.7, 0.7)
        direction = np.array([np.cos(angle), np.sin(angle)], np.float32)
        rate = 0.9 * 1.45**index
        phase = flat @ direction * rate + rng.uniform(0, 6.28)
        slope += np.cos(phase)[:, None] * direction * np.float32(0.07)
    return slope.astype(np.float32)


def sky() -> Patch:
    """A far dome: gradient, glow around the sun, fair-weather clouds."""

    def make(rng: np.random.Generator, count: int) -> Sheet:
        s, t = grid(rng, count)
        lowest = -0.04
        height = lowest + (1.0 - lowest) * s**1.7  # denser near the horizon, where clouds are
        ring = np.sqrt(np.maximum(0.0, 1 - height**2))
        angle = 2 * np.pi * t
        d = np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], 1).astype(np.float32)
        colour = mix((0.93, 0.88, 0.80), (0.60, 0.78, 0.92), ramp(height, -0.02, 0.30))
        colour = _blend(colour, (0.25, 0.49, 0.80), ramp(height, 0.15, 0.95))
        facing = d @ unit(SUN)
        colour = _blend(colour, (1.0, 0.93, 0.78), 0.75 * np.clip(facing, 0, 1) ** 10)
        colour = _blend(colour, (1.0, 0.99, 0.93), ramp(facing, 0.985, 0.996))
        plane = np.stack([d[:, 0], d[:, 2]], 1) / (height + 0.22)[:, None]
        puffs = noise(plane.astype(np.float32), 31, 1.25, 5)
        cloud = ramp(puffs, 0.46, 0.66) * ramp(height, 0.03, 0.14)
        shade = mix((0.80, 0.83, 0.88), (1.0, 0.99, 0.97), ramp(puffs, 0.55, 0.8))
        colour = colour + (shade - colour) * (0.85 * cloud)[:, None]
        density = 1.7 * (1.0 - lowest) * np.maximum(s, 0.02) ** 0.7
        # Smooth air needs no fine discs, but must not let the background through.
        spacing = 1.5 * _FAR * np.sqrt(2 * np.pi * density / max(count, 1))
        return Sheet(
            d * np.float32(_FAR * 1.02),
            -d,
            np.clip(colour, 0, 1).astype(np.float32),
            spacing.astype(np.float32),
            gloss=0.0,
            grazing=0.0,
            glow=1.0,
            casts=False,
        )

    return Patch(120.0, make)
