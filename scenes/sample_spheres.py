"""A grid of balls from dull to mirror-like: what view-dependent colour looks like."""

from __future__ import annotations

from typing import Any

import numpy as np

from scenes.sample_bake import Light
from scenes.sample_shapes import ball, rect
from scenes.sample_sheet import Array, Patch, mix, noise

VIEW: dict[str, Any] = {
    "eye": [0.6, -3.6, -6.6],
    "target": [0.0, -0.45, 0.1],
    "up": [0.0, -1.0, 0.0],
    "fov_y": 40.0,
}

LIGHT = Light(
    sun=(-0.62, 0.66, -0.28),
    sun_colour=(1.6, 1.5, 1.35),
    sky_colour=(0.62, 0.68, 0.78),
    ground_colour=(0.46, 0.44, 0.42),
    region=((0.0, 0.5, 0.0), 5.0),
)

_COLOURS = ((0.80, 0.24, 0.20), (0.92, 0.66, 0.22), (0.26, 0.58, 0.48), (0.22, 0.40, 0.72))


def patches() -> list[Patch]:
    """Four rows of colours, five columns of growing gloss, on a checkered floor."""
    parts = [rect((-4, 0, 4), (8, 0, 0), (0, 0, -8), _floor, 0.7, gloss=0.25, grazing=0.08)]
    for row, colour in enumerate(_COLOURS):
        for column in range(5):
            centre = (1.3 * (column - 2), 0.45, 1.3 * (1.5 - row))
            gloss = 0.15 * column + 0.05 * column**2
            parts.append(ball(centre, 0.45, colour, 1.3, gloss=gloss, grazing=0.05 * column))
    return parts


def _floor(points: Array, normals: Array) -> Array:
    check = (np.floor(points[:, 0] / 0.65) + np.floor(points[:, 2] / 0.65)) % 2
    tone = check.astype(np.float32) * 0.85 + 0.15 * noise(points, 3, 2.0)
    edge = 1.0 - np.clip((np.hypot(points[:, 0], points[:, 2]) - 2.8) / 2.6, 0, 1)
    return (mix((0.44, 0.45, 0.48), (0.80, 0.79, 0.76), tone) * (0.5 + 0.5 * edge[:, None])).astype(
        np.float32
    )
