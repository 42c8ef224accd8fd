"""A multiplane image in the window: opened, orbited, compared, scrubbed, exported, measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QDoubleSpinBox

from app.project import save_project
from app.ui.canvas.overlays import DOT_COLOR
from app.ui.capture.photos import Photo
from app.ui.fit_check import FitDialog, measure, plain
from app.ui.projects import read as read_project
from app.ui.reopen import ReopenDialog, format_of
from app.ui.save_as.dialog import SaveAsDialog
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene
from scenes.planes import PlaneScene
from scenes.registry import never, no_progress
from tests.app.ui.conftest import wait_for_picture
from tests.app.ui.test_journey import _orbit, scrub_and_export
from tests.render.test_planes import EYE, stack_scene
from tests.scenes.mpi_files import layer_files, put

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def planes() -> PlaneScene:
    """A stack with the photo that it reproduces."""
    scene = stack_scene(name="stack")
    photo = render(RenderRequest(scene, EYE)).rgba8[..., :3].copy()
    return replace(scene, photo=photo)


@pytest.fixture
def live_planes(shell, planes: PlaneScene, tmp_path: Path, qtbot):
    """A window that has opened the stack from a file."""
    file = tmp_path / "stack.mpi"
    save_scene(planes, file)
    shell.driver.start()
    shell.open_paths([file])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=30_000)
    wait_for_picture(shell, qtbot)
    return shell


@pytest.mark.window
def test_open_orbit_scrub_and_export(live_planes, tmp_path: Path, monkeypatch, qtbot):
    shell = live_planes
    document = shell.document
    assert isinstance(document.scene, PlaneScene)
    scrub_and_export(shell, tmp_path / "clip.mp4", 6, monkeypatch, qtbot)


@pytest.mark.window
def test_the_profiler_shows_the_kernels_of_planes(live_planes, qtbot):
    _orbit(live_planes, qtbot)
    rows = live_planes.profile.rows()
    composite = [row for row in rows if row.key.name == "composite"]
    assert [row.key.group for row in composite] == ["planes"]
    assert composite[0].share > 0
    assert sum(row.share for row in rows[:-1]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.window
def test_the_panels_speak_of_planes(live_planes, small_scene: GaussianScene, qtbot):
    shell = live_planes
    scene = shell.panel("scene")
    assert scene.facts["Layers"].text() == "6 of 96 × 64"
    assert scene.facts["Made for"].text().startswith("96 × 64")
    assert not scene.axes.isVisibleTo(scene)
    render_panel = shell.panel("rendering")
    assert render_panel.back_faces.isVisibleTo(render_panel)
    assert not render_panel.preset.isVisibleTo(render_panel)
    names = {b.property("name"): b for b in render_panel.outputs.buttons()}
    assert names["layer"].isVisibleTo(render_panel)
    names["layer"].click()
    wait_for_picture(shell, qtbot)
    assert shell.document.render_settings.output == "layer"
    render_panel.back_faces.click()
    assert shell.document.render_settings.back_faces
    # Splats have rows of their own, and no layers.
    shell.opener.show_scene(small_scene)
    wait_for_picture(shell, qtbot)
    assert scene.facts["Splats"].text() == "3,000"
    assert "Layers" not in scene.facts
    assert render_panel.preset.isVisibleTo(render_panel)
    assert not names["layer"].isVisibleTo(render_panel)


@pytest.mark.window
def test_the_eye_is_drawn_within_its_range(live_planes):
    shell = live_planes
    scene = shell.document.scene

    def colors() -> set[tuple[float, ...]]:
        strokes = shell.driver.canvas.overlay(400, 300)
        return {tuple(np.round(row, 3)) for part in strokes.line_colors for row in part}

    white = tuple(np.round(np.float32(DOT_COLOR), 3))
    assert white in colors()
    away = Camera.look_at((3 * scene.safe_radius, 0, 0), scene.focus[0], scene.up)
    shell.driver.seen = None
    shell.driver.show(away)
    shell.driver.seen = None
    assert white not in colors()
    shell.set_overlays(safe_range=False)
    before = len(colors())
    shell.set_overlays(safe_range=True)
    assert len(colors()) == before + 1


@pytest.mark.window
def test_comparing_with_the_photo(live_planes, qtbot):
    shell = live_planes
    scene = shell.document.scene
    height, width = scene.photo.shape[:2]
    request = RenderRequest(scene, scene.camera, plain(RenderSettings(background=None)))
    found = measure(request, Photo(scene.photo, (width, height)), no_progress)
    # The photo is the scene's own picture, stored without loss.
    assert found.psnr > 60
    assert found.difference.max() <= 4
    shell.run("render.compare")

    def dialogs() -> list[FitDialog]:
        return shell.window.findChildren(FitDialog)

    qtbot.waitUntil(lambda: bool(dialogs()), timeout=20_000)
    assert dialogs()[0].numbers.text().startswith("PSNR ")
    assert "96 × 64" in dialogs()[0].size_words.text()
    dialogs()[0].close()
    shell.document.replace_scene(0, replace(scene, photo=None), "Take the photo away")
    assert not shell.window.actions_set.enabled("render.compare")


@pytest.mark.window
def test_a_turntable_of_planes_sways(live_planes):
    shell = live_planes
    shell.run("timeline.turntable")
    places = np.array([key.world_from_camera[:3, 3] for key in shell.document.path.keys])
    assert 0 < np.linalg.norm(places, axis=1).max() <= 1.0001 * shell.document.scene.safe_radius


@pytest.mark.window
def test_saving_as(live_planes, tmp_path: Path, qtbot):
    shell = live_planes
    dialog = SaveAsDialog(shell, shell.document.scene)
    dialog.show()
    assert [format.name for format in dialog._formats] == ["mpi"]
    assert not dialog.degree.isVisibleTo(dialog)
    target = tmp_path / "again.mpi"
    dialog.place.setText(str(target))
    qtbot.waitUntil(lambda: dialog.estimate.text().startswith("about "), timeout=10_000)
    QTest.mouseClick(dialog.save, LEFT, pos=QPoint(5, 5))
    qtbot.waitUntil(target.exists, timeout=20_000)
    again = open_scene(target)
    for one, other in zip(shell.document.scene.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.window
def test_opening_again_with_options(shell, tmp_path: Path, qtbot):
    """Layers that were squeezed into squares are widened, and undo narrows them."""
    folder = put(tmp_path / "mine", layer_files(2, 16, 16))
    shell.driver.start()
    shell.open_paths([folder])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=30_000)
    wait_for_picture(shell, qtbot)
    scene = shell.document.scene
    dialog = ReopenDialog(shell, scene, format_of(scene))
    dialog.show()
    assert dialog.values["mpi_far"]() == 100.0
    dialog.findChild(QDoubleSpinBox, "save_as_mpi_aspect").setValue(1.5)
    QTest.mouseClick(dialog.open_again, LEFT)
    qtbot.waitUntil(lambda: shell.document.scene is not scene, timeout=20_000)
    assert shell.document.scene.camera.width == 24
    wait_for_picture(shell, qtbot)
    # A project makes the same choices again, and no others.
    file = tmp_path / "a.plenoscope"
    save_project(shell.document, file)
    assert json.loads(file.read_text())["scene"]["options"] == {"mpi_aspect": 1.5}
    again = read_project(file, no_progress, never).scene
    assert again.camera.width == 24
    record = json.loads(file.read_text())
    record["scene"]["options"] = {"mpi_aspect": "wide", "mpi_far": 50.0, "progress": 3}
    file.write_text(json.dumps(record))
    strange = read_project(file, no_progress, never).scene
    assert (strange.camera.width, strange.metadata["far"]) == (16, 50.0)
    record["scene"]["options"] = {"mpi_far": [1]}
    file.write_text(json.dumps(record))
    with pytest.raises(SceneError, match="mpi_far"):
        read_project(file, no_progress, never)
    shell.document.undo()
    assert shell.document.scene is scene
    assert format_of(None) is None
