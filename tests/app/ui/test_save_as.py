"""Saving a scene: what can be chosen, the dialog, the file, and what the person is told."""

from __future__ import annotations

import sys
import threading
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QSpinBox,
)

import scenes.formats
from app.ui import files
from app.ui.save_as import dialog as dialog_module
from app.ui.save_as import memory
from app.ui.save_as.choices import (
    Choices,
    compared,
    estimate_words,
    fitting,
    keeps,
    save,
    size_words,
    suggested,
    with_ending,
    writable,
)
from app.ui.save_as.fields import option_field
from scenes.open import open_scene
from scenes.registry import Option, never, no_progress
from tests.app.ui.toy_formats import toys_beside

window = pytest.mark.window

TOYS = {
    "toy_boxes.py": '''
        """Four bytes for each splat; takes its time while a file "wait" lies beside."""
        import time
        from scenes.errors import Cancelled, SceneError
        from scenes.registry import Format, Option

        def write(scene, path, progress, cancel, coding="fast", level=3, grid=0.5, tight=False,
                  note="", rows=None):
            if note == "fail":
                raise SceneError(path, "a note", "nonsense")
            while (path.parent / "wait").exists():
                progress(1, 4, "splats")
                if cancel():
                    raise Cancelled
                time.sleep(0.005)
            words = f"TOY {scene.count} {scene.sh_degree} {coding} {level} {grid} {tight} {rows}"
            path.write_text(words)
            return () if coding == "fast" else ("Box corners were rounded.", "Lids are not kept.")

        FORMAT = Format(
            "toy_boxes", "Toy boxes", (".boxes", ".bx"), "gaussians",
            lambda path, head: head.startswith(b"TOY"), lambda *_: None, write,
            write_options=(
                Option("coding", "Coding", "How boxes are packed.", "fast", ("fast", "slow")),
                Option("level", "Level", "More is smaller.", 3, low=1, high=9),
                Option("grid", "Grid", "Size of a box.", 0.5, high=10),
                Option("tight", "Tight", "No air.", False),
                Option("note", "Note", "Words for the lid.", ""),
                Option("rows", "Rows", "Boxes in a row.", None, low=1, high=2000),
            ),
            estimate=lambda scene, coding="fast", **rest: (
                scene.count * (4 if coding == "fast" else 2) + scene.sh.shape[1]
            ),
            sh_degree=1, frame="RUB", precision="boxes of 0.5 units",
        )
    ''',
    "toy_tray.py": '''
        """A folder with one file of a fixed name."""
        from scenes.registry import Format

        def write(scene, path, progress, cancel):
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"TRAY {scene.count}")
            return ()

        FORMAT = Format(
            "toy_tray", "Toy tray", ("tray.txt",), "gaussians",
            lambda path, head: head.startswith(b"TRAY"), lambda *_: None, write,
        )
    ''',
    "toy_closed.py": '''
        from scenes.registry import Format

        FORMAT = Format("toy_closed", "Toy closed", (".closed",), "gaussians",
                        lambda path, head: False, lambda *_: None)
    ''',
}  # fmt: skip


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Toy formats beside the real ones."""
    with toys_beside(scenes.formats, TOYS, tmp_path / "toy_formats", monkeypatch):
        yield {format.name: format for format in writable("gaussians")}


@pytest.fixture
def edits(monkeypatch):
    """Edits of scenes that are easily told apart from none."""
    module = types.ModuleType("scenes.edits")

    def decimate(scene, count, progress, cancel):
        progress(count, scene.count, "splats")
        return replace(
            scene,
            means=scene.means[:count],
            quats=scene.quats[:count],
            scales=scene.scales[:count],
            opacities=scene.opacities[:count],
            sh=scene.sh[:count],
        )

    module.decimate = decimate
    module.with_sh_degree = lambda scene, degree, progress, cancel: replace(
        scene, sh=scene.sh[:, : (degree + 1) ** 2]
    )
    monkeypatch.setitem(sys.modules, "scenes.edits", module)


@pytest.fixture
def folder(tmp_path) -> Path:
    place = tmp_path / "saved"
    place.mkdir()
    return place


# Words and names ----------------------------------------------------------------------------


def test_only_formats_that_can_be_written_are_offered(toys):
    assert {"ply", "toy_boxes", "toy_tray"} <= set(toys)
    assert "toy_closed" not in toys
    titles = [format.title.lower() for format in toys.values()]
    assert titles == sorted(titles)


def test_what_a_format_keeps_in_one_line(toys):
    assert keeps(toys["toy_boxes"]) == (
        "Boxes of 0.5 units; view-dependent colour up to SH degree 1; axes RUB."
    )
    assert keeps(toys["toy_tray"]) == "No view-dependent colour."


def test_every_real_format_says_what_it_keeps():
    for format in writable("gaussians"):
        assert format.precision, format.name
        assert len(keeps(format)) > 20
        assert format.estimate is not None, format.name


def test_names_follow_the_format(toys):
    formats = list(toys.values())
    boxes, tray, ply = toys["toy_boxes"], toys["toy_tray"], toys["ply"]
    at = Path("/a/b")
    assert with_ending(at / "plant.ply", boxes, formats) == at / "plant.boxes"
    assert with_ending(at / "plant.BX", boxes, formats) == at / "plant.BX"
    assert with_ending(at / "plant", boxes, formats) == at / "plant.boxes"
    assert with_ending(at / "plant.v2", boxes, formats) == at / "plant.v2.boxes"
    assert with_ending(at / "plant.boxes", tray, formats) == at / "plant" / "tray.txt"
    assert with_ending(at / "plant" / "tray.txt", tray, formats) == at / "plant" / "tray.txt"
    assert with_ending(at / "plant" / "tray.txt", ply, formats) == at / "plant.ply"
    assert with_ending(at / ".ply", boxes, formats) == at / "scene.boxes"


def test_suggestions_never_name_the_scenes_own_file(toys, small_scene):
    at = Path("/a/b")
    scene = replace(small_scene, source=at / "plant.ply")
    assert suggested(scene, toys["toy_boxes"], at) == at / "plant.boxes"
    assert suggested(scene, toys["ply"], at) == at / "plant copy.ply"
    made = replace(small_scene, source=None, name="Spheres")
    assert suggested(made, toys["ply"], at) == at / "Spheres.ply"
    bundle = replace(small_scene, source=at / "plant" / "tray.txt")
    assert suggested(bundle, toys["ply"], Path("/c")) == at / "plant.ply"
    assert suggested(bundle, toys["toy_tray"], Path("/c")) == at / "plant copy" / "tray.txt"
    unpacked = replace(small_scene, source=at / "plant.v2")
    assert suggested(unpacked, toys["ply"], Path("/c")) == at / "plant.v2.ply"


def test_sizes_in_words(toys, edits, small_scene):
    assert [size_words(n) for n in (12, 1500, 14_200_000, 3 * 10**9)] == [
        "12 bytes", "1.5 kB", "14.2 MB", "3.0 GB",
    ]  # fmt: skip
    assert compared(17.2, "PLY") == ", 17× smaller than PLY"
    assert compared(1.26, "PLY") == ", 1.3× smaller than PLY"
    assert compared(0.5, "PLY") == ", 2.0× larger than PLY"
    assert compared(1.01, "PLY") == ""
    whole = Choices(toys["toy_boxes"], Path("a"), {"coding": "fast"}, 1, small_scene.count)
    # 3000 splats of 4 bytes and 4 coefficients; the PLY holds 62 values of 4 bytes for each.
    assert estimate_words(small_scene, whole) == "about 12.0 kB, 62× smaller than PLY"
    half = replace(whole, count=1500, degree=0)
    assert estimate_words(small_scene, half).startswith("about 6.0 kB, 124×")
    assert estimate_words(small_scene, replace(whole, format=toys["toy_tray"])) == ""


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        (Option("a", "A", "", "x", ("x", "y")), "y", "y"),
        (Option("a", "A", "", "x", ("x", "y")), "z", "x"),
        (Option("a", "A", "", 3, low=1, high=9), 12, 9),
        (Option("a", "A", "", 3, low=1, high=9), "3", 3),
        (Option("a", "A", "", 0.5, high=10), 0.25, 0.25),
        (Option("a", "A", "", True), False, False),
        (Option("a", "A", "", True), 0, True),
        (Option("a", "A", "", None, low=1, high=9), 4, 4),
        (Option("a", "A", "", None, low=1, high=9), 40, None),
        (Option("a", "A", "", ""), "words", "words"),
    ],
)
def test_remembered_values_that_do_not_fit_give_way(option, value, expected):
    found = fitting(option, value)
    assert (found, type(found)) == (expected, type(expected))


# Fields -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "start", "other", "kind"),
    [
        (Option("a", "A", "Help.", "x", ("x", "y")), "y", "x", QComboBox),
        (Option("a", "A", "Help.", 2, (1, 2, 4)), 4, 1, QComboBox),
        (Option("a", "A", "Help.", None, (None, 2)), 2, None, QComboBox),
        (Option("a", "A", "Help.", False, (False, True)), True, False, QCheckBox),
        (Option("a", "A", "Help.", True), False, True, QCheckBox),
        (Option("a", "A", "Help.", 3, low=1, high=9), 5, 9, QSpinBox),
        (Option("a", "A", "Help.", None, low=1, high=9), None, 1, QSpinBox),
        (Option("a", "A", "Help.", 0.5, high=10), 0.25, 7.5, QDoubleSpinBox),
        (Option("a", "A", "Help.", ""), "one", "two", QLineEdit),
    ],
)
def test_every_option_has_a_field(qtbot, option, start, other, kind):
    changes = []
    field, value = option_field(option, start, lambda: changes.append(1))
    qtbot.addWidget(field)
    assert isinstance(field, kind)
    assert (field.objectName(), field.accessibleName()) == ("save_as_a", "A")
    assert field.toolTip() == "Help."
    assert value() == start
    if kind is QComboBox:
        field.setCurrentIndex(option.choices.index(other))
    elif kind is QCheckBox:
        field.click()
    elif kind is QLineEdit:
        field.setText(other)
        field.editingFinished.emit()
    else:
        field.setValue(other)
    assert value() == other
    assert changes


def test_an_open_number_says_that_it_is_open(qtbot):
    field, value = option_field(Option("a", "A", "", None, low=1, high=9), None, lambda: None)
    qtbot.addWidget(field)
    assert field.text() == "automatic"
    field.setValue(3)
    assert value() == 3
    field.setValue(field.minimum())
    assert value() is None


# The dialog ---------------------------------------------------------------------------------


def open_dialog(shell):
    shell.run("file.save_scene_as")
    found = shell.window.findChild(QDialog, "save_as")
    QTest.qWaitForWindowExposed(found)
    return found


def choose_format(dialog, name):
    dialog.format.setCurrentIndex(dialog.format.findData(name))


def press_save(dialog):
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)


def idle(shell, qtbot):
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=20_000)


@pytest.fixture
def with_scene(shell, small_scene):
    shell.opener.show_scene(small_scene)
    return shell


@window
def test_a_scene_is_saved_and_opens_again(with_scene, folder, qtbot):
    shell = with_scene
    assert shell.window.actions_set.actions["file.save_scene_as"].shortcut().toString()
    dialog = open_dialog(shell)
    choose_format(dialog, "ply")
    assert "Lossless" in dialog.keeps.text()
    dialog.place.setText(str(folder / "again"))
    dialog.place.editingFinished.emit()
    assert dialog.place.text() == str(folder / "again.ply")
    qtbot.waitUntil(lambda: dialog.estimate.text().startswith("about 7"))
    press_save(dialog)
    idle(shell, qtbot)
    written = folder / "again.ply"
    back, scene = open_scene(written), shell.document.scene
    np.testing.assert_array_equal(back.means, scene.means)
    np.testing.assert_array_equal(back.sh, scene.sh)
    message = shell.window.message.text()
    assert message.startswith("Saved again.ply, ")
    assert size_words(written.stat().st_size) in message
    assert shell.settings.recent_files[0] == str(written)
    assert shell.document.scene is scene
    assert shell.window.findChild(QDialog, "save_as") is None


@window
def test_the_suggested_name_follows_the_format_until_it_is_edited(shell, small_scene, toys, folder):
    shell.opener.show_scene(replace(small_scene, source=folder / "plant.boxes"))
    dialog = open_dialog(shell)
    choose_format(dialog, "ply")
    assert dialog.place.text() == str(folder / "plant.ply")
    choose_format(dialog, "toy_boxes")
    assert dialog.place.text() == str(folder / "plant copy.boxes")
    dialog.place.setText(str(folder / "mine.boxes"))
    choose_format(dialog, "ply")
    assert dialog.place.text() == str(folder / "mine.ply")
    dialog.reject()


@window
def test_every_row_has_its_room(with_scene, toys):
    dialog = open_dialog(with_scene)
    for name in ("ply", "toy_boxes", "toy_tray", "toy_boxes"):
        choose_format(dialog, name)
        label = dialog.keeps
        assert label.height() >= label.heightForWidth(label.width()), name
        assert dialog.rows.rowCount() == (12 if name == "toy_boxes" else 6) + 1
    dialog.reject()


@window
def test_nothing_to_save_without_a_scene(shell):
    assert not shell.window.actions_set.enabled("file.save_scene_as")


@window
def test_options_reduction_and_degree_reach_the_file(with_scene, toys, edits, folder, qtbot):
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_boxes")
    dialog.place.setText(str(folder / "a.boxes"))
    qtbot.waitUntil(lambda: "12.0 kB" in dialog.estimate.text())
    coding = dialog.findChild(QComboBox, "save_as_coding")
    coding.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "6.0 kB" in dialog.estimate.text())
    dialog.findChild(QSpinBox, "save_as_level").setValue(9)
    dialog.findChild(QDoubleSpinBox, "save_as_grid").setValue(2.25)
    dialog.findChild(QCheckBox, "save_as_tight").click()
    dialog.findChild(QSpinBox, "save_as_rows").setValue(40)
    assert [dialog.degree.itemData(i) for i in range(dialog.degree.count())] == [1, 0]
    assert "the most of this format" in dialog.degree.itemText(0)
    dialog.degree.setCurrentIndex(1)
    assert not dialog.count.isEnabled()
    dialog.reduce.click()
    dialog.count.setValue(1234)
    press_save(dialog)
    idle(with_scene, qtbot)
    assert (folder / "a.boxes").read_text() == "TOY 1234 0 slow 9 2.25 True 40"
    assert with_scene.document.scene.count == 3000
    # What is cut because the format holds no more is the writer's to cut and to tell.
    whole = Choices(toys["toy_boxes"], folder / "b.boxes", degree=1, count=3000)
    save(with_scene.document.scene, whole, no_progress, never)
    assert (folder / "b.boxes").read_text().startswith("TOY 3000 3 fast")


@window
def test_only_the_latest_estimate_counts(with_scene, toys, edits, monkeypatch, qtbot):
    asked, go = [], threading.Event()

    def slow(scene, coding="fast", level=3, **rest):
        asked.append(level)
        go.wait(10)
        if level == 5:
            raise RuntimeError("no idea")
        return 1000 * level

    monkeypatch.setattr(sys.modules["scenes.formats.toy_boxes"], "FORMAT", replace(
        toys["toy_boxes"], estimate=slow
    ))  # fmt: skip
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_boxes")
    qtbot.waitUntil(lambda: asked == [3])
    level = dialog.findChild(QSpinBox, "save_as_level")
    for value in (1, 2, 4):
        level.setValue(value)
    go.set()
    qtbot.waitUntil(lambda: dialog.estimate.text().startswith("about 4.0 kB"))
    assert asked == [3, 4]
    level.setValue(5)
    qtbot.waitUntil(lambda: dialog.estimate.text() == "not known beforehand")
    dialog.reject()


@window
def test_what_the_file_does_not_keep_is_surely_seen(with_scene, toys, edits, folder, qtbot):
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_boxes")
    dialog.findChild(QComboBox, "save_as_coding").setCurrentIndex(1)
    dialog.place.setText(str(folder / "a.boxes"))
    press_save(dialog)
    idle(with_scene, qtbot)
    assert "Box corners were rounded." in with_scene.window.message.text()
    notice = with_scene.window.findChild(QDialog, "saved_notice")
    assert notice.isVisible()
    assert not notice.isModal()
    words = notice.findChild(QLabel, "saved_lost").text()
    assert "Box corners were rounded." in words
    assert "Lids are not kept." in words
    notice.close()


@window
def test_the_last_choice_is_remembered(with_scene, toys, edits, folder, qtbot):
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_boxes")
    dialog.findChild(QSpinBox, "save_as_level").setValue(7)
    dialog.place.setText(str(folder / "a.boxes"))
    press_save(dialog)
    idle(with_scene, qtbot)
    again = open_dialog(with_scene)
    assert again.chosen_format is toys["toy_boxes"]
    assert again.findChild(QSpinBox, "save_as_level").value() == 7
    assert Path(again.place.text()).parent == folder
    again.reject()
    assert memory.last_options(toys["toy_boxes"])["level"] == 7
    assert memory.last_options(toys["toy_tray"]) == {}


@window
def test_a_file_is_replaced_only_when_the_person_agrees(with_scene, folder, monkeypatch, qtbot):
    asked = []
    monkeypatch.setattr(
        dialog_module, "ask_replace", lambda *question: asked.append(question[1:]) or len(asked) > 1
    )
    there = folder / "there.ply"
    there.write_bytes(b"precious")
    dialog = open_dialog(with_scene)
    choose_format(dialog, "ply")
    dialog.place.setText(str(there))
    press_save(dialog)
    assert there.read_bytes() == b"precious"
    assert dialog.isVisible()
    press_save(dialog)
    idle(with_scene, qtbot)
    assert there.read_bytes().startswith(b"ply")
    assert asked == [(there, False), (there, False)]


@window
def test_the_systems_dialog_has_asked_already(with_scene, folder, monkeypatch, qtbot):
    there = folder / "there.ply"
    there.write_bytes(b"old")
    monkeypatch.setattr(dialog_module, "ask_replace", lambda *_: pytest.fail("asked twice"))
    shown = []
    monkeypatch.setattr(files, "ask_save", lambda *values: shown.append(values) or there)
    dialog = open_dialog(with_scene)
    choose_format(dialog, "ply")
    dialog._browse()
    assert dialog.place.text() == str(there)
    assert shown[0][2] == [("3D Gaussian splatting PLY", (".ply",))]
    press_save(dialog)
    idle(with_scene, qtbot)
    assert there.read_bytes().startswith(b"ply")


@window
def test_places_that_cannot_be_are_told_at_once(with_scene, toys, folder, qtbot):
    dialog = open_dialog(with_scene)
    dialog.place.setText("")
    assert not dialog.save.isEnabled()
    assert "name" in dialog.trouble.text()
    dialog.place.setText(str(folder / "nowhere" / "a.ply"))
    assert not dialog.save.isEnabled()
    assert f"There is no folder {folder / 'nowhere'}." == dialog.trouble.text()
    choose_format(dialog, "toy_tray")
    dialog.place.setText(str(folder / "plate" / "tray.txt"))
    assert dialog.save.isEnabled()
    assert not dialog.trouble.isVisible()
    qtbot.waitUntil(lambda: dialog.estimate.text() == "not known beforehand")
    dialog.reject()


@window
def test_a_folder_of_its_own_is_made(with_scene, toys, edits, folder, qtbot):
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_tray")
    dialog.place.setText(str(folder / "plate"))
    dialog.place.editingFinished.emit()
    assert dialog.place.text() == str(folder / "plate" / "tray.txt")
    press_save(dialog)
    idle(with_scene, qtbot)
    assert (folder / "plate" / "tray.txt").read_text() == "TRAY 3000"


@window
def test_saving_can_be_cancelled(with_scene, toys, edits, folder, qtbot):
    (folder / "wait").touch()
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_boxes")
    dialog.place.setText(str(folder / "a.boxes"))
    press_save(dialog)
    task = with_scene.tasks.tasks[-1]
    assert task.title == "Saving a.boxes"
    qtbot.waitUntil(lambda: task.fraction == 0.25)
    with_scene.window.tasks.stop.click()
    idle(with_scene, qtbot)
    assert not (folder / "a.boxes").exists()
    assert with_scene.window.findChild(QDialog, "error_dialog") is None


@window
def test_a_save_that_fails_is_told(with_scene, toys, edits, folder, qtbot):
    dialog = open_dialog(with_scene)
    choose_format(dialog, "toy_boxes")
    dialog.findChild(QLineEdit, "save_as_note").setText("fail")
    dialog.place.setText(str(folder / "a.boxes"))
    press_save(dialog)
    qtbot.waitUntil(lambda: with_scene.window.findChild(QDialog, "error_dialog") is not None)
    shown = with_scene.window.findChild(QDialog, "error_dialog")
    assert "a.boxes: expected a note, found nonsense" in shown.message.text()
    shown.close()
