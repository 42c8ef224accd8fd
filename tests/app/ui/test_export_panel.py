"""The export panel, driven like a person would, with a fake renderer and real encoders."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.document import Document
from app.ui import files
from app.ui.export import engine
from app.ui.export.choices import bytes_text, quality_words, span_text
from app.ui.export.queue import Job
from app.ui.panels.export import ExportPanel
from app.ui.shell import Overlays
from app.ui.tasks import TaskList
from render.request import Frame, RenderCancelled, RenderRequest
from scenes.camera import Camera, look_at_pose
from scenes.gaussians import GaussianScene
from scenes.paths.path import CameraPath, Keyframe

LEFT = Qt.MouseButton.LeftButton


class FakeShell(QObject):
    """The parts of the window's facade that the panel uses."""

    overlays_changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.document = Document()
        self.document.set_view(Camera.look_at((0, 0, -3), (0, 0, 0), width=320, height=180))
        self.tasks = TaskList(self)
        self.overlays = Overlays()
        self.errors: list[BaseException] = []
        self.commands: list[str] = []
        self.run = self.commands.append
        self.show_error = self.errors.append

    def set_overlays(self, **changes: Any) -> None:
        from dataclasses import replace

        self.overlays = replace(self.overlays, **changes)
        self.overlays_changed.emit()


class Renderer:
    """Draws the number of the frame as a shade of grey; ``gate`` holds it."""

    def __init__(self) -> None:
        self.requests: list[RenderRequest] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, request: RenderRequest) -> Frame:
        self.requests.append(request)
        while not self.gate.wait(0.01):
            if request.cancelled is not None and request.cancelled():
                raise RenderCancelled
        size = (request.camera.height, request.camera.width)
        picture = np.full((*size, 4), 10 * len(self.requests) % 256, np.uint8)
        picture[..., 3] = 255
        flat = np.ones(size, np.float32)
        return Frame({"rgba8": picture, "alpha": flat, "depth": flat})


def scene_of(count: int = 8) -> GaussianScene:
    generator = np.random.default_rng(0)
    return GaussianScene(
        generator.normal(size=(count, 3)),
        np.tile([1.0, 0, 0, 0], (count, 1)),
        np.full((count, 3), 0.1),
        np.full(count, 0.5),
        np.zeros((count, 1, 3)),
        name="vase",
    )


@pytest.fixture
def shell() -> Iterator[FakeShell]:
    shell = FakeShell()
    yield shell
    shell.tasks.close()


@pytest.fixture
def renderer() -> Renderer:
    return Renderer()


@pytest.fixture
def panel(qtbot: QtBot, shell: FakeShell, renderer: Renderer) -> Iterator[ExportPanel]:
    panel = ExportPanel(shell, renderer)  # type: ignore[arg-type]
    qtbot.addWidget(panel)
    panel.resize(288, 900)
    panel.show()
    QApplication.processEvents()
    yield panel
    renderer.gate.set()
    panel.shutdown()


@pytest.fixture
def ready(panel: ExportPanel, shell: FakeShell) -> ExportPanel:
    """A scene, a path of 12 frames, and small pictures."""
    shell.document.add_scene(scene_of())
    keys = tuple(Keyframe(t, look_at_pose((t, 0, -3), (0, 0, 0)), 0.9) for t in (0.0, 1.0))
    shell.document.edit_path(CameraPath(keys, duration=1.2, fps=10.0), "set")
    panel.form.choose_size("custom")
    panel.form.width_px.setValue(64)
    panel.form.height_px.setValue(48)
    return panel


def choose(panel: ExportPanel, field: str, value: object) -> None:
    combo = getattr(panel.form, field)
    index = combo.findData(value)
    assert index >= 0
    combo.setCurrentIndex(index)


def start(panel: ExportPanel, target: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(files, "ask_save", lambda *args: target)
    monkeypatch.setattr(files, "ask_folder", lambda *args: target)
    QTest.mouseClick(panel.start, LEFT)
    return panel.queue.jobs[-1]


def frames_in(video: Path) -> list[np.ndarray]:
    reader = imageio_ffmpeg.read_frames(str(video))
    width, height = next(reader)["size"]
    return [np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in reader]


# What the form says -------------------------------------------------------------------------


def test_without_a_scene_it_says_what_to_do(panel: ExportPanel, shell: FakeShell) -> None:
    assert panel.empty.isVisible()
    assert not panel.page.isVisible()
    QTest.mouseClick(panel.open, LEFT)
    assert shell.commands == ["file.open"]


def test_without_keys_it_says_what_to_do(panel: ExportPanel, shell: FakeShell) -> None:
    shell.document.add_scene(scene_of())
    assert panel.page.isVisible()
    assert "press K" in panel.summary.text()
    assert not panel.start.isEnabled()
    choose(panel, "source", "turntable")
    assert panel.start.isEnabled()
    assert panel.summary.text().startswith("240 frames")


def test_the_form_follows_the_clip_until_it_has_its_own(
    ready: ExportPanel, shell: FakeShell
) -> None:
    from scenes.paths import edit

    form = ready.form
    assert form.frames == range(12)
    assert form.fps.value() == 10
    shell.document.edit_path(edit.with_clip(shell.document.path, fps=20.0), "x")
    assert form.frames == range(24)
    form.fps.setValue(30)
    assert form.frames == range(36)
    form.first.setValue(10)
    form.last.setValue(20)
    shell.document.edit_path(edit.with_clip(shell.document.path, fps=60.0), "x")
    assert form.fps.value() == 30
    assert form.frames == range(10, 21)
    form.first.setValue(30)
    assert form.frames == range(30, 31)


def test_sizes_and_the_aspect_in_the_canvas(ready: ExportPanel, shell: FakeShell) -> None:
    form = ready.form
    form.choose_size("vertical")
    assert form.size_px == (1080, 1920)
    assert not form.width_px.isEnabled()
    assert shell.overlays.export_aspect == pytest.approx(1080 / 1920)
    form.choose_size("canvas")
    assert form.size_px == (320, 180)
    shell.document.set_view(shell.document.view.resized(400, 200))  # type: ignore[union-attr]
    assert form.size_px == (400, 200)
    QTest.mouseClick(ready.border, LEFT, pos=ready.border.rect().center().__class__(8, 8))
    assert shell.overlays.export_frame


def test_formats_say_what_they_can(ready: ExportPanel, shell: FakeShell) -> None:
    form = ready.form
    assert form.good_for.text() == form.encoder.good_for
    transparent = form.background.findData("transparent")
    item = form.background.model().item(transparent)  # type: ignore[attr-defined]
    assert not item.isEnabled()
    assert not form.alpha_note.isHidden()
    assert not form.outputs["depth"].isEnabled()
    choose(ready, "format", "sequence")
    assert item.isEnabled()
    assert form.alpha_note.isHidden()
    assert form.outputs["depth"].isEnabled()
    assert not form.quality.isEnabled()
    choose(ready, "background", "transparent")
    assert form.chosen_background is None
    choose(ready, "format", "mp4")
    assert form.chosen_background == (0.0, 0.0, 0.0)
    form.quality.setValue(100)
    assert form.quality_words.text().startswith("Visually lossless · 100")


def test_a_transparent_preview_stands_on_black_in_a_video(
    ready: ExportPanel, shell: FakeShell
) -> None:
    shell.document.set_render_settings(background=None)
    assert ready.form.chosen_background == (0.0, 0.0, 0.0)
    choose(ready, "format", "mov")
    assert ready.form.chosen_background is None


def test_the_source_brings_a_format_that_suits(ready: ExportPanel) -> None:
    choose(ready, "source", "view")
    assert ready.form.encoder.shape == "still"
    assert ready.form.frames == range(1)
    choose(ready, "source", "path")
    assert ready.form.encoder.name == "mp4"
    choose(ready, "format", "png")
    assert "One picture" in ready.summary.text()
    assert not ready.start.isEnabled()


def test_it_asks_for_what_the_preview_shows(ready: ExportPanel, shell: FakeShell) -> None:
    shell.document.set_render_settings(splat_scale=0.5, background=(1.0, 1.0, 1.0), output="depth")
    shell.document.set_orientation("y-up")
    choose(ready, "source", "view")
    ready.form.choose_size("canvas")
    order = engine.order_of(shell.document, ready.form.choices)
    assert order is not None
    (request,) = order.requests
    assert request.settings.splat_scale == 0.5
    assert request.settings.background == (1.0, 1.0, 1.0)
    assert request.settings.output == "color"
    assert request.world_from_file is not None
    view = shell.document.view
    assert view is not None
    np.testing.assert_array_equal(request.camera.camera_from_world, view.camera_from_world)
    assert (request.camera.fx, request.camera.cx) == (view.fx, view.cx)


def test_words() -> None:
    assert [quality_words(q) for q in (0, 30, 60, 80, 100)] == [
        "Draft",
        "Small",
        "Good",
        "High",
        "Visually lossless",
    ]
    assert span_text(0.2) == "under a second"
    assert span_text(42) == "42 s"
    assert span_text(200) == "4 min"
    assert span_text(7300) == "2 h 02 min"
    assert bytes_text(4.2e6).replace("\u00a0", " ") == "4.2 MB"
    assert bytes_text(812).replace("\u00a0", " ") == "812 B"


# Jobs ---------------------------------------------------------------------------------------


def test_a_clip_is_written_and_has_its_frames(
    ready: ExportPanel,
    shell: FakeShell,
    renderer: Renderer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: bool(opened.append(url.toLocalFile()))
    )
    job = start(ready, tmp_path / "clip.mp4", monkeypatch)
    qtbot.waitUntil(lambda: job.over, timeout=20000)
    assert job.state == "done", job.error
    pictures = frames_in(tmp_path / "clip.mp4")
    assert len(pictures) == 12
    assert pictures[0].shape == (48, 64, 3)
    shades = [picture.mean() for picture in pictures]
    assert np.allclose(shades, [10 * n for n in range(1, 13)], atol=4)
    positions = [request.camera.position[0] for request in renderer.requests]
    assert positions == sorted(positions)
    qtbot.waitUntil(lambda: job.thumbnail is not None)
    row = ready._rows[job]
    assert row.status.text().startswith("Done in")
    QTest.mouseClick(row.show_file, LEFT)
    assert opened == [str(tmp_path)]
    QTest.mouseClick(row.remove, LEFT)
    assert not ready.queue.jobs


def test_a_folder_of_colour_and_depth(
    ready: ExportPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    choose(ready, "format", "sequence")
    ready.form.outputs["depth"].click()
    ready.form.first.setValue(4)
    ready.form.last.setValue(6)
    job = start(ready, tmp_path / "frames", monkeypatch)
    qtbot.waitUntil(lambda: job.over, timeout=20000)
    assert job.state == "done", job.error
    assert len(list((tmp_path / "frames").glob("frame_*.png"))) == 3
    assert len(list((tmp_path / "frames").glob("depth_*.png"))) == 3


def test_jobs_run_one_after_another_and_can_be_cancelled(
    ready: ExportPanel,
    renderer: Renderer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    renderer.gate.clear()
    first = start(ready, tmp_path / "a.mp4", monkeypatch)
    second = start(ready, tmp_path / "b.mp4", monkeypatch)
    third = start(ready, tmp_path / "c.mp4", monkeypatch)
    assert [job.state for job in (first, second, third)] == ["running", "waiting", "waiting"]
    QTest.mouseClick(ready._rows[second].cancel, LEFT)
    assert second.state == "cancelled"
    qtbot.waitUntil(lambda: len(renderer.requests) == 1)
    QTest.mouseClick(ready._rows[first].cancel, LEFT)
    qtbot.waitUntil(lambda: first.over, timeout=5000)
    assert first.state == "cancelled"
    renderer.gate.set()
    qtbot.waitUntil(lambda: third.over, timeout=20000)
    assert third.state == "done", third.error
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["c.mp4"]


def test_pause_holds_and_goes_on(
    ready: ExportPanel,
    renderer: Renderer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    renderer.gate.clear()
    job = start(ready, tmp_path / "a.mp4", monkeypatch)
    qtbot.waitUntil(lambda: len(renderer.requests) == 1)
    row = ready._rows[job]
    QTest.mouseClick(row.pause, LEFT)
    assert row.pause.accessibleName() == "Go on"
    renderer.gate.set()
    qtbot.wait(200)
    assert len(renderer.requests) == 1
    assert not job.over
    QTest.mouseClick(row.pause, LEFT)
    qtbot.waitUntil(lambda: job.over, timeout=20000)
    assert job.state == "done", job.error


def test_a_failure_is_told_in_the_row(
    ready: ExportPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    job = start(ready, tmp_path / "missing" / "a.mp4", monkeypatch)
    qtbot.waitUntil(lambda: job.over, timeout=20000)
    assert job.state == "failed"
    assert ready._rows[job].status.text().startswith("Failed: ")


def test_closing_during_an_export_leaves_nothing(
    ready: ExportPanel,
    shell: FakeShell,
    renderer: Renderer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    renderer.gate.clear()
    start(ready, tmp_path / "a.mp4", monkeypatch)
    start(ready, tmp_path / "b.mp4", monkeypatch)
    qtbot.waitUntil(lambda: len(renderer.requests) == 1)
    ready.shutdown()
    shell.tasks.close()
    assert not list(tmp_path.glob("*.*"))
    assert len(renderer.requests) == 1


def test_the_estimate_comes_from_a_few_frames(
    ready: ExportPanel, renderer: Renderer, shell: FakeShell, qtbot: QtBot
) -> None:
    QTest.mouseClick(ready.measure, LEFT)
    assert "measuring" in ready.summary.text()
    qtbot.waitUntil(lambda: "takes" in ready.summary.text(), timeout=20000)
    assert 2 <= len(renderer.requests) <= 6
    assert not shell.errors
    ready.form.quality.setValue(20)
    assert "not measured" in ready.summary.text()


def test_nothing_happens_when_the_person_gives_up(
    ready: ExportPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ask_save", lambda *args: None)
    QTest.mouseClick(ready.start, LEFT)
    assert not ready.queue.jobs


def test_everything_has_a_name(ready: ExportPanel) -> None:
    form = ready.form
    fields = (form.source, form.size_choice, form.width_px, form.fps, form.first, form.quality)
    for field in fields:
        assert field.objectName()
        assert field.accessibleName()
        assert field.toolTip()
