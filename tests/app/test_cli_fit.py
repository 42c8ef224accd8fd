"""``plenoscope fit``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli.main import main
from scenes.fields import FieldScene
from scenes.open import open_scene
from tests.render.fitting_inputs import ramp, sphere_views


def say(*words: object) -> int:
    return main(["fit", *(str(word) for word in words)])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp()).save(path)
    return path


def fitted(path: Path) -> FieldScene:
    scene = open_scene(path)
    assert isinstance(scene, FieldScene)
    return scene


SHORT = ("--size", "small", "--device", "cpu")


def test_a_picture_is_fitted_and_goes_on(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once, twice = tmp_path / "once.field.safetensors", tmp_path / "twice.field.safetensors"
    assert say("image", picture, once, *SHORT, "--steps", 4) == 0
    assert "4 steps" in capsys.readouterr().out
    assert say("image", picture, twice, *SHORT, "--steps", 4) == 0
    assert once.read_bytes() == twice.read_bytes()
    assert say("image", picture, twice, *SHORT, "--steps", 6, "--resume") == 0
    assert fitted(twice).size == (48, 32)
    assert not np.array_equal(fitted(once).weights.network, fitted(twice).weights.network)


def test_a_field_learns_from_a_field(picture: Path, tmp_path: Path) -> None:
    teacher, student = tmp_path / "a.field.safetensors", tmp_path / "b.field.safetensors"
    assert say("image", picture, teacher, *SHORT, "--steps", 2) == 0
    words = ("distill", teacher, student, *SHORT, "--encoding", "siren", "--steps", 2)
    assert say(*words) == 0
    assert fitted(student).model.encoding.parameters == 0


def test_a_mesh_is_fitted(tmp_path: Path) -> None:
    pytest.importorskip("igl", reason="libigl is not installed")
    mesh, target = tmp_path / "a.obj", tmp_path / "a.field.safetensors"
    mesh.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n")
    assert say("sdf", mesh, target, *SHORT, "--seconds", 0.5) == 0
    assert fitted(target).model.form == "distance"


def test_views_are_fitted(tmp_path: Path) -> None:
    path, target = sphere_views(tmp_path), tmp_path / "a.field.safetensors"
    assert say("radiance", path, target, *SHORT, "--steps", 2, "--scale", 2) == 0
    scene = fitted(target)
    assert scene.model.form == "radiance"
    assert scene.cameras[0].width == 12


def test_what_cannot_be_done_is_said(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "a.field.safetensors"
    assert say("image", picture, tmp_path / "a.ply", *SHORT) == 1
    assert "extension" in capsys.readouterr().err
    assert say("image", picture, target, *SHORT, "--steps", 2, "--resume") == 1
    assert "a.field.safetensors.fit" in capsys.readouterr().err
    assert not target.exists()
    target.write_bytes(b"something")
    assert say("image", picture, target, *SHORT, "--steps", 2) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert target.read_bytes() == b"something"
    assert say("radiance", picture, target, *SHORT, "--steps", 2, "--overwrite") == 1
    assert "ramp.png" in capsys.readouterr().err
    assert say("distill", picture, target, *SHORT, "--steps", 2, "--overwrite") == 1
    assert say("image", picture, target, "--seed", -1, "--overwrite") == 2
    assert say("image", picture, target, "--seconds", 0) == 2
