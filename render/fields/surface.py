"""Surfaces of distance fields: where rays meet them, how they are lit, and NeuS's soft ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.trace import Stride, trace
from kernels.fields.trace.rays import EVALUATIONS, HIT, PHASE, T, is_live, start
from render.fields.distances import Distances, Floats, in_chunks

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
    """What N rays met.

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
    evaluations: NDArray[np.int32]

    @property
    def hit(self) -> NDArray[np.bool_]:
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
    rays = start(near, far)
    index = np.flatnonzero(is_live(rays))
    live, origin, direction = rays[index], origins[index], directions[index]
    while len(index):
        t = live[:, T]
        distances = in_chunks(field.distances, origin + t[:, None] * direction, cancelled)
        live = trace(backend, live, distances, _widths(t, footprint), stride or Stride())
        kept = is_live(live)
        if not kept.all():
            rays[index[~kept]] = live[~kept]
            index, live = index[kept], live[kept]
            origin, direction = origin[kept], direction[kept]
    hit = rays[:, PHASE] == HIT
    t = np.where(hit, rays[:, T], np.float32(0))
    normal = _normals(field, origins, directions, t, hit, cancelled)
    return Surface(t, hit.astype(np.float32), normal, rays[:, EVALUATIONS].astype(np.int32))


def _widths(t: Floats, footprint: tuple[float, float]) -> Floats:
    """Of pixels; not finer than float32 can tell places along the ray apart."""
    fixed, growing = (np.float32(number) for number in footprint)
    return np.maximum(fixed + growing * t, np.float32(ROUNDING / 0.25) * np.abs(t))


def _normals(
    field: Distances,
    origins: Floats,
    directions: Floats,
    t: Floats,
    hit: NDArray[np.bool_],
    cancelled: Callable[[], bool] | None,
) -> Floats:
    normal = np.zeros((len(t), 3), np.float32)
    points = origins[hit] + t[hit, None] * directions[hit]
    if len(points):
        normal[hit] = unit(in_chunks(field.slopes, points, cancelled)[1])
    return normal


def unit(vectors: Floats) -> Floats:
    """Vectors (N, 3) at length 1; those without a direction stay 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def shade(normal: Floats, directions: Floats, light: Floats) -> Floats:
    """sRGB (N, 3) of a grey surface lit from the eye and by a lamp.

    ``albedo (ambient + eye c + lamp max(n . l, 0)) + rim (1 - c)^4`` in linear light with ``c = |n
    . d|`` and the normal n on the side of the eye (Lambert's law; both sides are lit), then the
    transfer function of IEC 61966-2-1. ``light`` (3,) of length 1 leads to the lamp.
    """
    facing = np.einsum("nd,nd->n", normal, directions)
    lit = np.maximum(-np.sign(facing) * (normal @ light), 0)
    facing = np.abs(facing).clip(0, 1)
    linear = ALBEDO * (AMBIENT + EYE * facing + LAMP * lit) + RIM * (1 - facing) ** 4
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.repeat(encoded.astype(np.float32)[:, None], 3, 1)


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
    count = len(near)
    alpha, depth = np.zeros(count, np.float32), np.zeros(count, np.float32)
    evaluations = np.zeros(count, np.int32)
    march = _March(np.flatnonzero(far > near), near, far)
    for _ in range(NEUS_STEPS):
        if not len(march.index):
            break
        t, own = march.t, march.index
        points = origins[own] + t[:, None] * directions[own]
        distances = in_chunks(field.distances, points, cancelled)
        evaluations[own] += 1
        weight, middle = march.section(distances, sharpness)
        alpha[own] += weight
        depth[own] += weight * middle
        march.advance(distances, sharpness, NEUS_STEP * _widths(t, footprint))
    hit = alpha > STOP
    t = np.divide(depth, alpha, out=np.zeros(count, np.float32), where=hit)
    normal = _normals(field, origins, directions, t, hit, cancelled)
    return Surface(t, np.where(hit, alpha, np.float32(0)), normal, evaluations)


class _March:
    """Rays on their way through a volume; what is given is (N,) of all rays."""

    def __init__(self, index: NDArray[np.intp], near: Floats, far: Floats) -> None:
        self.index, self.t = index, near[index]
        self._far = far[index]
        self._last_t = self.t
        self._last = np.full(len(index), np.nan, np.float32)
        self._left = np.ones(len(index), np.float32)

    def section(self, distances: Floats, sharpness: float) -> tuple[Floats, Floats]:
        """Weights and middles of the sections that end at ``t``; the first one has none."""
        with np.errstate(invalid="ignore"):
            change = _log_sigmoid(sharpness * distances) - _log_sigmoid(sharpness * self._last)
        opacity = np.nan_to_num(-np.expm1(np.minimum(change, 0)), nan=0.0).astype(np.float32)
        weight = self._left * opacity
        self._left = self._left - weight
        # Of a leap through emptiness only the end has opacity.
        short = np.minimum(self.t - self._last_t, np.float32(1 / sharpness))
        return weight, self.t - short / 2

    def advance(self, distances: Floats, sharpness: float, least: Floats) -> None:
        """Go on, with those rays alone that have something before them."""
        leap = np.abs(distances) - np.float32(NEUS_REACH / sharpness)
        step = np.maximum(np.maximum(leap, np.float32(NEUS_STEP / sharpness)), least)
        going = (self._left > STOP) & (self.t < self._far) & np.isfinite(distances)
        ahead = np.minimum(self.t + step, self._far)
        self._last_t, self._last = self.t[going], distances[going]
        self.t, self._far, self._left = ahead[going], self._far[going], self._left[going]
        self.index = self.index[going]


def _log_sigmoid(x: Any) -> Any:
    return -np.logaddexp(0, -x)
