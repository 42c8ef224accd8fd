"""Project files and automatic copies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.autosave import Autosave, recoverable
from app.document import Bookmark, Document
from app.project import (
    Project,
    SampleReference,
    apply_project,
    load_project,
    save_project,
    to_json,
)
from render.request import RenderSettings
from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.paths.path import CameraPath, Keyframe
from tests.data import ROOT


def scene(**more: Any) -> GaussianScene:
    zeros = np.zeros((2, 3))
    return GaussianScene(
        zeros, [[1, 0, 0, 0]] * 2, zeros, [1.0, 1.0], np.zeros((2, 1, 3)), name="plant", **more
    )


def filled(source: Path | None = None) -> Document:
    document = Document()
    document.add_scene(scene(source=source, format="ply"))
    view = Camera.look_at((1, -2, -3), (0, 0.5, 0), width=640, height=360)
    keys = tuple(
        Keyframe(t, Camera.look_at((t, 0, -3), (0, 0, 0)).world_from_camera, 0.8, f"k{t}", "in")
        for t in (0.0, 1.5, 3.0)
    )
    document.edit_path(CameraPath(keys, 6.0, 25.0, loop=True, interpolation="linear"), "Add")
    flat = replace(view, fx=90.0, fy=91.0, cx=3.0, projection="orthographic")
    document.edit_bookmarks((Bookmark("front", view), Bookmark("flat", flat)), "Keep view")
    document.set_render_settings(sh_degree=1, splat_scale=0.5, background=None, preset="inria",
                                 sh_storage="fp16")  # fmt: skip
    document.set_orientation("y-up")
    document.set_view(view)
    document.set_time(2.25)
    return document


def assert_same_camera(a: Camera, b: Camera) -> None:
    np.testing.assert_allclose(a.camera_from_world, b.camera_from_world, atol=1e-12)
    assert (a.width, a.height, a.fx, a.fy, a.cx, a.cy, a.projection) == (
        b.width,
        b.height,
        b.fx,
        b.fy,
        b.cx,
        b.cy,
        b.projection,
    )


def assert_same_state(found: Document, expected: Document) -> None:
    assert found.render_settings == expected.render_settings
    assert found.orientation == expected.orientation
    assert found.time == expected.time
    assert found.view is not None
    assert expected.view is not None
    assert_same_camera(found.view, expected.view)
    for a, b in zip(found.bookmarks, expected.bookmarks, strict=True):
        assert a.name == b.name
        assert_same_camera(a.camera, b.camera)
    a, b = found.path, expected.path
    assert (a.duration, a.fps, a.loop, a.interpolation) == (
        b.duration,
        b.fps,
        b.loop,
        b.interpolation,
    )
    for one, other in zip(a.keys, b.keys, strict=True):
        np.testing.assert_allclose(one.world_from_camera, other.world_from_camera, atol=1e-12)
        assert one.fov_y == pytest.approx(other.fov_y, abs=1e-12)
        assert (one.time, one.name, one.easing) == (other.time, other.name, other.easing)


def applied(project: Project) -> Document:
    document = Document()
    apply_project(document, project)
    return document


def test_a_project_comes_back(tmp_path: Path) -> None:
    document = filled(tmp_path / "scenes" / "plant.ply")
    file = tmp_path / "projects" / "plant.plenoscope"
    file.parent.mkdir()
    assert document.modified
    save_project(document, file)
    assert not document.modified
    project = load_project(file)
    back = applied(project)
    assert_same_state(back, document)
    assert (back.modified, back.undo_label) == (False, "")
    assert project.scene is not None
    assert project.scene.file == tmp_path / "scenes" / "plant.ply"
    assert (project.scene.format, project.scene.count) == ("ply", 2)
    assert json.loads(file.read_text())["scene"]["file"] == "../scenes/plant.ply"


def test_a_project_moves_with_its_scene(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    save_project(filled(tmp_path / "a" / "plant.ply"), tmp_path / "a" / "p.plenoscope")
    os.rename(tmp_path / "a", tmp_path / "b")
    project = load_project(tmp_path / "b" / "p.plenoscope")
    assert project.scene is not None
    assert project.scene.file == tmp_path / "b" / "plant.ply"


def test_how_the_file_was_read_is_kept(tmp_path: Path) -> None:
    document = Document()
    metadata = {"stored_frame": "ruf", "frame_source": "chosen", "levels": [9, 2], "level": 1}
    document.add_scene(scene(source=tmp_path / "plant.spz", metadata=metadata))
    save_project(document, tmp_path / "p.plenoscope")
    found = load_project(tmp_path / "p.plenoscope").scene
    assert found is not None
    assert (found.axes, found.level) == ("ruf", 1)
    assumed = metadata | {"frame_source": "assumed"}
    document.replace_scene(0, scene(source=tmp_path / "plant.spz", metadata=assumed), "Read")
    save_project(document, tmp_path / "p.plenoscope")
    found = load_project(tmp_path / "p.plenoscope").scene
    assert found is not None
    assert found.axes == ""


def test_a_sample_is_kept_as_its_recipe(tmp_path: Path) -> None:
    document = Document()
    document.add_scene(scene(format="sample", metadata={"sample": "garden", "seed": 7}))
    save_project(document, tmp_path / "p.plenoscope")
    project = load_project(tmp_path / "p.plenoscope")
    assert project.scene is not None
    assert project.scene.sample == SampleReference("garden", 2, 7)
    assert project.scene.file is None


def test_an_empty_document_is_a_project_too(tmp_path: Path) -> None:
    save_project(Document(), tmp_path / "p.plenoscope")
    project = load_project(tmp_path / "p.plenoscope")
    assert (project.scene, project.view, project.bookmarks) == (None, None, ())
    assert project.render_settings == RenderSettings()
    document = applied(project)
    assert (document.view, document.path.keys) == (None, ())


def test_members_that_came_later_have_defaults(tmp_path: Path) -> None:
    file = tmp_path / "p.plenoscope"
    record = to_json(filled())
    for name in ("render", "bookmarks", "orientation", "time", "view", "scene"):
        del record[name]
    file.write_text(json.dumps(record))
    project = load_project(file)
    assert project.render_settings == RenderSettings()
    assert (project.orientation, project.time, project.scene) == ("none", 0.0, None)


HOSTILE: dict[str, tuple[Any, str]] = {
    "other": (lambda r: r.update(format="x"), "project"),
    "newer": (lambda r: r.update(version=2), "newer Plenoscope"),
    "no path": (lambda r: r.pop("path"), "path"),
    "key": (lambda r: r["path"]["keys"][1].update(fov="wide"), "path, key 2, fov"),
    "bookmark": (lambda r: r["bookmarks"][1]["camera"].update(fx=0), "bookmark 2, camera, fx"),
    "huge": (lambda r: r["view"].update(width=10**9), "view, width"),
    "pose": (
        lambda r: r["view"].update(world_from_camera=np.zeros((4, 4)).tolist()),
        "view, world_from_camera",
    ),
    "preset": (lambda r: r["render"].update(preset="magic"), "render, preset"),
    "output": (lambda r: r["render"].update(output="magic"), "render, output"),
    "background": (lambda r: r["render"].update(background=[1, 2, 3]), "render, background"),
    "degree": (lambda r: r["render"].update(sh_degree=9), "render, sh_degree"),
    "time": (lambda r: r.update(time=-1), "time"),
    "scene": (lambda r: r.update(scene=[]), "scene"),
    "file": (lambda r: r["scene"].update(file=3), "scene, file"),
    "axes": (lambda r: r["scene"].update(axes="rrr"), "scene, axes"),
    "level": (lambda r: r["scene"].update(level=-1), "scene, level"),
    "sample": (lambda r: r["scene"].update(sample={"sample": "x", "count": -1}), "sample, count"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_bad_projects_end_in_one_error_that_names_the_place(tmp_path: Path, case: str) -> None:
    change, expected = HOSTILE[case]
    record = to_json(filled())
    change(record)
    file = tmp_path / "bad.plenoscope"
    file.write_text(json.dumps(record))
    with pytest.raises(SceneError, match=expected) as caught:
        load_project(file)
    assert "bad.plenoscope" in str(caught.value)


def test_a_failed_save_keeps_the_old_project_and_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "p.plenoscope"
    document = filled()
    save_project(document, file)
    before = file.read_bytes()
    document.set_orientation("z-up")
    (tmp_path / "p.plenoscope.part").mkdir()
    with pytest.raises(SceneError):
        save_project(document, file)
    assert file.read_bytes() == before
    assert document.modified


# Automatic copies ----------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_copies_are_written_when_changed_and_not_too_often(tmp_path: Path) -> None:
    clock = Clock()
    document = Document()
    autosave = Autosave(document, 60.0, tmp_path / "auto", clock)
    clock.now += 100
    assert not autosave.poll()
    assert not (tmp_path / "auto").exists()
    document.set_orientation("y-up")
    assert autosave.poll()
    document.set_orientation("z-up")
    clock.now += 59
    assert not autosave.poll()
    clock.now += 2
    assert autosave.poll()
    clock.now += 100
    assert not autosave.poll()
    assert load_project(autosave.file).orientation == "z-up"
    autosave.close()
    assert list((tmp_path / "auto").iterdir()) == []
    document.set_orientation("none")
    assert recoverable(tmp_path / "auto") == []


def test_saving_makes_the_copy_needless(tmp_path: Path) -> None:
    clock = Clock()
    document = Document()
    autosave = Autosave(document, 1.0, tmp_path, clock)
    document.set_orientation("y-up")
    clock.now += 2
    assert autosave.poll()
    document.mark_saved()
    assert not autosave.poll()
    assert not autosave.file.exists()
    autosave.close()


def test_zero_seconds_keep_no_copies(tmp_path: Path) -> None:
    document = Document()
    autosave = Autosave(document, 0.0, tmp_path, Clock())
    document.set_orientation("y-up")
    assert not autosave.poll()
    autosave.set_interval(60.0)
    autosave.close()


def test_a_running_session_is_not_offered_for_recovery(tmp_path: Path) -> None:
    clock = Clock()
    document = filled(tmp_path / "plant.ply")
    autosave = Autosave(document, 1.0, tmp_path, clock)
    document.set_orientation("z-up")
    clock.now += 2
    assert autosave.poll()
    assert recoverable(tmp_path) == []
    autosave.close()


CRASH = """
import os
from pathlib import Path
from app.autosave import Autosave
from app.document import Document
clock = iter([0.0, 100.0])
document = Document()
autosave = Autosave(document, 1.0, clock=lambda: next(clock))
autosave.origin = Path("/somewhere/work.plenoscope")
document.set_orientation("x-180")
assert autosave.poll()
os._exit(9)
"""


def test_after_a_crash_the_copy_is_found_and_can_be_taken_or_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLENOSCOPE_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", CRASH], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 9
    (found,) = recoverable()
    assert found.origin == Path("/somewhere/work.plenoscope")
    assert found.saved > 1.7e9
    assert applied(load_project(found.file)).orientation == "x-180"
    found.discard()
    assert recoverable() == []
    assert list((tmp_path / "autosave").iterdir()) == []


def test_a_half_copy_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.plenoscope").write_text('{"format": ')
    assert recoverable(tmp_path) == []
    assert recoverable(tmp_path / "nowhere") == []


def test_a_copy_names_its_scene_absolutely(tmp_path: Path) -> None:
    clock = Clock()
    document = filled(tmp_path / "plant.ply")
    autosave = Autosave(document, 1.0, tmp_path / "elsewhere", clock)
    document.set_orientation("z-up")
    clock.now += 2
    autosave.poll()
    scene_reference = load_project(autosave.file).scene
    assert scene_reference is not None
    assert scene_reference.file == tmp_path / "plant.ply"
    autosave.close()
