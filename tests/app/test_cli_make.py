"""``plenoscope make``, and the depth maps that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import scenes.open
from app.cli.main import main
from render.making.depth_files import as_depth, read_depth, read_photo
from scenes.errors import SceneError
from scenes.open import save_scene
from scenes.planes import PlaneScene
from scenes.registry import Format
from scenes.samples import make_sample
from tests.render.making_inputs import box_before_wall, small_camera
from tests.render.plane_views import decibels, moved, seen

CAMERA = small_camera(96, 72)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, PlaneScene]:
    """A toy format that keeps what is written."""
    kept: dict[str, PlaneScene] = {}

    def write(scene: PlaneScene, path: Path, *rest: Any, **options: Any) -> None:
        kept[path.name] = scene
        path.write_bytes(b"toy")

    toy = Format(
        "toy", "Toy", (".toy",), "planes", lambda path, head: False, lambda *a: None, write
    )
    known = scenes.open.scene_formats()
    monkeypatch.setattr(scenes.open, "scene_formats", lambda: [*known, toy])
    return kept


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    photo, depth = box_before_wall(CAMERA)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    np.save(tmp_path / "depth.npy", depth)
    np.savez(tmp_path / "depth.npz", depth=depth, other=np.zeros(3))
    Image.fromarray(np.rint(1000 * depth).astype(np.uint16)).save(tmp_path / "depth.png")
    for order, scale in (("<f4", -1), (">f4", 1)):
        header = f"Pf\n{CAMERA.width} {CAMERA.height}\n{scale}.0\n".encode()
        (tmp_path / f"depth{order[0] == '>':d}.pfm").write_bytes(
            header + depth[::-1].astype(order).tobytes()
        )
    right, _ = box_before_wall(moved(CAMERA, (0.3, 0, 0)))
    Image.fromarray(right).save(tmp_path / "right.png")
    return tmp_path


def say(*words: object) -> int:
    return main(["make", *map(str, words)])


def test_a_photo_with_depth(inputs, written, capsys):
    out = inputs / "a.toy"
    words = ("photo", inputs / "photo.png", "--depth", inputs / "depth.npy", out)
    assert say(*words, "--planes", 8, "--fov", 60) == 0
    assert "a.toy: 8 planes" in capsys.readouterr().out
    scene = written["a.toy"]
    assert scene.name == "photo"
    assert scene.camera.fov_y == pytest.approx(np.deg2rad(60))
    assert decibels(seen(scene, scene.camera)[0], scene.photo) > 45
    assert say(*words) == 1
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert say(*words, "--overwrite", "--near", 1, "--far", 10, "--disparity") == 0
    depths = [layer.corner[2] for layer in written["a.toy"].layers]
    assert min(depths) > 0.999
    assert max(depths) < 10.001


def test_planes_of_any_pose(inputs, written):
    words = ("structural", inputs / "photo.png", "--depth", inputs / "depth.pfm")
    (inputs / "depth0.pfm").rename(inputs / "depth.pfm")
    assert say(*words, inputs / "a.toy") == 0
    assert 2 <= written["a.toy"].count < 16


def test_a_pair(inputs, written):
    words = ("stereo", inputs / "photo.png", inputs / "right.png", inputs / "a.toy")
    assert say(*words, "--baseline", 0.3, "--focal", 140, "--planes", 12) == 0
    scene = written["a.toy"]
    assert scene.count <= 12
    assert (scene.camera.fx, scene.camera.cx) == (140, 48)
    assert decibels(seen(scene, scene.camera)[0], scene.photo) > 45


def test_a_scene(inputs, written, capsys):
    save_scene(make_sample("spheres", 2000), inputs / "s.ply")
    words = ("scene", inputs / "s.ply", inputs / "a.toy", "--size", "64x48", "--planes", 5)
    assert say(*words) == 0
    assert (written["a.toy"].camera.width, written["a.toy"].count) == (64, 5)
    assert say(*words, "--overwrite", "--index", 1) == 2
    assert "--camera, which is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "expected"),
    [
        (["--near", "1"], 2, "belong together"),
        (["--near", "3", "--far", "2"], 2, "less than --far"),
        (["--fov", "200"], 2, "1 to 170"),
        (["--planes", "0"], 2, "above 0"),
    ],
)
def test_what_does_not_fit(inputs, written, capsys, more, code, expected):
    out = inputs / "a.toy"
    words = ("photo", inputs / "photo.png", "--depth", inputs / "depth.npy", out, *more)
    assert say(*words) == code
    assert expected in capsys.readouterr().err
    assert not written


def test_files_that_do_not_fit(inputs, written, capsys):
    np.save(inputs / "small.npy", np.ones((3, 4)))
    photo = inputs / "photo.png"
    assert say("photo", photo, "--depth", inputs / "small.npy", inputs / "a.toy") == 1
    assert "depth must be" in capsys.readouterr().err
    assert say("photo", photo, "--depth", inputs / "none.npy", inputs / "a.toy") == 1
    assert "no file of that name" in capsys.readouterr().err
    assert say("photo", photo, "--depth", inputs / "depth.npy", inputs / "a.xyz") == 1
    assert "an extension that can be written" in capsys.readouterr().err
    assert say("photo", photo, "--depth", inputs / "depth.npy", inputs / "no" / "a.toy") == 1
    assert "there is no folder" in capsys.readouterr().err


def test_ctrl_c(inputs, written, monkeypatch, capsys):
    def interrupted(*rest: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("render.making.from_depth", interrupted)
    words = ("photo", inputs / "photo.png", "--depth", inputs / "depth.npy", inputs / "a.toy")
    assert say(*words) == 130
    assert not (inputs / "a.toy").exists()


@pytest.mark.parametrize(
    ("name", "scale", "error"),
    # Half a step of 16 bits and of float32; npy has all digits.
    [("depth.npy", 1, 0), ("depth.npz", 1, 1e-6), ("depth.png", 1000, 6e-4),
     ("depth0.pfm", 1, 1e-6), ("depth1.pfm", 1, 1e-6)],
)  # fmt: skip
def test_depth_maps(inputs, name, scale, error):
    _, depth = box_before_wall(CAMERA)
    np.testing.assert_allclose(read_depth(inputs / name) / scale, depth, atol=error)


def test_damaged_depth_maps(inputs):
    bad = inputs / "bad.npy"
    whole = (inputs / "depth.npy").read_bytes()
    np.save(inputs / "objects.npy", np.array([[{}]], object), allow_pickle=True)
    np.save(inputs / "words.npy", np.array([["a"]]))
    np.save(inputs / "cube.npy", np.zeros((2, 3, 4)))
    np.savez(inputs / "two.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    for name in ("objects.npy", "words.npy", "cube.npy", "two.npz", "photo.png"):
        with pytest.raises(SceneError):
            read_depth(inputs / name)
    for damage in (whole[:-5], whole[:40], b"", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}"):
        bad.write_bytes(damage)
        with pytest.raises(SceneError):
            read_depth(bad)
    pfm = (inputs / "depth0.pfm").read_bytes()
    huge = b"Pf\n99999999 99999999\n-1\n"
    for damage in (pfm[:-1], pfm + b"x", b"PF" + pfm[2:], b"Pf\n3\n", huge):
        bad.with_suffix(".pfm").write_bytes(damage)
        with pytest.raises(SceneError):
            read_depth(bad.with_suffix(".pfm"))
    (inputs / "bad.png").write_bytes((inputs / "photo.png").read_bytes()[:200])
    with pytest.raises(SceneError):
        read_photo(inputs / "bad.png")


def test_values_become_depth():
    values = np.array([[0.0, 10, 20, np.nan]])
    np.testing.assert_array_equal(as_depth(values, None, None, False), values)
    np.testing.assert_allclose(as_depth(values, 2, 4, False), [[np.nan, 2, 4, np.nan]])
    np.testing.assert_allclose(as_depth(values, 2, 4, True), [[4, 1 / 0.375, 2, np.nan]])
    np.testing.assert_allclose(as_depth(values, None, None, True)[0, [0, 2]], [100, 1])
