"""Display rotations are rotations, and put the right axis upwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scenes.samples import make_sample
from scenes.transforms import ORIENTATIONS, suggest_orientation

UP = np.array([0.0, -1.0, 0.0])


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_each_is_a_rotation_that_nobody_can_change(name: str) -> None:
    matrix = ORIENTATIONS[name].world_from_file
    np.testing.assert_array_equal(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3))
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_array_equal(matrix[3], [0, 0, 0, 1])
    np.testing.assert_array_equal(matrix[:3, 3], 0)
    with pytest.raises(ValueError):
        matrix[0, 0] = 2.0


@pytest.mark.parametrize(
    ("name", "axis"),
    [("none", (0, -1, 0)), ("y-up", (0, 1, 0)), ("z-up", (0, 0, 1)), ("x-180", (0, 1, 0)),
     ("z-180", (0, 1, 0))],
)  # fmt: skip
def test_what_was_up_is_up(name: str, axis: tuple[int, int, int]) -> None:
    rotation = ORIENTATIONS[name].world_from_file[:3, :3]
    np.testing.assert_array_equal(rotation @ axis, UP)


@pytest.mark.parametrize(
    ("axis", "name"),
    [("z", "z-up"), ("y", "y-up"), ("-y", "none"), ("x", "none"), (None, "none"), (7, "none")],
)
def test_the_file_is_believed_and_nothing_else(axis: object, name: str) -> None:
    scene = make_sample("spheres", 1000)
    assert suggest_orientation(replace(scene, metadata={"vertical_axis": axis})) == name
