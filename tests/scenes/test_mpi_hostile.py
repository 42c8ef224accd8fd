"""Readers of multiplane images against damaged files: one clear error or a sound scene."""

from __future__ import annotations

import functools
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.errors import SceneError
from scenes.open import open_scene, save_scene, scene_formats, sniff_scene
from scenes.planes import Plane, PlaneScene
from tests.scenes import mpi_files
from tests.scenes.mpi_files import Files, noise, picture

EXAMPLES = int(os.environ.get("PLENOSCOPE_FUZZ", "1000"))
"""Mutated files; 50,000 before a release."""

SECONDS = 5.0
NUMBERS = (0, 1, 0x7F, 0xFF, 0x3FFF, 0x7FFF, 0xFFFFFFFF, 0x7FC00000, 0x7F800000)
WORDS = (b"nan", b"1e999", b"-1", b"0", b"1e9", b"[", b"]]", b"{", b'"', b"..", b"/", b"\n", b",")


@dataclass(frozen=True)
class Case:
    """A good scene: ``files`` in a folder or, where ``archive`` names it, in a zip archive."""

    name: str
    format: str
    files: Files
    entry: str = ""
    archive: bool = False

    def put(self, folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
        """Write the files, or damaged ones in their place; returns what to open."""
        files = self.files if files is None else files
        if self.archive:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as file:
                for name, data in files.items():
                    file.writestr(name, data)
            files = {self.entry: out.getvalue()}
        mpi_files.put(folder, dict(files))
        return folder / self.entry


def _entries(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _saved(scene: PlaneScene, kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.mpi"
        save_scene(scene, path, layer_images=kind)
        return path.read_bytes()


@functools.cache
def cases() -> tuple[Case, ...]:
    """Every format of planes at least once."""
    pairs = {f"mpi_rgb_{i:02d}.jpg": picture(noise(8, 16, 3), "JPEG") for i in range(3)}
    pairs |= {f"mpi_alpha_{i:02d}.png": picture(noise(8, 16)) for i in range(3)}
    webps = {f"layer{i}.webp": picture(noise(5, 7, 4, seed=i), "WEBP") for i in range(3)}
    lossy = {f"layer{i}.webp": picture(noise(16, 16, 4), "WEBP", lossless=False) for i in (0, 1)}
    archives = {
        "mpi-webp": _saved(mpi_files.plane_scene(photo=noise(3, 3, 3)), "webp"),
        "mpi-png": _saved(mpi_files.plane_scene(camera=None), "png"),
        "mpi-basis": _saved(mpi_files.basis_scene(), "webp"),
        "mpi-set": _saved(mpi_files.set_scene(), "webp"),
    }
    arrays = mpi_files.npz(**mpi_files.density_arrays())
    photo = {"input.jpg": picture(noise(8, 20, 3), "JPEG")}
    return (
        Case("layers", "layers", mpi_files.layer_files() | photo),
        Case("layers-pairs", "layers", pairs),
        Case("layers-webp", "layers", webps),
        Case("layers-lossy", "layers", lossy),
        *(Case(name, "mpi", _entries(data), "a.mpi", True) for name, data in archives.items()),
        Case("mpi-whole", "mpi", {"a.mpi": archives["mpi-webp"]}, "a.mpi"),
        Case("llff", "llff", mpi_files.llff_files()),
        Case("llff-png", "llff", mpi_files.llff_files(binary=False, old=True)),
        Case("llff-set", "llff", mpi_files.llff_set(2)),
        Case("nex", "nex", mpi_files.nex_files()),
        Case("nex-prune", "nex", mpi_files.nex_files(prune=True), "config.js"),
        Case("adampi", "adampi", _entries(arrays), "a.npz", True),
        Case("adampi-whole", "adampi", {"a.npz": arrays}, "a.npz"),
    )


NAMES = [case.name for case in cases()]


def case(name: str) -> Case:
    return next(each for each in cases() if each.name == name)


def attempt(path: Path) -> PlaneScene | None:
    """Open what may be damaged: a sound scene, or None after a SceneError in good time."""
    started = time.monotonic()
    scene, said = None, ""
    try:
        scene = open_scene(path)
    except SceneError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 1500
    assert time.monotonic() - started < SECONDS
    if scene is None:
        return None
    assert isinstance(scene, PlaneScene)
    for one in (scene, *scene.members):
        sound(one)
    return scene


def sound(scene: PlaneScene) -> None:
    assert all(np.isfinite(corner).all() for corner in scene.bounds)
    for layer in scene.layers:
        assert layer.image.dtype == np.uint8
        assert np.isfinite(layer.corners).all()
        if isinstance(layer, Plane):
            assert np.linalg.norm(np.cross(layer.across, layer.down)) > 0
    if scene.camera is not None:
        pose = scene.camera.camera_from_world
        # As rigid as a pose may be that is read.
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=2e-3)
    if scene.basis is not None:
        assert np.isfinite(scene.basis.maps).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_good_scene_is_recognised_and_opens(name: str, tmp_path: Path) -> None:
    good = case(name)
    path = good.put(tmp_path)
    found = sniff_scene(path)
    assert found is not None
    assert found.name == good.format
    scene = attempt(path)
    assert scene is not None
    assert scene.count > 0


def test_every_format_of_planes_is_here() -> None:
    formats = {format.name for format in scene_formats() if format.kind == "planes"}
    assert {case.format for case in cases()} == formats


@pytest.mark.parametrize("name", NAMES)
def test_files_that_end_too_early(name: str, tmp_path: Path) -> None:
    good = case(name)
    for victim in {file.rpartition(".")[2]: file for file in good.files}.values():
        data = good.files[victim]
        for cut in sorted({0, 1, 8, 20, 25, 33, *np.linspace(0, len(data) - 1, 12).astype(int)}):
            path = good.put(tmp_path / f"{victim}-{cut}", {**good.files, victim: data[: int(cut)]})
            attempt(path)


@pytest.mark.parametrize("name", NAMES)
def test_missing_files(name: str, tmp_path: Path) -> None:
    good = case(name)
    for number, victim in enumerate(good.files):
        files = {file: data for file, data in good.files.items() if file != victim}
        path = good.put(tmp_path / str(number), files)
        if path.exists():
            attempt(path)


def mutated(good: Case, data: st.DataObject) -> Files:
    """Up to three edits of one file of a case."""
    victim = data.draw(st.sampled_from(sorted(good.files)))
    raw = bytearray(good.files[victim])
    for _ in range(data.draw(st.integers(1, 3))):
        # Headers decide most: half of the edits fall into the first hundred bytes.
        limit = data.draw(st.sampled_from([100, len(raw)]))
        place = data.draw(st.integers(0, max(0, min(limit, len(raw)) - 1)))
        length = data.draw(st.integers(1, 64))
        kind = data.draw(st.sampled_from(["flip", "number", "word", "cut", "repeat", "drop"]))
        if kind == "flip" and raw:
            raw[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "number":
            width = data.draw(st.sampled_from([1, 2, 4]))
            order = data.draw(st.sampled_from(["little", "big"]))
            number = data.draw(st.sampled_from(NUMBERS)) & ((1 << 8 * width) - 1)
            raw[place : place + width] = number.to_bytes(width, order)  # type: ignore[arg-type]
        elif kind == "word":
            raw[place : place + length % 8] = data.draw(st.sampled_from(WORDS))
        elif kind == "cut":
            del raw[place:]
        elif kind == "repeat":
            raw[place:place] = raw[place : place + length]
        else:
            del raw[place : place + length]
    return {**good.files, victim: bytes(raw)}


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="PLENOSCOPE_FUZZ" not in os.environ,
)
@given(st.data())
def test_mutated_files(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(cases()))
    with tempfile.TemporaryDirectory() as place:
        attempt(good.put(Path(place), mutated(good, data)))


def test_a_folder_that_holds_itself(tmp_path: Path) -> None:
    """A set whose image is a link to the set."""
    mpi_files.put(tmp_path, {"metadata.txt": b"1 12 8 3\n"})
    (tmp_path / "mpi00").symlink_to(tmp_path, target_is_directory=True)
    assert attempt(tmp_path) is None
