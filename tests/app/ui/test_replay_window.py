"""Saving a frame for a profiler from the window, and drawing it again."""

from __future__ import annotations

import numpy as np
import pytest

from app.ui import files
from render.render import render
from render.replay import read_capture
from scenes.errors import SceneError
from tests.app.ui.conftest import wait_for_picture

pytestmark = pytest.mark.window


def test_the_frame_that_is_shown_comes_back(live, monkeypatch, qtbot, tmp_path):
    live.document.set_orientation("y-up")
    live.document.set_render_settings(background=(0.1, 0.2, 0.3))
    wait_for_picture(live, qtbot)
    file = tmp_path / "frame.capture"
    monkeypatch.setattr(files, "ask_save", lambda *given: file)
    live.run("tools.capture")
    qtbot.waitUntil(lambda: not live.tasks.tasks, timeout=60_000)
    captured = read_capture(file)
    assert captured.request.camera.width == live.document.view.width
    assert captured.request.world_from_file is not None
    assert captured.request.settings == live.document.render_settings
    assert np.array_equal(captured.picture, live.driver.frame.rgba8)
    again = render(captured.request).rgba8.astype(int)
    # Scales and opacities went through logarithms in float32.
    assert np.abs(again - captured.picture).max() <= 1


def test_nothing_is_left_where_it_cannot_be_written(live, monkeypatch, qtbot, tmp_path):
    said = []
    monkeypatch.setattr(live, "show_error", said.append)
    monkeypatch.setattr(files, "ask_save", lambda *given: tmp_path / "nowhere" / "a.capture")
    live.run("tools.capture")
    qtbot.waitUntil(lambda: bool(said), timeout=60_000)
    assert isinstance(said[0], SceneError)


def test_without_a_scene_there_is_nothing_to_save(shell):
    assert not shell.window.actions_set.enabled("tools.capture")
