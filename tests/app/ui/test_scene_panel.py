"""The Scene panel: what the file says, its axes, its levels of detail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog

import scenes.formats
from app.project import load_project, save_project, to_json
from app.ui import reading
from app.ui.projects import read
from app.ui.reading import levels_of
from app.ui.scene_facts import frame_source, frame_words, ignored, scene_facts
from app.ui.scene_fields import AxesField, FoldedList
from scenes.frames import FRAMES, reinterpreted
from scenes.open import open_scene
from scenes.registry import never, no_progress
from tests.app.ui.conftest import wait_for_picture
from tests.app.ui.toy_formats import toys_beside
from tests.data import shared_data

window = pytest.mark.window

TOYS = {
    "toy_tiers.py": '''
        """The sample of spheres at one of three levels, and in RUB: "TIERS", or "TIERS bad"."""
        import time
        from dataclasses import replace
        from scenes.errors import Cancelled, SceneError
        from scenes.registry import Format, Option
        from scenes.samples import make_sample

        COUNTS = [4000, 2000, 1000]

        def read(path, progress, cancel, lod=0):
            while (path.parent / "wait").exists():
                if cancel():
                    raise Cancelled
                time.sleep(0.005)
            if lod and path.read_text() == "TIERS bad":
                raise SceneError(path, "a level", "nothing")
            scene = make_sample("spheres", count=COUNTS[lod])
            metadata = {"levels": COUNTS, "level": lod, "stored_frame": "rub",
                        "frame_source": "assumed", "dialect": "three tiers"}
            return replace(scene, name=path.stem, source=path, format="toy_tiers",
                           metadata=metadata)

        FORMAT = Format(
            "toy_tiers", "Toy tiers", (".tiers",), "gaussians",
            lambda path, head: head.startswith(b"TIERS"), read,
            read_options=(Option("lod", "Level of detail", "Less is more.", 0, high=2),),
        )
    ''',
}


@pytest.fixture
def tiers(tmp_path, monkeypatch) -> Path:
    """A file with three levels of detail."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    file = folder / "a.tiers"
    file.write_text("TIERS")
    with toys_beside(scenes.formats, TOYS, tmp_path / "toy_formats", monkeypatch):
        yield file


@pytest.fixture
def told(small_scene) -> object:
    """A scene that says of itself whatever can be said."""
    metadata = {
        "dialect": "version 4, zstd streams",
        "quantisation": "positions 1/4096",
        "stored_frame": "rub",
        "frame_source": "assumed",
        "ignored": ["animation", "a <b>bold</b> name", "thumbnail", "safe orbit"],
    }
    return replace(small_scene, source=Path("/a/b.toy"), metadata=metadata)


def choose(field, data):
    index = field.findData(data) if field.findData(data) >= 0 else data
    field.setCurrentIndex(index)
    field.activated.emit(index)


# Words --------------------------------------------------------------------------------------


def test_facts_tell_what_the_file_says(told, small_scene):
    facts = scene_facts(told)
    assert facts["Dialect"] == "version 4, zstd streams"
    assert facts["Quantisation"] == "positions 1/4096"
    assert (facts["Dialect"], scene_facts(small_scene)["Dialect"]) != ("", "")
    assert scene_facts(small_scene)["Quantisation"] == ""
    assert len(ignored(told)) == 4
    assert ignored(replace(told, metadata={"ignored": "animation"})) == ("animation",)


def test_where_a_frame_is_known_from(told, small_scene):
    assert frame_source(told) == "assumed"
    assert frame_source(replace(told, metadata={"vertical_axis": "y"})) == "declared"
    assert frame_source(replace(told, metadata={})) == "assumed"
    assert frame_source(reinterpreted(told, "luf")) == "chosen"
    assert frame_words("rub") == "right up back"


def test_the_usual_frames_come_first_and_none_is_missing(qtbot, told):
    field = AxesField()
    qtbot.addWidget(field)
    frames = [field.itemData(i) for i in range(field.count())]
    assert frames[:4] == ["rub", "rdf", "luf", "ruf"]
    assert frames[4] is None  # a line between the usual ones and the rest
    assert {*frames} - {None} == {*FRAMES}
    field.show_scene(told)
    assert field.currentText() == "RUB, assumed"
    field.show_scene(replace(told, metadata={}))
    assert field.currentText() == "RDF, assumed"
    assert field.itemText(field.findData("rub")) == "RUB, OpenGL, SPZ"
    assert field.itemText(field.findData("lbd")) == "LBD, left back down"


def test_a_long_list_folds(qtbot, told):
    label = FoldedList("list")
    qtbot.addWidget(label)
    label.show_phrases(ignored(told))
    assert "animation, a &lt;b&gt;bold&lt;/b&gt; name" in label.text()
    assert "thumbnail" not in label.text()
    assert "and 2 more" in label.text()
    assert "safe orbit" in label.toolTip()
    label.linkActivated.emit("fold")
    assert "safe orbit" in label.text()
    label.linkActivated.emit("fold")
    assert "safe orbit" not in label.text()
    label.show_phrases(("one", "two", "three"))
    assert label.text() == "one, two, three"


def test_levels_of_a_real_file():
    scene = open_scene(shared_data("splats/playbot_sog_lod"), lod=6)
    counts = levels_of(scene)
    assert len(counts) == 7
    assert counts[scene.metadata["level"]] == scene.count
    assert levels_of(replace(scene, metadata={"levels": [5]})) == ()
    assert levels_of(replace(scene, format="ply")) == ()


# The panel ----------------------------------------------------------------------------------


@window
def test_rows_that_have_nothing_to_say_are_hidden(shell, told, small_scene):
    shell.opener.show_scene(small_scene)
    panel = shell.panel("scene")
    said = [panel.facts["Splats"], panel.facts["Format"], panel.orientation]
    silent = [panel.facts["Dialect"], panel.facts["Quantisation"], panel.axes, panel.level]
    silent += [panel.ignored]
    assert all(panel.rows.isRowVisible(field) for field in said)
    assert not any(panel.rows.isRowVisible(field) for field in silent)
    shell.opener.show_scene(told)
    silent.remove(panel.level)
    assert all(panel.rows.isRowVisible(field) for field in (*said, *silent))
    assert not panel.rows.isRowVisible(panel.level)
    assert panel.facts["Dialect"].text() == "version 4, zstd streams"


@window
@pytest.mark.parametrize("in_task", [False, True])
def test_other_axes_turn_the_scene_at_once(live, told, monkeypatch, in_task, qtbot):
    if in_task:
        monkeypatch.setattr(reading, "QUICK_SPLATS", 10)
    live.opener.show_scene(told)
    wait_for_picture(live, qtbot)
    picture = live.driver.frame.rgba8.copy()
    panel = live.panel("scene")
    choose(panel.axes, "rdf")
    qtbot.waitUntil(lambda: live.document.scene is not told, timeout=10_000)
    turned = live.document.scene
    np.testing.assert_array_equal(turned.means, told.means * np.float32([1, -1, -1]))
    assert panel.axes.currentText() == "RDF, chosen"
    assert live.document.undo_label == "Read axes as RDF"
    assert len(live.document.scenes) == 2
    wait_for_picture(live, qtbot)
    assert (live.driver.frame.rgba8 != picture).any()
    live.run("edit.undo")
    assert live.document.scene is told
    assert panel.axes.currentText() == "RUB, assumed"
    wait_for_picture(live, qtbot)
    np.testing.assert_array_equal(live.driver.frame.rgba8, picture)


@window
def test_choosing_the_same_axes_changes_nothing(shell, told):
    shell.opener.show_scene(told)
    choose(shell.panel("scene").axes, "rub")
    assert shell.document.scene is told
    assert not shell.document.undo_label


@window
def test_only_the_last_of_two_quick_choices_counts(shell, told, monkeypatch, qtbot):
    monkeypatch.setattr(reading, "QUICK_SPLATS", 10)
    shell.opener.show_scene(told)
    axes = shell.panel("scene").axes
    choose(axes, "luf")
    choose(axes, "ruf")
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=10_000)
    assert shell.document.scene.metadata["stored_frame"] == "ruf"
    shell.document.undo()
    assert shell.document.scene is told


@window
def test_a_reading_that_was_cancelled_leaves_all_as_it_was(shell, told, monkeypatch, qtbot):
    monkeypatch.setattr(reading, "QUICK_SPLATS", 10)
    shell.opener.show_scene(told)
    panel = shell.panel("scene")
    choose(panel.axes, "luf")
    shell.tasks.tasks[-1].cancel()
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=10_000)
    kept = shell.document.scene
    assert panel.axes.currentData() == ("rub" if kept is told else "luf")


@window
def test_another_level_opens_in_the_background_and_keeps_the_view(live, tiers, qtbot):
    live.open_paths([tiers])
    qtbot.waitUntil(lambda: live.document.scene.name == "a", timeout=20_000)
    wait_for_picture(live, qtbot)
    panel = live.panel("scene")
    assert panel.rows.isRowVisible(panel.level)
    texts = [panel.level.itemText(i) for i in range(panel.level.count())]
    assert texts == ["0: 4,000", "1: 2,000", "2: 1,000"]
    live.pointer.axis_view("top")
    wait_for_picture(live, qtbot)
    view, before = live.document.view, live.document.scene
    choose(panel.level, 2)
    assert live.document.scene is before
    qtbot.waitUntil(lambda: live.document.scene.count == 1000, timeout=10_000)
    assert panel.level.currentIndex() == 2
    assert (live.document.scene.name, len(live.document.scenes)) == ("a", 2)
    np.testing.assert_array_equal(live.document.view.camera_from_world, view.camera_from_world)
    wait_for_picture(live, qtbot)
    live.run("edit.undo")
    assert live.document.scene is before
    assert panel.level.currentIndex() == 0


@window
def test_a_level_keeps_the_axes_that_were_chosen(shell, tiers, qtbot):
    shell.open_paths([tiers])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    panel = shell.panel("scene")
    choose(panel.axes, "ruf")
    choose(panel.level, 1)
    qtbot.waitUntil(lambda: shell.document.scene.count == 2000, timeout=10_000)
    assert panel.axes.currentText() == "RUF, chosen"
    plain = open_scene(tiers, lod=1)
    np.testing.assert_array_equal(shell.document.scene.means, plain.means * np.float32([1, 1, -1]))


@window
def test_a_level_that_cannot_be_read_is_told_and_the_field_goes_back(shell, tiers, qtbot):
    tiers.write_text("TIERS bad")
    shell.open_paths([tiers])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    scene, panel = shell.document.scene, shell.panel("scene")
    choose(panel.level, 2)
    qtbot.waitUntil(lambda: shell.window.findChild(QDialog, "error_dialog") is not None)
    shell.window.findChild(QDialog, "error_dialog").close()
    assert shell.document.scene is scene
    assert panel.level.currentIndex() == 0


@window
def test_a_scene_closed_meanwhile_stays_closed(shell, tiers, qtbot):
    shell.open_paths([tiers])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    wait = tiers.parent / "wait"
    wait.touch()
    choose(shell.panel("scene").level, 2)
    shell.run("file.close_scene")
    wait.unlink()
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=10_000)
    assert shell.document.scene is None
    assert not shell.document.undo_label


@window
def test_links_and_fields_are_reached_by_keys(shell, told):
    shell.opener.show_scene(told)
    panel = shell.panel("scene")
    assert panel.ignored.textInteractionFlags() & Qt.TextInteractionFlag.LinksAccessibleByKeyboard
    for field in (panel.axes, panel.level):
        assert field.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert field.accessibleName()


# Projects -----------------------------------------------------------------------------------


@window
def test_projects_remember_axes_and_level(shell, tiers, tmp_path, qtbot):
    shell.open_paths([tiers])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    panel = shell.panel("scene")
    choose(panel.level, 1)
    qtbot.waitUntil(lambda: shell.document.scene.count == 2000, timeout=10_000)
    choose(panel.axes, "lub")
    file = tmp_path / "p.plenoscope"
    save_project(shell.document, file)
    reference = load_project(file).scene
    assert (reference.axes, reference.level) == ("lub", 1)
    found = read(file, no_progress, never)
    assert found.scene.count == 2000
    np.testing.assert_array_equal(found.scene.means, shell.document.scene.means)
    assert found.scene.metadata["frame_source"] == "chosen"


@window
def test_projects_of_plain_scenes_say_nothing_of_it(shell, scene_file):
    shell.opener.show_scene(open_scene(scene_file))
    record = to_json(shell.document)["scene"]
    assert not {"axes", "level"} & set(record)
