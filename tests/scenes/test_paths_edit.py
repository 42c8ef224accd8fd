"""Edits of camera paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.paths import edit
from scenes.paths.path import CameraPath, Keyframe


def key(time: float, name: str = "") -> Keyframe:
    return Keyframe(time, np.eye(4), 0.9, name)


@pytest.fixture
def path() -> CameraPath:
    return CameraPath((key(0, "a"), key(1, "b"), key(2, "c")), duration=4.0, fps=10.0)


def names(path: CameraPath) -> str:
    return "".join(k.name for k in path.keys)


def times(path: CameraPath) -> list[float]:
    return [k.time for k in path.keys]


def test_adding_sorts_clamps_and_replaces(path: CameraPath) -> None:
    added = edit.add_key(path, key(0.5, "x"))
    assert names(added) == "axbc"
    assert edit.changed_index(path, added) == 1
    assert times(edit.add_key(path, key(99, "x")))[-1] == 4.0
    assert names(edit.add_key(path, key(1.0, "x"))) == "axc"
    assert names(path) == "abc"


def test_overwriting_keeps_time_easing_and_name(path: CameraPath) -> None:
    eased = edit.set_easing(path, [1], "in")
    over = edit.overwrite_key(eased, 1, Keyframe(3.5, np.eye(4), 0.5))
    assert (over.keys[1].time, over.keys[1].easing, over.keys[1].name) == (1, "in", "b")
    assert over.keys[1].fov_y == 0.5


def test_moving_passes_others_and_never_lands_on_one(path: CameraPath) -> None:
    moved = edit.move_key(path, 0, 1.5)
    assert names(moved) == "bac"
    assert edit.changed_index(path, moved) == 1
    assert times(edit.move_key(path, 0, 1.0)) == pytest.approx([0.9, 1, 2])
    assert times(edit.move_key(path, 2, 1.0)) == pytest.approx([0, 1, 1.1])
    assert times(edit.move_key(path, 2, 0.0)) == pytest.approx([0, 0.1, 1])
    assert times(edit.move_key(path, 2, -5.0)) == pytest.approx([0, 0.1, 1])
    assert edit.move_key(path, 1, 1.0) is path


def test_copying_and_deleting(path: CameraPath) -> None:
    copied = edit.duplicate_key(path, 1, 3.0)
    assert names(copied) == "abcb"
    assert times(edit.duplicate_key(path, 1, 1.0)) == pytest.approx([0, 1, 1.1, 2])
    assert names(edit.delete_keys(copied, {0, 3, 17})) == "bc"
    assert edit.changed_index(path, edit.delete_keys(path, {0})) is None


def test_a_full_timeline_still_takes_a_copy() -> None:
    full = CameraPath(tuple(key(i / 10) for i in range(11)), duration=1.0, fps=10.0)
    copied = edit.duplicate_key(full, 3, 0.3)
    assert len(set(times(copied))) == 12
    assert all(0 <= t <= 1 for t in times(copied))


def test_renaming_and_easing(path: CameraPath) -> None:
    assert names(edit.rename_key(path, 1, "z")) == "azc"
    assert [k.easing for k in edit.set_easing(path, {0, 2}, "out").keys] == ["out", "none", "out"]


def test_clip_settings_are_held_in_bounds(path: CameraPath) -> None:
    clip = edit.with_clip(path, duration=1.5, loop=True, interpolation="hold")
    assert (clip.duration, clip.fps, clip.loop, clip.interpolation) == (1.5, 10.0, True, "hold")
    assert times(clip) == [0, 1, 2]
    assert edit.with_clip(path, duration=-1).duration > 0
    assert edit.with_clip(path, fps=1e9).fps == edit.FASTEST


def test_snapping_and_finding(path: CameraPath) -> None:
    assert edit.snap(path, 1.234) == pytest.approx(1.2)
    assert edit.snap(path, 99) == 4.0
    assert edit.key_at(path, 1.0) == 1
    assert edit.key_at(path, 1.05) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("amd"), st.integers(0, 5), st.integers(-3, 50))))
def test_keys_stay_sorted_apart_and_inside(steps: list[tuple[str, int, int]]) -> None:
    path = CameraPath((key(0), key(2)), duration=4.0, fps=10.0)
    for kind, index, frame in steps:
        index, time = index % len(path.keys), frame / 10
        if kind == "a":
            path = edit.add_key(path, key(time))
        elif kind == "m":
            path = edit.move_key(path, index, time)
        else:
            path = edit.duplicate_key(path, index, time)
    found = np.array(times(path))
    assert (np.diff(found) >= 1e-6).all()
    assert found.min() >= 0
    assert found.max() <= 4.0
