"""Strides through a cube: a formula, ``cpu`` against ``reference``, and what is no ray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.fields.stride import OPERATION, stride

BOTH = ["reference", "cpu"]
LOWER = np.array([-0.5, 1.0, 0.25], np.float32)
SIDE, STEP = 2.0, 0.03


def _rays(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origins around and in the cube, directions mostly through it, and shifts."""
    rng = np.random.default_rng(seed)
    middle = LOWER + SIDE / 2
    origins = middle + rng.uniform(-2, 2, (count, 3))
    aims = middle + rng.uniform(-1.5, 1.5, (count, 3))
    directions = aims - origins
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    shifts = rng.random(count)
    return tuple(part.astype(np.float32) for part in (origins, directions, shifts))


def _strides(
    backend: str, given: Any, cells: np.ndarray, most: int = 1 << 16
) -> tuple[np.ndarray, ...]:
    origins, directions, shifts = given
    found = stride(backend, origins, directions, LOWER, SIDE, cells, STEP, shifts, most)
    return tuple(np.asarray(part) for part in found)


def _check_apart(given: Any, cells: np.ndarray, rays: np.ndarray, depths: np.ndarray) -> None:
    """Samples that only one backend has lie on a border of the cube or of its cells."""
    origins, directions, _ = given
    places = origins[rays].astype(float) - LOWER + depths[:, None] * directions[rays].astype(float)
    cell = places * len(cells) / SIDE
    # float32 places some units away are off by 1e-6 or so.
    assert (np.abs(cell - np.rint(cell)).min(1) < 2e-5).all()


def _without(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> np.ndarray:
    """Which samples of one the other does not have: none within a tenth of a step on the ray."""
    apart = 100.0
    mine, theirs = (rays * apart + depths.astype(float) for rays, depths, _ in (one, other))
    if not len(theirs):
        return np.ones(len(mine), bool)
    at = np.searchsorted(theirs, mine)
    near = [np.abs(mine - theirs[np.clip(at + k, 0, len(theirs) - 1)]) for k in (-1, 0)]
    return np.minimum(*near) > STEP / 10


@pytest.mark.parametrize("count", [0, 1, 150])
@pytest.mark.parametrize(("resolution", "share"), [(1, 1.0), (4, 1.0), (7, 0.3), (16, 0.05)])
def test_cpu_is_the_reference(count: int, resolution: int, share: float) -> None:
    cells = np.random.default_rng(resolution).random((resolution,) * 3) < share
    given = _rays(count, seed=resolution)
    found, exact = (_strides(backend, given, cells) for backend in ("cpu", "reference"))
    assert [part.dtype for part in found] == [np.int64, np.float32, np.int64]
    extra, missing = _without(found, exact), _without(exact, found)
    _check_apart(given, cells, found[0][extra], found[1][extra])
    _check_apart(given, cells, exact[0][missing], exact[1][missing])
    assert extra.sum() + missing.sum() <= 1 + len(exact[0]) // 500
    for rays, depths, counts in (found, exact):
        assert len(counts) == count
        np.testing.assert_array_equal(rays, np.repeat(np.arange(count), counts))
        assert (np.diff(depths)[np.diff(rays) == 0] > 0.9 * STEP).all()
    if count > 1:
        assert len(exact[0]) > 200
        assert (exact[2] == 0).any()


@pytest.mark.parametrize("backend", BOTH)
def test_samples_lie_whole_steps_from_the_entrance(backend: str) -> None:
    cells = np.zeros((4, 4, 4), bool)
    cells[1, 2, [0, 3]] = True
    # Along x through the cells z 1, y 2; once from outside and once from within the second cell.
    origins = LOWER + np.array([[-1, 1.25, 0.75], [0.75, 1.25, 0.75]], np.float32)
    directions = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    given = origins, directions, np.array([0.25, 0.5], np.float32)
    rays, depths, counts = _strides(backend, given, cells)
    lattice = 1 + STEP * (np.arange(100) + 0.25), STEP * (np.arange(100) + 0.5)
    wanted = [
        t[((t >= 1) & (t < 1.5)) | ((t >= 2.5) & (t < 3))] for t in lattice[:1]
    ] + [t[(t >= 0.75) & (t < 1.25)] for t in lattice[1:]]  # fmt: skip
    assert counts.tolist() == [len(part) for part in wanted]
    np.testing.assert_array_equal(rays, np.repeat([0, 1], counts))
    # float32 numbers up to 3.
    np.testing.assert_allclose(depths, np.concatenate(wanted), atol=1e-6)


@pytest.mark.parametrize("backend", BOTH)
def test_rays_are_whole_and_as_many_as_fit(backend: str) -> None:
    given, cells = _rays(30), np.ones((2, 2, 2), bool)
    rays, depths, counts = _strides(backend, given, cells)
    ends = counts.cumsum()
    for most in (0, 1, *ends[counts > 0][:3], ends[10] - 1, ends[10], ends[-1] - 1, ends[-1]):
        part = _strides(backend, given, cells, int(most))
        whole = int(np.searchsorted(ends, most, side="right"))
        assert len(part[2]) == whole
        np.testing.assert_array_equal(part[2], counts[:whole])
        np.testing.assert_array_equal(part[0], rays[: counts[:whole].sum()])
        np.testing.assert_array_equal(part[1], depths[: counts[:whole].sum()])


@pytest.mark.parametrize("backend", BOTH)
def test_what_is_no_ray_has_no_samples(backend: str) -> None:
    cells = np.ones((3, 3, 3), bool)
    cells[0] = False
    clean = _rays(60)
    wanted = _strides(backend, clean, cells)
    for bad in (np.nan, np.inf, -np.inf):
        # Shifts are the third.
        for part in range(3):
            given = tuple(values.copy() for values in clean)
            given[part][::7] = bad
            if part < 2:
                given[part][1::7, 1] = bad
            _, _, counts = _strides(backend, given, cells)
            hurt = np.arange(60) % 7 < (2 if part < 2 else 1)
            assert (counts[hurt] == 0).all()
            np.testing.assert_array_equal(counts[~hurt], wanted[2][~hurt])
    origins, directions, shifts = clean
    nothing = _strides(backend, (origins, 0 * directions, shifts), cells)
    assert [len(part) for part in nothing] == [0, 0, 60]
    inside = np.tile(LOWER + np.float32(1), (60, 1))
    assert not len(_strides(backend, (inside, 0 * directions, shifts), cells)[0])


@pytest.mark.parametrize("backend", BOTH)
def test_rays_beside_the_cube_and_away_from_it(backend: str) -> None:
    cells = np.ones((3, 3, 3), bool)
    x, y = np.float32([1, 0, 0]), np.float32([0, 1, 0])
    middle = LOWER + np.float32(SIDE / 2)
    rows = [
        (middle - 3 * x, x), (middle - 3 * x, -x), (middle - 3 * x, y), (middle + 1.01 * y, x),
        (middle + 0.99 * y, -x), (middle + 1e30 * x, x), (middle - np.float32(1e30) * x, x),
    ]  # fmt: skip
    origins, directions = (np.float32([row[k] for row in rows]) for k in (0, 1))
    given = origins, directions, np.zeros(len(rows), np.float32)
    counts = _strides(backend, given, cells)[2]
    # 2.0 / 0.03 and, from the middle, 1.0 / 0.03 steps; the first lies on the border.
    assert counts.tolist() == [67, 0, 0, 0, 34, 0, 0]


def test_doors() -> None:
    origins, directions, shifts = _rays(4)
    cells = np.ones((2, 2, 2), bool)

    def refused(words: str, **change: Any) -> None:
        given = {
            "origins": origins, "directions": directions, "lower": LOWER, "side": SIDE,
            "cells": cells, "step": STEP, "shifts": shifts, "most": 9,
        } | change  # fmt: skip
        with pytest.raises(ValueError, match=words):
            stride("cpu", **given)

    refused(r"origins must be \(4, 3\)", origins=origins[:, :2])
    refused(r"directions must be \(4, 3\)", directions=directions[:3])
    refused(r"lower must be \(3,\)", lower=LOWER[:2])
    refused(r"shifts must be \(4,\)", shifts=shifts[:3])
    refused(r"cells must be \(2, 2, 2\)", cells=cells[:, :1])
    refused(r"cells must be \(1, 1, 1\)", cells=cells[:0])
    for bad in (0.0, -1.0, np.nan, np.inf):
        refused("side must be a positive length", side=bad)
        refused("step must be a positive length", step=bad)
    refused("most must not be negative", most=-1)


def test_the_cost_counts_samples_and_rays() -> None:
    found = _strides("cpu", _rays(9), np.ones((2, 2, 2), bool))
    cost = OPERATION._cost(found, *[None] * 8)
    assert cost.counters == {"samples": len(found[0]), "rays": 9}
    assert cost.nbytes == 13 * len(found[0]) + 36 * 9
