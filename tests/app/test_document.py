"""The document: undo, merging, selection, and the order of what it tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.document import MERGE_SECONDS, Bookmark, Document
from render.request import RenderSettings
from scenes.camera import Camera
from scenes.gaussians import GaussianScene
from scenes.paths.path import CameraPath, Keyframe
from scenes.transforms import ORIENTATIONS

VIEW = Camera.look_at((0, 0, -3), (0, 0, 0))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def document(clock: Clock) -> Document:
    return Document(clock)


def path(count: int, duration: float = 8.0) -> CameraPath:
    keys = tuple(Keyframe(float(i), np.eye(4), 0.9, str(i)) for i in range(count))
    return CameraPath(keys, duration=duration)


def scene(name: str) -> GaussianScene:
    zeros = np.zeros((1, 3))
    return GaussianScene(zeros, [[1, 0, 0, 0]], zeros, [1.0], np.zeros((1, 1, 3)), name=name)


def heard(signal) -> list[tuple]:
    calls: list[tuple] = []
    signal.connect(lambda *values: calls.append(values), check_nargs=False)
    return calls


def test_undo_and_redo_walk_through_the_steps(document: Document) -> None:
    states = [document.path]
    for count in (1, 2, 3):
        states.append(path(count))
        document.edit_path(states[-1], f"Add {count}")
    assert (document.undo_label, document.redo_label) == ("Add 3", "")
    for state in states[-2::-1]:
        document.undo()
        assert document.path is state
    assert (document.undo_label, document.redo_label) == ("", "Add 1")
    document.undo()
    for state in states[1:]:
        document.redo()
        assert document.path is state
    document.redo()
    document.undo()
    document.edit_path(path(9), "Other")
    assert document.redo_label == ""


def test_bookmarks_and_path_share_one_history(document: Document) -> None:
    marks = (Bookmark("a", VIEW),)
    document.edit_path(path(1), "Key")
    document.edit_bookmarks(marks, "Bookmark")
    document.undo()
    assert document.bookmarks == ()
    assert len(document.path.keys) == 1
    document.undo()
    document.redo()
    document.redo()
    assert document.bookmarks is marks


def test_steps_of_one_drag_become_one(document: Document, clock: Clock) -> None:
    document.edit_path(path(1), "Add")
    start = document.path
    for _ in range(5):
        clock.now += 0.5 * MERGE_SECONDS
        document.edit_path(path(2), "Move", merge_key="drag 1")
    document.undo()
    assert document.path is start
    document.redo()
    assert len(document.path.keys) == 2


def test_steps_far_apart_or_of_other_keys_stay_apart(document: Document, clock: Clock) -> None:
    for merge_key, pause in (("a", 0.0), ("b", 0.0), ("b", 1.1 * MERGE_SECONDS), ("", 0.0)):
        clock.now += pause
        document.edit_path(path(1), "Move", merge_key)
    document.edit_path(path(1), "Move", "")
    steps = 0
    while document.undo_label:
        document.undo()
        steps += 1
    assert steps == 5


def test_a_drag_after_undo_is_a_step_of_its_own(document: Document) -> None:
    document.edit_path(path(1), "Move", "drag")
    moved = document.path
    document.edit_path(path(2), "Other")
    document.undo()
    document.edit_path(path(3), "Move", "drag")
    document.undo()
    assert document.path is moved


def test_selection_follows_the_path_that_shrinks(document: Document) -> None:
    document.edit_path(path(3), "Add")
    document.select_keys({0, 2, 7})
    assert document.selection == {0, 2}
    calls = heard(document.selection_changed)
    document.edit_path(path(2), "Delete")
    assert document.selection == {0}
    assert len(calls) == 1
    document.select_keys({0})
    assert len(calls) == 1


def test_the_playhead_stays_inside_the_clip(document: Document) -> None:
    calls = heard(document.time_changed)
    document.set_time(7.5)
    document.set_time(99)
    document.edit_path(path(1, duration=2.0), "Shorten")
    assert calls == [(7.5,), (8.0,), (2.0,)]
    document.set_time(-1)
    assert document.time == 0.0


def test_modified_is_told_once_and_forgotten_when_saved(document: Document) -> None:
    calls = heard(document.modified_changed)
    document.set_time(1)
    document.set_view(VIEW)
    document.select_keys({0})
    assert not document.modified
    document.edit_path(path(1), "Add")
    document.edit_path(path(2), "Add")
    document.mark_saved()
    document.undo()
    assert calls == [(True,), (False,), (True,)]


def test_turning_the_scene_turns_what_looks_at_it_and_can_be_undone() -> None:
    document = Document()
    camera = Camera.look_at((1.0, 2.0, -5.0), (0.0, 0.5, 0.0))
    key = Keyframe(0.0, camera.world_from_camera, 1.0)
    document.edit_path(CameraPath((key,)), "Add")
    document.edit_bookmarks((Bookmark("here", camera),), "Keep")
    document.set_orientation("z-up")
    point = np.array([0.3, -0.7, 1.1, 1.0])
    shown = ORIENTATIONS["z-up"].world_from_file @ point
    seen = camera.camera_from_world @ point
    np.testing.assert_allclose(
        document.bookmarks[0].camera.camera_from_world @ shown, seen, atol=1e-12
    )
    pose = document.path.keys[0].world_from_camera
    np.testing.assert_allclose(np.linalg.inv(pose) @ shown, seen, atol=1e-12)
    document.undo()
    assert document.orientation == "none"
    np.testing.assert_array_equal(document.path.keys[0].world_from_camera, camera.world_from_camera)


def test_render_settings_and_orientation_are_told_only_when_they_change(
    document: Document,
) -> None:
    settings, orientation = (
        heard(document.render_settings_changed),
        heard(document.orientation_changed),
    )
    document.set_render_settings(sh_degree=None)
    document.set_orientation("none")
    assert (settings, orientation, document.modified) == ([], [], False)
    document.set_render_settings(sh_degree=1, splat_scale=0.5)
    document.set_orientation("y-up")
    assert len(settings) == len(orientation) == 1
    assert document.render_settings == RenderSettings(sh_degree=1, splat_scale=0.5)
    assert document.modified


def test_scenes_open_select_and_close(document: Document) -> None:
    calls = heard(document.scenes_changed)
    assert document.scene is None
    a, b, c = (scene(name) for name in "abc")
    for one in (a, b, c):
        document.add_scene(one)
    assert document.scene is c
    document.select_scene(1)
    document.select_scene(1)
    document.select_scene(5)
    assert document.scene is b
    assert len(calls) == 4


def test_closing_a_scene_keeps_the_current_one_current(document: Document) -> None:
    a, b, c = (scene(name) for name in "abc")
    for one in (a, b, c):
        document.add_scene(one)
    document.select_scene(1)
    document.close_scene(0)
    assert document.scene is b
    document.close_scene(1)
    assert document.scene is b
    document.close_scene(0)
    assert document.scene is None
    assert document.current == -1
    document.add_scene(c)
    assert document.scene is c


def test_closing_the_current_scene_takes_the_one_before(document: Document) -> None:
    a, b, c = (scene(name) for name in "abc")
    for one in (a, b, c):
        document.add_scene(one)
    document.select_scene(1)
    document.close_scene(1)
    assert document.scene is a
    document.close_scene(0)
    assert document.scene is c


def test_a_replaced_scene_comes_back_with_undo(document: Document) -> None:
    first, second, other = scene("a"), scene("b"), scene("c")
    document.add_scene(first)
    document.add_scene(other)
    calls = heard(document.scenes_changed)
    document.replace_scene(0, second, "Read axes as RDF")
    assert document.scenes == [second, other]
    assert (document.current, document.undo_label) == (1, "Read axes as RDF")
    document.select_scene(0)
    document.undo()
    assert document.scene is first
    document.redo()
    assert document.scene is second
    assert len(calls) == 4


def test_a_replacement_may_keep_the_view(document: Document) -> None:
    document.add_scene(scene("a"))
    document.set_view(VIEW)
    home = Camera.look_at((0, 0, -9), (0, 0, 0))
    document.scenes_changed.connect(lambda: document.set_view(home))
    document.replace_scene(0, scene("b"), "Level of detail 2", keep_view=True)
    assert document.view is VIEW
    document.undo()
    assert document.view is VIEW
    document.replace_scene(0, scene("c"), "Read axes as RDF")
    assert document.view is home


def test_a_closed_scene_takes_its_steps_with_it(document: Document) -> None:
    versions = [scene(name) for name in "abcd"]
    document.add_scene(versions[0])
    document.add_scene(scene("other"))
    for number in (1, 2, 3):
        document.replace_scene(0, versions[number], f"Step {number}")
        document.edit_path(path(number), f"Path {number}")
    document.replace_scene(1, scene("another"), "Step of the other")
    document.undo()
    document.undo()
    document.undo()
    assert (document.undo_label, document.redo_label) == ("Path 2", "Step 3")
    document.close_scene(0)
    assert document.redo_label == "Path 3"
    document.redo()
    document.redo()
    assert [each.name for each in document.scenes] == ["another"]
    labels = []
    while document.undo_label:
        labels.append(document.undo_label)
        document.undo()
    assert labels == ["Step of the other", "Path 3", "Path 2", "Path 1"]
    assert [each.name for each in document.scenes] == ["other"]


def test_scenes_that_only_undo_remembers_are_bounded(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    document.add_scene(scene("0"))
    monkeypatch.setattr("app.document.HISTORY_BYTES", 3 * document.scenes[0].nbytes)
    for number in range(1, 9):
        document.replace_scene(0, scene(str(number)), f"Step {number}")
    while document.undo_label:
        document.undo()
    assert document.scenes[0].name == "5"
    document.add_scene(scene("huge"))
    monkeypatch.setattr("app.document.HISTORY_BYTES", 0)
    document.replace_scene(1, scene("one"), "Even so")
    document.undo()
    assert document.scenes[1].name == "huge"


def test_restoring_forgets_the_history_and_is_not_a_change(document: Document) -> None:
    document.edit_path(path(3), "Add")
    document.select_keys({2})
    document.set_time(7)
    document.restore(path(1, duration=3.0), (), RenderSettings(splat_scale=2.0), "z-up")
    assert (document.undo_label, document.redo_label, document.modified) == ("", "", False)
    assert (document.time, document.selection) == (3.0, frozenset())
    assert document.render_settings.splat_scale == 2.0
    assert document.orientation == "z-up"


def test_listeners_see_the_whole_new_state(document: Document) -> None:
    seen: list[tuple[str, float, bool]] = []
    document.orientation = "y-up"

    def note() -> None:
        settings = document.render_settings
        seen.append((document.orientation, settings.splat_scale, bool(document.path.keys)))

    for signal in (document.path_changed, document.bookmarks_changed, document.history_changed):
        signal.connect(note)
    document.restore(path(1), (), replace(RenderSettings(), splat_scale=2.0), "z-up")
    assert set(seen) == {("z-up", 2.0, True)}
