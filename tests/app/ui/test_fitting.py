"""Fitting fields in the window: what can be chosen, the course, and how it may end."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QWidget

from app.document import Bookmark
from app.ui.fitting import plan as plans
from app.ui.fitting.dialog import FitDialog
from app.ui.fitting.plan import FitPlan, capture_name, encoding_reason, what_reason
from app.ui.fitting.plot import LossPlot, even_step, lines, tick_above, tick_below
from app.ui.fitting.work import MOST_POINTS, FitWork, Point, State
from kernels.fields.encodings import Identity
from kernels.fields.model import Field, Weights
from kernels.fields.networks import chain
from render.request import RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from scenes.registry import never, no_progress
from tests.app.ui.conftest import PATIENCE

window = pytest.mark.window
WAIT = int(1000 * PATIENCE)
ENDLESS = 1_000_000
"""Steps that no test waits for."""


@pytest.fixture(scope="module", autouse=True)
def pool():
    """The threads that all fits share are there before a test looks at what it leaves behind."""
    from render.fitting.grids import _pool

    count = os.cpu_count() or 1
    barrier = threading.Barrier(count)
    list(_pool().map(lambda _: barrier.wait(), range(count)))


@pytest.fixture
def picture(tmp_path):
    """A small picture: colours that change slowly, and a corner."""
    rows, columns = np.mgrid[:24, :32]
    pixels = np.dstack([columns * 8, rows * 10, 255 - columns * 4]).astype(np.uint8)
    pixels[:8, :8] = 255
    Image.fromarray(pixels).save(tmp_path / "slope.png")
    return tmp_path / "slope.png"


def image_field() -> FieldScene:
    """A picture of 32 by 24 pixels without an encoding."""
    upper = (1.0, 0.75)
    model = Field("image", Identity(2), chain([2, 16, 3], "relu"), (0.0, 0.0), upper)
    weights = Weights.empty(model)
    return FieldScene(
        model, weights, np.zeros(3), np.array([*upper, 0.0]), size=(32, 24), name="teacher"
    )


def open_dialog(shell) -> FitDialog:
    shell.run("tools.fit")
    return next(d for d in shell.window.findChildren(FitDialog, "fit_field") if d.isVisible())


def choose(dialog: FitDialog, steps: int, path=None) -> None:
    """A small field, ended by steps."""
    if path is not None:
        dialog.form.choose("image", path)
    dialog.form.size_field.setCurrentIndex(dialog.form.size_field.findData("small"))
    dialog.form.unit.setCurrentIndex(dialog.form.unit.findData("steps"))
    dialog.form.limit.setValue(steps)


def fitting(dialog: FitDialog) -> bool:
    return dialog._work is not None and bool(dialog._work.state.points) and dialog.pause.isEnabled()


# Data ---------------------------------------------------------------------------------------


def test_what_can_be_chosen_is_what_can_be_fitted():
    from render.fitting import ENCODINGS, SIZES

    assert tuple(plans.ENCODINGS) == ENCODINGS
    assert tuple(plans.SIZES) == SIZES


def test_plans_say_what_is_missing_and_what_cannot_be(picture):
    assert "picture" in FitPlan().missing
    assert "mesh" in FitPlan("distance").missing
    assert "photos" in FitPlan("radiance").missing
    assert "neural field" in FitPlan("distil").missing
    assert not FitPlan(path=picture).missing
    assert not FitPlan(path=picture).problem
    assert FitPlan(path=picture.with_name("no.png")).problem == "There is no file no.png."
    assert "one plane" in FitPlan(path=picture, encoding="triplane").problem
    assert not encoding_reason("distance", "triplane")
    assert "no neural field" in what_reason("distil", None)
    scene = image_field()
    assert not what_reason("distil", scene)
    plan = FitPlan("distil", scene=scene, encoding="siren")
    assert (plan.form, plan.name) == ("image", "teacher siren")


def test_captures_are_called_like_their_folder(tmp_path):
    assert capture_name(tmp_path / "chair" / "transforms_train.json") == "chair"
    assert capture_name(tmp_path / "garden" / "sparse" / "0" / "images.bin") == "garden"


def test_scales_end_on_round_numbers():
    assert (tick_below(0.03), tick_above(0.03)) == (0.02, 0.05)
    # On a tick already: the next one, so that the line never runs along the border.
    assert (tick_below(0.1), tick_above(0.1)) == (0.05, pytest.approx(0.2))
    assert lines(0.02, 0.2) == [0.02, 0.05, 0.1, 0.2]
    assert lines(1e-4, 1.0) == [1e-4, 1e-3, 0.01, 0.1, 1.0]
    assert [even_step(value) for value in (0.7, 1.0, 12.0)] == [1.0, 1.0, 20.0]


def test_the_speed_is_that_of_late():
    points = tuple(Point(10 * s + max(0, s - 20) * 10, float(s), 0.1, 10.0, 1.0) for s in range(40))
    assert State(points=points).speed == pytest.approx(20)
    assert State(points=points[:1]).speed == 0


def test_a_pause_is_not_counted_and_long_courses_are_thinned(picture):
    """Time stands still while the task's cancel does not return."""
    work = FitWork(FitPlan(path=picture, size="small", steps=6, seconds=None), RenderSettings())
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        if asked == 4:
            time.sleep(1.0)
        return False

    scene = work(no_progress, cancel)
    assert (scene.model.form, scene.name, scene.size) == ("image", "slope", (32, 24))
    last = work.state.points[-1]
    assert last.steps == 6
    # Six steps of this size take a tenth of a second, and half a one where cores are shared.
    assert last.seconds < 0.9
    assert work.state.share == 1
    height, width = work.state.picture.shape[:2]
    assert width / height == pytest.approx(4 / 3, rel=0.02)  # whole pixels
    for number in range(MOST_POINTS + 10):
        work._note(Point(number, float(number), 0.1, 10.0, 1.0))
    assert len(work.state.points) < MOST_POINTS
    assert work.state.points[-1].steps == MOST_POINTS + 9


def test_a_cancelled_fit_is_no_kept_one(picture):
    plan = FitPlan(path=picture, size="small", steps=ENDLESS, seconds=None)
    work = FitWork(plan, RenderSettings())
    with pytest.raises(Cancelled):
        work(no_progress, lambda: bool(work.state.points))
    work = FitWork(plan, RenderSettings())

    def stop_soon(done: int, total: int, unit: str) -> None:
        if done == 3:
            work.stop()

    assert work(stop_soon, never).model.form == "image"
    assert work.state.points[-1].steps == 3


# The dialog ---------------------------------------------------------------------------------


@window
def test_every_field_has_a_name_and_a_tip(shell):
    dialog = open_dialog(shell)
    assert open_dialog(shell) is dialog
    assert not dialog.isModal()
    kinds = QAbstractButton | QAbstractSpinBox | QComboBox | QLineEdit
    fields = [
        field
        for field in dialog.findChildren(QWidget)
        if isinstance(field, kinds) and not field.objectName().startswith("qt_")
    ]
    assert len(fields) > 20
    for field in fields:
        words = field.text() if isinstance(field, QAbstractButton) else ""
        assert field.objectName().startswith("fit_")
        assert field.accessibleName() or words, field.objectName()
        assert field.toolTip(), field.objectName()
    form = dialog.form
    assert "Choose a picture" in dialog.course.stage.words
    assert not dialog.fit.isEnabled()
    assert "no neural field" in form.buttons["distil"].toolTip()
    triplane = form.encoding.findData("triplane")
    assert not form.encoding.model().item(triplane).isEnabled()
    assert "one plane" in form.encoding.itemData(triplane, Qt.ItemDataRole.ToolTipRole)
    form.buttons["radiance"].click()
    assert form.encoding.model().item(triplane).isEnabled()
    assert form.shrink.isVisible()
    dialog.reject()


@window
def test_a_picture_is_fitted_and_opened(shell, picture, qtbot):
    dialog = open_dialog(shell)
    choose(dialog, 20, picture)
    assert dialog.fit.isEnabled()
    dialog.fit.click()
    assert not dialog.fit.isEnabled()
    assert not dialog.form.isEnabled()
    assert shell.tasks.tasks[0].title == "Fitting slope"
    assert shell.tasks.tasks[0].pausable
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=WAIT)
    scene = shell.document.scene
    assert (scene.kind, scene.model.form, scene.name) == ("field", "image", "slope")
    assert (scene.source, scene.format) == (None, "memory")
    assert shell.document.modified
    assert "not saved" in dialog.course.words.text()
    assert dialog.course.numbers["steps"].text() == "20"
    assert dialog.course.numbers["psnr"].text().endswith(" dB")
    assert dialog.course.bar.value() == dialog.course.bar.maximum()
    assert dialog.course.stage.image is not None
    assert dialog.save.isEnabled()
    assert dialog.fit.isEnabled()
    shell.document.close_scene(0)
    assert not dialog.save.isEnabled()
    dialog.reject()


@window
def test_a_fit_rests_goes_on_and_is_kept(shell, picture, qtbot):
    dialog = open_dialog(shell)
    choose(dialog, ENDLESS, picture)
    dialog.fit.click()
    assert not dialog.stop.isEnabled()  # there is nothing to keep yet
    qtbot.waitUntil(lambda: fitting(dialog), timeout=WAIT)
    task, work = shell.tasks.tasks[0], dialog._work
    dialog.pause.click()
    assert task.paused
    assert dialog.pause.text() == "Go on"
    assert dialog.course.words.text() == "Paused"
    qtbot.wait(500)  # more than the step that was begun takes
    steps = task.done
    qtbot.wait(300)
    assert task.done == steps
    dialog.pause.click()
    qtbot.waitUntil(lambda: task.done > steps, timeout=WAIT)
    dialog.pause.click()
    dialog.stop.click()
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=WAIT)
    assert shell.document.scene.model.form == "image"
    assert steps < work.state.points[-1].steps < ENDLESS
    assert not shell.tasks.tasks
    dialog.reject()


@window
def test_the_dialog_comes_back_while_it_fits_and_cancel_keeps_nothing(shell, picture, qtbot):
    dialog = open_dialog(shell)
    choose(dialog, ENDLESS, picture)
    dialog.fit.click()
    qtbot.waitUntil(lambda: fitting(dialog), timeout=WAIT)
    dialog.reject()
    assert shell.tasks.tasks
    qtbot.waitUntil(lambda: not dialog._work.watched)
    assert open_dialog(shell) is dialog
    dialog.cancel.click()
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=WAIT)
    assert shell.document.scene is None
    assert "nothing was kept" in dialog.course.words.text()
    dialog.fit.click()
    dialog.reject()
    shell.tasks.tasks[0].cancel()
    qtbot.waitUntil(lambda: not shell.window.findChildren(FitDialog, "fit_field"), timeout=WAIT)


@window
def test_what_cannot_be_fitted_is_told_in_one_sentence(shell, picture, qtbot):
    dialog = open_dialog(shell)
    dialog.form.choose("image", picture.with_name("gone.png"))
    assert dialog.course.trouble.text() == "There is no file gone.png."
    assert dialog.course.trouble.isVisible()
    assert not dialog.fit.isEnabled()
    broken = picture.with_name("broken.png")
    broken.write_bytes(b"\x89PNG nothing")
    dialog.form.choose("image", broken)
    assert not dialog.course.trouble.isVisible()
    dialog.fit.click()
    qtbot.waitUntil(lambda: bool(dialog.course.trouble.text()), timeout=WAIT)
    assert dialog.course.trouble.text().startswith("broken.png: expected")
    assert dialog.fit.isEnabled()
    assert not shell.tasks.tasks
    dialog.reject()


@window
def test_what_is_open_is_suggested_and_distilled(shell, tmp_path, qtbot):
    file = tmp_path / "chair" / "transforms.json"
    file.parent.mkdir()
    file.write_text("{}")
    camera = Camera.look_at((0, 0, -4), (0, 0, 0), width=8, height=8)
    photo = file.parent / "train" / "r_0.png"
    shell.document.edit_bookmarks((Bookmark("r_0", camera, file.name, photo),), "Add")
    dialog = open_dialog(shell)
    assert dialog.form.plan.what == "radiance"
    assert dialog.form.plan.path == file
    dialog.reject()
    teacher = image_field()
    shell.opener.show_scene(teacher)
    dialog = open_dialog(shell)
    assert dialog.form.plan.scene is teacher
    assert dialog.form.teacher.text() == "teacher"
    choose(dialog, 3)
    dialog.fit.click()
    qtbot.waitUntil(lambda: len(shell.document.scenes) == 2, timeout=WAIT)
    student = shell.document.scene
    assert (student.name, student.model.form) == ("teacher hash", "image")
    assert "not saved" in dialog.course.words.text()
    # Another one is learnt from the same teacher again.
    assert dialog.form.plan.scene is teacher
    shell.document.close_scene(0)
    assert dialog.form.plan.scene is student
    dialog.reject()


@window
def test_the_course_is_drawn_where_it_belongs(shell, qtbot):
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 160)
    plot.expect(100, None)
    empty = plot.grab().toImage()
    bad = Point(2, 0.2, float("nan"), 0.0, 1.0)
    plot.show_points((Point(0, 0.0, 1.0, 0.0, 9.0), bad, Point(50, 5.0, 0.01, 0.0, 5.0)))
    assert plot.ends == (0.005, 2.0)
    first, last = (plot.place(point) for point in plot._points)
    assert first.x() < last.x() < 250
    assert first.y() < last.y()
    assert plot.grab().toImage() != empty
