"""Writing streamed SOG: levels, boxes and files that the reader and the format's rules agree on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.image.psnr import psnr
from render.render import render
from render.request import RenderRequest
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene
from scenes.samples import make_sample
from scenes.sog import lod_writer
from scenes.sog.lod_writer import level_count
from tests.scenes.format_cases import random_scene


def cloud(count: int, seed: int = 0) -> GaussianScene:
    """Two clusters far apart, small splats."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(count, 3)).astype(np.float32)
    means[: count // 3, 0] += 20
    quats = rng.normal(size=(count, 4))
    return GaussianScene(
        means,
        (quats / np.linalg.norm(quats, axis=1, keepdims=True)).astype(np.float32),
        rng.uniform(0.01, 0.05, (count, 3)).astype(np.float32),
        rng.uniform(0.1, 1, count).astype(np.float32),
        rng.normal(0, 0.5, (count, 4, 3)).astype(np.float32),
    )


def leaves_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    if "children" not in node:
        return [node]
    return [leaf for child in node["children"] for leaf in leaves_of(child)]


def test_levels_open_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lod_writer, "MOST", 900)
    scene = cloud(5000)
    path = tmp_path / "lod-meta.json"
    assert save_scene(scene, path, lod_levels=3, sog_quality="fast") == ()
    meta = json.loads(path.read_text())
    assert meta["version"] == 1
    assert meta["counts"] == [5000, 2500, 1250]
    assert meta["count"] == sum(meta["counts"])
    assert len(meta["filenames"]) == len(set(meta["filenames"])) >= 6 + 3 + 2
    for level, count in enumerate(meta["counts"]):
        again = open_scene(path, lod=level)
        assert again.count == count
        # Colours, in the mean of all: one step of the codebook.
        np.testing.assert_allclose(again.sh[:, 0].mean(0), scene.sh[:, 0].mean(0), atol=0.08)
    finest = open_scene(path, lod=0)
    np.testing.assert_allclose(np.sort(finest.means[:, 0]), np.sort(scene.means[:, 0]), atol=2e-3)


def test_splats_lie_within_the_bounds_of_their_leaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lod_writer, "MOST", 700)
    path = tmp_path / "lod-meta.json"
    save_scene(cloud(3000), path, lod_levels=2, sog_quality="fast")
    meta = json.loads(path.read_text())
    chunks = {name: open_scene(tmp_path / name) for name in meta["filenames"]}
    leaves = leaves_of(meta["tree"])
    assert len(leaves) >= 5
    held = np.zeros(2, int)
    for leaf in leaves:
        low, high = np.array(leaf["bound"]["min"]), np.array(leaf["bound"]["max"])
        for level, piece in leaf["lods"].items():
            chunk = chunks[meta["filenames"][piece["file"]]]
            rows = chunk.means[piece["offset"] : piece["offset"] + piece["count"]]
            assert len(rows) == piece["count"]
            assert (rows >= low - 1e-3).all()
            assert (rows <= high + 1e-3).all()
            held[int(level)] += len(rows)
    assert held.tolist() == meta["counts"]


def test_a_budget_takes_the_finest_level_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "lod-meta.json"
    save_scene(cloud(4000), path, lod_levels=3, sog_quality="fast")
    assert open_scene(path, budget=2100).count == 2000
    assert open_scene(path, budget=10).count == 1000


def test_too_many_levels_are_said(tmp_path: Path) -> None:
    path = tmp_path / "lod-meta.json"
    notes = save_scene(cloud(2500), path, lod_levels=8, sog_quality="fast")
    assert notes == ("2 of 8 levels were written: coarser ones would show nothing.",)
    assert [level_count(n, 4) for n in (1, 1999, 2000, 10**6)] == [1, 1, 2, 4]


@pytest.mark.parametrize("count", [0, 1, 300])
def test_equal_positions_and_few_splats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(lod_writer, "MOST", 100)
    scene = cloud(count)
    scene = GaussianScene(
        np.ones_like(scene.means), scene.quats, scene.scales, scene.opacities, scene.sh
    )
    path = tmp_path / "lod-meta.json"
    save_scene(scene, path, sog_quality="fast")
    assert open_scene(path).count == count


def test_extremes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lod_writer, "MOST", 512)
    path = tmp_path / "lod-meta.json"
    scene = random_scene(2000, 3, 0)
    save_scene(scene, path, lod_levels=2, sog_quality="fast")
    again = open_scene(path)
    assert again.count == 2000
    for array in (again.means, again.quats, again.scales, again.opacities, again.sh):
        assert np.isfinite(array).all()


def test_cancel_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "lod-meta.json"
    save_scene(cloud(2000), path, lod_levels=1, sog_quality="fast")
    before = sorted((p.name, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file())
    seen: list[str] = []
    with pytest.raises(Cancelled):
        save_scene(
            cloud(4000, 1),
            path,
            lambda done, total, unit: seen.append(unit),
            lambda: any("level 1" in unit for unit in seen),
            lod_levels=3,
            sog_quality="fast",
        )
    after = sorted((p.name, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file())
    assert before == after


def test_a_coarser_level_still_looks_like_the_scene(tmp_path: Path) -> None:
    scene = make_sample("spheres", 20_000)
    path = tmp_path / "lod-meta.json"
    save_scene(scene, path, lod_levels=2, sog_quality="good")
    camera = scene.default_camera(320, 180)
    pictures = [
        render(RenderRequest(s, camera, outputs=("color",))).images["color"]
        for s in (scene, open_scene(path, lod=0), open_scene(path, lod=1))
    ]
    finest, coarser = (float(psnr("cpu", pictures[0], other)) for other in pictures[1:])
    assert finest > 38
    assert finest > coarser > 24
