"""Pieces of a procedural scene: what a surface is before light falls on it.

Sample scenes are modelled with height upwards, (x, height, z); packing turns that into the y-down
frame of captures. Colours here are sRGB in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Paint = Callable[[Array, Array], Array] | tuple[float, float, float]
"""Colour of a surface: constant, or a function of points and normals, both (n, 3)."""


@dataclass
class Sheet:
    """Discs of one material.

    Attributes
    ----------
    points, normals, albedo
        (n, 3) float32.
    spacing
        Distance between neighbours, scene units: a number or (n,).
    gloss
        Strength of the highlight of the sun.
    grazing
        How much brighter the surface is when seen flat.
    wrap
        0 for solid surfaces, towards 1 for leaves that let light through.
    glow
        0 for lit surfaces, 1 for ones that show their own colour (sky, lamps).
    tangents, stretch
        Long axis (n, 3) and how much longer than wide, for blades; None for round discs.
    casts, shades_sky
        Whether it throws shadows, and whether it keeps the light of the sky from others as well.
    thick
        How far behind the surface the body that throws its shadow lies; keeps light from
        creeping in along the edges of walls.
    opacity
        Highest opacity of a disc.
    """

    points: Array
    normals: Array
    albedo: Array
    spacing: float | Array
    gloss: float = 0.06
    grazing: float = 0.04
    wrap: float = 0.0
    glow: float = 0.0
    tangents: Array | None = None
    stretch: float = 1.0
    casts: bool = True
    shades_sky: bool = True
    thick: float = 0.0
    opacity: float = 0.99


@dataclass(frozen=True)
class Patch:
    """A surface that can be filled with any number of discs.

    ``weight`` is its share of the splats: area times how much detail it deserves.
    """

    weight: float
    make: Callable[[np.random.Generator, int], Sheet]


def grid(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """``count`` even but irregular positions in the unit square.

    A Fibonacci lattice: the golden ratio is so hard to approximate by fractions that the points
    stay evenly spread however much a surface stretches the square. They are moved by a fraction
    of the spacing so that no lattice shows.
    """
    index = np.arange(count)
    shake = 0.5 / np.sqrt(max(count, 1))
    u = (index + 0.5) / max(count, 1) + shake * (rng.random(count) - 0.5)
    v = rng.random() + 0.6180339887498949 * index + shake * rng.random(count)
    return np.clip(u, 0.0, 1.0).astype(np.float32), (v % 1.0).astype(np.float32)


def normal_noise(rng: np.random.Generator, count: int) -> Array:
    """(count, 3) standard normal."""
    return rng.standard_normal((count, 3), dtype=np.float32)


def unit(vectors: ArrayLike) -> Array:
    """Vectors scaled to length 1, along the last axis."""
    array = np.asarray(vectors, np.float32)
    return array / np.maximum(np.linalg.norm(array, axis=-1, keepdims=True), 1e-12)


def noise(points: Array, seed: int, scale: float = 1.0, octaves: int = 3) -> Array:
    """Smooth noise in 0..1, (n,): waves in random directions, each octave bent by the last."""
    rng = np.random.default_rng(seed)
    total = np.zeros(len(points), np.float32)
    bend = np.zeros(len(points), np.float32)
    weight = 0.0
    for octave in range(octaves):
        amplitude = 0.55**octave
        value = np.zeros(len(points), np.float32)
        for _ in range(3):
            direction = rng.normal(scale=scale * 2.0**octave, size=points.shape[1])
            value += np.sin(
                points @ np.asarray(direction, np.float32) + np.float32(rng.uniform(0, 6.28)) + bend
            )
        bend = 1.3 * value
        total += amplitude * value
        weight += amplitude
    return np.clip(0.5 + 0.28 * total / weight, 0.0, 1.0)


def ramp(value: Array, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: ArrayLike, b: ArrayLike, t: Array) -> Array:
    """Colours from ``a`` (t = 0) to ``b`` (t = 1); ``t`` is (n,)."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return (a + (b - a) * t[:, None]).astype(np.float32)


def mottled(a: ArrayLike, b: ArrayLike, seed: int, scale: float = 3.0) -> Paint:
    """A paint that wanders between two colours."""
    return lambda points, normals: mix(a, b, noise(points, seed, scale))


def painted(paint: Paint, points: Array, normals: Array) -> Array:
    """The colours (n, 3) that a paint gives."""
    if callable(paint):
        return paint(points, normals)
    return np.broadcast_to(np.asarray(paint, np.float32), points.shape)
