"""Frames of files and turned scenes: exact, undone by the way back, true to the eye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from render.render import render
from render.request import RenderRequest
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.frames import (
    FRAMES,
    frame_of,
    in_frame,
    matrix_between,
    reinterpreted,
    stored_frame,
    turned_axes,
)
from scenes.gaussians import GaussianScene
from scenes.sh import basis, turning_matrix
from tests.scenes.format_cases import random_scene

FLIPS = [frame for frame in FRAMES if frame[1] in "ud"]
"""Frames that differ from RDF in signs alone; the others also swap y and z."""
WORDS = {
    "r": (1, 0, 0), "l": (-1, 0, 0), "d": (0, 1, 0), "u": (0, -1, 0), "f": (0, 0, 1),
    "b": (0, 0, -1),
}  # fmt: skip
"""The letters as directions in RDF."""


@pytest.fixture(scope="module")
def scene() -> GaussianScene:
    view = {"eye": [1.0, 2.0, -7.0], "target": [0.0, 0.5, 0.0], "up": [0.0, -1.0, 0.0]}
    metadata = {"default_view": view | {"fov_y": 50.0}, "comments": ["kept"]}
    return random_scene(400, 3, seed=4, metadata=metadata)


def covariances(scene: GaussianScene) -> np.ndarray:
    """(N, 3, 3) float64, from the textbook's rotation matrix."""
    w, x, y, z = scene.quats.astype(np.float64).T
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]).transpose(2, 0, 1)  # fmt: skip
    spread = rotation * scene.scales.astype(np.float64)[:, None, :]
    return spread @ spread.transpose(0, 2, 1)


def assert_same(a: GaussianScene, b: GaussianScene, exact: bool) -> None:
    np.testing.assert_array_equal(a.means, b.means)
    np.testing.assert_array_equal(a.scales, b.scales)
    np.testing.assert_array_equal(a.opacities, b.opacities)
    # A quaternion and its negative are the same rotation.
    sign = np.sign((a.quats * b.quats).sum(1, keepdims=True))
    # Swapped axes are quarter turns, whose quaternions and harmonics hold square roots: twice a
    # rounding to float32 of values up to 1 and up to about 2.
    np.testing.assert_allclose(a.quats, sign * b.quats, rtol=0, atol=0 if exact else 4e-7)
    np.testing.assert_allclose(a.sh, b.sh, rtol=0, atol=0 if exact else 2e-6)


# Matrices -----------------------------------------------------------------------------------


def test_sixteen_frames_and_no_two_alike() -> None:
    matrices = [matrix_between(frame, "rdf") for frame in FRAMES]
    assert len(FRAMES) == len(set(FRAMES)) == 16
    assert len({matrix.tobytes() for matrix in matrices}) == 16


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_are_what_the_letters_say(frame: str) -> None:
    np.testing.assert_array_equal(
        matrix_between(frame, "rdf"), np.array([WORDS[letter] for letter in frame]).T
    )


@pytest.mark.parametrize("source", FRAMES)
def test_every_way_there_is_undone_by_the_way_back(source: str) -> None:
    for target in FRAMES:
        there, back = matrix_between(source, target), matrix_between(target, source)
        np.testing.assert_array_equal(back @ there, np.eye(3))
        through = matrix_between("luf", target) @ matrix_between(source, "luf")
        np.testing.assert_array_equal(there, through)


def test_known_pairs() -> None:
    np.testing.assert_array_equal(matrix_between("rub", "rdf"), np.diag([1, -1, -1]))
    np.testing.assert_array_equal(matrix_between("luf", "rdf"), np.diag([-1, -1, 1]))
    np.testing.assert_array_equal(matrix_between("ruf", "rdf"), np.diag([1, -1, 1]))


def test_an_unknown_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="rrr"):
        matrix_between("rrr", "rdf")


# Scenes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", FRAMES)
def test_a_scene_comes_back_from_every_frame(scene: GaussianScene, target: str) -> None:
    matrix = matrix_between("rdf", target)
    there = turned_axes(scene, matrix)
    np.testing.assert_array_equal(there.means, scene.means @ matrix.T.astype(np.float32))
    np.testing.assert_allclose(
        # float64 products of float32 values, whose quaternions were rounded once more: 1e-6 of the
        # largest variance, which is e^2.
        covariances(there),
        matrix @ covariances(scene) @ matrix.T,
        rtol=0,
        atol=1e-5,
    )
    np.testing.assert_allclose(np.linalg.norm(there.quats, axis=1), 1, atol=1e-6)
    back = turned_axes(there, matrix.T)
    assert_same(back, scene, exact=target in FLIPS)
    assert back.metadata["default_view"] == scene.metadata["default_view"]
    eye = there.metadata["default_view"]["eye"]
    np.testing.assert_array_equal(eye, matrix @ scene.metadata["default_view"]["eye"])


def test_the_name_of_the_frame_goes_with_the_numbers(scene: GaussianScene) -> None:
    assert frame_of(scene) == "rdf"
    up = in_frame(scene, "rub")
    assert (frame_of(up), up.metadata["vertical_axis"]) == ("rub", "y")
    tall = in_frame(up, "rfu")
    assert (frame_of(tall), tall.metadata["vertical_axis"]) == ("rfu", "z")
    home = in_frame(tall, "rdf")
    assert "vertical_axis" not in home.metadata
    assert home.metadata["comments"] == ["kept"]
    assert_same(home, scene, exact=False)
    assert in_frame(scene, "rdf").means.base is scene.means.base


def test_turning_can_be_cancelled_and_tells_how_far_it_is(scene: GaussianScene) -> None:
    told: list[tuple[int, int, str]] = []
    turned_axes(scene, matrix_between("rub", "rdf"), lambda *values: told.append(values))
    assert told == [(0, 400, "splats")]
    with pytest.raises(Cancelled):
        turned_axes(scene, matrix_between("rub", "rdf"), cancel=lambda: True)


def test_an_empty_scene_can_be_turned() -> None:
    empty = random_scene(0, 2)
    assert turned_axes(empty, matrix_between("rub", "rdf")).count == 0


# Reading again ------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", FRAMES)
def test_another_frame_gives_what_reading_it_so_would_have_given(
    scene: GaussianScene, frame: str
) -> None:
    told = {"stored_frame": "rub", "frame_source": "assumed"}
    read = replace(scene, metadata=dict(scene.metadata) | told)
    in_file = read.means @ matrix_between("rdf", "rub").T.astype(np.float32)
    again = reinterpreted(read, frame)
    np.testing.assert_array_equal(
        again.means, in_file @ matrix_between(frame, "rdf").T.astype(np.float32)
    )
    assert again.metadata["stored_frame"] == stored_frame(again) == frame
    assert again.metadata["frame_source"] == "chosen"
    assert again.metadata["comments"] == ["kept"]
    back = reinterpreted(again, "rub")
    assert_same(back, read, exact=frame in FLIPS)
    assert back.metadata["default_view"] == read.metadata["default_view"]


def test_the_frame_that_it_has_moves_nothing(scene: GaussianScene) -> None:
    same = reinterpreted(scene, "rdf")
    assert same.means.base is scene.means.base
    assert same.metadata["frame_source"] == "chosen"


def test_numbers_of_another_vertical_axis_stay_in_their_frame(scene: GaussianScene) -> None:
    upright = replace(scene, metadata={"vertical_axis": "y"})
    assert stored_frame(upright) == "rub"
    mirrored = reinterpreted(upright, "ruf")
    assert frame_of(mirrored) == "rub"
    np.testing.assert_array_equal(mirrored.means, scene.means * np.float32([1, 1, -1]))


# Spherical harmonics ------------------------------------------------------------------------


def directions(count: int = 300) -> np.ndarray:
    spread = np.random.default_rng(8).normal(size=(count, 3))
    return spread / np.linalg.norm(spread, axis=1, keepdims=True)


def rotation(seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


TURNS = {frame: matrix_between(frame, "rdf") for frame in FRAMES} | {
    "rotation": rotation(1),
    "another rotation": rotation(2),
    "oblique mirror": rotation(3) @ np.diag([1.0, 1.0, -1.0]),
}


@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize("name", TURNS)
def test_turned_harmonics_show_to_the_turned_direction_what_they_showed(
    name: str, degree: int
) -> None:
    turn = TURNS[name].astype(np.float64)
    matrix = turning_matrix(turn, degree)
    sh = np.random.default_rng(degree).normal(size=((degree + 1) ** 2, 3))
    seen = directions()
    # float64 throughout; the fit adds a few roundings to values of order 1.
    np.testing.assert_allclose(
        basis(seen @ turn.T, degree) @ (matrix @ sh), basis(seen, degree) @ sh, atol=1e-12
    )
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-12)


@pytest.mark.parametrize("frame", FLIPS)
def test_flipped_axes_flip_signs_and_nothing_else(frame: str) -> None:
    matrix = turning_matrix(matrix_between(frame, "rdf"), 4)
    np.testing.assert_array_equal(np.abs(matrix), np.eye(25))


def test_turns_follow_each_other() -> None:
    a, b = rotation(5), rotation(6)
    np.testing.assert_allclose(
        turning_matrix(a @ b, 4), turning_matrix(a, 4) @ turning_matrix(b, 4), atol=1e-12
    )


def test_the_first_harmonics_are_the_ones_of_the_inria_program() -> None:
    x, y, z = seen = directions(1)[0]
    np.testing.assert_allclose(
        # diff-gaussian-rasterization auxiliary.h SH_C0, SH_C1 (given to 15 digits there).
        basis(seen[None], 1)[0],
        [0.28209479177387814, -0.4886025119029199 * y, 0.4886025119029199 * z,
         -0.4886025119029199 * x],
        rtol=1e-9,
    )  # fmt: skip
    assert basis(seen[None].astype(np.float32), 3).dtype == np.float32


def test_the_harmonics_are_orthonormal() -> None:
    # Gauss-Legendre in z and equal steps in angle integrate products up to degree 8 exactly.
    nodes, weights = np.polynomial.legendre.leggauss(9)
    angles = 2 * np.pi * np.arange(18) / 18
    z, angle = np.meshgrid(nodes, angles, indexing="ij")
    ring = np.sqrt(1 - z * z)
    sphere = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], -1).reshape(-1, 3)
    values = basis(sphere, 4)
    area = np.repeat(weights, 18) * 2 * np.pi / 18
    # The program's constants have 7 to 17 digits.
    np.testing.assert_allclose(values.T @ (values * area[:, None]), np.eye(25), atol=1e-6)


# To the eye ---------------------------------------------------------------------------------


def picture(scene: GaussianScene, pose: np.ndarray) -> np.ndarray:
    camera = Camera.from_fov(pose, np.deg2rad(50), 72, 48)
    frame = render(RenderRequest(scene, camera, outputs=("color",)))
    return frame.images["color"].astype(np.float64)


@pytest.mark.parametrize("frame", ["rub", "luf", "rfu", "ruf", "lub", "rbu"])
def test_a_turned_scene_looks_the_same_from_the_turned_camera(frame: str) -> None:
    """Where the turn mirrors, the camera's x axis is turned over, and so is the picture."""
    few = random_scene(60, 3, seed=9)
    few = replace(few, scales=few.scales * 0.3 + 0.05)
    turn = matrix_between("rdf", frame)
    mirrors = np.linalg.det(turn) < 0
    pose = Camera.look_at((2.0, -3.0, -14.0), (0.0, 0.0, 0.0)).world_from_camera
    moved = np.eye(4)
    moved[:3, :3] = turn @ pose[:3, :3] @ np.diag([-1 if mirrors else 1, 1, 1])
    moved[:3, 3] = turn @ pose[:3, 3]
    expected = picture(few, pose)
    if mirrors:
        expected = expected[:, ::-1]
    assert expected.max() - expected.min() > 0.2
    # The renderer works in float32 and adds covariances in another order; a splat whose alpha is
    # right at the cut of 1/255 may come or go.
    np.testing.assert_allclose(picture(turned_axes(few, turn), moved), expected, atol=5e-3)
