"""From patches and light to a scene of exactly as many Gaussians as were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.shade.basis import C0
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.sample_bake import (
    CHUNK,
    Light,
    Material,
    light_of,
    shown_colour,
    view_dependence,
)
from scenes.sample_sheet import Array, Patch, Sheet, normal_noise, unit

_DOWN = np.array([1.0, -1.0, 1.0], np.float32)
"""Turns (x, height, z) into the frame of captures, y down."""


def shares(count: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """``count`` split in proportion to ``weights``, exactly (largest remainders)."""
    exact = weights / weights.sum() * count
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(parts - exact, kind="stable")
    parts[order[: count - int(parts.sum())]] += 1
    return parts


def build(
    patches: list[Patch],
    light: Light,
    name: str,
    count: int,
    seed: int,
    view: dict[str, Any],
    progress: Progress,
    cancel: Cancel,
) -> GaussianScene:
    """Fill the patches with ``count`` discs, light them, and make a scene with SH degree 3."""
    parts = shares(count, np.array([patch.weight for patch in patches]))
    discs = _Discs(count)
    done = 0
    for index, (patch, part) in enumerate(zip(patches, parts, strict=True)):
        if cancel():
            raise Cancelled
        if part:
            rng = np.random.default_rng([seed, index])
            discs.add(done, rng, patch.make(rng, int(part)))
            done += int(part)
            progress(done // 2, count, "splats")
    cell = max(1.6 * float(np.median(discs.spacing[discs.sun_casts])), light.region[1] / 700)
    material = Material(
        discs.gloss,
        discs.grazing,
        discs.wrap,
        discs.glow,
        discs.thick,
        discs.sun_casts,
        discs.sky_casts,
    )
    arriving, seen = light_of(discs.points, discs.normals, material, light, cell, cancel)
    sh = np.zeros((count, 16, 3), np.float32)
    sun = unit(light.sun) * _DOWN
    tint = np.asarray(light.sun_colour, np.float32)
    tint = tint / tint.max()
    for first in range(0, count, CHUNK):
        if cancel():
            raise Cancelled
        here = slice(first, first + CHUNK)
        colour = shown_colour(discs.albedo[here], arriving[here], discs.glow[here])
        strength = discs.gloss[here] * seen[here] * (1.0 - discs.glow[here])
        grey = view_dependence(discs.normals[here] * _DOWN, sun, strength, discs.grazing[here])
        sh[here] = grey[:, :, None] * tint
        sh[here, 0] += (colour - 0.5) / C0
        progress((count + min(first + CHUNK, count)) // 2, count, "splats")
    return GaussianScene(
        means=discs.points * _DOWN,
        quats=discs.quats,
        scales=discs.scales,
        opacities=discs.opacities,
        sh=sh,
        name=name,
        format="sample",
        metadata={"default_view": view, "sample": name, "seed": seed},
    )


class _Discs:
    """All discs of a scene while it is made."""

    def __init__(self, count: int) -> None:
        self.points = np.empty((count, 3), np.float32)
        self.normals = np.empty((count, 3), np.float32)
        self.albedo = np.empty((count, 3), np.float32)
        self.scales = np.empty((count, 3), np.float32)
        self.quats = np.empty((count, 4), np.float32)
        self.opacities = np.empty(count, np.float32)
        self.spacing = np.empty(count, np.float32)
        self.gloss = np.empty(count, np.float32)
        self.grazing = np.empty(count, np.float32)
        self.wrap = np.empty(count, np.float32)
        self.glow = np.empty(count, np.float32)
        self.thick = np.empty(count, np.float32)
        self.sun_casts = np.empty(count, np.bool_)
        self.sky_casts = np.empty(count, np.bool_)

    def add(self, first: int, rng: np.random.Generator, sheet: Sheet) -> None:
        count = len(sheet.points)
        here = slice(first, first + count)
        spacing = np.broadcast_to(np.asarray(sheet.spacing, np.float32), count)
        self.points[here], self.normals[here] = sheet.points, sheet.normals
        self.albedo[here], self.spacing[here] = sheet.albedo, spacing
        self.gloss[here], self.grazing[here] = sheet.gloss, sheet.grazing
        self.wrap[here], self.glow[here] = sheet.wrap, sheet.glow
        self.thick[here] = sheet.thick
        self.sun_casts[here], self.sky_casts[here] = sheet.casts, sheet.casts and sheet.shades_sky
        self.scales[here] = _sizes(rng, spacing, sheet.stretch)
        tangents = normal_noise(rng, count) if sheet.tangents is None else sheet.tangents
        self.quats[here] = _quats(tangents * _DOWN, sheet.normals * _DOWN)
        wobble = 0.04 * rng.random(count, dtype=np.float32)
        self.opacities[here] = np.clip(sheet.opacity - wobble, 0.0, 1.0)


def _sizes(rng: np.random.Generator, spacing: Array, stretch: float) -> Array:
    """Standard deviations (n, 3) of flat discs that together close the surface.

    0.72 of the spacing leaves no gaps between evenly spread discs; the sizes vary log-normally
    around it, as in captures.
    """
    count = len(spacing)
    size = 0.72 * spacing * np.exp(0.2 * rng.standard_normal(count, dtype=np.float32))
    uneven = np.exp(0.18 * rng.standard_normal(count, dtype=np.float32))
    return np.stack([size * uneven * stretch, size / uneven, 0.1 * size], 1)


def _quats(tangents: Array, normals: Array) -> Array:
    """Unit quaternions wxyz (n, 4) that turn x towards ``tangents`` and z to ``normals``."""
    x = unit(tangents - np.sum(tangents * normals, 1, keepdims=True) * normals)
    y = np.cross(normals, x)
    m = np.stack([x, y, normals], axis=2)
    trace = m[:, 0, 0], m[:, 1, 1], m[:, 2, 2]
    parts = np.stack(
        [
            1 + trace[0] + trace[1] + trace[2],
            1 + trace[0] - trace[1] - trace[2],
            1 - trace[0] + trace[1] - trace[2],
            1 - trace[0] - trace[1] + trace[2],
        ],
        axis=1,
    )
    quats = np.sqrt(np.maximum(parts, 0.0))
    quats[:, 1] = np.copysign(quats[:, 1], m[:, 2, 1] - m[:, 1, 2])
    quats[:, 2] = np.copysign(quats[:, 2], m[:, 0, 2] - m[:, 2, 0])
    quats[:, 3] = np.copysign(quats[:, 3], m[:, 1, 0] - m[:, 0, 1])
    return unit(quats)
