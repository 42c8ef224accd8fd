"""Plenoscope's own files of neural fields, and the container that they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.fields.model import Weights
from scenes.errors import Cancelled, SceneError
from scenes.fields import FieldScene
from scenes.formats import field as field_format
from scenes.open import open_scene, save_scene, sniff_scene
from tests.scenes.field_scenes import SCENES, distance, of_all_encodings, radiance, same

NAMES = sorted(SCENES)


def written(scene: FieldScene, folder: Path, **options: Any) -> Path:
    path = folder / "a.field.safetensors"
    save_scene(scene, path, **options)
    return path


def taken_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def put_together(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize("name", NAMES)
def test_all_of_a_field_comes_back_to_the_bit(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]()
    path = written(scene, tmp_path)
    found = open_scene(path)
    assert isinstance(found, FieldScene)
    same(found, scene)
    assert (found.name, found.format, found.source) == (scene.name, "field", path)
    assert dict(found.metadata) == dict(scene.metadata)
    assert found.sharpness == scene.sharpness
    for camera, wanted in zip(found.cameras, scene.cameras, strict=True):
        np.testing.assert_array_equal(camera.camera_from_world, wanted.camera_from_world)
        for field in ("width", "height", "fx", "fy", "cx", "cy", "projection"):
            assert getattr(camera, field) == getattr(wanted, field)
    if scene.transfer is None:
        assert found.transfer is None
    else:
        np.testing.assert_array_equal(found.transfer, scene.transfer, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_written_twice_is_the_same_file(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]()
    first = written(scene, tmp_path).read_bytes()
    again = written(open_scene(tmp_path / "a.field.safetensors"), tmp_path).read_bytes()
    assert first == again


def test_half_the_size_where_float16_will_do(tmp_path: Path) -> None:
    scene = radiance(levels=8)
    whole = written(scene, tmp_path).stat().st_size
    path = written(scene, tmp_path, weights="float16")
    same(open_scene(path), scene)  # its numbers are ones that float16 has
    assert whole - path.stat().st_size == pytest.approx(2 * scene.count, abs=64)


def test_numbers_beyond_float16_are_told(tmp_path: Path) -> None:
    scene = distance()
    network = scene.weights.network.copy()
    network[:2] = 1e6, -1e6
    weights = Weights(network, scene.weights.encoding, scene.weights.direction)
    said = save_scene(distance(weights=weights), tmp_path / "a.field.safetensors",
                      weights="float16")  # fmt: skip
    assert [text for text in said if text.startswith("2 parameters")]
    found = open_scene(tmp_path / "a.field.safetensors")
    assert found.weights.network[:2].tolist() == [65504, -65504]


@pytest.mark.parametrize("weights", ["float32", "float16"])
@pytest.mark.parametrize("name", NAMES)
def test_the_size_is_known_before(name: str, weights: str, tmp_path: Path) -> None:
    scene = SCENES[name]()
    size = written(scene, tmp_path, weights=weights).stat().st_size
    # The header of the container has some hundred bytes for each array.
    assert field_format.estimate(scene, weights) == pytest.approx(size, abs=700)


def test_others_read_it(tmp_path: Path) -> None:
    """The container is that of the safetensors library."""
    safetensors = pytest.importorskip("safetensors.numpy")
    scene = of_all_encodings()
    tensors = safetensors.load_file(written(scene, tmp_path))
    np.testing.assert_array_equal(tensors["network"], scene.weights.network)
    assert tensors["cameras"].shape == (4, 23)


def test_what_json_cannot_hold_is_told(tmp_path: Path) -> None:
    scene = radiance(metadata={"kept": 1, "array": np.ones(3)})
    said = save_scene(scene, tmp_path / "a.field.safetensors")
    assert said == ("The file does not keep array of the metadata.",)
    assert dict(open_scene(tmp_path / "a.field.safetensors").metadata) == {"kept": 1}


def test_progress_reaches_the_end_and_cancel_ends_it(tmp_path: Path) -> None:
    path = written(radiance(), tmp_path)
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told[-1][0] == told[-1][1] > 0
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)
    with pytest.raises(Cancelled):
        save_scene(radiance(), tmp_path / "b.field.safetensors", cancel=lambda: True)
    assert not list(tmp_path.glob("b*"))


def test_content_decides(tmp_path: Path) -> None:
    path = written(radiance(), tmp_path).rename(tmp_path / "a.bin")
    found = sniff_scene(path)
    assert found is not None
    assert found.name == "field"


def _of_header(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        header, body = taken_apart(data)
        change(header)
        return put_together(header, body)

    return changed


def _of_description(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def inside(header: dict[str, Any]) -> None:
        description = json.loads(header["__metadata__"]["description"])
        change(description)
        header["__metadata__"]["description"] = json.dumps(description)

    return _of_header(inside)


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "a header longer than the file": lambda d: (1 << 40).to_bytes(8, "little") + d[8:],
    "arrays that overlap": _of_header(
        lambda h: h["network"].update(data_offsets=[o - 4 for o in h["network"]["data_offsets"]])
    ),
    "an array beyond the file": _of_header(
        lambda h: h["network"].update(data_offsets=[0, 1 << 50], shape=[1 << 48])
    ),
    "a size that lies": _of_header(lambda h: h["network"].update(shape=[3])),
    "an array that is missing": _of_header(lambda h: h.pop("network")),
    "an unknown type": _of_header(lambda h: h["network"].update(dtype="Q8")),
    "another version": _of_header(lambda h: h["__metadata__"].update(version="2")),
    "more behind the end": lambda d: d + b"\0",
    "a network that does not fit": _of_description(
        lambda d: d["field"]["network"]["layers"][0].update(inputs=5)
    ),
    "a layer that reads itself": _of_description(
        lambda d: d["field"]["network"]["layers"][0].update(reads=[[0, 0, 1]])
    ),
    "an absurd table": _of_description(
        lambda d: d["field"]["encoding"].update(log2_size=31, base=1 << 20)
    ),
    "an encoding of millions of columns": _of_description(
        lambda d: d["field"].update(
            encoding={"type": "one-blob", "dims": 3, "bins": 1 << 30}, direction=None
        )
    ),
    "an absurd occupancy": _of_description(
        lambda d: d.update(
            occupancy={"levels": 16, "side": 1024, "lower": [0] * 3, "upper": [1] * 3}
        )
    ),
    "a box without volume": _of_description(lambda d: d.update(upper=d["lower"])),
    "a key that is missing": _of_description(lambda d: d.pop("upward")),
    "text for a number": _of_description(lambda d: d.update(step="1")),
    "a number beyond all": _of_description(lambda d: d["field"].update(lower=[1e308, 0, 0])),
    "composites without end": _of_description(
        lambda d: d["field"].update(encoding=_nested(40), direction=None)
    ),
}


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "identity", "dims": 3, "scale": 1, "offset": 0}
    for _ in range(depth):
        value = {"type": "composite", "parts": [value], "reduce": "concatenate", "firsts": []}
    return value


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_error(name: str, tmp_path: Path) -> None:
    path = written(radiance(), tmp_path)
    path.write_bytes(HOSTILE[name](path.read_bytes()))
    with pytest.raises(SceneError) as told:
        open_scene(path)
    assert "\n" not in str(told.value)


def test_a_number_that_is_none(tmp_path: Path) -> None:
    scene = distance()
    network = scene.weights.network.copy()
    network[3] = np.nan
    weights = Weights(network, scene.weights.encoding, scene.weights.direction)
    path = written(distance(weights=weights), tmp_path)
    with pytest.raises(SceneError, match="1 that are not"):
        open_scene(path)
