"""Rays, clearance, marching and compositing of fields: written-out formulas, and parity."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.fields.clearance import FARTHEST, clearance
from kernels.fields.composite import composite
from kernels.fields.encodings import Identity
from kernels.fields.march import ENDED, march
from kernels.fields.model import ACTIVATIONS, Field
from kernels.fields.networks import chain
from kernels.fields.rays import rays
from kernels.fields.types import Grid, Lattice, Light, March, Rays, Samples
from kernels.gaussians.types import View

BOTH = ["reference", "cpu"]
LOWER, UPPER = np.array([-1.0, -2, 0]), np.array([1.0, 1, 3])


def view(orthographic: bool = False, eye=(0.3, -0.2, -2.0), turn: float = 0.4) -> View:
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    scale = 12.0 if orthographic else 40.0
    return View(rotation, np.array(eye), scale, scale * 1.1, 20, 14, 40, 30, orthographic)


def all_rays(backend: str, orthographic: bool = False, seed: int = 7, **place) -> Rays:
    found = rays(backend, view(orthographic, **place), np.arange(1200), LOWER, UPPER, seed)
    return Rays(*(np.asarray(a, np.float32) for a in vars(found).values()))


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("orthographic", [False, True])
def test_rays_pass_through_the_middles_of_pixels(backend: str, orthographic: bool):
    seen = view(orthographic)
    found = all_rays(backend, orthographic)
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=1), 1, atol=1e-6)
    points = (found.origins + 2 * found.directions - seen.position) @ seen.rotation.T
    depth = 1.0 if orthographic else points[:, 2:]
    pixels = points[:, :2] / depth * [seen.fx, seen.fy] + [seen.cx, seen.cy]
    rows, columns = np.divmod(np.arange(1200), 40)
    # float32 directions: 2^-24 of 40 pixels and a few roundings.
    np.testing.assert_allclose(pixels, np.stack([columns, rows], 1) + 0.5, atol=1e-4)


@pytest.mark.parametrize("backend", BOTH)
def test_near_and_far_are_on_the_box(backend: str):
    found = all_rays(backend)
    hit = found.far > found.near
    assert 100 < hit.sum() < 1200
    middles = found.origins + (0.5 * (found.near + found.far))[:, None] * found.directions
    for distance, inside in ((found.near, 1e-4), (found.far, -1e-4)):
        points = (found.origins + (distance + inside)[:, None] * found.directions)[hit]
        # A step inward is in the box, up to the rounding of points some units away.
        assert ((points > LOWER - 1e-5) & (points < UPPER + 1e-5)).all(1).mean() > 0.99
    assert ((middles[hit] >= LOWER - 1e-5) & (middles[hit] <= UPPER + 1e-5)).all()
    away = all_rays(backend, eye=(50, 0, 0))
    assert (away.far <= away.near).all()


@pytest.mark.parametrize("backend", BOTH)
def test_a_ray_along_a_side_is_in_where_it_begins_between(backend: str):
    straight = View(np.eye(3), np.array([0.0, 0, -1]), 10.0, 10.0, 0.5, 0.5, 1, 1)
    found = rays(backend, straight, np.zeros(1, np.int64), LOWER, UPPER)
    assert (float(found.near[0]), float(found.far[0])) == (1.0, 4.0)
    outside = View(np.eye(3), np.array([1.5, 0, -1]), 10.0, 10.0, 0.5, 0.5, 1, 1)
    found = rays(backend, outside, np.zeros(1, np.int64), LOWER, UPPER)
    assert float(found.far[0]) <= float(found.near[0])


def test_jitter_is_uniform_fixed_by_the_seed_and_equal_in_both():
    one, other = all_rays("reference").jitter, all_rays("cpu").jitter
    np.testing.assert_array_equal(one, other)
    assert (one != all_rays("cpu", seed=8).jitter).mean() > 0.99
    assert (all_rays("cpu", seed=-1).jitter == 0.5).all()
    assert one.min() >= 0
    assert one.max() < 1
    # Twelve hundred numbers: quantiles of a uniform distribution stray by 0.015 (one sigma).
    np.testing.assert_allclose(np.quantile(one, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.06)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 1.0])
def test_clearance_is_the_distance_in_the_largest_axis(backend: str, share: float):
    cells = np.random.default_rng(1).random((2, 12, 13, 14)) < share
    found = clearance(backend, cells)
    for level in range(2):
        occupied = np.argwhere(cells[level])
        every = np.argwhere(np.ones(cells.shape[1:], bool))
        wanted = np.full(len(every), FARTHEST)
        if len(occupied):
            wanted = np.abs(every[:, None] - occupied[None]).max(-1).min(-1)
        np.testing.assert_array_equal(found[level].ravel(), wanted)


def grid(share: float, levels: int = 2, side: int = 16) -> Grid:
    rng = np.random.default_rng(3)
    cells = rng.random((levels, side, side, side)) < share
    for level in range(1, levels):
        half = cells[level - 1].reshape(*[side // 2, 2] * 3).any((1, 3, 5))
        inner = slice(side // 4, 3 * side // 4)
        cells[level, inner, inner, inner] |= half
    middle = (LOWER + UPPER) / 2
    return Grid(clearance("cpu", cells), middle - 0.5, middle + 0.5)


def march_all(backend: str, found: Rays, how: March, where: Grid | None) -> list[list[float]]:
    """The distances of all samples of each ray, however many at a time."""
    live = np.flatnonzero(found.far > found.near).astype(np.int32)
    cursor = np.full(len(found), -1, np.int64)
    taken: list[list[float]] = [[] for _ in range(len(found))]
    for _ in range(200):
        samples = march(backend, found, live, cursor, how, where)
        spans = np.asarray(samples.spans)
        assert spans[:, 1].sum() == len(samples.distances)
        for ray, (start, count) in zip(live, spans, strict=True):
            assert count <= how.most
            assert (np.asarray(samples.rays[start : start + count]) == ray).all()
            taken[ray].extend(float(t) for t in samples.distances[start : start + count])
        live = live[spans[:, 1] == how.most]
        if not len(live):
            break
    assert not len(live)
    return taken


@pytest.mark.parametrize("cone", [0.0, 1 / 32])
@pytest.mark.parametrize("share", [None, 0.0, 0.01, 0.3])
def test_both_backends_take_the_same_samples(cone: float, share: float | None):
    found = all_rays("cpu").part(slice(None, None, 7))
    how = March(tuple(LOWER), tuple(UPPER), Lattice(0.05, cone), 6)
    where = None if share is None else grid(share)
    one, other = (march_all(backend, found, how, where) for backend in BOTH)
    # A sample at a border of a cell may fall to either side: of some thousands, a handful.
    different = sum(len(set(np.float32(a)) ^ set(np.float32(b))) for a, b in zip(one, other,
                    strict=True) if len(a) != len(b))  # fmt: skip
    assert different <= 2
    for a, b in zip(one, other, strict=True):
        if len(a) == len(b):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_grid_takes_some_of_the_samples_and_moves_none():
    found = all_rays("cpu")
    how = March(tuple(LOWER), tuple(UPPER), Lattice(0.02), 32)
    every, some = march_all("cpu", found, how, None), march_all("cpu", found, how, grid(0.01))
    assert 0 < sum(map(len, some)) < 0.9 * sum(map(len, every))
    for a, b in zip(every, some, strict=True):
        assert set(b) <= set(a)


@pytest.mark.parametrize("backend", BOTH)
def test_samples_lie_on_the_lattice_between_near_and_far(backend: str):
    found = all_rays(backend)
    how = March(tuple(LOWER), tuple(UPPER), Lattice(0.05), 1000)
    live = np.flatnonzero(found.far > found.near).astype(np.int32)
    cursor = np.full(len(found), -1, np.int64)
    samples = march(backend, found, live, cursor, how)
    assert (cursor[live] == ENDED).all()
    t, ray = np.asarray(samples.distances, np.float64), np.asarray(samples.rays)
    steps = t / 0.05 - found.jitter[ray]
    # Distances of up to 6 in float32, over steps of 0.05.
    np.testing.assert_allclose(steps, np.round(steps), atol=2e-5)
    assert (t >= found.near[ray] - 1e-6).all()
    assert (t < found.far[ray] + 1e-6).all()
    np.testing.assert_array_equal(np.asarray(samples.lengths, np.float32), np.float32(0.05))
    points = found.origins[ray] + t[:, None] * found.directions[ray]
    np.testing.assert_allclose(
        np.asarray(samples.positions), (points - LOWER) / (UPPER - LOWER), atol=1e-6
    )
    counts = np.bincount(ray, minlength=len(found))[live]
    np.testing.assert_allclose(counts, (found.far - found.near)[live] / 0.05, atol=1.01)


@pytest.mark.parametrize("backend", BOTH)
def test_samples_have_the_direction_of_their_ray_where_that_is_asked_for(backend: str):
    found = all_rays(backend)
    how = March(tuple(LOWER), tuple(UPPER), Lattice(0.5), 100, (-1.0, 3.0))
    live = np.flatnonzero(found.far > found.near).astype(np.int32)
    samples = march(backend, found, live, np.full(len(found), -1, np.int64), how)
    positions = np.asarray(samples.positions)
    assert positions.shape[1] == 6
    wanted = (found.directions[np.asarray(samples.rays)] + 1) / 4
    np.testing.assert_allclose(positions[:, 3:], wanted, atol=1e-7)


@pytest.mark.parametrize("backend", BOTH)
def test_steps_grow_with_distance_in_a_cone(backend: str):
    found = Rays(
        np.zeros((1, 3), np.float32), np.array([[0, 0, 1]], np.float32),
        np.zeros(1, np.float32), np.full(1, 50, np.float32), np.zeros(1, np.float32),
    )  # fmt: skip
    how = March((0, 0, 0), (1, 1, 1), Lattice(0.1, 0.05), 500)
    samples = march(backend, found, np.zeros(1, np.int32), np.full(1, -1, np.int64), how)
    t = np.sort(np.asarray(samples.distances, np.float64))
    wanted = [0.0]
    while wanted[-1] + max(0.1, 0.05 * wanted[-1]) < 50:
        wanted.append(wanted[-1] + max(0.1, 0.05 * wanted[-1]))
    np.testing.assert_allclose(t, wanted, rtol=1e-5)
    order = np.argsort(np.asarray(samples.distances))
    np.testing.assert_allclose(
        np.asarray(samples.lengths)[order], np.maximum(0.1, 0.05 * t), rtol=1e-5
    )


# Compositing ----------------------------------------------------------------------------------


def model(density: str = "relu", color: str = "none") -> Field:
    return Field(
        "radiance", Identity(3), chain((3, 4), "none"), (0, 0, 0), (1, 1, 1), None, (-1, 1),
        density, color,
    )  # fmt: skip


def some_samples(counts: list[int], seed: int = 0) -> tuple[np.ndarray, Samples, np.ndarray]:
    rng = np.random.default_rng(seed)
    total = sum(counts)
    starts = np.cumsum([0, *counts[:-1]])
    owners = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    samples = Samples(
        np.zeros((total, 3), np.float32),
        np.concatenate([np.arange(n) for n in counts]).astype(np.float32) if total else
        np.zeros(0, np.float32),
        rng.uniform(0.1, 1, total).astype(np.float32), owners,
        np.stack([starts, counts], 1).astype(np.int64),
    )  # fmt: skip
    return (
        rng.normal(size=(total, 4)).astype(np.float32),
        samples,
        np.arange(len(counts), dtype=np.int32),
    )


@pytest.mark.parametrize("backend", BOTH)
def test_light_is_the_sum_of_weights_times_colours(backend: str):
    outputs, samples, live = some_samples([5, 0, 3])
    light = Light.dark(3)
    alive = composite(backend, model(), outputs, samples, live, light)
    assert list(alive) == [0]
    for ray, (start, count) in enumerate(samples.spans):
        left, color, far = 1.0, np.zeros(3), 0.0
        for at in range(start, start + count):
            alpha = 1 - np.exp(-max(outputs[at, 0], 0) * samples.lengths[at])
            color += left * alpha * outputs[at, 1:]
            far += left * alpha * samples.distances[at]
            left *= 1 - alpha
        np.testing.assert_allclose(light.color[ray], color, atol=2e-6)
        np.testing.assert_allclose(light.transmittance[ray], left, atol=1e-6)
        np.testing.assert_allclose(light.distance[ray], far, atol=4e-6)
    assert list(light.samples) == [5, 0, 3]


@pytest.mark.parametrize("density", ACTIVATIONS)
@pytest.mark.parametrize("color", ACTIVATIONS)
def test_both_backends_composite_alike(density: str, color: str):
    outputs, samples, live = some_samples([7, 40, 0, 1, 40], 5)
    outputs *= 3
    outputs[[3, 60], [0, 2]] = np.nan, np.inf
    lights = []
    for backend in BOTH:
        light = Light.dark(5)
        alive = composite(backend, model(density, color), outputs, samples, live, light, 1e-3)
        lights.append((light, alive))
    (one, first), (other, second) = lights
    np.testing.assert_array_equal(first, second)
    # Forty products in float32, of colours that an exponential makes as large as e^9.
    for name in ("color", "transmittance", "distance"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=2e-5, atol=2e-5, err_msg=name
        )
    np.testing.assert_array_equal(one.samples, other.samples)


@pytest.mark.parametrize("backend", BOTH)
def test_in_two_parts_as_in_one_and_ended_rays_take_no_more(backend: str):
    outputs, samples, live = some_samples([6, 6], 2)
    outputs[:6, 0] = 2
    outputs[6:, 0] = [50, 1, 1, 1, 1, 1]
    whole, parts = Light.dark(2), Light.dark(2)
    composite(backend, model(), outputs, samples, live, whole, 1e-3)
    at = np.array([0, 1, 2, 6, 7, 8]), np.array([3, 4, 5, 9, 10, 11])
    for chosen in at:
        part = Samples(
            samples.positions[chosen], samples.distances[chosen], samples.lengths[chosen],
            samples.rays[chosen], np.array([[0, 3], [3, 3]]),
        )  # fmt: skip
        alive = composite(backend, model(), outputs[chosen], part, live, parts, 1e-3)
        assert 1 not in alive
    np.testing.assert_allclose(parts.color, whole.color, atol=1e-6)
    assert list(whole.samples) == [6, 1] or whole.transmittance[0] <= 1e-3


@pytest.mark.parametrize("backend", BOTH)
def test_a_transfer_function_gives_colour_and_extinction(backend: str):
    transfer = np.zeros((256, 4), np.float32)
    transfer[:, 0] = np.linspace(0, 1, 256)
    transfer[:, 3] = np.linspace(0, 4, 256)
    _, samples, live = some_samples([3], 1)
    outputs = np.array([[0.25], [-1.0], [7.0]], np.float32)
    light = Light.dark(1)
    composite(backend, model(), outputs, samples, live, light, 0.0, transfer)
    alpha = 1 - np.exp(-np.array([1.0, 0, 4]) * samples.lengths)
    red = 0.25 * alpha[0] + (1 - alpha[0]) * alpha[2]
    np.testing.assert_allclose(light.color[0], [red, 0, 0], atol=1e-6)


def test_outputs_of_another_shape_are_refused():
    outputs, samples, live = some_samples([3])
    with pytest.raises(ValueError, match=r"outputs must be \(3, 4\), got \(3, 1\)"):
        composite("cpu", model(), outputs[:, :1], samples, live, Light.dark(1))
