"""What the timeline's commands do to a document."""

from __future__ import annotations

import numpy as np
import pytest

from app.document import Document
from app.ui.timeline import editing
from app.ui.timeline.turntable import turntable
from scenes.camera import Camera
from scenes.paths.interpolate import camera_at
from scenes.paths.path import CameraPath, Keyframe


@pytest.fixture
def document() -> Document:
    document = Document()
    document.set_view(Camera.look_at((0, 0, -3), (0, 0, 0), width=640, height=360))
    return document


def path_of(*times: float, **clip: object) -> CameraPath:
    return CameraPath(tuple(Keyframe(t, np.eye(4), 0.9) for t in times), **clip)  # type: ignore[arg-type]


def times(path: CameraPath) -> list[float]:
    return [key.time for key in path.keys]


def test_adding_again_and_again_makes_a_path(document: Document) -> None:
    for _ in range(6):
        editing.add_key(document)
    assert times(document.path) == [0, 2, 4, 6, 8, 10]
    assert document.path.duration == 10
    assert document.time == 10
    assert document.selection == {5}
    document.undo()
    assert document.path.duration == 8
    assert len(document.path.keys) == 5


def test_adding_on_a_key_in_the_middle_goes_halfway(document: Document) -> None:
    document.edit_path(path_of(0, 2), "set")
    editing.add_key(document)
    assert times(document.path) == [0, 1, 2]
    assert document.time == 1


def test_a_key_shows_what_was_seen(document: Document) -> None:
    document.set_time(1.0)
    editing.add_key(document)
    view = document.view
    assert view is not None
    again = camera_at(document.path, 1.0, view.width, view.height)
    np.testing.assert_allclose(again.camera_from_world, view.camera_from_world, atol=1e-12)
    assert again.fy == pytest.approx(view.fy)


def test_without_a_view_nothing_is_added() -> None:
    document = Document()
    editing.add_key(document)
    editing.overwrite_key(document)
    assert not document.path.keys
    assert not document.undo_label


def test_overwriting_means_the_selected_or_the_nearest_key(document: Document) -> None:
    document.edit_path(path_of(0, 2, 6), "set")
    document.set_time(5.0)
    assert editing.overwrite_target(document) == 2
    document.select_keys({1})
    editing.overwrite_key(document)
    assert document.view is not None
    pose = document.path.keys[1].world_from_camera
    np.testing.assert_allclose(pose, document.view.world_from_camera)
    assert times(document.path) == [0, 2, 6]
    assert document.time == 2


@pytest.mark.parametrize("delta", [1.0, -1.0, 0.5, -2.0])
def test_keys_move_together(delta: float) -> None:
    path = path_of(2, 3, 4, 7)
    moved, chosen = editing.move_keys(path, {0, 1, 2}, delta)
    assert sorted(times(moved)) == times(moved)
    assert [moved.keys[i].time for i in sorted(chosen)] == [2 + delta, 3 + delta, 4 + delta]
    assert 7 in times(moved)


def test_a_group_stops_at_the_ends_as_one() -> None:
    moved, _ = editing.move_keys(path_of(1, 3), {0, 1}, -5)
    assert times(moved) == [0, 2]
    moved, _ = editing.move_keys(path_of(1, 3, duration=4.0), {0, 1}, 5)
    assert times(moved) == [2, 4]


def test_keys_are_copied_together() -> None:
    copied, chosen = editing.copy_keys(path_of(0, 1, 4), {0, 1}, 2)
    assert times(copied) == [0, 1, 2, 3, 4]
    assert chosen == {2, 3}


def test_deleting_is_one_step(document: Document) -> None:
    document.edit_path(path_of(0, 1, 2), "set")
    document.select_keys({0, 2})
    editing.delete_selected(document)
    assert times(document.path) == [1]
    assert document.undo_label == "Delete 2 keyframes"
    editing.delete_selected(document)
    assert document.undo_label == "Delete 2 keyframes"


def test_clip_settings_undo_and_change_nothing_when_equal(document: Document) -> None:
    editing.set_clip(document, fps=30.0)
    assert not document.undo_label
    editing.set_clip(document, fps=24.0)
    assert document.undo_label == "Change frame rate"


def test_stepping() -> None:
    clip = path_of(0, duration=1.0, fps=10.0)
    assert editing.stepped(clip, 0.0, -1) == 0
    assert editing.stepped(clip, 0.9, 1) == pytest.approx(0.9)
    loop = path_of(0, duration=1.0, fps=10.0, loop=True)
    assert editing.stepped(loop, 0.9, 1) == 0
    assert editing.stepped(loop, 0.0, -1) == pytest.approx(0.9)


def test_a_turntable_starts_at_the_view_and_keeps_its_distance() -> None:
    view = Camera.look_at((0, -1, -3), (0.2, 0, 0))
    centre = np.array([0.5, 0.0, 0.25])
    path = turntable(view, centre, 8.0, 30.0)
    first = camera_at(path, 0.0, view.width, view.height)
    np.testing.assert_allclose(first.camera_from_world, view.camera_from_world, atol=1e-9)
    cameras = [camera_at(path, t, 64, 64) for t in np.linspace(0, 8, 41)]
    flat = np.array([c.position - centre for c in cameras])
    radii = np.hypot(flat[:, 0], flat[:, 2])
    assert np.ptp(radii) < 2e-3 * radii.mean()
    assert np.ptp(flat[:, 1]) < 1e-6
