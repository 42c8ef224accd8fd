"""``plenoscope convert`` of fields to meshes."""

from __future__ import annotations

import numpy as np
import pytest

from app.cli.main import main
from scenes.meshes import read_mesh
from scenes.open import save_scene
from tests.data import shared_data
from tests.scenes.format_cases import random_scene


@pytest.mark.parametrize("extension", [".ply", ".obj", ".stl"])
def test_a_field_becomes_a_closed_mesh(tmp_path, capsys, extension):
    source, out = shared_data("neural/deepsdf_round_cross"), tmp_path / f"cross{extension}"
    assert main(["convert", str(source), str(out), "--resolution", "24"]) == 0
    said = capsys.readouterr().out
    if extension == ".stl":
        count = int(np.frombuffer(out.read_bytes()[80:84], "<u4")[0])
    else:
        mesh = read_mesh(out)
        assert mesh.is_closed
        assert mesh.normals is not None
        count = len(mesh.faces)
    assert f"{count:,} triangles" in said
    assert count > 500
    assert main(["convert", str(source), str(out), "--resolution", "24"]) == 1
    assert "--overwrite replaces it" in capsys.readouterr().err


def test_options_that_do_not_fit(tmp_path, capsys):
    splats = tmp_path / "splats.ply"
    save_scene(random_scene(20, 0), splats)
    out = tmp_path / "out.ply"
    for given, said in (
        ([str(splats), str(out), "--resolution", "64"], "--resolution is for meshes of fields"),
        ([str(splats), str(out), "--threshold", "1"], "--threshold is for meshes of fields"),
        ([str(splats), str(out), "--threshold", "-1"], "must be above 0"),
        ([str(splats), str(out), "--resolution", "1"], "must be 2 to 2048"),
    ):
        assert main(["convert", *given]) == 2
        assert said in capsys.readouterr().err
    assert not out.exists()
    field = shared_data("neural/deepsdf_round_cross")
    for option in (["--threshold", "3"], ["--decimate", "50%"]):
        assert main(["convert", str(field), str(out), *option]) == 2
    assert main(["convert", str(field), str(tmp_path / "out.splat")]) == 2
    assert "holds gaussians, and the input is field" in capsys.readouterr().err
