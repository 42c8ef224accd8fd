"""Scenes in levels of detail: which splats of which file, and files that lie about it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, sniff_scene
from tests.data import shared_data
from tests.scenes.sog_files import bundle, description, random_pictures, save, slow_scene

ATTRIBUTES = ("means", "quats", "scales", "opacities", "sh")
COUNTS = [500_000, 250_000, 125_000, 31_000, 8_406, 3_000, 1_873]
BOX = {"min": [-9, -9, -9], "max": [9, 9, 9]}


def leaf(**levels: tuple[int, int, int]) -> dict[str, Any]:
    """``l0=(file, offset, count)`` and so on."""
    names = ("file", "offset", "count")
    lods = {name[1:]: dict(zip(names, piece, strict=True)) for name, piece in levels.items()}
    return {"bound": BOX, "lods": lods}


def node(*children: dict[str, Any]) -> dict[str, Any]:
    return {"bound": BOX, "children": list(children)}


def write(folder: Path, tree: dict[str, Any], files: list[str], **more: Any) -> Path:
    levels = {"version": 1, "lodLevels": 2, "filenames": files, "tree": tree} | more
    folder.mkdir(exist_ok=True)
    path = folder / "lod-meta.json"
    path.write_text(json.dumps(levels))
    return path


def chunk(folder: Path, name: str, count: int, degree: int) -> dict[str, Any]:
    """A SOG scene ``name/meta.json``; returns its splats."""
    meta, pictures = description(count, degree), random_pictures(count, degree, seed=count)
    save(folder / name, meta, pictures)
    return slow_scene(meta, pictures, count)


def two_levels(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Level 0 in two files, level 1 in one; leaves do not lie in the order of the files."""
    truth = [chunk(folder, "0_0", 60, 1), chunk(folder, "0_1", 50, 2), chunk(folder, "1_0", 40, 0)]
    tree = node(
        node(leaf(l0=(1, 10, 30), l1=(2, 5, 10)), leaf(l0=(0, 20, 40), l1=(2, 15, 25))),
        leaf(l0=(1, 0, 10), l1=(2, 0, 5)),
    )
    return write(folder, tree, ["0_0/meta.json", "0_1/meta.json", "1_0/meta.json"]), truth


def assert_rows(scene: GaussianScene, rows: list[tuple[dict[str, Any], int, int]]) -> None:
    """The scene is these pieces of these splats, one after the other."""
    assert scene.count == sum(stop - start for _, start, stop in rows)
    at = 0
    for truth, start, stop in rows:
        here = slice(at, at + stop - start)
        for name in ATTRIBUTES:
            found, expected = getattr(scene, name)[here], truth[name][start:stop]
            if name == "sh":
                found, beyond = np.split(found, [expected.shape[1]], axis=1)
                np.testing.assert_array_equal(beyond, 0)
            np.testing.assert_allclose(found, expected, rtol=2e-7, atol=4e-7)  # float32
        at = here.stop


def test_leaves_gather_their_splats(tmp_path: Path) -> None:
    path, (first, second, coarse) = two_levels(tmp_path / "a")
    fine = open_scene(path)
    # File by file in the order in which leaves name them; degrees below 2 end in zeros.
    assert_rows(fine, [(second, 10, 40), (second, 0, 10), (first, 20, 60)])
    assert (fine.format, fine.name, fine.sh_degree) == ("sog-lod", "a", 2)
    assert_rows(open_scene(path, lod=1), [(coarse, 5, 15), (coarse, 15, 40), (coarse, 0, 5)])
    assert open_scene(tmp_path / "a").count == 80


def test_which_level(tmp_path: Path) -> None:
    path, _ = two_levels(tmp_path)
    for budget, count, level, sentence in (
        (80, 80, 0, None),
        (79, 40, 1, "Level 1 of 2 was read, 40 splats: finer ones (up to 80) exceed the 79"),
        (39, 40, 1, "the coarsest: its 40 splats are more than the 39 asked for"),
    ):
        scene = open_scene(path, budget=budget)
        assert (scene.count, scene.metadata["level"]) == (count, level)
        assert scene.metadata["levels"] == [80, 40]
        assert (not scene.warnings) if sentence is None else sentence in scene.warnings[0]
    assert not open_scene(path, lod=0, budget=1).warnings
    with pytest.raises(SceneError, match="level 0 to 1, found level 2"):
        open_scene(path, lod=2)


def test_environment(tmp_path: Path) -> None:
    path, (first, second, _) = two_levels(tmp_path)
    around = chunk(tmp_path, "env", 30, 3)
    bundle(tmp_path / "env.sog", tmp_path / "env")
    levels = json.loads(path.read_text())
    for name in ("env/meta.json", "env.sog"):
        path.write_text(json.dumps(levels | {"environment": name}))
        scene = open_scene(path)
        assert scene.sh_degree == 3
        assert_rows(scene, [(second, 10, 40), (second, 0, 10), (first, 20, 60), (around, 0, 30)])
        assert scene.metadata["environment"] == "30 splats"
        assert open_scene(path, budget=100).count == 70


def test_a_leaf_without_the_level(tmp_path: Path) -> None:
    truth = chunk(tmp_path, "a", 50, 0)
    tree = node(leaf(l0=(0, 0, 10)), leaf(l1=(0, 10, 20)), leaf(l0=(0, 30, 0), l1=(0, 40, 5)))
    path = write(tmp_path, tree, ["a/meta.json"])
    assert_rows(open_scene(path, lod=0), [(truth, 0, 10)])
    assert_rows(open_scene(path, lod=1), [(truth, 10, 30), (truth, 40, 45)])


@pytest.mark.parametrize("level", range(1, 7))
def test_real_levels(level: int) -> None:
    path = shared_data("splats/playbot_sog_lod")
    scene = open_scene(path, lod=level)
    assert scene.count == COUNTS[level]
    assert scene.metadata["levels"] == COUNTS
    whole = open_scene(path / f"{level}_0")
    for name in ATTRIBUTES:
        np.testing.assert_array_equal(getattr(scene, name), getattr(whole, name))


def test_real_budget() -> None:
    path = shared_data("splats/playbot_sog_lod/lod-meta.json")
    scene = open_scene(path, budget=250_000)
    assert (scene.count, scene.metadata["level"]) == (250_000, 1)
    assert (scene.name, scene.source) == ("playbot_sog_lod", path)


def refused(path: Path, match: str, **options: Any) -> None:
    start = time.perf_counter()
    with pytest.raises(SceneError, match=match):
        open_scene(path, **options)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("tree", "match"),
    [
        (leaf(l0=(0, 0, 51)), "51 splats in a/meta.json, found 50"),
        (leaf(l0=(0, 50, 1)), "51 splats in a/meta.json, found 50"),
        (leaf(l0=(0, -1, 1)), "a number from 0"),
        (leaf(l0=(0, 2**31, 1)), "a number from 0"),
        (leaf(l0=(0, 0, 2**62)), "a number from 0"),
        (leaf(l0=(1, 0, 1)), "a number from 0 to 0"),
        (leaf(l2=(0, 0, 1)), "levels 0 to 1, found '2'"),
        ({"bound": BOX, "lods": {"x": {}}}, "levels 0 to 1, found 'x'"),
        ({"bound": BOX, "lods": [1]}, "an object"),
        ({"bound": BOX, "children": 7}, "a list"),
        ({"bound": BOX, "children": [7]}, "an object"),
        ([1], "an object"),
        (node(leaf(l0=(0, 0, 10)), leaf(l0=(0, 9, 10))), "every splat in one box, found splat 9"),
        (node(leaf(l0=(0, 0, 50)), leaf(l0=(0, 20, 1))), "every splat in one box"),
        (node(*[leaf(l0=(0, 0, 50))] * 8), "every splat in one box"),
    ],
)  # fmt: skip
def test_trees_that_lie(tmp_path: Path, tree: Any, match: str) -> None:
    chunk(tmp_path, "a", 50, 0)
    refused(write(tmp_path, tree, ["a/meta.json"]), match)


def test_the_same_file_under_two_names(tmp_path: Path) -> None:
    chunk(tmp_path, "a", 50, 0)
    tree = node(leaf(l0=(0, 0, 50)), leaf(l0=(1, 0, 50)))
    refused(write(tmp_path, tree, ["a/meta.json", "./a//meta.json"]), "every file once")


def test_deep_and_wide_trees(tmp_path: Path) -> None:
    chunk(tmp_path, "a", 50, 0)
    tree = leaf(l0=(0, 0, 50))
    for _ in range(255):
        tree = node(tree)
    assert open_scene(write(tmp_path, tree, ["a/meta.json"])).count == 50
    for _ in range(2):
        tree = node(tree)
    refused(write(tmp_path, tree, ["a/meta.json"]), "256 deep")
    path = tmp_path / "lod-meta.json"
    text = path.read_text()
    start = text.index('{"bound"')
    box = '{"children": ['
    path.write_text(text[:start] + box * 50_000)
    refused(path, "endless nesting")
    empty = json.dumps([{}] * 8)
    for _ in range(4):
        empty = json.dumps([0] * 8).replace("0", '{"children":' + empty + "}")
    path.write_text(text[:start] + '{"children":' + empty + "}}")
    assert open_scene(path).count == 0


def test_huge_trees(tmp_path: Path) -> None:
    nodes = ",".join(['{"children":[{},{},{},{},{},{},{},{}]}'] * 8)
    for _ in range(5):
        nodes = ",".join([f'{{"children":[{nodes}]}}'] * 8)
    path = tmp_path / "lod-meta.json"
    path.write_text(f'{{"lodLevels": 1, "filenames": [], "tree": {{"children": [{nodes}]}}}}')
    refused(path, "boxes, 256 deep")


@pytest.mark.parametrize("name", ["../a/meta.json", "/etc/passwd", "a/../../b", ""])
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    chunk(tmp_path, "a", 50, 0)
    folder = tmp_path / "lod"
    refused(write(folder, leaf(l0=(0, 0, 50)), [name]), "the name of a file in the folder")
    path = write(folder, leaf(l0=(0, 0, 50)), ["x/meta.json"], environment=name)
    refused(path, "the name of a file in the folder")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"version": 2}, "version 1"),
        ({"lodLevels": 0}, "a number from 1 to 32"),
        ({"lodLevels": 10**6}, "a number from 1 to 32"),
        ({"filenames": "a"}, "a list"),
        ({"filenames": [3]}, "text"),
        ({"filenames": ["b/meta.json"]}, "a readable file b/meta.json"),
        ({"filenames": ["lod-meta.json"]}, "version 2, or none"),
        ({"filenames": ["a"]}, None),
        ({"environment": "b.sog"}, "a readable file b.sog"),
        ({"environment": 3}, "text"),
    ],
)
def test_bad_descriptions(tmp_path: Path, change: dict[str, Any], match: str | None) -> None:
    chunk(tmp_path, "a", 50, 0)
    path = write(tmp_path, leaf(l0=(0, 0, 50)), ["a/meta.json"], **change)
    if match is None:
        assert open_scene(path).count == 50
    else:
        refused(path, match)


def test_errors_name_the_scene_and_the_file(tmp_path: Path) -> None:
    chunk(tmp_path, "a", 50, 0)
    path = write(tmp_path, leaf(l0=(0, 0, 50)), ["a/meta.json"])
    (tmp_path / "a" / "quats.webp").write_bytes(b"no")
    refused(path, r"^lod-meta.json \(a/meta.json: quats.webp\): expected a WebP picture")


def test_no_splats(tmp_path: Path) -> None:
    scene = open_scene(write(tmp_path, node(), []))
    assert scene.count == 0
    assert sniff_scene(tmp_path).name == "sog-lod"


def test_cancel_and_progress(tmp_path: Path) -> None:
    path, _ = two_levels(tmp_path)
    seen: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: seen.append(values))
    assert seen[:2] == [(40, 80, "splats"), (80, 80, "splats")]
    for calls in range(8):
        answers = iter([False] * calls + [True] * 30)
        with pytest.raises(Cancelled):
            open_scene(path, cancel=lambda answers=answers: next(answers))
