"""Light for procedural scenes: sun with shadows, sky with ambient occlusion, highlights as SH.

The light is computed from the discs themselves: they are looked at from the sun, and from a dozen
directions of the sky, and what lies behind another disc is in its shade. That is one grid of
depths per direction and costs the same for every kind of surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled
from scenes.registry import Cancel
from scenes.sample_sheet import Array, unit
from scenes.sh import basis

CHUNK = 262_144
"""Discs that are lit together; a bound on temporary memory."""

_LOBE = np.exp(-np.array([0.0, 2.0, 6.0, 12.0]) / 14.0)
"""Weight of each band of a highlight: narrow, but damped enough not to ring visibly."""


@dataclass(frozen=True)
class Light:
    """Where light comes from; directions point to it, (x, height, z); colours are linear.

    ``region`` is the centre (3,) and radius of the part of the scene that throws shadows.
    """

    sun: tuple[float, float, float]
    sun_colour: tuple[float, float, float]
    sky_colour: tuple[float, float, float]
    ground_colour: tuple[float, float, float]
    region: tuple[tuple[float, float, float], float]
    sky_directions: int = 12


@dataclass(frozen=True)
class Material:
    """Per-disc (n,) values that decide how a disc answers to light; see ``Sheet``."""

    gloss: Array
    grazing: Array
    wrap: Array
    glow: Array
    thick: Array
    sun_casts: NDArray[np.bool_]
    sky_casts: NDArray[np.bool_]


class _Shade:
    """The depths of a scene as seen from far away in one direction."""

    def __init__(self, points: Array, towards: Array, light: Light, cell: float) -> None:
        self.towards = towards
        self.cell = cell
        helper = np.array([1, 0, 0] if abs(towards[0]) < 0.8 else [0, 1, 0], np.float32)
        self.right = unit(np.cross(towards, helper))
        self.up = np.cross(self.right, towards).astype(np.float32)
        centre, radius = light.region
        self.centre = np.array(centre, np.float32)
        self.size = max(8, int(2 * radius / cell))
        self.depth = np.full(self.size * self.size, -np.inf, np.float32)
        for first in range(0, len(points), CHUNK):
            index, height, inside = self._locate(points[first : first + CHUNK])
            np.maximum.at(self.depth, index[inside], height[inside])
        self.depth = _closed(self.depth.reshape(self.size, self.size)).ravel()

    def _locate(
        self, points: Array, shift: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[NDArray[np.intp], Array, NDArray[np.bool_]]:
        offset = points - self.centre
        x = (offset @ self.right / self.cell + (self.size / 2 + shift[0])).astype(np.intp)
        y = (offset @ self.up / self.cell + (self.size / 2 + shift[1])).astype(np.intp)
        inside = (x >= 0) & (x < self.size) & (y >= 0) & (y < self.size)
        return (
            np.where(inside, y * self.size + x, 0),
            (offset @ self.towards).astype(np.float32),
            inside,
        )

    def visible(self, points: Array, bias: float, shifts: list[tuple[float, float]]) -> Array:
        """How much of the direction each point sees, 0..1; points out of the region see it."""
        total = np.zeros(len(points), np.float32)
        for shift in shifts:
            index, height, inside = self._locate(points, shift)
            behind = self.depth[index] - height - bias
            total += np.where(inside, np.clip(1.0 - behind / (2.0 * bias), 0.0, 1.0), 1.0)
        return total / np.float32(len(shifts))


def _closed(depth: Array, reach: int = 2) -> Array:
    """Fill gaps of up to 2 ``reach`` cells between discs, without growing outlines (closing)."""
    for extreme in (np.maximum, np.minimum):
        for _ in range(reach):
            for axis in (0, 1):
                padded = np.pad(depth, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], "edge")
                low, high = (np.take(padded, range(a, a + len(depth)), axis) for a in (0, 2))
                depth = extreme(depth, extreme(low, high))
    return depth


def light_of(
    points: Array, normals: Array, material: Material, light: Light, cell: float, cancel: Cancel
) -> tuple[Array, Array]:
    """Light that arrives (n, 3), linear, and how much of the sun is seen (n,)."""
    sun = unit(light.sun)
    fine = [(-0.75, -0.25), (0.25, -0.75), (0.75, 0.25), (-0.25, 0.75)]
    bodies = points - normals * material.thick[:, None]
    shade = _Shade(bodies[material.sun_casts], sun, light, cell)
    seen = np.empty(len(points), np.float32)
    for first in range(0, len(points), CHUNK):
        here = slice(first, first + CHUNK)
        lifted = points[here] + normals[here] * np.float32(cell)
        seen[here] = shade.visible(lifted, 2.5 * cell, fine)
    if cancel():
        raise Cancelled
    sky = np.zeros(len(points), np.float32)
    weights = np.zeros(len(points), np.float32)
    casters = bodies[material.sky_casts]
    coarse = max(2.5 * cell, light.region[1] / 160)
    for towards in _dome(light.sky_directions):
        if cancel():
            raise Cancelled
        shade = _Shade(casters, towards, light, coarse)
        for first in range(0, len(points), CHUNK):
            here = slice(first, first + CHUNK)
            weight = np.maximum(normals[here] @ towards + 0.35, 0.02)
            lifted = points[here] + normals[here] * np.float32(0.7 * coarse)
            sky[here] += weight * shade.visible(lifted, 1.2 * coarse, [(-0.8, -0.8), (0.8, 0.8)])
            weights[here] += weight
    # A quarter always arrives: light that comes back from everything around.
    open_sky = 0.25 + 0.75 * (sky / weights)[:, None]
    facing = (normals @ sun + material.wrap) / (1.0 + material.wrap)
    direct = np.maximum(facing, 0.0) * seen
    upward = (0.5 + 0.5 * normals[:, 1])[:, None]
    ambient = np.asarray(light.ground_colour) * (1 - upward) + np.asarray(light.sky_colour) * upward
    arriving = direct[:, None] * np.asarray(light.sun_colour) + ambient * open_sky
    return arriving.astype(np.float32), seen


def _dome(count: int) -> Array:
    """Directions spread over the upper half sphere (golden-angle spiral)."""
    index = np.arange(count) + 0.5
    height = index / count * 0.95 + 0.05
    angle = index * 2.399963
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], 1).astype(np.float32)


def shown_colour(albedo: Array, arriving: Array, glow: Array) -> Array:
    """Display-referred colour (n, 3) of lit surfaces; ``albedo`` is sRGB."""
    linear = albedo**2.2 * arriving
    bright = linear > 0.7
    linear = np.where(bright, 0.7 + 0.3 * np.tanh((linear - 0.7) / 0.45), linear)
    lit = np.maximum(linear, 0.0) ** (1 / 2.2)
    return (lit + (albedo - lit) * glow[:, None]).astype(np.float32)


def lobe(axis: Array) -> Array:
    """(n, 16) coefficients of a bump of height 1 around each axis.

    A kernel ``a_l`` times the basis at the axis is that kernel turned there (addition theorem);
    its height is ``sum a_l (2 l + 1) / (4 pi)``.
    """
    bands = np.repeat(_LOBE, [1, 3, 5, 7])
    height = float(np.sum(_LOBE * np.array([1, 3, 5, 7])) / (4 * np.pi))
    return basis(axis, 3) * (bands / height).astype(np.float32)


def view_dependence(normals: Array, sun: Array, strength: Array, grazing: Array) -> Array:
    """(n, 16) grey coefficients of a sun highlight and of brightening at grazing angles.

    Frame of the file (y down). A splat is seen along ``d``; the sun shows where ``d``, mirrored
    at the normal, points to it, which is around the sun's own mirror image.
    """
    mirrored = sun - 2.0 * (normals @ sun)[:, None] * normals
    above = np.maximum(normals @ sun, 0.0)
    coefficients = lobe(mirrored) * (strength * above)[:, None]
    # P2(d . n) falls from 1 (seen from the front) to -1/2 (seen flat).
    second = basis(normals, 3)
    second[:, :4] = 0.0
    second[:, 9:] = 0.0
    return coefficients - second * (grazing * np.float32(4 * np.pi / 5))[:, None]
