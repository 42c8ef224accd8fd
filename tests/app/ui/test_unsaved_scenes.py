"""Scenes that no file holds: a project takes them along."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.project import load_project, to_json
from app.ui import files, projects
from scenes.open import open_scene

pytestmark = pytest.mark.window


@pytest.fixture
def made(small_scene):
    """As one that was made or fitted here."""
    return replace(small_scene, name="made", source=None, metadata={})


@pytest.fixture
def save(make_shell, qtbot, monkeypatch):
    """Save the document of a window as a project, and wait for it."""

    def run(shell, file):
        shell.projects.file = None
        monkeypatch.setattr(files, "ask_save", lambda *given: file)
        shell.document.mark_changed()
        shell.projects.save()
        qtbot.waitUntil(lambda: not shell.document.modified, timeout=20_000)

    return run


def test_a_scene_without_a_file_is_stored_beside_its_project(make_shell, save, made, tmp_path):
    shell = make_shell()
    shell.opener.show_scene(made)
    save(shell, tmp_path / "work.plenoscope")
    stored = tmp_path / "work.ply"
    assert load_project(tmp_path / "work.plenoscope").scene.file == stored
    # The file has logits: rounded once.
    np.testing.assert_allclose(open_scene(stored).opacities, made.opacities, rtol=1e-5)


def test_copies_for_a_crash_know_where_it_is(make_shell, save, made, tmp_path):
    shell = make_shell()
    shell.opener.show_scene(made)
    assert "file" not in to_json(shell.document)["scene"]
    save(shell, tmp_path / "work.plenoscope")
    assert to_json(shell.document)["scene"]["file"] == str(tmp_path / "work.ply")
    shell.opener.show_scene(replace(made, name="another"))
    assert "file" not in to_json(shell.document)["scene"]


def test_it_is_stored_once_and_never_over_another_file(make_shell, save, made, tmp_path):
    (tmp_path / "work.ply").write_text("somebody else's")
    shell = make_shell()
    shell.opener.show_scene(made)
    save(shell, tmp_path / "work.plenoscope")
    save(shell, tmp_path / "work.plenoscope")
    assert (tmp_path / "work.ply").read_text() == "somebody else's"
    assert {path.name for path in tmp_path.glob("*.ply")} == {"work.ply", "work-2.ply"}
    assert load_project(tmp_path / "work.plenoscope").scene.file == tmp_path / "work-2.ply"


def test_scenes_with_a_file_and_samples_are_referred_to(make_shell, save, small_scene, tmp_path):
    shell = make_shell()
    shell.opener.show_scene(small_scene)
    save(shell, tmp_path / "work.plenoscope")
    assert list(tmp_path.glob("*.ply")) == []
    assert load_project(tmp_path / "work.plenoscope").scene.sample is not None


def test_the_window_closes_when_all_is_stored(make_shell, qtbot, monkeypatch, made, tmp_path):
    shell = make_shell()
    shell.opener.show_scene(made)
    shell.document.mark_changed()
    monkeypatch.setattr(files, "ask_save", lambda *given: tmp_path / "work.plenoscope")
    monkeypatch.setattr(projects, "ask_unsaved", lambda parent, name: "save")
    shell.window.close()
    qtbot.waitUntil(lambda: not shell.window.isVisible(), timeout=20_000)
    assert (tmp_path / "work.plenoscope").exists()
    assert open_scene(tmp_path / "work.ply").count == made.count
