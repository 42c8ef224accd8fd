"""Planes of density in NumPy archives."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.mpi import adampi
from scenes.open import open_scene, save_scene, sniff_scene
from scenes.planes import Plane
from tests.scenes.format_cases import random_scene
from tests.scenes.mpi_files import density_arrays, npz, opened

DEPTHS = np.array([1.0, 1.5, 4.0])


def put(folder: Path, **arrays: Any) -> Path:
    path = folder / "a.npz"
    path.write_bytes(npz(**arrays))
    return path


def expected_alpha(sigma: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Written out: the distance between the points where the ray of a pixel meets two planes."""
    count, height, width = sigma.shape
    alpha = np.zeros(sigma.shape)
    for plane in range(count):
        for y in range(height):
            for x in range(width):
                ray = np.linalg.inv(matrix) @ [x + 0.5, y + 0.5, 1]
                distance = 1e3
                if plane + 1 < count:
                    distance = float(np.linalg.norm(ray * DEPTHS[plane + 1] - ray * DEPTHS[plane]))
                alpha[plane, y, x] = 1 - np.exp(-sigma[plane, y, x] * distance)
    return alpha


def test_densities_become_alphas(tmp_path: Path) -> None:
    arrays = density_arrays()
    scene = opened(put(tmp_path, **arrays))
    assert (scene.format, scene.count, scene.warnings) == ("adampi", 3, ())
    alpha = expected_alpha(arrays["mpi"][:, 3], arrays["K"].astype(np.float64))
    for number, layer in enumerate(scene.layers):
        # Half a step, and what float32 moves.
        np.testing.assert_allclose(layer.image[..., 3], 255 * alpha[number], atol=0.501)
        colour = np.moveaxis(arrays["mpi"][number, :3], 0, 2)
        np.testing.assert_allclose(layer.image[..., :3], 255 * colour, atol=0.501)
        assert isinstance(layer, Plane)
        assert layer.corner[2] == DEPTHS[number]
    camera = scene.camera
    assert camera is not None
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (7.0, 6.0, 3.5, 2.5)


def same_pictures(path: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    good.write_bytes(npz(**density_arrays()))
    for one, other in zip(opened(path).layers, opened(good).layers, strict=True):
        # What is written as disparity comes back with the last digit of float32.
        np.testing.assert_allclose(one.image.astype(int), other.image, atol=1)
        np.testing.assert_allclose(one.corners, other.corners, rtol=1e-6)


DIALECTS = ("channels last", "a batch", "two arrays", "densities (S, 1)", "disparity", "far first",
            "half", "sigma", "normalised K")  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects(tmp_path: Path, dialect: str) -> None:
    arrays = density_arrays()
    mpi, depth, matrix = arrays["mpi"], arrays["depth"], arrays["K"]
    last = np.moveaxis(mpi, 1, 3)
    changed: dict[str, Any] = {
        "channels last": {"planes": last, "depth": depth, "K": matrix},
        "a batch": {"mpi": mpi[None], "pred_mpi_disp": 1 / depth[None], "K": matrix[None]},
        "two arrays": {"rgb": last[..., :3], "sigma": mpi[:, 3], "depth": depth, "K": matrix},
        "densities (S, 1)": {"rgb": mpi[:, :3], "sigma": mpi[:, 3:], "depth": depth, "K": matrix},
        "disparity": {"mpi": mpi, "disparity": 1 / depth, "K": matrix},
        "far first": {"mpi": mpi[::-1], "depth": depth[::-1], "K": matrix},
        "half": {"mpi": mpi.astype(np.float16), "depth": depth, "K": matrix},
        "sigma": {"sigma": mpi, "depths": depth.astype(np.float32), "K": matrix},
        "normalised K": {"mpi": mpi, "depth": depth, "K": matrix / [[6], [5], [1]]},
    }[dialect]  # fmt: skip
    same_pictures(put(tmp_path, **changed), tmp_path)


def test_without_a_camera(tmp_path: Path) -> None:
    arrays = density_arrays()
    scene = opened(put(tmp_path, mpi=arrays["mpi"], depth=arrays["depth"]))
    assert scene.camera is not None
    assert (scene.camera.fx, scene.camera.cy) == (0.58 * 6, 2.5)
    assert "guess" in scene.warnings[0]


def test_colours_as_bytes(tmp_path: Path) -> None:
    arrays = density_arrays()
    rgb = np.random.default_rng(1).integers(0, 256, (3, 5, 6, 3), dtype=np.uint8)
    scene = opened(put(tmp_path, rgb=rgb, sigma=arrays["mpi"][:, 3], depth=arrays["depth"]))
    for number, layer in enumerate(scene.layers):
        np.testing.assert_array_equal(layer.image[..., :3], rgb[number])


def test_archives_of_gaussians_stay_theirs(tmp_path: Path) -> None:
    save_scene(random_scene(5, 1), tmp_path / "a.npz")
    found = sniff_scene(tmp_path / "a.npz")
    assert found is not None
    assert found.name == "npz"


def test_progress_and_cancel(tmp_path: Path) -> None:
    path = put(tmp_path, **density_arrays())
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told == [(done, 4, "planes") for done in range(1, 5)]
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)


GOOD = density_arrays()
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no density": ({"mpi": GOOD["mpi"][:, :3]}, "colours and densities"),
    "another shape": ({"mpi": np.zeros(5, np.float32)}, "colours and densities"),
    "no planes": ({"mpi": np.zeros((0, 4, 5, 6), np.float32)}, "planes of pixels, found 0"),
    "depths": ({"depth": np.ones(4)}, "3 numbers in depth"),
    "order": ({"depth": np.array([1.0, 3, 2])}, "the order of their depths"),
    "equal": ({"depth": np.ones(3)}, "the order of their depths"),
    "behind": ({"depth": np.array([-1.0, 1, 2])}, "depths from 1e-06"),
    "nan depth": ({"depth": np.array([np.nan, 1, 2])}, "depths from 1e-06"),
    "nan": ({"mpi": np.where(GOOD["mpi"] > 0.9, np.nan, GOOD["mpi"])}, "finite numbers"),
    "complex": ({"mpi": GOOD["mpi"] + 0j}, "real numbers"),
    "K": ({"K": np.zeros((3, 3))}, "K with focal lengths"),
    "skew": ({"K": np.array([[7.0, 1, 3], [0, 6, 2], [0, 0, 1]])}, "K with focal lengths"),
    "nan K": ({"K": np.full((3, 3), np.nan)}, "K with focal lengths"),
    "size of K": ({"K": np.eye(4)}, "K of shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archives(tmp_path: Path, name: str) -> None:
    changes, words = BAD[name]
    with pytest.raises(SceneError, match=words):
        opened(put(tmp_path, **GOOD | changes))


def test_a_shape_that_lies(tmp_path: Path) -> None:
    """The header claims petabytes; the entry is as small as it is."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "<f4", "fortran_order": False, "shape": (1 << 20, 4, 1 << 14, 1 << 14)}
    )
    import zipfile

    path = put(tmp_path, depth=DEPTHS)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("mpi.npy", out.getvalue())
    with pytest.raises(SceneError, match="bytes in mpi"):
        opened(path)


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros that unpack to a thousand times as much, in a scene that may have no such share."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, mpi=np.zeros((9, 4, 256, 256), np.float32), depth=DEPTHS)
    monkeypatch.setattr(adampi, "FREE_BYTES", 1 << 20)
    with pytest.raises(SceneError, match="in the archive, found a claim of"):
        opened(path)
