"""Plenoscope's own multiplane images: what goes in comes out, to the bit."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.formats import mpi
from scenes.mpi import archive
from scenes.open import open_scene, save_scene, sniff_scene
from scenes.planes import Plane, PlaneScene, Shell
from tests.data import shared_data
from tests.scenes.mpi_files import (
    basis_scene,
    claimed_webp,
    noise,
    opened,
    picture,
    plane_scene,
    set_scene,
)

SCENES: dict[str, Callable[[], PlaneScene]] = {
    "planes and a shell": plane_scene,
    "a basis": basis_scene,
    "a set": set_scene,
    "nothing": PlaneScene,
    "no camera": lambda: plane_scene(camera=None),
    "a photo alone": lambda: PlaneScene(photo=noise(3, 4, 3)),
    "orthographic": lambda: plane_scene(
        camera=Camera(np.eye(4), 5, 4, 1 / 3, 0.1, -7.7, 1e3 / 7, "orthographic")
    ),
    "one pixel": lambda: PlaneScene(
        layers=(Plane(noise(1, 1, 4), (0, 0, 1), (5e-324, 0, 1e-3), (0, 1e-3, 0)),)
    ),
}


def assert_same(one: PlaneScene, other: PlaneScene) -> None:
    """Everything but where it came from."""
    assert one.name == other.name
    assert dict(one.metadata) == dict(other.metadata)
    assert len(one.layers) == len(other.layers)
    for a, b in zip(one.layers, other.layers, strict=True):
        assert type(a) is type(b)
        assert a.name == b.name
        np.testing.assert_array_equal(a.image, b.image)
        for field in ("corner", "across", "down", "centre", "rotation", "radius"):
            if hasattr(a, field):
                np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert (one.camera is None) == (other.camera is None)
    if one.camera is not None and other.camera is not None:
        for field in vars(one.camera):
            np.testing.assert_array_equal(getattr(one.camera, field), getattr(other.camera, field))
    assert (one.photo is None) == (other.photo is None)
    if one.photo is not None and other.photo is not None:
        np.testing.assert_array_equal(one.photo, other.photo)
    assert (one.basis is None) == (other.basis is None)
    if one.basis is not None and other.basis is not None:
        np.testing.assert_array_equal(one.basis.maps, other.basis.maps)
        assert one.basis.reach == other.basis.reach
        assert one.basis.tile_of == other.basis.tile_of
        for block, again in zip(one.basis.coefficients, other.basis.coefficients, strict=True):
            np.testing.assert_array_equal(block, again)
    for member, again in zip(one.members, other.members, strict=True):
        assert_same(member, again)


@pytest.mark.parametrize("kind", ["webp", "png"])
@pytest.mark.parametrize("name", SCENES)
def test_a_scene_survives(tmp_path: Path, name: str, kind: str) -> None:
    scene = SCENES[name]()
    path = tmp_path / "a.mpi"
    assert save_scene(scene, path, layer_images=kind) == ()
    again = opened(path)
    assert_same(scene, again)
    assert (again.format, again.source) == ("mpi", path)
    with zipfile.ZipFile(path) as file:
        pictures = [info for info in file.infolist() if info.filename != "scene.json"]
        assert {info.compress_type for info in pictures} <= {zipfile.ZIP_STORED}
        endings = {info.filename.rpartition(".")[2] for info in pictures}
        assert endings <= {kind, "f32"}


def test_the_colour_of_what_is_invisible_survives(tmp_path: Path) -> None:
    image = noise(16, 16, 4)
    image[..., 3] = 0
    scene = PlaneScene(layers=(Plane(image, (0, 0, 1), (1, 0, 0), (0, 1, 0)),))
    for kind in ("webp", "png"):
        save_scene(scene, tmp_path / "a.mpi", layer_images=kind)
        np.testing.assert_array_equal(opened(tmp_path / "a.mpi").layers[0].image, image)


def test_a_picture_that_webp_cannot_hold(tmp_path: Path) -> None:
    image = noise(1, 16_384, 4)
    scene = PlaneScene(layers=(Plane(image, (0, 0, 1), (1, 0, 0), (0, 1, 0)),))
    path = tmp_path / "a.mpi"
    save_scene(scene, path)
    with zipfile.ZipFile(path) as file:
        assert "layers/000.png" in file.namelist()
    np.testing.assert_array_equal(opened(path).layers[0].image, image)


def test_metadata(tmp_path: Path) -> None:
    kept = {"near": 1 / 3, "words": ["one", None, True], "nested": {"a": 1}}
    scene = plane_scene(metadata=kept | {"array": np.zeros(3), "nan": float("nan")})
    lost = save_scene(scene, tmp_path / "a.mpi")
    assert lost == ("The file does not keep the metadata array, nan.",)
    assert dict(opened(tmp_path / "a.mpi").metadata) == kept


def test_the_same_scene_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("a.mpi", "b.mpi"):
        save_scene(set_scene(), tmp_path / name)
    assert (tmp_path / "a.mpi").read_bytes() == (tmp_path / "b.mpi").read_bytes()
    save_scene(opened(tmp_path / "a.mpi"), tmp_path / "c.mpi")
    assert (tmp_path / "a.mpi").read_bytes() == (tmp_path / "c.mpi").read_bytes()


def test_content_decides_whatever_the_name(tmp_path: Path) -> None:
    save_scene(plane_scene(), tmp_path / "a.mpi")
    renamed = (tmp_path / "a.mpi").rename(tmp_path / "something.bin")
    found = sniff_scene(renamed)
    assert found is not None
    assert found.name == "mpi"


@pytest.mark.parametrize("kind", ["webp", "png"])
def test_the_size_is_foretold(tmp_path: Path, kind: str) -> None:
    """Of smooth pictures with noise, larger than the pieces that are looked at."""
    y, x = np.mgrid[:300, :400]
    smooth = np.stack([x / 2, y / 2, (x + y) / 4, 127 + 127 * np.sin(x / 40)], -1)
    layers = tuple(
        Plane((smooth + noise(300, 400, 4, seed=z) // 32).clip(0, 255).astype(np.uint8),
              (0, 0, 2 + z), (1, 0, 0), (0, 1, 0))
        for z in range(4)
    )  # fmt: skip
    scene = PlaneScene(layers=layers)
    save_scene(scene, tmp_path / "a.mpi", layer_images=kind)
    told = mpi.estimate(scene, kind)
    # A piece has less in common than the whole, and small files a larger share of headers.
    assert told == pytest.approx((tmp_path / "a.mpi").stat().st_size, rel=0.15)


def test_progress_and_cancel(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    path = tmp_path / "a.mpi"
    save_scene(plane_scene(), path, lambda *values: told.append(values))
    assert told == [(done, 5, "pictures") for done in range(6)]
    told.clear()
    open_scene(path, lambda *values: told.append(values))
    assert told == [(done, 5, "pictures") for done in range(6)]
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)
    before = path.read_bytes()
    with pytest.raises(Cancelled):
        save_scene(basis_scene(), path, cancel=lambda: True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mpi"]


def test_layers_may_share_a_picture(tmp_path: Path) -> None:
    path = written(tmp_path, lambda value: value["layers"][1].update(image="layers/000.webp"))
    scene = opened(path)
    np.testing.assert_array_equal(scene.layers[0].image, scene.layers[1].image)


def written(
    folder: Path,
    change: Callable[[dict[str, Any]], Any],
    scene: PlaneScene | None = None,
    **entries: bytes,
) -> Path:
    """A file whose description (and entries) were changed."""
    good = folder / "good.mpi"
    save_scene(scene or plane_scene(photo=noise(2, 2, 3)), good)
    bad = folder / "bad.mpi"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == "scene.json":
                value = json.loads(data)
                change(value)
                data = json.dumps(value).encode()
            target.writestr(info.filename, entries.get(info.filename, data))
        for name in set(entries) - set(source.namelist()):
            target.writestr(name, entries[name])
    return bad


def _set(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


POSE = ("camera", "camera_from_world")
BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "format": (_set("format", value="other"), "one of plenoscope-mpi"),
    "version": (_set("version", value=2), "a number from 1 to 1"),
    "leads out": (_set("layers", 0, "image", value="../../etc/passwd"), "an entry"),
    "absent": (_set("layers", 0, "image", value="layers/999.webp"), "none in the archive"),
    "two roles": (_set("photo", value="layers/000.webp"), "both in one picture"),
    "nan": (_set("layers", 0, "corner", 0, value=float("nan")), "finite numbers"),
    "huge": (_set("layers", 0, "corner", 0, value=1e200), "numbers of at most 1e"),
    "text": (_set("layers", 0, "corner", value="near"), "a list of 3 numbers"),
    "flat": (_set("layers", 0, "across", value=[0, 0, 0]), "must span a plane"),
    "no layer": (_set("layers", 0, value=7), "an object"),
    "radius": (_set("layers", 4, "radius", value=0), "radius must be positive"),
    "shell": (_set("layers", 4, "rotation", value=[[2, 0, 0], [0, 1, 0], [0, 0, 1]]), "scales"),
    "pose": (_set(*POSE, 0, value=[0, 0, 0, 0]), "a rigid pose"),
    "mirror": (_set(*POSE, value=np.diag([-1.0, 1, 1, 1]).tolist()), "mirroring"),
    "pose nan": (_set(*POSE, 0, 0, value=float("inf")), "finite numbers"),
    "focal": (_set("camera", "focal", value=[0, 1]), "focal lengths must be positive"),
    "size": (_set("camera", "size", value=[1e9, 1]), "a number from 1 to 1.04858e"),
    "no size": (_set("camera", "size", value=[2.5, 1]), "a whole number"),
    "projection": (_set("camera", "projection", value="fish"), "one of pinhole"),
    "members": (_set("members", value=[{}]), "no layers of its own"),
    "metadata": (_set("metadata", value=[1]), "an object"),
    "many layers": (lambda value: value["layers"].extend([{}] * 100_000), "at most 4096 entries"),
    "recursion": (_set("members", value=[{"members": [{"members": []}]}]), "without members"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_descriptions(tmp_path: Path, name: str) -> None:
    change, words = BAD[name]
    with pytest.raises(SceneError, match=words):
        opened(written(tmp_path, change))


BASIS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "shape": (_set("basis", "shape", value=[2, 4, 500]), "16,000 bytes, found 160"),
    "no shape": (_set("basis", "shape", value=[2, -4, -5]), "a number from 1 to 4096"),
    "reach": (_set("basis", "reach", value=[0, 1]), "numbers above 0"),
    "tile": (_set("basis", "tile_of", value=[0, 1, 7]), "must name coefficients"),
    "tiles": (_set("basis", "tile_of", value=[0, 1]), "an entry for each layer"),
    "empty": (_set("basis", "coefficients", 0, value=[]), "of one size"),
    "too few": (lambda value: value["basis"]["coefficients"][0].pop(), "coefficients must be"),
    "another size": (_set("basis", "coefficients", 0, 0, value="photo.webp"), "of one size"),
    "no camera": (lambda value: value.pop("camera"), "needs a reference camera"),
}


@pytest.mark.parametrize("name", BASIS)
def test_bad_bases(tmp_path: Path, name: str) -> None:
    change, words = BASIS[name]
    with pytest.raises(SceneError, match=words):
        opened(written(tmp_path, change, basis_scene()))


def test_maps_that_are_no_numbers(tmp_path: Path) -> None:
    nan = np.full(40, np.nan, "<f4").tobytes()
    path = written(tmp_path, lambda value: None, basis_scene(), **{"basis/maps.f32": nan})
    with pytest.raises(SceneError, match="finite numbers"):
        opened(path)


def test_bad_pictures(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(8, 12, 4, seed=seed)) for seed in (1, 2)]
    moving = io.BytesIO()
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    whole = picture(noise(8, 12, 4), "WEBP")
    for data in (b"", b"hello", whole[:50], claimed_webp(12, 8), moving.getvalue()):
        path = written(tmp_path, lambda value: None, **{"layers/000.webp": data})
        with pytest.raises(SceneError, match=r"layers/000.webp\): expected a"):
            opened(path)


def test_a_bomb_of_pictures(tmp_path: Path) -> None:
    large = {f"{n}.webp": claimed_webp(16_384, 16_384) for n in range(3)}
    layers = [{"image": name} for name in large]
    path = written(tmp_path, lambda value: value["layers"].extend(layers), **large)
    with pytest.raises(SceneError, match="bytes of pictures"):
        opened(path)


def test_a_bomb_of_a_description(tmp_path: Path) -> None:
    path = tmp_path / "a.mpi"
    text = b'{"format": "plenoscope-mpi", "version": 1}' + bytes([32]) * (archive.MOST_JSON * 3)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("scene.json", text)
    with pytest.raises(SceneError, match="at most"):
        opened(path)


def test_endless_nesting(tmp_path: Path) -> None:
    path = tmp_path / "a.mpi"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        text = '{"format": "plenoscope-mpi", "members": ' + "[" * 100_000
        file.writestr("scene.json", text)
    with pytest.raises(SceneError, match="endless nesting"):
        opened(path)


def test_no_archive_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.mpi"
    save_scene(plane_scene(), path)
    whole = path.read_bytes()
    for data in (b"", b"PK", b"hello" * 100, whole[: len(whole) // 2], whole[:-5]):
        path.write_bytes(data)
        with pytest.raises(SceneError, match="expected a zip archive"):
            opened(path)


def test_gaussians_do_not_fit(tmp_path: Path) -> None:
    from tests.scenes.format_cases import random_scene

    with pytest.raises(SceneError, match="an extension that can be written"):
        save_scene(random_scene(3, 0), tmp_path / "a.mpi")


def test_a_real_folder_survives(tmp_path: Path) -> None:
    scene = opened(shared_data("mpi/single_view_mpi_5"))
    save_scene(scene, tmp_path / "a.mpi")
    again = opened(tmp_path / "a.mpi")
    assert_same(scene, replace(again, name=scene.name))
    # Lossless WebP of the same pixels: at least a quarter smaller than the PNGs (9.9 MB).
    assert (tmp_path / "a.mpi").stat().st_size < 7.4e6


def test_a_shell_keeps_its_turn(tmp_path: Path) -> None:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    scene = PlaneScene(layers=(Shell(noise(2, 4, 4), (1, 2, 3), 0.1, turn),))
    save_scene(scene, tmp_path / "a.mpi")
    assert_same(scene, opened(tmp_path / "a.mpi"))
