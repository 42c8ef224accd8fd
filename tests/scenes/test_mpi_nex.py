"""NeX scenes and their constants, which are read and never run."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.mpi.constants import MOST_BYTES, constants
from scenes.open import open_scene, sniff_scene
from scenes.planes import Plane
from tests.scenes.mpi_files import (
    NEX_SIZE,
    Files,
    atlas,
    claimed_png,
    nex_config,
    nex_depths,
    nex_files,
    nex_pixels,
    noise,
    opened,
    picture,
    put,
    some_camera,
)


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize(("layers", "shared", "columns"), [(3, 2, 2), (2, 2, 3), (4, 1, 1)])
def test_a_scene(tmp_path: Path, prune: bool, layers: int, shared: int, columns: int) -> None:
    scene = opened(put(tmp_path / "cd", nex_files(layers, shared, columns, prune)))
    pixels = nex_pixels(layers, shared)
    assert (scene.format, scene.name, scene.count) == ("nex", "cd", layers * shared)
    camera = scene.camera
    assert camera is not None
    width, height, offset = NEX_SIZE
    assert (camera.width, camera.height) == (width, height)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (9.5, 9.5, 5.5, 2.75)
    expected = some_camera(width, height).camera_from_world
    np.testing.assert_allclose(camera.camera_from_world, expected, atol=1e-12)
    for number, (layer, depth) in enumerate(
        zip(scene.layers, nex_depths(layers * shared), strict=True)
    ):
        np.testing.assert_array_equal(layer.image[..., :3], pixels["colour"][number // shared])
        np.testing.assert_array_equal(layer.image[..., 3], pixels["alpha"][number])
        assert isinstance(layer, Plane)
        corners = np.c_[layer.corners, np.ones(4)] @ camera.camera_from_world.T
        np.testing.assert_allclose(corners[:, 2], depth, rtol=1e-12)
        x = corners[:, 0] / depth * camera.fx + camera.cx
        y = corners[:, 1] / depth * camera.fy + camera.cy
        right, bottom = width + offset, height + offset
        np.testing.assert_allclose(x, [-offset, right, right, -offset], atol=1e-10)
        np.testing.assert_allclose(y, [-offset, -offset, bottom, bottom], atol=1e-10)
    basis = scene.basis
    assert basis is not None
    assert basis.reach == (0.7, 0.6)
    assert basis.tile_of == tuple(number // shared for number in range(layers * shared))
    np.testing.assert_array_equal(np.stack(basis.coefficients, 1), pixels["basis"])
    # float32 of value 2 / 255 - 1.
    np.testing.assert_allclose(basis.maps, pixels["maps"] * (2 / 255) - 1, atol=1e-6)


def test_the_description_may_be_opened(tmp_path: Path) -> None:
    path = put(tmp_path, nex_files()) / "config.js"
    found = sniff_scene(path)
    assert found is not None
    assert found.name == "nex"
    assert opened(path).count == 6
    path.write_text("module.exports = {}")
    assert sniff_scene(tmp_path) is None


def test_without_a_basis(tmp_path: Path) -> None:
    files = {name: data for name, data in nex_files().items() if "basis" not in name}
    assert opened(put(tmp_path, files)).basis is None


def test_another_way_to_say_it(tmp_path: Path) -> None:
    """A flat list of depths, 12 numbers for the pose, no columns, a threshold, a name."""
    pose = some_camera().camera_from_world
    twelve = [*pose[:3, :3].ravel().tolist(), *pose[:3, 3].tolist()]
    config = nex_config(2, 1, 0, "prune", planes="[1.5, 2]", extrinsics=f"[{twelve}]",
                        names='["7", "8"]', thres_alpha="0.5", maxcol="0")  # fmt: skip
    alphas = np.stack([noise(10, 14, seed=2), noise(10, 14, seed=3)])
    files = {"config.js": config, "mpi7_c.webp": picture(atlas(noise(2, 10, 14, 3), 2), "WEBP")}
    channels = np.zeros((10, 28, 3), np.uint8)
    channels[:, :14, 0], channels[:, :14, 1] = alphas
    scene = opened(put(tmp_path, files | {"mpi7_a.png": picture(channels)}))
    assert scene.camera is not None
    np.testing.assert_allclose(scene.camera.camera_from_world, pose, atol=1e-12)
    for layer, alpha in zip(scene.layers, alphas, strict=True):
        np.testing.assert_array_equal(layer.image[..., 3], np.where(alpha >= 128, alpha, 0))
    assert scene.warnings == ("Only the first of several images is read.",)


def test_progress_and_cancel(tmp_path: Path) -> None:
    path = put(tmp_path, nex_files())
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told == [(done, 11, "pictures") for done in range(12)]
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)


def read(text: str) -> dict[str, Any]:
    return constants(text.encode(), Path("a.js"), "a.js")


def test_constants() -> None:
    found = read("""
        /* a remark; const no = 1 */ const a = 1, b = -2.5e1; // const no = 2
        let c = [[1, .5, -a], ["x", 'y; z', true, null,]]
        var d = a * 3 + (b - 1) / 2;
        const f = 2 * d * a
        const unknown = names.length; const e = [1, g()]; const zero = 1 / 0;
        function run() { return "const no = 4"; }
        const last = 7""")
    assert found == {
        "a": 1.0, "b": -25.0, "c": [[1.0, 0.5, -1.0], ["x", "y; z", True, None]],
        "d": 3.0 - 13.0, "f": -20.0, "last": 7.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["const a = 'open", 'const a = "open\n"', "/* open", "const a = `x`", "\\", "\x00é"]
)
def test_what_has_no_tokens(text: str) -> None:
    with pytest.raises(SceneError, match="constants of JavaScript, found other text"):
        read(text)


@pytest.mark.parametrize(
    "piece", ["[", "(", "-", "/*", "const a = ", '"', "const a = [[", "1,", "const a=a*a;", "a ",
              "const a=[a,a,a,a,a,a,a,a];", "//", "1e999 ", "const a = -(", "\n", "*/", "const a,"]
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    text = "const a = 1;" + piece * ((MOST_BYTES - 20) // len(piece) // 4)
    started = time.monotonic()
    with contextlib.suppress(SceneError):
        read(text)
    # A MiB of tokens is half a second here; what is not linear would take minutes.
    assert time.monotonic() - started < 5


def test_a_text_that_is_too_long() -> None:
    with pytest.raises(SceneError, match="at most 4,194,304 bytes"):
        read(" " * (MOST_BYTES + 1))


LIES: dict[str, tuple[dict[str, str], str]] = {
    "no width": ({"w": "undefined"}, "w\\): expected a number"),
    "negative": ({"h": "-6"}, "a number from 1 to 16384"),
    "infinite": ({"w": "1e999"}, "a finite number"),
    "text": ({"w": '"ten"'}, "a number"),
    "no planes": ({"planes": "[[]]"}, "depths of planes"),
    "behind": ({"planes": "[[1, -2, 3, 4, 5, 6]]"}, "a number from 1e-06"),
    "nested": ({"planes": "[[[1], 2]]"}, "a number"),
    "many planes": ({"planes": str([[1] * 100_000])}, "at most 4096 entries"),
    "few layers": ({"layers": "2"}, "colours for 6 planes"),
    "many layers": ({"layers": "4000"}, "tiles of one size"),
    "large layers": ({"layers": "1e9"}, "a number from 1 to 4096"),
    "columns": ({"maxcol": "5"}, "tiles of one size"),
    "focal": ({"f": "0"}, "a number from 0.001"),
    "pose": ({"extrinsics": "[[1,2,3]]"}, "a list of 16 numbers"),
    "scaled pose": ({"extrinsics": "[[2,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]]"}, "scales or shears"),
    "leads out": ({"names": '["/../../a"]'}, "inside the folder"),
    "call": ({"w": "require('fs').size"}, "\"w\", found none"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_config_that_lies(tmp_path: Path, name: str) -> None:
    changes, words = LIES[name]
    config = nex_config(3, 2, 2, "learned_basis8", **changes)
    with pytest.raises(SceneError, match=words):
        opened(put(tmp_path, nex_files() | {"config.js": config}))


PICTURES: dict[str, tuple[Files, str]] = {
    "colour": ({"mpi_c.png": picture(noise(20, 29, 3))}, "2 x 2 tiles of one size"),
    "alpha": ({"mpi_a.png": picture(noise(20, 28, 3))}, "14 x 10 pixels a tile"),
    "basis": ({"basis_3.png": picture(noise(40, 56, 3))}, "14 x 10 pixels a tile"),
    "maps": ({"mpi_b.png": picture(noise(5, 41))}, "8 functions abreast"),
    "half of the maps": ({"mpi_b_1.png": picture(noise(5, 5, 4))}, "one of them"),
    "maps of two sizes": ({"mpi_b_1.png": picture(noise(5, 5, 4)),
                           "mpi_b_2.png": picture(noise(5, 6, 4))}, "functions of one size"),
    "cut": ({"mpi_c.png": picture(noise(20, 28, 3))[:-40]}, "a whole still picture"),
    "bomb": ({"mpi_c.png": claimed_png(16_000, 16_000)}, "damaged or cut"),
    "no picture": ({"mpi_c.png": b"no"}, "a PNG, JPEG or WebP"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_that_lie(tmp_path: Path, name: str) -> None:
    files, words = PICTURES[name]
    with pytest.raises(SceneError, match=words):
        opened(put(tmp_path, nex_files() | files))


def test_missing_pictures(tmp_path: Path) -> None:
    for gone in ("mpi_a.png", "mpi_b.png", "mpi_c.png"):
        files = {name: data for name, data in nex_files().items() if name != gone}
        with pytest.raises(SceneError, match=f"a file {gone}, found none"):
            opened(put(tmp_path / gone, files))
