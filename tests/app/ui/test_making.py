"""Making multiplane images: what can be chosen, the preview, the work, and what may go wrong."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QSlider,
    QWidget,
)

from app.ui import files
from app.ui.making import inputs, recipe
from app.ui.making.dialog import MakeDialog
from app.ui.making.recipe import FromPair, FromPhoto, FromScene
from app.ui.making.worker import LONGEST, Worker
from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.planes import Plane, PlaneScene
from scenes.registry import never, no_progress
from scenes.sway import PERIOD, WIDEST, swayed
from tests.app.ui.conftest import PATIENCE, wait_for_picture
from tests.render.making_inputs import box_before_wall, small_camera

window = pytest.mark.window
WAIT = int(1000 * PATIENCE)


@pytest.fixture
def photos(tmp_path):
    """A small photo with its depth, and the same from farther right."""
    camera = small_camera()
    photo, depth = box_before_wall(camera)
    pose = np.eye(4)
    pose[0, 3] = -0.2
    right, _ = box_before_wall(replace(camera, camera_from_world=pose))
    Image.fromarray(photo).save(tmp_path / "box.png")
    Image.fromarray(right).save(tmp_path / "box right.png")
    np.save(tmp_path / "box.npy", depth.astype(np.float32))
    return tmp_path


def open_dialog(shell) -> MakeDialog:
    shell.run("file.make_planes")
    found = shell.window.findChildren(MakeDialog, "make_planes")
    return next(dialog for dialog in found if dialog.isVisible())


def choose_photo(dialog, folder, depth="box.npy"):
    dialog.form.photo.choose(folder / "box.png")
    dialog.form.depth_map.choose(folder / depth)


def has_preview(dialog) -> bool:
    return dialog.preview.stage.image is not None and "layers" in dialog.preview.facts.text()


def press(dialog):
    assert dialog.make.isEnabled()
    dialog.make.click()


# Data ---------------------------------------------------------------------------------------


def test_photos_are_read_small_and_depth_is_picked(tmp_path):
    tall, wide = 1500, 3 * LONGEST
    rows, columns = np.mgrid[:tall, :wide]
    Image.fromarray(np.uint8(np.dstack([rows % 256] * 3))).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.float32(columns + 10_000 * rows))
    small = inputs.photo(tmp_path / "a.png", LONGEST)
    assert small.full == (wide, tall)
    assert small.pixels.shape == (LONGEST, round(wide * LONGEST / tall), 3)
    depth = inputs.depth_of(tmp_path / "a.npy", small, tmp_path / "a.png")
    assert depth.shape == small.pixels.shape[:2]
    # Picked values are whole numbers of the file, from the middle of what a pixel covers.
    assert np.array_equal(depth, np.round(depth))
    assert abs(depth[0, 0] % 10_000 - 0.5 * wide / small.pixels.shape[1]) <= 1
    assert inputs.photo(tmp_path / "a.png", LONGEST) is small
    assert inputs.photo(tmp_path / "a.png", None).pixels.shape == (tall, wide, 3)


def test_files_that_do_not_belong_together_are_named(photos):
    np.save(photos / "small.npy", np.ones((5, 7), np.float32))
    with pytest.raises(SceneError, match=r"small\.npy: expected 160 by 120 pixels, like box"):
        FromPhoto(photos / "box.png", photos / "small.npy").make(LONGEST, no_progress, never)
    Image.new("RGB", (20, 10)).save(photos / "other.png")
    with pytest.raises(SceneError, match=r"other\.png: expected 160 by 120 pixels"):
        FromPair(photos / "box.png", photos / "other.png").make(None, no_progress, never)


def test_recipes_say_what_is_missing_and_what_cannot_be(tmp_path):
    file = tmp_path / "a.png"
    assert "photo and a depth" in FromPhoto().missing
    assert "depth map" in FromPhoto(file).missing
    assert not FromPhoto(file, file).missing
    assert not FromPhoto(file, file, near=9, far=3).problem
    assert "nearest" in FromPhoto(file, file, values="disparity", near=9, far=3).problem
    assert "left and the right" in FromPair().missing
    assert "right photo" in FromPair(file).missing
    assert "same photo" in FromPair(file, file).problem
    assert "Open a scene" in FromScene().missing
    flat = Camera(np.eye(4), 8, 8, 4, 4, 4, 4, "orthographic")
    assert "perspective" in FromScene(camera=flat).problem


def test_recipes_make_scenes_of_the_photo(photos):
    made = FromPhoto(photos / "box.png", photos / "box.npy", 6, fov=90).make(
        None, no_progress, never
    )
    assert (made.name, made.camera.width, made.camera.fx) == ("box", 160, pytest.approx(80))
    assert 2 <= made.count <= 6
    tilted = FromPhoto(photos / "box.png", photos / "box.npy", 6, tilted=True)
    assert any(abs(layer.across[2]) > 0.1 for layer in tilted.make(80, no_progress, never).layers)
    pair = FromPair(photos / "box.png", photos / "box right.png", 4, focal=140.0, baseline=0.2)
    small = pair.make(80, no_progress, never)
    # The focal length is told in pixels of the file, of which two are one of the preview's.
    assert (small.camera.width, small.camera.fx) == (80, pytest.approx(70))
    # The box stands at 2 and the wall around 4; matching is right to a pixel of about 14.
    assert small.focus[1] == pytest.approx(3.5, abs=1.0)


def test_a_scene_is_seen_from_its_view(small_scene):
    camera = small_scene.default_camera(300, 200)
    seen = FromScene(small_scene, camera, 4)
    small = seen.make(150, no_progress, never)
    assert (small.camera.width, small.camera.height) == (150, 100)
    assert small.name == f"{small_scene.name} planes"


def test_the_camera_sways_within_the_safe_radius():
    camera = small_camera()
    image = np.full((4, 4, 4), 255, np.uint8)
    scene = PlaneScene(tuple(Plane.facing(camera, z, image) for z in (2, 2.02, 2.04)), camera)
    places = [swayed(scene, camera, s).position for s in np.linspace(0, PERIOD, 40)]
    reach = np.linalg.norm(places, axis=1).max()
    assert 0.5 * min(scene.safe_radius, WIDEST * scene.focus[1]) < reach
    assert reach <= min(scene.safe_radius, WIDEST * scene.focus[1]) * (1 + 1e-9)  # rounding
    for seconds in (0.3, 1.7):
        moved = swayed(scene, camera, seconds)
        x, y, z = (moved.camera_from_world @ [*scene.focus[0], 1])[:3]
        # What is looked at stays in the middle of the picture, where it was.
        assert (x / z, y / z) == pytest.approx((0, 0), abs=1e-9)


class Slow:
    """A recipe that takes until it is told, or cancelled."""

    name = "slow"
    missing = problem = ""

    def __init__(self, result=None):
        self.result = result
        self.begun, self.ended = threading.Event(), threading.Event()
        self.longest = 0

    def make(self, longest, progress, cancel):
        self.longest = longest
        self.begun.set()
        progress(1, 4, "planes")
        while not cancel():
            if self.result is not None:
                return self.result
            time.sleep(0.005)
        self.ended.set()
        raise Cancelled


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_only_the_latest_wish_counts(photos):
    worker, first, second = Worker(), Slow(), Slow()
    worker.ask(first)
    assert first.begun.wait(5)
    until(lambda: worker.state.fraction == 0.25)
    worker.ask(second)
    assert first.ended.wait(5)
    assert second.begun.wait(5)
    worker.look(small_camera())  # there is nothing to look at yet
    made = FromPhoto(photos / "box.png", photos / "box.npy", 3).make(None, no_progress, never)
    second.result = made
    until(lambda: worker.state.preview is not None, PATIENCE)
    assert worker.state.preview.scene is made
    assert worker.state.preview.psnr > 40  # planes over each other are the photo
    before = worker.state.picture
    worker.look(swayed(made, made.camera, 1.0))
    until(lambda: worker.state.picture is not before)
    worker.ask(Slow())
    worker.drop()
    assert not worker.state.busy
    assert worker.state.preview.scene is made
    worker.forget()
    assert worker.state.preview is None
    worker.close()
    worker.ask(Slow())


# The dialog ---------------------------------------------------------------------------------


@window
def test_the_dialog_opens_once_and_says_what_to_choose(shell, qtbot):
    dialog = open_dialog(shell)
    assert not dialog.isModal()
    assert open_dialog(shell) is dialog
    assert "Choose a photo" in dialog.preview.stage.words
    assert not dialog.make.isEnabled()
    assert not dialog.form.buttons["scene"].isEnabled()
    assert "no open scene" in dialog.form.buttons["scene"].toolTip()
    dialog.form.buttons["pair"].click()
    assert "left and the right" in dialog.preview.stage.words
    dialog.reject()


@window
def test_every_field_has_a_name_and_a_tip(shell):
    dialog = open_dialog(shell)
    kinds = QAbstractButton | QAbstractSpinBox | QComboBox | QLineEdit | QSlider
    fields = [
        field
        for field in dialog.findChildren(QWidget)
        if isinstance(field, kinds) and field.objectName() != "qt_spinbox_lineedit"
    ]
    assert len(fields) == 22
    for field in fields:
        words = field.text() if isinstance(field, QAbstractButton) else ""
        assert field.objectName().startswith("make_")
        assert field.accessibleName() or words, field.objectName()
        assert field.toolTip(), field.objectName()
    dialog.reject()


@window
@pytest.mark.parametrize("source", ["photo", "pair"])
def test_a_preview_comes_by_itself(shell, photos, source, qtbot):
    dialog = open_dialog(shell)
    if source == "photo":
        choose_photo(dialog, photos)
    else:
        dialog.form.buttons["pair"].click()
        dialog.form.left.choose(photos / "box.png")
        dialog.form.right.choose(photos / "box right.png")
    qtbot.waitUntil(lambda: has_preview(dialog), timeout=WAIT)
    assert dialog.preview.stage.image.width() == 160
    assert "dB PSNR" in dialog.preview.facts.text()
    assert dialog.make.isEnabled()
    few = dialog.preview.facts.text()
    dialog.form.count.slider.setValue(3)
    assert dialog.form.count.spin.value() == 3
    qtbot.waitUntil(lambda: dialog.preview.facts.text().startswith("3 layers"), timeout=WAIT)
    assert few != dialog.preview.facts.text()
    # With reduced motion there is one picture, and nothing runs on.
    qtbot.waitUntil(lambda: not dialog.preview._frames.isActive())
    dialog.reject()


@window
def test_the_preview_sways_only_while_it_is_seen_and_may_move(shell, photos, qtbot):
    shell.change_settings(reduced_motion=False)
    dialog = open_dialog(shell)
    choose_photo(dialog, photos)
    qtbot.waitUntil(lambda: has_preview(dialog), timeout=WAIT)
    seen = []

    def moves(count):
        picture = dialog.preview._worker.state.picture
        if not seen or seen[-1] is not picture:
            seen.append(picture)
        return len(seen) >= count

    qtbot.waitUntil(lambda: moves(4), timeout=WAIT)
    assert any(not np.array_equal(seen[0], picture) for picture in seen[1:])
    dialog.hide()
    assert not dialog.preview._frames.isActive()
    dialog.show()
    assert dialog.preview._frames.isActive()
    shell.change_settings(reduced_motion=True)
    qtbot.waitUntil(lambda: not dialog.preview._frames.isActive())
    dialog.reject()


@window
def test_a_bad_file_is_told_in_one_sentence(shell, photos, qtbot):
    (photos / "bad.npy").write_bytes(b"\x93NUMPY nothing")
    dialog = open_dialog(shell)
    choose_photo(dialog, photos, "bad.npy")
    trouble = dialog.preview.trouble
    qtbot.waitUntil(lambda: trouble.text().startswith("bad.npy: expected"), timeout=WAIT)
    assert trouble.isVisible()
    assert trouble.property("role") == "bad"
    assert dialog.preview.stage.image is None
    dialog.form.depth_map.choose(photos / "box.npy")
    qtbot.waitUntil(lambda: has_preview(dialog), timeout=WAIT)
    assert not trouble.isVisible()
    dialog.form.values.setCurrentIndex(1)
    dialog.form.near.setValue(500)
    assert "less than the farthest" in trouble.text()
    assert not dialog.make.isEnabled()
    dialog.reject()


@window
def test_files_are_browsed_for_typed_and_dropped(shell, photos, monkeypatch):
    dialog = open_dialog(shell)
    asked = []
    monkeypatch.setattr(
        files, "ask_open", lambda *question: asked.append(question[1]) or photos / "box.png"
    )
    dialog.findChild(QWidget, "make_photo_browse").click()
    assert asked == ["Photo"]
    assert dialog.form.recipe.photo == photos / "box.png"
    line = dialog.form.depth_map.line
    line.setText(str(photos / "typed.npy"))
    line.editingFinished.emit()
    assert dialog.form.recipe.depth == photos / "typed.npy"
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photos / "box.npy"))])
    left = Qt.MouseButton.LeftButton
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    line.dropEvent(QDropEvent(QPointF(2, 2), copy, data, left, none))
    assert dialog.form.recipe.depth == photos / "box.npy"
    dialog.reject()


@window
def test_make_adds_the_scene(shell, photos, qtbot):
    dialog = open_dialog(shell)
    choose_photo(dialog, photos)
    press(dialog)
    assert dialog.make.text() == "Stop"
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=WAIT)
    scene = shell.document.scene
    assert (scene.name, scene.kind) == ("box", "planes")
    assert scene.photo.shape == (120, 160, 3)
    assert shell.window.message.text() == f"Made box: {scene.count} layers"
    # No file holds it yet, so closing asks.
    assert shell.document.modified
    assert dialog.isVisible()
    assert dialog.make.text() == "Make"
    dialog.reject()


@window
def test_work_can_be_stopped_and_outlives_the_dialog(shell, photos, monkeypatch, qtbot):
    go = threading.Event()

    def slow(self, longest, progress, cancel):
        if longest is not None:
            raise ValueError("there is no preview of this")
        while not go.is_set():
            progress(1, 4, "planes")
            if cancel():
                raise Cancelled
            time.sleep(0.005)
        camera = small_camera()
        image = np.zeros((2, 2, 4), np.uint8)
        return PlaneScene((Plane.facing(camera, 2.0, image),), camera, name=self.name)

    monkeypatch.setattr(recipe.FromPhoto, "make", slow)
    dialog = open_dialog(shell)
    choose_photo(dialog, photos)
    press(dialog)
    qtbot.waitUntil(lambda: "25 %" in dialog.preview.facts.text())
    press(dialog)
    assert "Stopping" in dialog.preview.facts.text()
    qtbot.waitUntil(lambda: dialog.make.text() == "Make")
    assert not shell.tasks.tasks
    assert shell.document.scene is None
    qtbot.waitUntil(lambda: "no preview of this" in dialog.preview.trouble.text())
    press(dialog)
    dialog.reject()
    qtbot.waitUntil(lambda: shell.window.findChild(QDialog, "make_planes") is None)
    assert shell.tasks.tasks
    go.set()
    qtbot.waitUntil(lambda: shell.document.scene is not None)
    assert shell.document.scene.name == "box"


@window
def test_the_dialog_and_the_window_close_while_a_preview_is_made(shell, photos, monkeypatch, qtbot):
    slow = Slow()
    monkeypatch.setattr(recipe.FromPhoto, "make", lambda self, *rest: slow.make(*rest))
    dialog = open_dialog(shell)
    choose_photo(dialog, photos)
    qtbot.waitUntil(slow.begun.is_set)
    assert slow.longest == LONGEST
    dialog.reject()
    assert slow.ended.wait(5)
    slow.begun.clear()
    slow.ended.clear()
    choose_photo(open_dialog(shell), photos)
    qtbot.waitUntil(slow.begun.is_set)
    shell.window.close()
    assert slow.ended.wait(5)


@window
def test_an_open_scene_is_made_into_planes_where_it_lies(live, qtbot):
    scene = live.document.scene
    live.document.set_orientation("y-up")
    wait_for_picture(live, qtbot)
    dialog = open_dialog(live)
    dialog.form.count.spin.setValue(4)
    dialog.form.buttons["scene"].click()
    assert scene.name in dialog.findChild(QLabel, "make_view").text()
    qtbot.waitUntil(lambda: has_preview(dialog), timeout=WAIT)
    view = live.document.view
    press(dialog)
    qtbot.waitUntil(lambda: live.document.scene is not scene, timeout=WAIT)
    made = live.document.scene
    assert live.document.orientation == "y-up"
    assert made.count <= 4
    # The view lies in the world as it is displayed, the scenes in the frame of the file.
    assert np.abs(made.camera.position - view.position * (1, -1, -1)).max() < 1e-6
    # Another number of layers is made from the same scene again.
    assert dialog.form.recipe.scene is scene
    live.document.close_scene(0)
    assert dialog.form.recipe.scene is made
    wait_for_picture(live, qtbot)
    dialog.reject()
