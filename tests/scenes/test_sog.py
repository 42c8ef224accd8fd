"""SOG scenes of both versions, loose and bundled, against slow decoders and real files."""

from __future__ import annotations

import json
import struct
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, sniff_scene
from tests.data import shared_data
from tests.real_scenes import read_sog
from tests.scenes import sog_files
from tests.scenes.sog_files import bundle, description, random_pictures, save, slow_scene, webp

ATTRIBUTES = ("means", "quats", "scales", "opacities", "sh")


def assert_scene(scene: GaussianScene, expected: dict[str, Any]) -> None:
    for name in ATTRIBUTES:
        # Tables in float64 are rounded to float32 once; the rest is the same.
        rtol, atol = (0, 2e-7) if name == "quats" else (2e-7, 1e-12)
        np.testing.assert_allclose(getattr(scene, name), expected[name], rtol, atol, err_msg=name)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("degree", range(4))
def test_against_the_formulas(tmp_path: Path, version: int, degree: int) -> None:
    meta = description(150, degree, version)
    pictures = random_pictures(150, degree)
    path = save(tmp_path / "a", meta, pictures)
    scene = open_scene(path)
    assert (scene.format, scene.name, scene.sh_degree) == ("sog", "a", degree)
    assert_scene(scene, slow_scene(meta, pictures, 150))


def test_folder_file_and_archive_are_the_same(tmp_path: Path) -> None:
    path = save(tmp_path / "a", description(70, 2), random_pictures(70, 2))
    archive = bundle(tmp_path / "b.sog", tmp_path / "a")
    found = [open_scene(p) for p in (path, tmp_path / "a", archive)]
    assert [scene.name for scene in found] == ["a", "a", "b"]
    for name in ATTRIBUTES:
        for other in found[1:]:
            np.testing.assert_array_equal(getattr(found[0], name), getattr(other, name))


def test_an_archive_under_another_name(tmp_path: Path) -> None:
    save(tmp_path / "a", description(9, 0), random_pictures(9, 0))
    assert open_scene(bundle(tmp_path / "scene.zip", tmp_path / "a")).count == 9
    renamed = tmp_path / "a" / "first.json"
    (tmp_path / "a" / "meta.json").rename(renamed)
    assert open_scene(renamed).name == "first"


@pytest.mark.parametrize("name", ["semarang_5_9_sog", *(f"playbot_sog_lod/{k}_0" for k in (1, 5))])
def test_real_files(name: str) -> None:
    path = shared_data(f"splats/{name}")
    scene, truth = open_scene(path), read_sog(path)
    assert not scene.warnings
    assert_scene(scene, {attribute: getattr(truth, attribute) for attribute in ATTRIBUTES})


def test_real_archive(tmp_path: Path) -> None:
    path = shared_data("splats/monkey_0025.sog")
    scene = open_scene(path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    truth = read_sog(tmp_path)
    assert scene.count == 31_658
    assert_scene(scene, {attribute: getattr(truth, attribute) for attribute in ATTRIBUTES})


def test_real_file_of_version_1() -> None:
    path = shared_data("splats/playcanvas_logo_sog")
    scene = open_scene(path)
    assert (scene.count, scene.metadata["dialect"]) == (307_128, "version 1, loose files")
    meta = json.loads((path / "meta.json").read_text())
    pictures = {
        file.stem: np.asarray(Image.open(file).convert("RGBA")) for file in path.glob("*.webp")
    }
    some = np.random.default_rng(0).choice(scene.count, 200, replace=False)
    for index in some:
        truth = sog_files.slow_splat(meta, pictures, int(index))
        for name in ATTRIBUTES:
            np.testing.assert_allclose(
                getattr(scene, name)[index], truth[name], rtol=2e-7, atol=4e-7, err_msg=name
            )


def test_real_rotations_lie_in_their_surfaces() -> None:
    """Which component of a rotation is called first shows in where thin splats face."""
    from scipy.spatial import cKDTree

    scene = open_scene(shared_data("splats/semarang_5_9_sog"))
    middle = np.sort(scene.scales, axis=1)[:, 1]
    thin = np.flatnonzero((scene.opacities > 0.5) & (scene.scales.min(axis=1) < 0.3 * middle))
    thin = np.random.default_rng(0).choice(thin, 5000, replace=False)
    means = scene.means.astype(np.float64)
    near = means[cKDTree(means).query(means[thin], 24)[1]]
    near -= near.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", near, near))
    flat = values[:, 0] < 0.1 * values[:, 1]

    def facing(quats: Any) -> float:
        w, x, y, z = quats.T
        columns = np.stack(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        shortest = scene.scales[thin].argmin(axis=1)
        axes = columns[:, shortest, np.arange(len(thin))].T
        return float(np.median(np.abs((axes * vectors[:, :, 0]).sum(axis=1))[flat]))

    quats = scene.quats[thin].astype(np.float64)
    # 0.5 is what directions at random would have; measured: 0.98 against 0.41.
    assert facing(quats) > 0.95
    assert facing(np.roll(quats, 1, axis=1)) < 0.6


@pytest.mark.parametrize(
    ("extra", "training"),
    [({}, "3dgs"), ({"model": "antialiased"}, "mip"), ({"antialias": True}, "mip"),
     ({"model": "2dgs"}, "2dgs"), ({"antialias": False}, "3dgs")],
)  # fmt: skip
def test_training(tmp_path: Path, extra: dict[str, Any], training: str) -> None:
    path = save(tmp_path, description(20, 0) | extra, random_pictures(20, 0))
    scene = open_scene(path)
    assert scene.training == training
    assert (scene.scales[:, 2] == 0).all() == (training == "2dgs")
    assert any("2D Gaussians" in sentence for sentence in scene.warnings) == (training == "2dgs")


def test_metadata(tmp_path: Path) -> None:
    meta = description(20, 1) | {"thumbnail": "a.png"}
    scene = open_scene(save(tmp_path, meta, random_pictures(20, 1)))
    assert scene.metadata["dialect"] == "version 2, loose files"
    assert scene.metadata["generator"] == "a test"
    assert scene.metadata["ignored"] == ['"thumbnail" in the description']


def test_a_missing_first_entry_is_extrapolated(tmp_path: Path) -> None:
    meta, pictures = description(90, 1), random_pictures(90, 1)
    pictures["scales"][:3] = 0
    truth = json.loads(json.dumps(meta))
    for part in ("scales", "sh0", "shN"):
        book = meta[part]["codebook"]
        truth[part]["codebook"][0] = book[1] + (book[1] - book[255]) / 255
        meta[part]["codebook"][0] = None
    scene = open_scene(save(tmp_path, meta, pictures))
    assert_scene(scene, slow_scene(truth, pictures, 90))
    assert len(scene.warnings) == 3
    assert "codebook of sh0" in scene.warnings[1]


def test_positions_too_far_away_are_dropped(tmp_path: Path) -> None:
    meta, pictures = description(64, 0), random_pictures(64, 0)
    meta["means"]["maxs"] = [1e300, 1, 1]
    pictures["means_u"][0, :2, 0] = 0
    pictures["means_l"][0, :2, 0] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scene = open_scene(save(tmp_path, meta, pictures))
    assert scene.count == 2
    assert "62 of 64 splats were dropped" in scene.warnings[0]


def test_no_splats(tmp_path: Path) -> None:
    scene = open_scene(save(tmp_path, description(0, 0), random_pictures(1, 0)))
    assert scene.count == 0
    assert scene.warnings == ("The file holds no splats.",)


def test_pictures_without_transparency(tmp_path: Path) -> None:
    """A picture that is opaque throughout is stored without its fourth channel."""
    meta, pictures = description(16, 2), random_pictures(16, 2)
    for pixels in pictures.values():
        pixels[..., 3:] = 255
    scene = open_scene(save(tmp_path, meta, pictures))
    assert_scene(scene, slow_scene(meta, pictures, 16))


def refused(path: Path, match: str) -> None:
    """One SceneError, soon, and no warning on the way."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SceneError, match=match):
            open_scene(path)
    assert time.perf_counter() - start < 5


def with_picture(tmp_path: Path, name: str, data: bytes, degree: int = 0, count: int = 16) -> Path:
    path = save(tmp_path, description(count, degree), random_pictures(count, degree))
    (tmp_path / f"{name}.webp").write_bytes(data)
    return path


def header_of(width: int, height: int) -> bytes:
    """A lossless WebP with a lying header and nothing behind it."""
    bits = (width - 1) | (height - 1) << 14 | 1 << 28
    body = b"\x2f" + struct.pack("<I", bits) + bytes(5)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", 10) + body


GRADIENT = np.zeros((4, 4, 3), np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None] * 50


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "a WebP picture"),
        (b"\x89PNG" + bytes(40), "a WebP picture"),
        (webp(GRADIENT, lossless=False), "a lossless WebP"),
        (webp(GRADIENT, save_all=True,
              append_images=[Image.fromarray(255 - GRADIENT)]), "a still picture"),
        (webp(np.zeros((4, 5, 3), np.uint8)), "pictures of 4 x 4 pixels, found 5 x 4"),
        (header_of(16_384, 16_384), "found 16384 x 16384"),
        (header_of(4, 4), "a whole WebP picture"),
        (webp(GRADIENT)[:30], "a whole"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["scales", "sh0", "quats"])
def test_bad_pictures(tmp_path: Path, name: str, data: bytes, match: str) -> None:
    refused(with_picture(tmp_path, name, data), match)


def test_pictures_far_larger_than_the_count(tmp_path: Path) -> None:
    for name in ("means_l", "means_u", "scales", "quats", "sh0"):
        path = with_picture(tmp_path, name, header_of(16_383, 16_383))
        for other in ("means_l", "means_u", "scales", "quats", "sh0"):
            (tmp_path / f"{other}.webp").write_bytes(header_of(16_383, 16_383))
    refused(path, "pictures for 16 splats, found some of 16,383 x 16,383")


@pytest.mark.parametrize(
    ("count", "match"),
    [(17, "17 splats in each picture, found 16 pixels"), (2**31 - 1, "at most 80,000,000"),
     (2**40, "a number from"), (-1, "a number from"), (3.5, "whole"), (None, "a number"),
     (True, "a number")],
)  # fmt: skip
def test_lying_counts(tmp_path: Path, count: Any, match: str) -> None:
    path = save(tmp_path, description(16, 0) | {"count": count}, random_pictures(16, 0))
    refused(path, match)


def test_many_splats_in_pictures_of_nothing(tmp_path: Path) -> None:
    """Pictures of one colour pack a hundred million splats into kilobytes: nobody's scene."""
    blank = webp(np.zeros((6000, 6000, 3), np.uint8), method=0)
    meta = description(36_000_000, 0)
    path = save(tmp_path, meta, random_pictures(1, 0))
    for name in ("means_l", "means_u", "scales", "quats", "sh0"):
        (tmp_path / f"{name}.webp").write_bytes(blank)
    refused(path, "splats for pictures of this size, found 36,000,000")


def test_labels_behind_the_palette(tmp_path: Path) -> None:
    meta, pictures = description(16, 1), random_pictures(16, 1)
    pictures["shN_labels"][1, 1] = 255
    refused(save(tmp_path, meta, pictures), "labels of centroids that exist, found 1 ")


@pytest.mark.parametrize(
    ("shape", "bands", "match"),
    [((2, 192), 2, "512 pixels wide, found 192"), ((2, 200), 1, "192 pixels wide"),
     ((1, 192), 1, "128 centroids, 64 in a row, found 1 rows"),
     ((1025, 192), 1, "128 centroids, 64 in a row, found 1,025 rows"),
     ((2, 192), 0, "a number from 1 to 3"), ((2, 192), 4, "a number from 1 to 3")],
)  # fmt: skip
def test_bad_palettes(tmp_path: Path, shape: tuple[int, int], bands: int, match: str) -> None:
    meta, pictures = description(16, 1), random_pictures(16, 1)
    meta["shN"]["bands"] = bands
    pictures["shN_centroids"] = np.zeros((*shape, 3), np.uint8)
    refused(save(tmp_path, meta, pictures), match)


@pytest.mark.parametrize("part", ["scales", "sh0", "shN"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "null", '"a"', "[]", "1e999", "9" * 400])
def test_codebooks_of_other_things(tmp_path: Path, part: str, value: str) -> None:
    meta = description(16, 1)
    meta[part]["codebook"][7] = "HERE"
    path = save(tmp_path, meta, random_pictures(16, 1))
    path.write_text(path.read_text().replace('"HERE"', value))
    refused(path, "a finite number|finite numbers|a number")


def test_codebooks_of_another_length(tmp_path: Path) -> None:
    meta = description(16, 0)
    meta["scales"]["codebook"] = meta["scales"]["codebook"][:255]
    refused(save(tmp_path, meta, random_pictures(16, 0)), "a list of 256 numbers")


@pytest.mark.parametrize("name", ["../x.webp", "/etc/passwd", "a/../../x.webp", "..\\x.webp", ""])
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    meta = description(16, 0)
    meta["scales"]["files"] = [name]
    pictures = random_pictures(16, 0)
    (tmp_path / "x.webp").write_bytes(webp(pictures["scales"]))
    path = save(tmp_path / "a", meta, pictures)
    refused(path, "names of files beside the description")
    refused(bundle(tmp_path / "a.sog", tmp_path / "a"), "names of files beside the description")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"version": 3}, "version 2, or none"),
        ({"means": 3}, "an object"),
        ({"means": {}}, 'a member "files"'),
        ({"sh0": {"files": ["sh0.webp"]}}, 'a member "codebook"'),
        ({"scales": {"files": []}}, "1 names of files"),
        ({"quats": {"files": ["none.webp"]}}, "a file none.webp, found none"),
        ({"quats": {"files": ["."]}}, "a file"),
        ({"model": 7}, "text"),
    ],
)
def test_bad_descriptions(tmp_path: Path, change: dict[str, Any], match: str) -> None:
    refused(save(tmp_path, description(16, 0) | change, random_pictures(16, 0)), match)


def test_endless_nesting(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_text('{"means":' + "[" * 100_000)
    refused(path, "endless nesting")


def test_archives_that_are_none(tmp_path: Path) -> None:
    save(tmp_path / "a", description(16, 0), random_pictures(16, 0))
    whole = bundle(tmp_path / "a.sog", tmp_path / "a").read_bytes()
    cut = tmp_path / "cut.sog"
    for end in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:end])
        refused(cut, "expected")
    (tmp_path / "a" / "meta.json").unlink()
    refused(bundle(tmp_path / "empty.sog", tmp_path / "a"), "an entry meta.json")


def test_an_archive_that_grows(tmp_path: Path) -> None:
    save(tmp_path / "a", description(16, 0), random_pictures(16, 0))
    bomb = tmp_path / "bomb.sog"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in (tmp_path / "a").iterdir():
            archive.write(item, item.name)
        archive.writestr("inner.sog", bytes(50_000_000))
    refused(bomb, "bytes in the archive, found a claim of")


@pytest.mark.parametrize("text", ["{}", "[]", '{"means": 1}', '{"camera_path": []}', "", "null"])
def test_other_json_is_not_claimed(tmp_path: Path, text: str) -> None:
    for name in ("a.json", "camera_path.json"):
        path = tmp_path / name
        path.write_text(text)
        assert sniff_scene(path) is None
    assert sniff_scene(tmp_path) is None


def test_cancel_and_progress(tmp_path: Path) -> None:
    path = save(tmp_path, description(20, 1), random_pictures(20, 1))
    seen: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: seen.append(values))
    assert seen[0] == (0, 7, "pictures")
    assert seen[-1] == (20, 20, "splats")
    for calls in range(7):
        answers = iter([False] * calls + [True] * 9)
        with pytest.raises(Cancelled):
            open_scene(path, cancel=lambda answers=answers: next(answers))
