"""Opening by content, by extension, and not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenes.errors import SceneError
from scenes.open import open_scene, save_scene, scene_formats, sniff_scene
from scenes.samples import make_sample
from tests.data import ROOT, shared_data
from tests.scenes.ply_files import names_of, random_table, write_table


def test_formats_are_complete_and_have_names_of_their_own() -> None:
    formats = scene_formats()
    assert "ply" in {format.name for format in formats}
    assert len({format.name for format in formats}) == len(formats)
    for format in formats:
        assert format.title
        assert format.kind
        # An ending like .ply, or the name that the main file of a folder always has.
        assert all(e.startswith(".") or e.endswith(".json") for e in format.extensions)
        assert format.precision
        assert format.frame


def test_content_decides_before_the_extension(tmp_path: Path) -> None:
    path = write_table(tmp_path / "scan.bin", random_table(names_of(0), 3))
    chosen = sniff_scene(path)
    assert chosen is not None
    assert chosen.name == "ply"
    assert open_scene(path).count == 3


@pytest.mark.parametrize("text", [b"", b"hello", b"polygon\n", b"\x00" * 5000])
def test_a_file_of_another_kind(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(text)
    assert sniff_scene(path) is None
    with pytest.raises(SceneError, match=r"notes\.txt: expected a scene .*ply"):
        open_scene(path)
    path = path.rename(tmp_path / "notes.ply")
    with pytest.raises(SceneError, match="begins with 'ply'"):
        open_scene(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="nothing of that name"):
        open_scene(tmp_path / "a.ply")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SceneError):
        open_scene(tmp_path)
    folder = tmp_path / "b.ply"
    folder.mkdir()
    with pytest.raises(SceneError):
        open_scene(folder)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_a_file_one_may_not_read(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.ply", random_table(names_of(0), 3))
    path.chmod(0)
    with pytest.raises(SceneError, match="a readable file"):
        open_scene(path)


def test_the_packed_dialect_is_not_taken_for_this_one() -> None:
    path = shared_data("splats/biker.compressed.ply")
    (ply,) = (format for format in scene_formats() if format.name == "ply")
    assert not ply.sniff(path, path.read_bytes()[:4096])
    with pytest.raises(SceneError, match="compressed PLY"):
        ply.read(path)


def test_a_mesh_is_called_one() -> None:
    with pytest.raises(SceneError, match="a mesh with red, green, blue, not Gaussians"):
        open_scene(shared_data("meshes/fuze.ply"))


def test_saving_needs_an_extension_that_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"can be written \(.*\.ply"):
        save_scene(make_sample("spheres", 1000), tmp_path / "a.xyz")


def test_asking_for_the_formats_does_not_load_numba() -> None:
    code = "import sys, scenes.open as o; o.scene_formats(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
