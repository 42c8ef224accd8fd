"""What is written reads back as what it was."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.open import open_scene, save_scene
from scenes.ply import writer
from scenes.writing import blocks
from tests.data import shared_data
from tests.scenes.ply_files import assert_same


def scene_of(degree: int, count: int = 200, seed: int = 0) -> GaussianScene:
    rng = np.random.default_rng(seed)
    quats = rng.normal(size=(count, 4))
    return GaussianScene(
        means=rng.normal(size=(count, 3)) * 10.0 ** rng.integers(-3, 6, (count, 1)),
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        scales=10.0 ** rng.uniform(-11, 3, (count, 3)),
        opacities=rng.random(count),
        sh=rng.normal(size=(count, SH_COEFFICIENTS[degree], 3)),
    )


@pytest.mark.parametrize("degree", range(5))
def test_round_trip(tmp_path: Path, degree: int) -> None:
    scene = scene_of(degree)
    save_scene(scene, tmp_path / "a.ply")
    assert_same(open_scene(tmp_path / "a.ply"), scene, rtol=5e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["a.ply"]


def test_extremes_survive(tmp_path: Path) -> None:
    scene = scene_of(1, 6)
    opacities = np.array([0, 1, 1e-30, np.nextafter(np.float32(1), 0), 0.5, 1e-7], np.float32)
    scales = scene.scales.copy()
    scales[0], scales[1] = 0.0, 3e38
    scales[2] = 1e-37
    scene = replace(scene, opacities=opacities, scales=scales)
    save_scene(scene, tmp_path / "a.ply")
    back = open_scene(tmp_path / "a.ply")
    assert back.count == 6
    np.testing.assert_array_equal(back.opacities[[0, 1, 4]], opacities[[0, 1, 4]])
    np.testing.assert_allclose(back.opacities, opacities, rtol=1e-5)
    np.testing.assert_array_equal(back.scales[0], 0)
    np.testing.assert_allclose(back.scales, scales, rtol=1e-5)


def test_order_of_the_inria_program(tmp_path: Path) -> None:
    scene = scene_of(3, 2)
    save_scene(scene, tmp_path / "a.ply")
    raw = (tmp_path / "a.ply").read_bytes()
    text, _, body = raw.partition(b"end_header\n")
    names = [line.split()[-1].decode() for line in text.splitlines() if line[:8] == b"property"]
    assert names[:9] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert names[9:54] == [f"f_rest_{i}" for i in range(45)]
    assert names[54:] == [
        "opacity",
        "scale_0",
        "scale_1",
        "scale_2",
        *(f"rot_{i}" for i in range(4)),
    ]
    rows = np.frombuffer(body, "<f4").reshape(2, 62)
    np.testing.assert_array_equal(rows[:, 9 : 9 + 15], scene.sh[:, 1:, 0])
    np.testing.assert_array_equal(rows[:, 9 + 30 : 9 + 45], scene.sh[:, 1:, 2])
    assert b"comment" not in text


@pytest.mark.parametrize("training", ["3dgs", "mip", "2dgs"])
def test_tags_are_kept(tmp_path: Path, training: str) -> None:
    scene = replace(scene_of(0, 3), training=training, metadata={"vertical_axis": "z"})
    save_scene(scene, tmp_path / "a.ply")
    back = open_scene(tmp_path / "a.ply")
    assert back.training == training
    assert back.metadata["vertical_axis"] == "z"


def test_real_file_round_trip(tmp_path: Path) -> None:
    scene = open_scene(shared_data("splats/city_lod1_tile_sh3.ply"))
    save_scene(scene, tmp_path / "a.ply")
    assert_same(open_scene(tmp_path / "a.ply"), scene, rtol=1e-5)


def test_empty_scene(tmp_path: Path) -> None:
    save_scene(scene_of(2, 0), tmp_path / "a.ply")
    assert open_scene(tmp_path / "a.ply").count == 0


def test_progress_and_cancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "blocks", partial(blocks, rows=64))
    seen: list[tuple[int, int, str]] = []
    save_scene(scene_of(0), tmp_path / "a.ply", lambda *values: seen.append(values))
    assert seen == [(done, 200, "splats") for done in (0, 64, 128, 192, 200)]
    before = (tmp_path / "a.ply").read_bytes()
    with pytest.raises(Cancelled):
        save_scene(scene_of(0), tmp_path / "a.ply", cancel=lambda: len(seen) > 0)
    assert (tmp_path / "a.ply").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.ply"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="a place that can be written"):
        save_scene(scene_of(0), tmp_path / "nowhere" / "a.ply")
