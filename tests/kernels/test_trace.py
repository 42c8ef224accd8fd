"""Steps of sphere tracing: both backends, bets that are lost, fields that overstate distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels.fields.trace import CLOSE, Stride, trace
from kernels.fields.trace.rays import (
    COLUMNS,
    EVALUATIONS,
    HIT,
    LIMIT,
    LOW,
    LOW_VALUE,
    MISSED,
    PHASE,
    SIGN,
    T,
    is_live,
    start,
)
from tests.kernels.fields_distances import box, sphere, torus

BOTH = ["reference", "cpu"]
WIDTH = 1e-3


def _rays(count: int, target: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """From a sphere of radius 4 towards points around the middle."""
    rng = np.random.default_rng(seed)
    origins = rng.normal(0, 1, (count, 3))
    origins *= 4 / np.linalg.norm(origins, axis=1, keepdims=True)
    directions = rng.uniform(-target, target, (count, 3)) - origins
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return origins.astype(np.float32), directions.astype(np.float32)


def _march(backend, function, origins, directions, stride=None, far=8.0, dtype=np.float32):
    """All rays to their end."""
    count = len(origins)
    rays = start(np.zeros(count, np.float32), np.full(count, far, np.float32)).astype(dtype)
    while (live := is_live(rays)).any():
        points = origins[live] + rays[live, T, None] * directions[live]
        distances = np.asarray(function(points), dtype)
        widths = np.full(len(distances), WIDTH, dtype)
        rays[live] = trace(backend, rays[live], distances, widths, stride or Stride())
    return rays


def _exact_sphere(origins, directions):
    """Nearest distance t to the unit sphere, infinite where it is missed, and how near it is."""
    o, d = origins.astype(np.float64), directions.astype(np.float64)
    b = (o * d).sum(1)
    past = (o * o).sum(1) - b * b
    inside = 1 - past
    return np.where(inside > 0, -b - np.sqrt(np.maximum(inside, 0)), np.inf), np.sqrt(past)


@pytest.mark.parametrize("backend", BOTH)
def test_sphere_is_where_it_is(backend):
    origins, directions = _rays(4000, 1.3)
    rays = _march(backend, sphere(), origins, directions)
    exact, nearest = _exact_sphere(origins, directions)
    hit = rays[:, PHASE] == HIT
    # Rays that pass within a quarter of a pixel may count as either.
    unsure = np.abs(nearest - 1) < WIDTH
    np.testing.assert_array_equal(hit[~unsure], np.isfinite(exact)[~unsure])
    points = origins + rays[:, T, None] * directions
    assert np.abs(sphere()(points))[hit].max() < CLOSE * WIDTH
    steep = hit & (nearest < 0.9)
    # A quarter of a pixel off the surface is, at this angle, less than one along the ray.
    np.testing.assert_allclose(rays[steep, T], exact[steep], atol=WIDTH)


def test_backends_take_the_same_steps():
    origins, directions = _rays(3000, 1.3, 1)
    for function, stride in (
        (torus(1.0, 0.3), Stride()),
        (lambda p: 1.15 * sphere()(p), Stride(1.0, 40)),
        (lambda p: np.clip(box(0.7, 0.5, 0.02)(p), -0.1, 0.1), Stride(0.8)),
    ):
        count = len(origins)
        truth = start(np.zeros(count, np.float32), np.full(count, 8, np.float32))
        for _ in range(60):
            live = is_live(truth)
            if not live.any():
                break
            points = origins[live] + truth[live, T, None] * directions[live]
            distances = function(points).astype(np.float32)
            widths = np.full(len(distances), WIDTH, np.float32)
            fast, slow = (trace(b, truth[live], distances, widths, stride) for b in BOTH)
            # Along planes spheres touch exactly, and rounding decides the bet. The next one takes
            # the difference of two distances, which is all rounding where they are nearly equal.
            step, reach = truth[live, T] - truth[live, LOW], truth[live, LOW_VALUE] + abs(distances)
            unsure = abs(step - stride.scale * reach) < 1e-5
            same = np.isclose(fast, slow, rtol=1e-5, atol=1e-6).all(1)
            assert (same | unsure).mean() > 0.995
            truth[live] = slow
        assert (truth[:, PHASE] == HIT).any()
        assert (truth[:, PHASE] == MISSED).any()


def test_reference_computes_in_float64_and_with_tensors():
    origins, directions = _rays(50, 0.5, 2)
    rays = _march("reference", sphere(), origins.astype(np.float64),
                  directions.astype(np.float64), dtype=np.float64)  # fmt: skip
    assert rays.dtype == np.float64
    table = torch.tensor(start(np.zeros(2, np.float32), np.ones(2, np.float32)))
    after = trace("reference", table, torch.tensor([0.5, 2.0]), torch.full((2,), WIDTH), Stride())
    assert isinstance(after, torch.Tensor)
    assert after[:, PHASE].tolist() == [0, MISSED]


def _plain_evaluations(function, origins, directions) -> np.ndarray:
    """Of sphere tracing as Hart wrote it."""
    t, count = np.zeros(len(origins)), np.zeros(len(origins))
    live = np.ones(len(origins), bool)
    while live.any():
        distances = function(origins[live] + t[live, None] * directions[live])
        count[live] += 1
        t[live] += distances
        live[live] = (distances > CLOSE * WIDTH) & (t[live] < 8)
    return count


@pytest.mark.parametrize("backend", BOTH)
def test_bets_save_a_fifth_of_the_steps(backend):
    origins, directions = _rays(4000, 1.6, 3)
    rays = _march(backend, torus(1.0, 0.3), origins, directions)
    plain = _plain_evaluations(torus(1.0, 0.3), origins, directions)
    # Measured: 23 %, and a third of the steps of the slowest rays.
    assert rays[:, EVALUATIONS].mean() < 0.8 * plain.mean()
    assert rays[:, EVALUATIONS].max() < 0.8 * plain.max()


@pytest.mark.parametrize("backend", BOTH)
def test_no_ray_leaks_through_a_thin_slab(backend):
    """A hundredth of the step of its neighbourhood thick, met at angles down to half a degree."""
    rng = np.random.default_rng(5)
    count = 4000
    directions = rng.normal(0, 1, (count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Half a degree and more, so that all begin above the slab.
    directions[:, 2] = -np.maximum(
        np.abs(directions[:, 2]) * rng.choice([1, 0.1, 0.01], count), 9e-3
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    target = np.stack([rng.uniform(-1, 1, count), rng.uniform(-1, 1, count), np.zeros(count)], 1)
    origins = target - directions * rng.uniform(0.5, 3, (count, 1))
    # Half a degree above a plane spheres shrink by a sixtieth from one to the next.
    rays = _march(
        backend, box(50, 50, 2e-3), origins.astype(np.float32), directions.astype(np.float32),
        Stride(steps=400),
    )  # fmt: skip
    assert (rays[:, PHASE] == HIT).all()
    heights = origins[:, 2] + rays[:, T] * directions[:, 2]
    # The upper face, at whatever angle: never the lower one.
    np.testing.assert_allclose(heights, 2e-3, atol=CLOSE * WIDTH + 1e-6)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize(("overstated", "scale"), [(1.15, 1.0), (3.0, 0.4)])
def test_fields_that_overstate_distances_do_not_leak(backend, overstated, scale):
    """A seventh or a fifth too much: steps end behind the surface, and rays come back."""
    origins, directions = _rays(2000, 0.6, 6)
    rays = _march(backend, lambda p: overstated * sphere()(p), origins, directions, Stride(scale))
    assert (rays[:, PHASE] == HIT).all()
    exact, nearest = _exact_sphere(origins, directions)
    steep = nearest < 0.8
    np.testing.assert_allclose(rays[steep, T], exact[steep], atol=WIDTH)


@pytest.mark.parametrize("backend", BOTH)
def test_clamped_distances_still_arrive(backend):
    origins, directions = _rays(2000, 1.3, 7)
    clamped = _march(backend, lambda p: np.clip(sphere()(p), -0.1, 0.1), origins, directions)
    whole = _march(backend, sphere(), origins, directions)
    apart = (clamped[:, PHASE] == HIT) != (whole[:, PHASE] == HIT)
    assert apart.mean() < 0.005
    # Eight units in steps of a tenth.
    assert clamped[:, EVALUATIONS].max() <= whole[:, EVALUATIONS].max() + 80


@pytest.mark.parametrize("backend", BOTH)
def test_from_inside_the_far_side_is_met(backend):
    _, directions = _rays(500, 1.0, 8)
    origins = np.random.default_rng(9).uniform(-0.4, 0.4, (500, 3)).astype(np.float32)
    rays = _march(backend, sphere(), origins, directions)
    assert (rays[:, PHASE] == HIT).all()
    assert (rays[:, SIGN] == -1).all()
    reached = np.linalg.norm(origins + rays[:, T, None] * directions, axis=1)
    np.testing.assert_allclose(reached, 1, atol=CLOSE * WIDTH)


@pytest.mark.parametrize("backend", BOTH)
def test_every_ray_ends(backend):
    """In fields without any surface, of noise, of no numbers, and of a hair's breadth."""
    origins, directions = _rays(300, 1.0, 10)
    rng = np.random.default_rng(11)
    for function in (
        lambda p: np.full(len(p), 2 * WIDTH),
        lambda p: np.full(len(p), 0.3 * WIDTH),
        lambda p: rng.normal(0, 1, len(p)),
        lambda p: np.full(len(p), np.nan),
        lambda p: np.full(len(p), np.inf),
        lambda p: np.full(len(p), 1e-30),
    ):
        rays = _march(backend, function, origins, directions, Stride(steps=50))
        assert (rays[:, EVALUATIONS] <= 50).all()
        assert np.isin(rays[:, PHASE], [HIT, MISSED]).all()
        hit = rays[:, PHASE] == HIT
        assert (rays[hit, T] <= rays[hit, LIMIT]).all()
        assert (rays[hit, T] >= 0).all()
    nowhere = start(np.ones(3, np.float32), np.array([1, 0.5, np.nan], np.float32))
    assert not is_live(nowhere).any()


def test_doors():
    rays = start(np.zeros(2, np.float32), np.ones(2, np.float32))
    ones = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="rays must be"):
        trace("cpu", rays[:, :4], ones, ones, Stride())
    with pytest.raises(ValueError, match="widths must be"):
        trace("cpu", rays, ones, ones[:1], Stride())
    with pytest.raises(ValueError, match="scale must be"):
        trace("cpu", rays, ones, ones, Stride(scale=1.5))
    with pytest.raises(ValueError, match="steps must be"):
        trace("cpu", rays, ones, ones, Stride(steps=0))
    assert rays.shape == (2, COLUMNS)
