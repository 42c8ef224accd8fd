"""Surfaces of distance fields: where rays meet them, how they are lit, and NeuS's soft ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from kernels.fields.trace import Stride, trace
from kernels.fields.trace.rays import EVALUATIONS, HIT, PHASE, T, is_live, start
from render.fields.arrays import dots, library, true_places, turned, zeros
from render.fields.distances import Distances, Floats, in_chunks

FEW = 1 << 15
"""Rays that a device follows as fast as none: it is not asked then which of them have ended but
every so many steps."""
SELDOM = 8
"""How many steps those are."""

ROUNDING = 4e-7
"""Of a distance along a ray: what float32 keeps of it, a few units in the last place."""

ALBEDO = 0.8
AMBIENT, EYE, LAMP = 0.06, 0.24, 0.7
"""Shares of the light that come from everywhere, from the eye and from the lamp."""
RIM = 0.06
"""Light added where the surface turns away, so that silhouettes stand out from one another."""

NEUS_STEP = 0.5
"""Of ``1 / s``: that of a march where opacity changes."""
NEUS_REACH = 8.0
"""Of ``1 / s``: farther from a surface there is at most an opacity of e^-8."""
NEUS_STEPS = 4096
STOP = 1e-4
"""Transmittance at which nothing behind is seen."""


@dataclass(frozen=True, eq=False)
class Surface:
    """What N rays met; tensors of a device for tensors.

    Attributes
    ----------
    t
        (N,) float32 distances along the rays, 0 where nothing was met.
    alpha
        (N,) float32: 1 or 0, or anything between for soft surfaces.
    normal
        (N, 3) float32 of length 1, outwards; 0 where nothing was met.
    evaluations
        (N,) int32, how often the field was asked for each ray, without the gradient at the end.
    """

    t: Floats
    alpha: Floats
    normal: Floats
    evaluations: Any

    @property
    def hit(self) -> Any:
        """(N,) where there is something."""
        return self.alpha > 0


def trace_surface(
    field: Distances,
    origins: Floats,
    directions: Floats,
    near: Floats,
    far: Floats,
    footprint: tuple[float, float],
    backend: str = "cpu",
    cancelled: Callable[[], bool] | None = None,
    stride: Stride | None = None,
) -> Surface:
    """The first surface along each ray, by sphere tracing (:mod:`kernels.fields.trace`).

    The field is evaluated for rays that are still on their way only.

    Parameters
    ----------
    field
        Of distances in the scene.
    origins, directions
        (N, 3) float32, scene units; directions have length 1.
    near, far
        (N,) float32, between which distances along the ray the field is looked at; a ray with
        ``far <= near`` meets nothing. A ray that is inside at ``near`` meets the surface from
        within.
    footprint
        The width of a pixel at distance t is ``footprint[0] + footprint[1] t``. Surfaces are found
        to within a quarter of it.
    backend
        Of the rays' bookkeeping.
    stride
        For fields that overstate distances; see :class:`kernels.fields.trace.Stride`.

    Raises
    ------
    RenderCancelled
        When ``cancelled()`` became true.
    """
    own = library(near)
    rays = start(near, far)
    index = true_places(is_live(rays))
    live, origin, direction = rays[index], origins[index], directions[index]
    waits = own is not np
    for step in count():
        if not len(index):
            break
        t = live[:, T]
        distances = in_chunks(field.distances, origin + t[:, None] * direction, cancelled)
        live = trace(backend, live, distances, _widths(t, footprint), stride or Stride())
        if waits and len(index) <= FEW and step % SELDOM:
            continue
        kept = true_places(is_live(live))
        if len(kept) < len(index):
            rays[index] = live
            index, live = index[kept], live[kept]
            origin, direction = origin[kept], direction[kept]
    hit = rays[:, PHASE] == HIT
    t = own.where(hit, rays[:, T], 0)
    normal = _normals(field, origins, directions, t, hit, cancelled)
    evaluations = own.asarray(rays[:, EVALUATIONS], dtype=own.int32)
    return Surface(t, own.asarray(hit, dtype=own.float32), normal, evaluations)


def _widths(t: Floats, footprint: tuple[float, float]) -> Floats:
    """Of pixels; not finer than float32 can tell places along the ray apart."""
    fixed, growing = (float(number) for number in footprint)
    return library(t).maximum(fixed + growing * t, ROUNDING / 0.25 * abs(t))


def _normals(
    field: Distances,
    origins: Floats,
    directions: Floats,
    t: Floats,
    hit: Any,
    cancelled: Callable[[], bool] | None,
) -> Floats:
    normal = zeros(t, (len(t), 3))
    met = true_places(hit)
    points = origins[met] + t[met, None] * directions[met]
    if len(points):
        normal[met] = unit(in_chunks(field.slopes, points, cancelled)[1])
    return normal


def unit(vectors: Floats) -> Floats:
    """Vectors (N, 3) at length 1; those without a direction stay 0."""
    own = library(vectors)
    lengths = own.sqrt(dots(vectors, vectors))[:, None]
    return own.where(lengths > 0, vectors / own.where(lengths > 0, lengths, 1), 0)


def shade(normal: Floats, directions: Floats, light: Floats) -> Floats:
    """sRGB (N, 3) of a grey surface lit from the eye and by a lamp.

    ``albedo (ambient + eye c + lamp max(n . l, 0)) + rim (1 - c)^4`` in linear light with ``c = |n
    . d|`` and the normal n on the side of the eye (Lambert's law; both sides are lit), then the
    transfer function of IEC 61966-2-1. ``light`` (3,) of length 1 leads to the lamp.
    """
    own = library(normal)
    facing = dots(normal, directions)
    lit = (-own.sign(facing) * turned(normal, light[None])[:, 0]).clip(0)
    facing = abs(facing).clip(0, 1)
    linear = ALBEDO * (AMBIENT + EYE * facing + LAMP * lit) + RIM * (1 - facing) ** 4
    encoded = own.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return own.stack([encoded] * 3, 1)


def neus(
    field: Distances,
    origins: Floats,
    directions: Floats,
    near: Floats,
    far: Floats,
    footprint: tuple[float, float],
    sharpness: float,
    cancelled: Callable[[], bool] | None = None,
) -> Surface:
    """Opacity and expected distance of a distance field as a volume.

    A section of a ray from distance f_i to f_(i+1) has ``alpha_i = max((Phi(f_i) - Phi(f_(i+1))) /
    Phi(f_i), 0)`` with ``Phi(f) = 1 / (1 + exp(-s f))`` (Wang et al. 2021, NeuS, eq. 13). Sections
    have a length of half of ``1 / s`` or of a pixel where ``|f|`` is below ``8 / s``; elsewhere a
    ray goes on to there in one step.

    Parameters
    ----------
    sharpness
        s, per scene unit, above 0.
    field, origins, directions, near, far, footprint, cancelled
        As of :func:`trace_surface`.

    Returns
    -------
    A surface whose ``t`` is ``sum(w_i t_i) / sum(w_i)`` for the middles t_i of the sections, with
    the field's gradient there as its normal.

    Raises
    ------
    ValueError
        If ``sharpness`` is not above 0.
    RenderCancelled
    """
    if not sharpness > 0:
        raise ValueError(f"sharpness must be above 0, got {sharpness}")
    own = library(near)
    alpha, depth = zeros(near, len(near)), zeros(near, len(near))
    evaluations = zeros(near, len(near), "int32")
    march = _March(true_places(far > near), near, far)
    for _ in range(NEUS_STEPS):
        if not len(march.index):
            break
        t, index = march.t, march.index
        points = origins[index] + t[:, None] * directions[index]
        distances = in_chunks(field.distances, points, cancelled)
        evaluations[index] += 1
        weight, middle = march.section(distances, sharpness)
        alpha[index] += weight
        depth[index] += weight * middle
        march.advance(distances, sharpness, NEUS_STEP * _widths(t, footprint))
    hit = alpha > STOP
    t = own.where(hit, depth / own.where(hit, alpha, 1), 0)
    normal = _normals(field, origins, directions, t, hit, cancelled)
    return Surface(t, own.where(hit, alpha, 0), normal, evaluations)


class _March:
    """Rays on their way through a volume; what is given is (N,) of all rays."""

    def __init__(self, index: Any, near: Floats, far: Floats) -> None:
        self.index, self.t = index, near[index]
        self._far = far[index]
        self._last_t = self.t
        self._last = zeros(near, len(index)) + math.nan
        self._left = zeros(near, len(index)) + 1

    def section(self, distances: Floats, sharpness: float) -> tuple[Floats, Floats]:
        """Weights and middles of the sections that end at ``t``; the first one has none."""
        with np.errstate(invalid="ignore"):
            change = _log_sigmoid(sharpness * distances) - _log_sigmoid(sharpness * self._last)
        own = library(distances)
        opacity = own.nan_to_num(-own.expm1(change.clip(max=0)), nan=0.0)
        weight = self._left * opacity
        self._left = self._left - weight
        # Of a leap through emptiness only the end has opacity.
        short = (self.t - self._last_t).clip(max=1 / sharpness)
        return weight, self.t - short / 2

    def advance(self, distances: Floats, sharpness: float, least: Floats) -> None:
        """Go on, with those rays alone that have something before them."""
        own = library(distances)
        leap = abs(distances) - NEUS_REACH / sharpness
        step = own.maximum(leap.clip(NEUS_STEP / sharpness), least)
        going = (self._left > STOP) & (self.t < self._far) & own.isfinite(distances)
        going = true_places(going)
        ahead = own.minimum(self.t + step, self._far)
        self._last_t, self._last = self.t[going], distances[going]
        self.t, self._far, self._left = ahead[going], self._far[going], self._left[going]
        self.index = self.index[going]


def _log_sigmoid(x: Any) -> Any:
    own = library(x)
    return x.clip(max=0) - own.log1p(own.exp(-abs(x)))
