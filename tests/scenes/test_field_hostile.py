"""Readers of neural fields against damaged files: one clear error or a sound scene."""

from __future__ import annotations

import functools
import io
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.errors import SceneError
from scenes.fields import FieldScene
from scenes.open import open_scene, save_scene, scene_formats, sniff_scene
from tests.scenes.field_scenes import distance, image, of_all_encodings, radiance, volume
from tests.scenes.test_field_checkpoints import Drawn, classic, deepsdf, flexible
from tests.scenes.test_field_ngp import nerf, put

EXAMPLES = int(os.environ.get("PLENOSCOPE_FUZZ", "1000"))
"""Mutated files; 50,000 before a release."""

SECONDS = 5.0
NUMBERS = (0, 1, 0x7F, 0xFF, 0x3FFF, 0x7FFF, 0xFFFFFFFF, 0x7FC00000, 0x7F800000)
WORDS = (b"nan", b"1e999", b"-1", b"0", b"1e9", b"[", b"]]", b"{", b'"', b"\xdd\xff\xff\xff\xff",
         b"\xc6\xff\xff\xff\xff", b"\xc0", b"\xcb\x7f\xf0\0\0\0\0\0\0", b"\n", b",")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A good scene: ``files`` in a folder, and the one (or "" for the folder) to open."""

    name: str
    format: str
    files: Mapping[str, bytes]
    entry: str

    def put(self, folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
        """Write the files, or damaged ones in their place; returns what to open."""
        for name, data in (self.files if files is None else files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / self.entry


def _saved(scene: FieldScene, ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"a{ending}"
        save_scene(scene, path)
        return path.read_bytes()


def _torch(value: object, old: bool = False) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=not old)
    return out.getvalue()


@functools.cache
def cases() -> tuple[Case, ...]:
    """Every format of fields at least once."""
    siren = Drawn()
    siren.linear("network.0", 2, 8)
    siren.linear("network.2", 8, 3)
    with tempfile.TemporaryDirectory() as place:
        raw = put(Path(place) / "a.msgpack", nerf(scale=2)[0]).read_bytes()
    own = ".field.safetensors"
    single = {
        "field-all": ("field", f"a{own}", _saved(of_all_encodings(), own)),
        "field-volume": ("field", f"a{own}", _saved(volume(), own)),
        "ngp-raw": ("ngp", "a.msgpack", raw),
        "ngp-nerf": ("ngp", "a.ingp", _saved(radiance(), ".ingp")),
        "ngp-sdf": ("ngp", "a.msgpack", _saved(distance(), ".msgpack")),
        "ngp-image": ("ngp", "a.msgpack", _saved(image(), ".msgpack")),
        "nerf": ("nerf", "a.ckpt", _torch({"model_fine_state_dict": flexible()[0]})),
        "nerf-old": ("nerf", "a.tar", _torch({"network_fn_state_dict": classic()[0]}, True)),
        "siren": ("siren", "model", _torch({"network": siren.state}, True)),
    }
    found = [Case(name, kind, {file: data}, file) for name, (kind, file, data) in single.items()]
    experiment = {
        "specs.json": b'{"NetworkSpecs": {"use_tanh": true, "geom_dimension": 3}}',
        "ModelParameters/latest.pth": _torch({"model_state_dict": deepsdf(False)}),
        "LatentCodes/latest.pth": _torch({"latent_codes": {"weight": torch.zeros(4, 2)}}),
    }
    return (*found, Case("deepsdf", "deepsdf", experiment, ""))


NAMES = (
    "field-all", "field-volume", "ngp-raw", "ngp-nerf", "ngp-sdf", "ngp-image", "nerf", "nerf-old",
    "siren", "deepsdf",
)  # fmt: skip


def case(name: str) -> Case:
    return next(each for each in cases() if each.name == name)


def attempt(path: Path) -> FieldScene | None:
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
    if scene is not None:
        assert isinstance(scene, FieldScene)
        sound(scene)
    return scene


def sound(scene: FieldScene) -> None:
    scene.weights.check(scene.model)
    for name in ("network", "encoding", "direction"):
        assert np.isfinite(getattr(scene.weights, name)).all()
    assert scene.facts()
    assert np.isfinite(scene.focus[1])
    assert scene.default_camera().width > 0
    # What each sample takes.
    assert scene.model.width < 1 << 17


@pytest.mark.parametrize("name", NAMES)
def test_the_good_scene_is_recognised_and_opens(name: str, tmp_path: Path) -> None:
    good = case(name)
    path = good.put(tmp_path)
    found = sniff_scene(path)
    assert found is not None
    assert found.name == good.format
    assert attempt(path) is not None


def test_every_format_of_fields_is_here() -> None:
    known = {format.name for format in scene_formats() if format.kind == "field"}
    assert {case.format for case in cases()} == known
    assert tuple(case.name for case in cases()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_files_that_end_too_early(name: str, tmp_path: Path) -> None:
    good = case(name)
    for victim, data in good.files.items():
        cuts = {*range(min(20, len(data))), *range(max(0, len(data) - 8), len(data)),
                *np.linspace(0, len(data) - 1, 25).astype(int).tolist()}  # fmt: skip
        for cut in sorted(cuts):
            # An archive of PyTorch ends in what is not needed, but is not read without it.
            assert attempt(good.put(tmp_path, {**good.files, victim: data[:cut]})) is None, cut


def test_missing_files(tmp_path: Path) -> None:
    """Without the network nothing is left; without codes or specifications something is."""
    good = case("deepsdf")
    for victim in good.files:
        folder = tmp_path / victim.replace("/", "-")
        good.put(folder, {name: data for name, data in good.files.items() if name != victim})
        network = folder / "ModelParameters/latest.pth"
        assert (attempt(network) is None) == (victim == "ModelParameters/latest.pth")


def mutated(good: Case, data: st.DataObject) -> dict[str, bytes]:
    """Up to three edits of one file of a case."""
    victim = data.draw(st.sampled_from(sorted(good.files)))
    raw = bytearray(good.files[victim])
    for _ in range(data.draw(st.integers(1, 3))):
        # Headers decide most.
        limit = data.draw(st.sampled_from([100, 2000, len(raw)]))
        place = data.draw(st.integers(0, max(0, min(limit, len(raw)) - 1)))
        kind = data.draw(st.sampled_from(["flip", "number", "word", "cut", "repeat", "drop"]))
        length = data.draw(st.integers(1, 64))
        if kind == "flip" and raw:
            raw[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "number":
            width = data.draw(st.sampled_from([1, 2, 4]))
            number = data.draw(st.sampled_from(NUMBERS)) & ((1 << 8 * width) - 1)
            order = data.draw(st.sampled_from(["little", "big"]))
            raw[place : place + width] = number.to_bytes(width, order)
        elif kind == "word":
            word = data.draw(st.sampled_from(WORDS))
            over = data.draw(st.sampled_from([0, len(word)]))
            raw[place : place + over] = word
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
    files = mutated(good, data)
    with tempfile.TemporaryDirectory() as place:
        attempt(good.put(Path(place), files))
