"""One visit from the first picture to the finished video, in a real window with real kernels."""

from __future__ import annotations

import imageio_ffmpeg
import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest

from app.ui import files
from app.ui.export import engine
from render.render import render
from scenes.paths.interpolate import camera_at
from tests.app.ui.conftest import finish, wait_for_picture
from tests.kernels.chain import psnr

pytestmark = pytest.mark.window

LEFT = Qt.MouseButton.LeftButton


def _key(shell, key, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(shell.driver.canvas.native, key, modifiers)


def _orbit(shell, qtbot):
    native = shell.driver.canvas.native
    centre = QPoint(native.width() // 2, native.height() // 2)
    QTest.mousePress(native, LEFT, pos=centre)
    for step in range(1, 6):
        QTest.mouseMove(native, centre + QPoint(14 * step, 5 * step))
    QTest.mouseRelease(native, LEFT, pos=centre + QPoint(70, 25))
    wait_for_picture(shell, qtbot)


def _export(shell, target, monkeypatch):
    """Press the button of the export panel; returns the job."""
    panel = shell.panel("export")
    shell.show_panel("export")
    monkeypatch.setattr(files, "ask_save", lambda *a, **k: target)
    QTest.mouseClick(panel.start, LEFT)
    return panel.queue.jobs[-1]


def scrub_and_export(shell, clip, frames: int, monkeypatch, qtbot) -> None:
    """Two keys with an orbit between them, and a clip of the path that shows what is rendered."""
    document = shell.document
    _key(shell, Qt.Key.Key_K)
    home = document.view.position
    _orbit(shell, qtbot)
    assert np.linalg.norm(document.view.position - home) > 0.01
    document.set_time(0.4)
    _key(shell, Qt.Key.Key_K)
    assert len(document.path.keys) == 2
    panel = shell.panel("export")
    panel.form.source.setCurrentIndex(panel.form.source.findData("path"))
    panel.form.choose_size("custom")
    panel.form.width_px.setValue(96)
    panel.form.height_px.setValue(64)
    panel.form.first.setValue(0)
    panel.form.last.setValue(frames - 1)
    panel.form.quality.setValue(100)
    order = engine.order_of(document, panel.form.choices)
    job = _export(shell, clip, monkeypatch)
    qtbot.waitUntil(lambda: job.over, timeout=60_000)
    assert job.state == "done", job.error
    reader = imageio_ffmpeg.read_frames(str(clip))
    assert next(reader)["source_size"] == (96, 64)
    decoded = [np.frombuffer(frame, np.uint8).reshape(64, 96, 3) for frame in reader]
    assert len(decoded) == len(order.requests) == frames
    for frame, request in zip(decoded, order.requests, strict=True):
        # Halved chroma costs most at edges.
        assert psnr(frame / 255, render(request).rgba8[..., :3] / 255) > 27


def test_keys_scrub_undo_export_and_the_video_shows_what_was_previewed(
    live, tmp_path, monkeypatch, qtbot
):
    shell = live
    document = shell.document
    _key(shell, Qt.Key.Key_K)
    _orbit(shell, qtbot)
    document.set_time(0.4)
    _key(shell, Qt.Key.Key_K)
    assert len(document.path.keys) == 2
    _key(shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(document.path.keys) == 1
    _key(
        shell,
        Qt.Key.Key_Z,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert len(document.path.keys) == 2

    last = document.path.keys[-1].time
    panel = shell.panel("export")
    panel.form.source.setCurrentIndex(panel.form.source.findData("path"))
    panel.form.choose_size("custom")
    panel.form.width_px.setValue(96)
    panel.form.height_px.setValue(64)
    panel.form.first.setValue(0)
    panel.form.last.setValue(min(round(last * document.path.fps), 9))
    panel.form.quality.setValue(100)
    order = engine.order_of(document, panel.form.choices)
    assert order is not None
    job = _export(shell, tmp_path / "clip.mp4", monkeypatch)
    qtbot.waitUntil(lambda: job.over, timeout=60_000)
    assert job.state == "done", job.error

    reader = imageio_ffmpeg.read_frames(str(tmp_path / "clip.mp4"))
    assert next(reader)["source_size"] == (96, 64)
    decoded = [np.frombuffer(frame, np.uint8).reshape(64, 96, 3) for frame in reader]
    assert len(decoded) == len(order.requests)
    for frame, request in zip(decoded, order.requests, strict=True):
        # Halved chroma costs most at the splats' coloured edges: about 30 dB at this size.
        assert psnr(frame / 255, render(request).rgba8[..., :3] / 255) > 27
    # Scrubbing shows the same camera as the export renders.
    document.set_time(0.0)
    track_view = camera_at(document.path, 0.0, 96, 64)
    np.testing.assert_allclose(
        order.requests[0].camera.camera_from_world, track_view.camera_from_world, atol=1e-12
    )


def test_the_profiler_adds_up_to_the_frames(live, qtbot):
    _orbit(live, qtbot)
    rows = live.profile.rows()
    names = {row.key.name for row in rows}
    assert {"project", "shade", "sort", "bin", "blend", "display"} <= names
    assert {"upload", "present", "waiting", "other"} <= names
    parts, total = rows[:-1], rows[-1]
    assert sum(row.share for row in parts) == pytest.approx(1.0, abs=1e-6)
    assert total.share == pytest.approx(1.0, abs=1e-6)
    for sample in live.profile.frames():
        cells = sample.digest.cells.values()
        first = sample.digest.first.values()
        summed = sum(cell.duration_ns for cell in (*cells, *first))
        assert summed == sample.digest.total_ns


def test_closing_the_window_during_an_export_is_clean(live, tmp_path, monkeypatch, qtbot):
    _key(live, Qt.Key.Key_K)
    _orbit(live, qtbot)
    live.document.set_time(6.0)
    _key(live, Qt.Key.Key_K)
    panel = live.panel("export")
    panel.form.choose_size("1080p")
    job = _export(live, tmp_path / "long.mp4", monkeypatch)
    qtbot.waitUntil(lambda: (tmp_path / "long.mp4.part").exists(), timeout=30_000)
    from app.ui import projects

    monkeypatch.setattr(projects, "ask_unsaved", lambda parent, name: "discard")
    finish(live)
    assert job.state != "done"
    assert not list(tmp_path.glob("long*"))
