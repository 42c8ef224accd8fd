"""A neural field in the window: opened, orbited, looked at in every way, exported, measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scenes.fields import FieldScene
from scenes.gaussians import GaussianScene
from scenes.open import save_scene
from tests.app.ui.conftest import wait_for_picture
from tests.app.ui.test_journey import _orbit, scrub_and_export
from tests.render.field_scenes import ball, ramp, sphere


@pytest.fixture
def live_field(shell, tmp_path: Path, qtbot):
    """A window that has opened a ball from a file."""
    file = tmp_path / "ball.field.safetensors"
    save_scene(replace(ball(), name="ball"), file)
    shell.driver.start()
    shell.open_paths([file])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=30_000)
    wait_for_picture(shell, qtbot)
    return shell


@pytest.mark.window
def test_open_orbit_scrub_and_export(live_field, tmp_path: Path, monkeypatch, qtbot):
    shell = live_field
    document = shell.document
    assert isinstance(document.scene, FieldScene)
    # What is empty was found out while it was opened.
    assert document.scene.occupancy is not None
    scrub_and_export(shell, tmp_path / "clip.mp4", 4, monkeypatch, qtbot)


@pytest.mark.window
def test_the_profiler_shows_what_papers_count(live_field, small_scene: GaussianScene, qtbot):
    shell = live_field
    _orbit(shell, qtbot)
    rows = shell.profile.rows()
    names = {row.key.name for row in rows if row.key.group == "fields"}
    assert {"march", "encode", "network", "composite"} <= names
    panel = shell.panel("profiler")
    panel.refresh()
    assert panel.shares.isVisibleTo(panel)
    text = panel.shares.findChild(type(panel.shares._published), "profiler_shares_published").text()
    assert "% here" in text
    assert "72.4 % (hash grid), 60 % (dense grid), 59.96 %" in text
    shell.opener.show_scene(small_scene)
    wait_for_picture(shell, qtbot)
    shell.profile.reset()
    _orbit(shell, qtbot)
    panel.refresh()
    assert not panel.shares.isVisibleTo(panel)


@pytest.mark.window
def test_the_panels_speak_of_fields(live_field, small_scene: GaussianScene, qtbot):
    shell = live_field
    scene = shell.panel("scene")
    assert scene.facts["Field"].text() == "radiance"
    assert scene.facts["Encoding"].text().startswith("dense grid, 1 level")
    panel = shell.panel("rendering")
    assert panel.skip_empty.isVisibleTo(panel)
    assert not panel.surface.isVisibleTo(panel)
    assert not panel.preset.isVisibleTo(panel)
    names = {button.property("name"): button for button in panel.outputs.buttons()}
    for name in ("normal", "cost", "color"):
        names[name].click()
        wait_for_picture(shell, qtbot)
        assert shell.document.render_settings.output == name
    assert not names["layer"].isVisibleTo(panel)
    panel.skip_empty.click()
    assert not shell.document.render_settings.skip_empty
    wait_for_picture(shell, qtbot)
    shell.run("render.skip_empty")
    assert shell.document.render_settings.skip_empty
    shell.opener.show_scene(sphere())
    wait_for_picture(shell, qtbot)
    assert panel.surface.isVisibleTo(panel)
    assert not panel.skip_empty.isVisibleTo(panel)
    shell.run("render.surface.neus")
    assert shell.document.render_settings.surface == "neus"
    assert panel.surface.currentData() == "neus"
    wait_for_picture(shell, qtbot)
    shell.opener.show_scene(ramp())
    wait_for_picture(shell, qtbot)
    assert shell.document.view.projection == "orthographic"
    assert scene.facts["Picture"].text() == "40 × 20"
    shell.opener.show_scene(small_scene)
    wait_for_picture(shell, qtbot)
    assert panel.preset.isVisibleTo(panel)
    assert not panel.surface.isVisibleTo(panel)


@pytest.mark.window
def test_a_picture_is_moved_along_and_not_around(live_field, qtbot):
    shell = live_field
    shell.opener.show_scene(ramp())
    wait_for_picture(shell, qtbot)
    before = shell.document.view
    _orbit(shell, qtbot)
    after = shell.document.view
    np.testing.assert_allclose(
        after.camera_from_world[:3, :3], before.camera_from_world[:3, :3], atol=1e-12
    )
    moved = after.position - before.position
    assert np.linalg.norm(moved[:2]) > 0.01
    assert moved[2] == pytest.approx(0, abs=1e-9)


@pytest.mark.window
def test_a_surface_is_saved_as_a_mesh(live_field, tmp_path: Path, monkeypatch, qtbot):
    from app.ui import files
    from app.ui.meshing import MeshDialog
    from scenes.meshes import read_mesh

    shell = live_field
    assert shell.window.actions_set.enabled("file.save_mesh")
    shell.opener.show_scene(sphere(0.5))
    out = tmp_path / "sphere.ply"
    monkeypatch.setattr(files, "ask_save", lambda *rest: out)
    shell.run("file.save_mesh")
    dialog = shell.window.findChild(MeshDialog, "save_mesh")
    dialog.resolution.setValue(32)
    dialog.save.click()
    qtbot.waitUntil(lambda: out.exists(), timeout=30_000)
    mesh = read_mesh(out)
    # The grid is linear between vertices 1/15.5 apart: half a sagitta of (1/31)^2 / 2 / 0.5.
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.5, atol=3e-3)
    shell.opener.show_scene(ramp())
    assert not shell.window.actions_set.enabled("file.save_mesh")
