"""Opening: what is offered, folders, and camera paths that a scene's own file carries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PyQt6.QtWidgets import QDialog

import scenes.formats
import scenes.paths.formats
from app.ui import files, main
from app.ui.opening import describe, known_kinds, look, scene_filters
from scenes.open import scene_formats
from scenes.paths.path import CameraPath, Keyframe
from tests.app.ui.toy_formats import toys_beside

window = pytest.mark.window

SCENES = {
    "toy_diary.py": '''
        """Spheres with a path in the same file ("DIARY"), or a folder with a page."""
        from dataclasses import replace
        from scenes.registry import Format
        from scenes.samples import make_sample

        def sniff(path, head):
            return head.startswith(b"DIARY") or (path.is_dir() and (path / "page.txt").exists())

        def read(path, progress, cancel):
            return replace(make_sample("spheres", count=1000), name=path.stem, source=path,
                           metadata={"vertical_axis": "y"})

        FORMAT = Format("toy_diary", "Toy diary", (".diary", ".old.diary", "toy.json"),
                        "gaussians", sniff, read)
    ''',
    "toy_pages.py": '''
        """A format that is a folder and nothing else."""
        from scenes.registry import Format

        FORMAT = Format("toy_pages", "Toy pages", (), "gaussians", lambda path, head: False,
                        lambda *_: None)
    ''',
}
PATHS = {
    "toy_diary_path.py": '''
        """A key for every line after the first."""
        import numpy as np
        from scenes.errors import SceneError
        from scenes.paths.path import CameraPath, Keyframe
        from scenes.registry import Format

        def read(path):
            keys = []
            for time, line in enumerate(path.read_text().splitlines()[1:]):
                if line == "blot":
                    raise SceneError(path, "a number", "a blot")
                pose = np.eye(4)
                pose[1, 3] = float(line)
                keys.append(Keyframe(float(time), pose, 1.0))
            return CameraPath(tuple(keys), duration=3.0)

        FORMAT = Format("toy_diary_path", "Toy diary path", (".diary",), "path",
                        lambda path, head: head.startswith(b"DIARY"), read)
    ''',
}


@pytest.fixture
def diary(tmp_path, monkeypatch):
    """A scene file that carries a camera path of two keys."""
    file = tmp_path / "a.diary"
    file.write_text("DIARY\n1\n2\n")
    with (
        toys_beside(scenes.formats, SCENES, tmp_path / "toy_scenes", monkeypatch),
        toys_beside(scenes.paths.formats, PATHS, tmp_path / "toy_paths", monkeypatch),
    ):
        yield file


def open_and_wait(shell, file, qtbot):
    count = len(shell.document.scenes)
    shell.open_paths([file])
    qtbot.waitUntil(lambda: len(shell.document.scenes) > count, timeout=20_000)


# What is offered ----------------------------------------------------------------------------


def test_known_kinds_are_few_words(diary):
    words = known_kinds().split(", ")
    assert {".ply", ".diary", ".json", ".plenoscope"} <= set(words)
    # Those go without saying.
    assert not {".old.diary", ".cameras.json", ".compressed.ply", "toy.json"} & set(words)
    assert len(set(words)) == len(words)
    # Three lines of a message at most.
    assert len(known_kinds()) < 240


def test_sentences_about_what_was_dropped(diary, tmp_path):
    assert describe(diary) == "Open a.diary as Gaussians (Toy diary)"
    letter = tmp_path / "letter.txt"
    letter.write_text("dear reader")
    assert describe(letter) == f"letter.txt is of an unknown kind. Known are: {known_kinds()}"
    folder = tmp_path / "photos"
    folder.mkdir()
    assert describe(folder).startswith("photos holds no scene that is known. Known are: .")
    (folder / "page.txt").touch()
    assert describe(folder) == "Open photos as Gaussians (Toy diary)"


def test_the_dialog_offers_every_kind_of_file(diary):
    filters = scene_filters()
    assert ("Toy diary", (".diary", ".old.diary", "toy.json")) in filters
    assert all(endings for _, endings in filters)
    for format in scene_formats():
        assert not format.extensions or (format.title, format.extensions) in filters
    text = files._filter_text(filters, every=True)
    every, *others = text.split(";;")
    assert every.startswith("All known files (")
    for ending in (".ply", ".diary", ".json", ".plenoscope"):
        assert f"*{ending}" in every
    assert others[-1] == "All files (*)"


def test_a_scene_is_told_from_a_path_by_its_name(diary, tmp_path):
    assert main._is_scene(tmp_path / "toy.json")
    assert main._is_scene(tmp_path / "a.ply")
    assert main._is_scene(tmp_path)
    assert not main._is_scene(tmp_path / "camera_path.json")


# Folders ------------------------------------------------------------------------------------


@window
def test_a_folder_is_opened_by_its_command(shell, diary, tmp_path, monkeypatch, qtbot):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "page.txt").touch()
    monkeypatch.setattr(files, "ask_folder", lambda *_: folder)
    assert shell.window.actions_set.actions["file.open_folder"].shortcut().toString()
    shell.run("file.open_folder")
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    assert shell.document.scene.source == folder
    assert shell.settings.recent_files == (str(folder),)
    assert not shell.document.path.keys


@window
def test_a_folder_without_a_scene_is_told(shell, tmp_path, qtbot):
    shell.open_paths([tmp_path])
    qtbot.waitUntil(lambda: shell.window.findChild(QDialog, "error_dialog") is not None)
    shown = shell.window.findChild(QDialog, "error_dialog")
    assert known_kinds() in shown.message.text()
    shown.close()


# Paths that scenes carry ---------------------------------------------------------------------


@window
def test_the_path_of_the_scenes_file_is_taken_over(shell, diary, qtbot):
    open_and_wait(shell, diary, qtbot)
    document = shell.document
    assert len(document.path.keys) == 2
    assert document.orientation == "y-up"
    # The file's frame has y upwards, the window's world downwards.
    assert document.path.keys[1].world_from_camera[1, 3] == -2.0
    assert document.undo_label == "Open camera path a.diary"
    assert "2 keys" in shell.window.message.text()
    assert not document.modified
    shell.run("edit.undo")
    assert not document.path.keys


@window
def test_a_path_that_is_there_stays(shell, diary, small_scene, qtbot):
    own = CameraPath((Keyframe(0.0, small_scene.default_camera().world_from_camera, 1.0, "own"),))
    shell.document.edit_path(own, "Add")
    open_and_wait(shell, diary, qtbot)
    assert [key.name for key in shell.document.path.keys] == ["own"]
    assert shell.document.undo_label != "Open camera path a.diary"


@window
def test_a_path_that_is_damaged_costs_no_scene(shell, diary, qtbot):
    diary.write_text("DIARY\nblot\n")
    open_and_wait(shell, diary, qtbot)
    assert shell.document.scene.count == 1000
    assert not shell.document.path.keys
    message = shell.window.message.text()
    assert message.startswith("The camera path in the file cannot be used")
    assert "a blot" in message
    assert shell.window.findChild(QDialog, "error_dialog") is None


@window
def test_an_empty_path_is_no_path(shell, diary, qtbot):
    diary.write_text("DIARY\n")
    open_and_wait(shell, diary, qtbot)
    assert not shell.document.undo_label


@window
def test_a_plain_scene_carries_no_path(shell, scene_file, qtbot):
    open_and_wait(shell, scene_file, qtbot)
    assert not shell.document.undo_label


@pytest.mark.window
def test_cameras_of_a_data_set_become_views(shell, tmp_path, qtbot):
    pose = [[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]
    frame = {"file_path": "images/a.png", "transform_matrix": pose}
    distorted = {"fl_x": 50, "fl_y": 50, "w": 64, "h": 48, "k1": 0.1, "frames": [frame]}
    file = tmp_path / "transforms.json"
    file.write_text(json.dumps(distorted))
    assert look(file).kind == "cameras"
    assert "Add the cameras of transforms.json" in describe(file)
    shell.open_paths([file])
    qtbot.waitUntil(lambda: bool(shell.document.bookmarks), timeout=10_000)
    mark = shell.document.bookmarks[0]
    assert mark.name == "a"
    np.testing.assert_allclose(mark.camera.position, [0.5, 0, 2])
    assert (mark.camera.width, mark.camera.fx) == (64, 50)


def test_sentences_say_what_a_scene_is_made_of(tmp_path):
    from tests.scenes.mpi_files import layer_files, put

    folder = put(tmp_path / "mine", layer_files(2))
    assert describe(folder).startswith("Open mine as a multiplane image (")
