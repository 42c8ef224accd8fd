"""The garden: an island with a lighthouse, a pavilion, trees and flowers in an afternoon sea."""

from __future__ import annotations

from typing import Any

import numpy as np

from scenes.sample_bake import Light
from scenes.sample_shapes import ball, blades, box, cone, disc, foliage, torus
from scenes.sample_sheet import Array, Paint, Patch, Sheet, mix, mottled, noise, normal_noise, ramp
from scenes.sample_terrain import (
    SUN,
    ground_normals,
    ground_points,
    height_at,
    inland,
    island,
    path_distance,
    sea,
    shore,
    sky,
)

VIEW: dict[str, Any] = {
    "eye": [13.0, -6.4, -19.0],
    "target": [-0.2, -3.0, 0.6],
    "up": [0.0, -1.0, 0.0],
    "fov_y": 42.0,
}

LIGHT = Light(
    sun=SUN,
    sun_colour=(1.55, 1.36, 1.06),
    sky_colour=(0.66, 0.74, 0.90),
    ground_colour=(0.54, 0.50, 0.42),
    region=((0.0, 2.5, 0.0), 13.5),
)

_LIGHTHOUSE = (-4.2, 2.6)
_PAVILION = (3.6, 0.9)
_WOOD = mottled((0.45, 0.33, 0.22), (0.60, 0.46, 0.32), 41, 5.0)
_STONE = mottled((0.58, 0.55, 0.51), (0.76, 0.72, 0.66), 42, 3.0)


def _ground(x: float, z: float) -> float:
    return float(height_at(np.array([x], np.float32), np.array([z], np.float32))[0])


def patches() -> list[Patch]:
    """Everything in the scene."""
    return [
        island(),
        sea(),
        sky(),
        *_lighthouse(),
        *_pavilion(),
        *_trees(),
        *_rocks(),
        *_landing(),
        *_far_islands(),
        _grass(),
        *_flowers(),
    ]


def _lighthouse() -> list[Patch]:
    x, z = _LIGHTHOUSE
    y = _ground(x, z) - 0.25

    def bands(points: Array, normals: Array) -> Array:
        height = points[:, 1] - y
        white = mix((0.93, 0.91, 0.86), (0.99, 0.98, 0.95), noise(points, 51, 2.0))
        red = mix((0.72, 0.15, 0.12), (0.82, 0.22, 0.16), noise(points, 52, 2.0))
        colour = np.where(((height / 0.98).astype(int) % 2 == 1)[:, None], red, white)
        angle = np.arctan2(points[:, 2] - z, points[:, 0] - x)
        door = (np.abs(angle + 1.0) < 0.26) & (height < 1.25)
        panes = (np.abs(np.abs(angle + 1.0) - 0.02) < 0.13) & (np.abs(height % 1.6 - 0.8) < 0.24)
        colour = np.where((panes & (height > 1.7))[:, None], (0.16, 0.22, 0.30), colour)
        return np.where(door[:, None], (0.22, 0.36, 0.40), colour).astype(np.float32)

    metal = (0.28, 0.30, 0.33)
    parts = [
        cone((x, y, z), 0.5, 1.55, 1.45, _STONE, 1.3),
        disc((x, y + 0.5, z), 1.45, _STONE, 1.2, hole=1.0),
        cone((x, y + 0.3, z), 4.8, 1.1, 0.72, bands, 2.4, gloss=0.12),
        cone((x, y + 5.00, z), 0.22, 0.75, 1.12, (0.90, 0.88, 0.84), 2.0),
        disc((x, y + 5.22, z), 1.12, (0.55, 0.55, 0.56), 2.0),
        torus((x, y + 5.68, z), 1.06, 0.028, metal, 6.0, gloss=0.4),
        torus((x, y + 5.48, z), 1.06, 0.018, metal, 6.0, gloss=0.4),
        cone((x, y + 5.22, z), 0.3, 0.62, 0.62, (0.93, 0.91, 0.87), 2.0),
        cone((x, y + 5.52, z), 0.75, 0.56, 0.56, _glass(x, z), 3.0, gloss=0.6, grazing=0.3),
        ball((x, y + 5.90, z), 0.22, (1.0, 0.93, 0.66), 3.0, glow=1.0, casts=False),
        cone((x, y + 6.27, z), 0.12, 0.76, 0.72, metal, 2.0),
        cone((x, y + 6.35, z), 0.72, 0.74, 0.05, (0.74, 0.17, 0.13), 2.4, gloss=0.3),
        ball((x, y + 7.12, z), 0.09, metal, 4.0, gloss=0.5),
    ]
    for angle in np.arange(16) * (2 * np.pi / 16):
        post = (x + 1.06 * np.cos(angle), y + 5.22, z + 1.06 * np.sin(angle))
        parts.append(cone(post, 0.46, 0.02, 0.02, metal, 6.0))
    return parts


def _glass(x: float, z: float) -> Paint:
    def paint(points: Array, normals: Array) -> Array:
        angle = np.arctan2(points[:, 2] - z, points[:, 0] - x)
        bars = np.abs((angle * 8 / np.pi) % 2 - 1) > 0.86
        clear = mix((0.98, 0.86, 0.55), (0.72, 0.86, 0.92), ramp(np.sin(angle + 2), -0.6, 0.8))
        return np.where(bars[:, None], (0.2, 0.22, 0.25), clear).astype(np.float32)

    return paint


def _pavilion() -> list[Patch]:
    x, z = _PAVILION
    y = _ground(x, z)
    marble = mottled((0.88, 0.85, 0.79), (0.97, 0.95, 0.90), 61, 3.0)

    def tiles(points: Array, normals: Array) -> Array:
        angle = np.arctan2(points[:, 2] - z, points[:, 0] - x)
        rows = np.sin(points[:, 1] * 38.0) * 0.5 + 0.5
        ribs = np.abs(np.sin(4 * angle)) ** 40
        colour = mix(
            (0.16, 0.42, 0.42), (0.25, 0.58, 0.55), 0.6 * rows + 0.4 * noise(points, 62, 4)
        )
        return colour * (1 - 0.35 * ribs)[:, None]

    def floor(points: Array, normals: Array) -> Array:
        angle = np.arctan2(points[:, 2] - z, points[:, 0] - x)
        radius = np.hypot(points[:, 2] - z, points[:, 0] - x)
        check = (np.floor(angle * 8 / np.pi) + np.floor(radius * 2.6)) % 2
        return mix((0.90, 0.86, 0.78), (0.66, 0.52, 0.42), check.astype(np.float32))

    parts = [
        cone((x, y - 0.35, z), 0.5, 2.35, 2.35, _STONE, 1.2),
        disc((x, y + 0.15, z), 2.35, _STONE, 1.2, hole=2.05),
        cone((x, y + 0.15, z), 0.14, 2.05, 2.05, marble, 1.2),
        disc((x, y + 0.29, z), 2.05, floor, 1.5, gloss=0.15),
        cone((x, y + 2.5, z), 0.24, 1.98, 2.02, marble, 1.5),
        disc((x, y + 2.74, z), 2.42, marble, 1.0, hole=1.7),
        cone((x, y + 2.72, z), 0.12, 2.42, 2.38, (0.86, 0.70, 0.35), 1.8, gloss=0.4),
        cone((x, y + 2.8, z), 1.25, 2.4, 0.22, tiles, 1.8, gloss=0.28),
        ball((x, y + 4.16, z), 0.2, (0.92, 0.74, 0.36), 3.0, gloss=0.6),
        cone((x, y + 4.3, z), 0.4, 0.05, 0.01, (0.92, 0.74, 0.36), 4.0, gloss=0.6),
        cone((x, y + 0.29, z), 0.42, 0.3, 0.2, marble, 2.0),
        disc((x, y + 0.86, z), 0.62, marble, 2.0),
        cone((x, y + 0.71, z), 0.15, 0.2, 0.62, marble, 2.0),
        ball((x, y + 1.0, z), 0.26, (0.45, 0.70, 0.80), 3.0, gloss=0.9, grazing=0.2),
    ]
    for angle in (np.arange(8) + 0.5) * (2 * np.pi / 8):
        cx, cz = x + 1.82 * np.cos(angle), z + 1.82 * np.sin(angle)
        parts += [
            cone((cx, y + 0.29, cz), 2.2, 0.125, 0.105, marble, 2.0, gloss=0.12),
            cone((cx, y + 0.29, cz), 0.12, 0.19, 0.15, marble, 2.0),
            cone((cx, y + 2.38, cz), 0.12, 0.12, 0.19, marble, 2.0),
        ]
    return parts


def _trees() -> list[Patch]:
    parts: list[Patch] = []
    for x, z, size in ((-7.3, 0.6, 1.1), (-6.4, -1.6, 0.9), (-1.6, 6.3, 1.25), (0.4, 7.2, 1.0),
                       (-7.0, 4.8, 1.15), (2.2, 7.0, 0.85), (-3.2, 6.6, 0.95)):  # fmt: skip
        parts += _conifer(x, z, size)
    greens = ((0.20, 0.36, 0.12), (0.56, 0.66, 0.24))
    golden = ((0.50, 0.36, 0.10), (0.90, 0.70, 0.24))
    pinks = ((0.72, 0.38, 0.48), (0.99, 0.82, 0.86))
    for index, (x, z, size, colours) in enumerate(
        (
            (0.2, 1.9, 1.25, pinks),
            (6.9, 2.7, 1.15, greens),
            (5.0, 5.2, 1.3, greens),
            (-4.6, -3.4, 1.05, pinks),
            (7.4, -2.4, 0.85, golden),
            (1.9, 4.4, 1.0, golden),
        )
    ):
        parts += _leafy(x, z, size, colours, index)
    return parts


def _conifer(x: float, z: float, size: float) -> list[Patch]:
    y = _ground(x, z)
    parts = [cone((x, y - 0.1, z), 0.9 * size, 0.14 * size, 0.11 * size, _WOOD, 1.5)]
    for level in range(5):
        low = y + size * (0.5 + 0.56 * level)
        wide = size * (1.05 - 0.19 * level)
        paint = mottled((0.07, 0.22, 0.17), (0.24, 0.44, 0.27), 70 + level, 6.0)
        parts.append(cone((x, low, z), 1.05 * size, wide, 0.03, paint, 1.5, rough=0.35, wrap=0.3))
    return parts


def _leafy(x: float, z: float, size: float, colours: tuple[Any, Any], seed: int) -> list[Patch]:
    y = _ground(x, z)
    parts = [cone((x, y - 0.1, z), 1.5 * size, 0.17 * size, 0.09 * size, _WOOD, 1.5)]
    rng = np.random.default_rng(800 + seed)
    parts.append(foliage((x, y + 2.05 * size, z), 0.95 * size, *colours, 81 + seed))
    for index, angle in enumerate(np.arange(5) * 1.2566 + rng.uniform(0, 6)):
        reach, lift = size * rng.uniform(0.55, 0.8), size * rng.uniform(1.45, 2.1)
        centre = (x + reach * np.cos(angle), y + lift, z + reach * np.sin(angle))
        radius = size * rng.uniform(0.5, 0.68)
        parts.append(foliage(centre, radius, *colours, 90 + 7 * seed + index))
    return parts


def _rocks() -> list[Patch]:
    rng = np.random.default_rng(12)
    parts = []
    for angle in np.sort(rng.uniform(0, 2 * np.pi, 30)):
        if abs(angle - 5.25) < 0.3:  # the landing stage
            continue
        reach = float(shore(np.array([angle]))[0]) * rng.uniform(0.95, 1.1)
        x, z = reach * np.cos(angle), reach * np.sin(angle)
        radius = rng.uniform(0.18, 0.75) * np.array([1.0, 0.7, 1.0]) * rng.uniform(0.8, 1.2, 3)
        paint = mottled((0.40, 0.38, 0.37), (0.64, 0.61, 0.57), int(rng.integers(1000)), 3.0)
        parts.append(ball((x, 0.02, z), radius.tolist(), paint, 1.1, rough=0.28, gloss=0.08))
    return parts


def _landing() -> list[Patch]:
    parts: list[Patch] = []
    start, end = np.array([4.9, -8.0]), np.array([7.0, -13.6])
    along = (end - start) / np.linalg.norm(end - start)
    for step in np.arange(0.0, 6.0, 0.34):
        x, z = start + along * step
        parts += box((x - 0.75, 0.42, z - 0.14), (x + 0.75, 0.49, z + 0.14), _WOOD, 1.2)
    for step in np.arange(0.4, 6.0, 1.35):
        for side in (-0.7, 0.7):
            x, z = start + along * step
            parts.append(cone((x + side, -0.4, z), 1.25, 0.08, 0.07, _WOOD, 1.5))
            parts.append(disc((x + side, 0.85, z), 0.07, (0.72, 0.60, 0.44), 2.0))
    return parts + _boat(8.6, -11.6)


def _boat(x: float, z: float) -> list[Patch]:
    def hull(points: Array, normals: Array) -> Array:
        stripe = (points[:, 1] > 0.28)[:, None]
        return np.where(stripe, (0.95, 0.93, 0.88), (0.12, 0.34, 0.55)).astype(np.float32)

    def bowl(outside: bool) -> Patch:
        def make(rng: np.random.Generator, count: int) -> Sheet:
            shell = ball((0, 0, 0), 1.0, (1, 1, 1), upper=True).make(rng, count)
            shape = np.array([0.62, -0.55, 1.55], np.float32) * (1.0 if outside else 0.93)
            points = shell.points * shape + np.array([x, 0.45, z], np.float32)
            normals = shell.normals / shape
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            normals = normals if outside else -normals
            inner = mix((0.55, 0.40, 0.26), (0.68, 0.52, 0.36), noise(points, 66, 4.0))
            colour = hull(points, normals) if outside else inner
            return Sheet(points, normals, colour, float(np.sqrt(6.0 / count)), gloss=0.2)

        return Patch(6.0, make)

    seat = box((x - 0.5, 0.3, z - 0.2), (x + 0.5, 0.36, z + 0.15), _WOOD, 1.5)
    return [bowl(True), bowl(False), *seat]


def _far_islands() -> list[Patch]:
    parts = []
    for x, z, wide, high in ((-62, 78, 30, 9), (-25, 98, 24, 6), (58, 88, 34, 12), (88, 40, 20, 5),
                             (-95, 15, 22, 7), (-60, -80, 30, 10), (50, -95, 26, 8)):  # fmt: skip
        paint = mottled((0.50, 0.62, 0.70), (0.60, 0.70, 0.74), int(x + 200), 0.12)
        parts.append(
            ball(
                (x, -0.8, z),
                (wide, high, wide * 0.5),
                paint,
                0.003,
                0.07,
                True,
                glow=0.85,
                casts=False,
            )
        )
    return parts


def _meadow(seed: int, count: int, edge: float = 0.13) -> Array:
    """Points where something may grow: on grass, off the walk and the buildings."""
    points = ground_points(np.random.default_rng(seed), count, 1.0)
    x, z = points[:, 0], points[:, 2]
    free = (inland(x, z) > edge) & (path_distance(x, z) > 0.65)
    for (cx, cz), radius in ((_LIGHTHOUSE, 1.7), (_PAVILION, 2.5)):
        free &= np.hypot(x - cx, z - cz) > radius
    return points[free & (ground_normals(points)[:, 1] > 0.8)]


def _grass() -> Patch:
    roots = _meadow(101, 30_000)
    tone = noise(roots, 1, 0.9, 4)
    return blades(roots, 0.11, 0.014, mix((0.32, 0.47, 0.17), (0.62, 0.72, 0.30), tone), 110.0)


def _flowers() -> list[Patch]:
    beds = [
        ((0.86, 0.20, 0.16), (0.98, 0.45, 0.22), 111, 0.64),
        ((0.48, 0.36, 0.80), (0.74, 0.62, 0.95), 112, 0.58),
        ((0.97, 0.80, 0.22), (1.00, 0.93, 0.55), 113, 0.66),
        ((0.96, 0.94, 0.92), (1.00, 1.00, 1.00), 114, 0.68),
        ((0.90, 0.42, 0.62), (0.98, 0.70, 0.80), 115, 0.62),
    ]
    return [_bed(dark, light, seed, level) for dark, light, seed, level in beds]


def _bed(dark: tuple[float, ...], light: tuple[float, ...], seed: int, level: float) -> Patch:
    heads = _meadow(seed, 9_000, 0.15)
    heads = heads[noise(heads, seed, 0.7, 2) > level][:900]
    lift = np.random.default_rng(seed).uniform(0.14, 0.3, len(heads))
    heads[:, 1] += lift.astype(np.float32)

    def make(rng: np.random.Generator, count: int) -> Sheet:
        index = rng.integers(0, len(heads), count)
        offset = normal_noise(rng, count) * np.array([0.038, 0.02, 0.038], np.float32)
        normals = normal_noise(rng, count) * 0.5 + np.array([0, 1, 0], np.float32)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        tone = np.clip(0.5 + 6 * offset[:, 1] + 0.35 * rng.standard_normal(count), 0, 1)
        size = float(np.clip(np.sqrt(len(heads) * 0.0045 / max(count, 1)), 0.012, 0.12))
        albedo = mix(dark, light, tone.astype(np.float32))
        return Sheet(heads[index] + offset, normals, albedo, size, wrap=0.6, casts=False)

    return Patch(18.0, make)
