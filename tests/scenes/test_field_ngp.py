"""Snapshots of instant-ngp: counted, evaluated and written as its own code does."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

from kernels.fields.encode import encode
from kernels.fields.encodings import HashGrid, SphericalHarmonics
from kernels.fields.model import Occupancy
from kernels.fields.network import network as evaluate
from scenes.errors import Cancelled, SceneError
from scenes.field_files.ngp.encodings import encoding_of, per_level_scale
from scenes.field_files.ngp.grid import occupancy_of, values_of
from scenes.field_files.tell import Tell
from scenes.fields import FieldScene
from scenes.open import open_scene, save_scene, sniff_scene
from scenes.paths.json_file import Value
from scenes.registry import never, no_progress
from tests.scenes.field_scenes import distance, growing_cells, image, radiance, same, volume

Array = NDArray[Any]
IDLE = Tell(1, no_progress, never)

GRID = {
    "otype": "HashGrid", "n_levels": 2, "n_features_per_level": 2, "log2_hashmap_size": 6,
    "base_resolution": 4, "per_level_scale": 1.5,
}  # fmt: skip
SH4 = {"otype": "Composite", "nested": [
    {"n_dims_to_encode": 3, "otype": "SphericalHarmonics", "degree": 4}, {"otype": "Identity"},
]}  # fmt: skip


def mlp(hidden: int, neurons: int = 16, **more: Any) -> dict[str, Any]:
    return {"otype": "FullyFusedMLP", "n_neurons": neurons, "n_hidden_layers": hidden, **more}


def up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


class Flat:
    """Parameters drawn one after the other, as tiny-cuda-nn lays them out."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.parts: list[Array] = []

    def more(self, *shape: int) -> Array:
        part = self.rng.normal(0, 0.4, shape).astype(np.float16).astype(np.float32)
        self.parts.append(part.reshape(-1))
        return part

    def matrices(self, hidden: int, neurons: int, inputs: int, outputs: int) -> list[Array]:
        widths = [inputs, *[neurons] * hidden, outputs]
        return [self.more(b, a) for a, b in pairwise(widths)]

    @property
    def values(self) -> Array:
        return np.concatenate(self.parts)


def forward(x: Array, matrices: list[Array], activation: Callable[[Array], Array]) -> Array:
    for matrix in matrices[:-1]:
        x = activation(x @ matrix.T)
    return x @ matrices[-1].T


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def packed(
    config: dict[str, Any], mode: str, values: Array, half: bool = True, **more: Any
) -> dict[str, Any]:
    dtype = np.dtype("<f2" if half else "<f4")
    snapshot = {
        "version": 1, "mode": mode, "n_params": len(values),
        "params_type": "__half" if half else "float",
        "params_binary": values.astype(dtype).tobytes(),
        "aabb": {"min": [0.0] * 3, "max": [1.0] * 3},
    }  # fmt: skip
    return {**config, "snapshot": {**snapshot, **more}}


def put(path: Path, root: dict[str, Any]) -> Path:
    data = msgpack.packb(root)
    path.write_bytes(gzip.compress(data) if path.suffix == ".ingp" else data)
    return path


def results(scene: FieldScene, positions: Array, directions: Array | None = None) -> Array:
    """What the network gives for positions of the scene, before the last activations."""
    model, weights = scene.model, scene.weights
    lower, upper = np.array(model.lower), np.array(model.upper)
    columns = [encode("reference", model.encoding, (positions - lower) / (upper - lower),
                      weights.encoding.astype(np.float64))]  # fmt: skip
    if model.direction is not None:
        assert directions is not None
        seen = (directions - model.toward[0]) / (model.toward[1] - model.toward[0])
        columns.append(encode("reference", model.direction, seen, weights.direction))
    inputs = np.concatenate([np.asarray(column) for column in columns], 1)
    return np.asarray(
        evaluate("reference", model.network, inputs, weights.network.astype(np.float64))
    )


def nerf(
    padding: tuple[int, int] = (16, 16),
    scale: int = 1,
    direction: dict[str, Any] = SH4,
    coded: tuple[int, list[float], bool] = (16, [], False),
) -> tuple[dict[str, Any], Callable[[Array, Array], Array]]:
    """A snapshot and what its networks give for encoded positions and directions.

    ``coded`` is the width of the encoded direction, and its padding: values, and whether in front.
    """
    flat = Flat()
    width = up(4, padding[0])
    density = flat.matrices(1, 16, width, 16)
    inputs = up(16 + coded[0] + len(coded[1]), padding[0])
    color = flat.matrices(2, 32, inputs, up(3, padding[1]))
    grid = HashGrid(3, 2, 2, 6, 4, 1.5)
    flat.more(grid.parameters)
    config = {
        "encoding": dict(GRID), "network": mlp(1), "dir_encoding": direction,
        "rgb_network": mlp(2, 32),
    }  # fmt: skip

    def expected(position: Array, view: Array) -> Array:
        pads = np.tile(coded[1], (len(view), 1)) if coded[1] else view[:, :0]
        whole = np.concatenate([pads, view] if coded[2] else [view, pads], 1)
        e = np.pad(position, ((0, 0), (0, width - 4)))
        h = forward(e, density, relu)
        both = np.concatenate([h, whole], 1)
        c = forward(np.pad(both, ((0, 0), (0, inputs - both.shape[1]))), color, relu)
        return np.concatenate([h[:, :1], c[:, :3]], 1)

    nerf_part = {"aabb_scale": scale, "dataset": {"is_hdr": False}}
    return packed(config, "nerf", flat.values, nerf=nerf_part), expected


@pytest.mark.parametrize("padding", [(16, 16), (8, 8), (16, 8), (8, 16)])
@pytest.mark.parametrize("ending", [".ingp", ".msgpack"])
def test_radiance(padding: tuple[int, int], ending: str, tmp_path: Path) -> None:
    root, expected = nerf(padding)
    scene = open_scene(put(tmp_path / f"a{ending}", root))
    assert (scene.format, scene.model.form) == ("ngp", "radiance")
    assert scene.model.direction == SphericalHarmonics(4)
    rng = np.random.default_rng(1)
    x, d = rng.random((50, 3)), rng.normal(size=(50, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    e = encode("reference", scene.model.encoding, x, scene.weights.encoding.astype(np.float64))
    v = encode("reference", SphericalHarmonics(4), (d + 1) / 2, np.empty(0))
    # Both in float64; what is left is the order of sums.
    wanted = expected(np.asarray(e), np.asarray(v))
    np.testing.assert_allclose(results(scene, x, d), wanted, rtol=1e-9, atol=1e-11)


def test_padding_of_directions_is_ones_in_front_or_behind(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x, d = rng.random((20, 3)), rng.normal(size=(20, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    harmonics = {"otype": "SphericalHarmonics", "degree": 3}
    waves = {"otype": "Frequency", "n_frequencies": 2}
    for direction, width, in_front in ((harmonics, 9, True), (waves, 12, False)):
        pads = [1.0] * (16 - width)
        root, expected = nerf(direction=direction, coded=(width, pads, in_front))
        scene = open_scene(put(tmp_path / "a.ingp", root))
        model = scene.model
        assert model.direction is not None
        assert model.direction.width == width
        e = encode("reference", model.encoding, x, scene.weights.encoding.astype(np.float64))
        v = encode("reference", model.direction, (d + 1) / 2, np.empty(0))
        wanted = expected(np.asarray(e), np.asarray(v))
        # Padding has become biases, which are float32; some ten of them, near 1.
        np.testing.assert_allclose(results(scene, x, d), wanted, atol=2e-6)


def test_positions_are_relative_to_the_training_box(tmp_path: Path) -> None:
    root, _ = nerf(scale=4)
    scene = open_scene(put(tmp_path / "a.ingp", root))
    assert scene.model.lower == (-1.5,) * 3
    assert scene.model.upper == (2.5,) * 3
    assert scene.cone == 1 / 256
    assert scene.step == pytest.approx(3**0.5 / 1024)
    # The box that is shown is what "aabb" says here.
    np.testing.assert_array_equal(scene.upper, np.ones(3))
    root["snapshot"]["render_aabb"] = {"min": [-9.0, 0, 0], "max": [9.0, 1, 0.5]}
    scene = open_scene(put(tmp_path / "a.ingp", root))
    np.testing.assert_array_equal(scene.lower, [-1.5, 0, 0])
    np.testing.assert_array_equal(scene.upper, [2.5, 1, 0.5])


@pytest.mark.parametrize(("mode", "outputs"), [("sdf", 1), ("image", 3), ("volume", 4)])
def test_fields_of_one_network(mode: str, outputs: int, tmp_path: Path) -> None:
    dims = 2 if mode == "image" else 3
    encoding = {"otype": "Composite", "nested": [
        {"n_dims_to_encode": 1, "otype": "Identity"},
        {"otype": "TriangleWave", "n_frequencies": 3},
    ]}  # fmt: skip
    width = 1 + 3 * (dims - 1)
    flat = Flat()
    matrices = flat.matrices(2, 24, 16, 16)
    config = {"encoding": encoding, "network": mlp(2, 24, activation="SiLU")}
    root = packed(config, mode, flat.values, half=False)
    scene = open_scene(put(tmp_path / "a.ingp", root), picture_width=40, picture_height=40)
    x = np.random.default_rng(2).random((30, dims))
    e = np.asarray(encode("reference", scene.model.encoding, x, np.empty(0)))
    ones = np.ones((len(x), 16 - width))
    wanted = forward(
        np.concatenate([e, ones], 1), matrices, lambda v: v / (1 + np.exp(-v))
    )[:, :outputs]  # fmt: skip
    if mode == "volume":
        wanted = np.concatenate([100 * wanted[:, 3:], wanted[:, :3]], 1)
    # The padding of ones has become biases of float32, which the factor of volumes enlarges.
    np.testing.assert_allclose(
        results(scene, x), wanted, atol=1e-6 * (100 if mode == "volume" else 1)
    )


BASE = {"otype": "HashGrid", "log2_hashmap_size": 19, "base_resolution": 16}
OLD = {**BASE, "n_levels": 16, "n_features_per_level": 2}
NEW = {**BASE, "n_levels": 8, "n_features_per_level": 4}


@pytest.mark.parametrize(
    ("config", "scale", "count"),
    [
        (OLD, 1, 12_196_240),  # instant-ngp's log, issue 992
        (OLD, 8, 13_288_400),  # issue 282
        (OLD, 4, 13_074_912),  # issue 845
        (NEW, 1, 11_681_792),
        (NEW, 4, 12_855_296),
        (NEW, 128, 13_647_872),
        ({**NEW, "log2_hashmap_size": 14}, 1, 475_136),
    ],
)
def test_parameters_of_known_configurations(config: Any, scale: int, count: int) -> None:
    coded = encoding_of(Value(Path("a"), config), 3, 2048.0 * scale)
    assert coded.encoding is not None
    assert coded.encoding.parameters == count


def test_growth_of_known_configurations() -> None:
    # Digits that instant-ngp's log prints.
    assert per_level_scale(2048, 16, 16) == pytest.approx(1.38191, abs=5e-6)
    assert per_level_scale(2048 * 8, 16, 16) == pytest.approx(1.58740, abs=5e-6)
    assert per_level_scale(2048 * 4, 16, 16) == pytest.approx(1.515717, abs=5e-7)


def test_the_configuration_need_not_say_the_growth(tmp_path: Path) -> None:
    """The count of issue 845: networks padded to 8, an aabb_scale of 4."""
    config = {
        "encoding": OLD, "network": mlp(1, 64), "dir_encoding": SH4, "rgb_network": mlp(2, 64),
    }  # fmt: skip
    values = np.zeros(13_084_640, np.float16)
    root = packed(config, "nerf", values, nerf={"aabb_scale": 4})
    scene = open_scene(put(tmp_path / "a.ingp", root))
    assert scene.model.encoding.parameters == 13_074_912
    # Without the five rows of colour that pad it.
    assert scene.model.network.parameter_count == 9_728 - 5 * 64


def test_cells_lie_along_a_morton_curve() -> None:
    values = np.zeros((2, 128**3), np.float16)
    place = sum(
        (coordinate >> bit & 1) << (3 * bit + axis)
        for axis, coordinate in enumerate((100, 3, 77))  # x, y, z
        for bit in range(7)
    )
    values[0, place] = 0.5
    found = occupancy_of(values.reshape(-1), IDLE)
    assert found is not None
    assert np.argwhere(found.cells[0]).tolist() == [[77, 3, 100]]
    # The next cube is twice as large, around the same middle.
    assert np.argwhere(found.cells[1]).tolist() == [[32 + 77 // 2, 32 + 3 // 2, 32 + 100 // 2]]


def test_threshold_is_the_mean_where_that_is_less() -> None:
    values = np.full(128**3, -1.0, np.float16)
    values[:100] = 0.004  # far below 0.01, but above the mean of all
    found = occupancy_of(values, IDLE)
    assert found is not None
    assert np.count_nonzero(found.cells) == 100
    values[:] = 0.005
    values[: 128**3 // 2] = 0.5
    found = occupancy_of(values, IDLE)
    assert found is not None
    assert np.count_nonzero(found.cells) == 128**3 // 2
    assert occupancy_of(np.zeros(128**3, np.float16), IDLE) is None


def test_occupancy_comes_back() -> None:
    cells = growing_cells(3)
    found = occupancy_of(values_of(Occupancy(cells, np.zeros(3), np.ones(3)), IDLE), IDLE)
    assert found is not None
    np.testing.assert_array_equal(found.cells, cells)


def test_cameras_and_the_first_view(tmp_path: Path) -> None:
    root, _ = nerf()
    start = [[0.0, 0, 1, 2], [0, 1, 0, 0.5], [-1, 0, 0, 0.25]]
    root["snapshot"]["nerf"]["dataset"] = {
        "n_images": 1,
        "metadata": [{"focal_length": [300.0, 310.0], "principal_point": [0.5, 0.25],
                      "resolution": [400, 200], "lens": {"k1": 0.1, "k2": 0.0}}],
        "xforms": [{"start": start, "end": start}],
    }  # fmt: skip
    root["snapshot"] |= {"camera": {"matrix": start}, "up_dir": [0.0, 2.0, 0.0]}
    scene = open_scene(put(tmp_path / "a.ingp", root))
    (camera,) = scene.cameras
    np.testing.assert_allclose(camera.world_from_camera[:3], start, atol=1e-12)
    assert (camera.width, camera.height, camera.fx, camera.fy) == (400, 200, 300, 310)
    assert (camera.cx, camera.cy) == (200, 50)
    assert scene.warnings == ("The lens of 1 of 1 cameras is distorted; it is read as a pinhole.",)
    assert scene.upward == (0.0, 1.0, 0.0)
    assert scene.metadata["default_view"]["eye"] == [2, 0.5, 0.25]


def test_learned_numbers_of_a_picture_are_folded_in(tmp_path: Path) -> None:
    direction = {"otype": "Composite", "nested": [
        {"n_dims_to_encode": 3, "otype": "SphericalHarmonics"}, {"otype": "Identity"},
    ]}  # fmt: skip
    latents = [0.5, -2.0]
    root, expected = nerf(direction=direction, coded=(16, latents + [1.0] * 14, False))
    root["snapshot"]["nerf"]["dataset"] |= {"n_extra_learnable_dims": 2}
    root["snapshot"]["nerf"]["extra_dims_opt"] = [{"variable": latents}]
    scene = open_scene(put(tmp_path / "a.ingp", root))
    x = np.random.default_rng(1).random((20, 3))
    d = np.tile([0.6, 0, 0.8], (20, 1))
    e = encode("reference", scene.model.encoding, x, scene.weights.encoding.astype(np.float64))
    v = encode("reference", SphericalHarmonics(4), (d + 1) / 2, np.empty(0))
    # Biases are float32.
    np.testing.assert_allclose(results(scene, x, d), expected(np.asarray(e), np.asarray(v)),
                               atol=5e-6)  # fmt: skip


def test_json(tmp_path: Path) -> None:
    root, _ = nerf()
    wanted = open_scene(put(tmp_path / "a.ingp", root))
    snapshot = root["snapshot"]
    snapshot["params_binary"] = {"bytes": list(snapshot["params_binary"]), "subtype": None}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(root))
    found = sniff_scene(path)
    assert found is not None
    assert found.name == "ngp"
    same(open_scene(path), wanted)


@pytest.mark.parametrize("make", [radiance, distance, image])
@pytest.mark.parametrize("weights", ["float32", "float16"])
@pytest.mark.parametrize("ending", [".ingp", ".msgpack"])
def test_round_trip(make: Any, weights: str, ending: str, tmp_path: Path) -> None:
    scene = make()
    path = tmp_path / f"a{ending}"
    assert save_scene(scene, path, weights=weights) == ()
    # The numbers are ones that float16 has.
    found = open_scene(path)
    same(found, scene)
    for camera, wanted in zip(found.cameras, scene.cameras, strict=True):
        # The pose is inverted twice.
        np.testing.assert_allclose(camera.camera_from_world, wanted.camera_from_world, atol=1e-12)
        assert (camera.fx, camera.width) == (wanted.fx, wanted.width)
    save_scene(found, tmp_path / f"b{ending}", weights=weights)
    same(open_scene(tmp_path / f"b{ending}"), scene)


def test_round_trip_with_occupancy(tmp_path: Path) -> None:
    cells = growing_cells(2)
    scene = radiance(occupancy=Occupancy(cells, np.zeros(3), np.ones(3)))
    save_scene(scene, tmp_path / "a.ingp")
    same(open_scene(tmp_path / "a.ingp"), scene)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (volume(), "radiance, distance or image"),
        (radiance(occupancy=Occupancy(np.ones((2, 24, 24, 24), bool), np.zeros(3), np.ones(3))),
         "128"),
        (distance(sharpness=3.0), ""),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(scene: FieldScene, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ingp"
    if not words:
        assert save_scene(scene, path) == ("The file does not keep the sharpness of the surface.",)
        return
    with pytest.raises(SceneError, match=words):
        save_scene(scene, path)
    assert not path.exists()


def _changed(*keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(root: dict[str, Any]) -> None:
        for key in keys[:-1]:
            root = root[key]
        root.pop(keys[-1]) if value is None else root.update({keys[-1]: value})

    return change


HOSTILE = {
    "no version": _changed("snapshot", "version", value=None),
    "version 0": _changed("snapshot", "version", value=0),
    "a parameter too few": _changed("snapshot", "n_params", value=9),
    "a count that lies": _changed("snapshot", "n_params", value=2**30),
    "no parameters": _changed("snapshot", "params_binary", value=None),
    "text for parameters": _changed("snapshot", "params_binary", value="no"),
    "a grid that is too small": _changed("snapshot", "density_grid_binary", value=b"\0" * 64),
    "an unknown mode": _changed("snapshot", "mode", value="hologram"),
    "an odd aabb_scale": _changed("snapshot", "nerf", "aabb_scale", value=3),
    "an absurd aabb_scale": _changed("snapshot", "nerf", "aabb_scale", value=1 << 20),
    "NeuS2": _changed("hyperparams", value={"variance": 0.3}),
    "NeuS2's encoding": _changed("encoding", "valid_level_scale", value=0.02),
    "no encoding": _changed("encoding", value=None),
    "an unknown encoding": _changed("encoding", "otype", value="Takikawa"),
    "another hash": _changed("encoding", "hash", value="Rng"),
    "millions of levels": _changed("encoding", "n_levels", value=1_000_000),
    "a table of nothing": _changed("encoding", "log2_hashmap_size", value=-1),
    "an unknown network": _changed("network", "otype", value="Transformer"),
    "absurdly many neurons": _changed("network", "n_neurons", value=2**31),
    "an unknown activation": _changed("network", "activation", value="Magic"),
    "an empty direction": _changed("dir_encoding", value={"otype": "Composite", "nested": []}),
    "composites without end": _changed("dir_encoding", value={"otype": "Composite", "nested": [
        {"otype": "Composite", "nested": []}]}),
    "a box of text": _changed("snapshot", "render_aabb", value={"min": "a", "max": "b"}),
    "a mirroring camera": _changed(
        "snapshot", "camera", value={"matrix": [[-1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}
    ),
    "up to nowhere": _changed("snapshot", "up_dir", value=[0.0, 0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_snapshots_end_in_one_error(name: str, tmp_path: Path) -> None:
    root, _ = nerf()
    HOSTILE[name](root)
    with pytest.raises(SceneError) as told:
        open_scene(put(tmp_path / "a.ingp", root))
    assert "\n" not in str(told.value)
    if "NeuS2" in name:
        assert "NeuS2" in str(told.value)


def test_a_number_that_is_none(tmp_path: Path) -> None:
    root, _ = nerf()
    data = bytearray(root["snapshot"]["params_binary"])
    data[:2] = np.float16(np.inf).tobytes()
    root["snapshot"]["params_binary"] = bytes(data)
    with pytest.raises(SceneError, match="1 that are not"):
        open_scene(put(tmp_path / "a.ingp", root))


def test_bombs(tmp_path: Path) -> None:
    """What unpacks to far more than it is, and lists whose lengths nothing stands behind."""
    path = tmp_path / "a.ingp"
    start = msgpack.packb({"encoding": {"otype": 1}, "network": 2})
    packer = zlib.compressobj(9)
    bomb = packer.compress(start)
    zeros = bytes(1 << 24)
    path.write_bytes(b"".join([bomb, *(packer.compress(zeros) for _ in range(20)), packer.flush()]))
    with pytest.raises(SceneError, match="at most"):
        open_scene(path)
    nested = (
        b"\x83\xa8encoding\x81\xa5otype\x01\xa7network\x01\xa1a" + b"\xdd\x00\x00\x75\x00" * 900
    )
    path.write_bytes(zlib.compress(nested))
    with pytest.raises(SceneError):
        open_scene(path)
    path.write_bytes(b"\x83\xa8encoding\x81\xa5otype\x01\xa7network\x01\xa1a\xdd\xff\xff\xff\xff")
    with pytest.raises(SceneError):
        open_scene(path)


def test_progress_reaches_the_end_and_cancel_ends_it(tmp_path: Path) -> None:
    root, _ = nerf()
    path = put(tmp_path / "a.ingp", root)
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told[-1][0] == told[-1][1] > 0
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)
    with pytest.raises(Cancelled):
        save_scene(radiance(), tmp_path / "b.ingp", cancel=lambda: True)
    assert not list(tmp_path.glob("b*"))


def test_a_distance_in_another_cube_is_moved_into_the_unit_cube(tmp_path: Path) -> None:
    lower, side, unit = np.array([-1.5, 2.0, 0.25]), 2.5, 3.0
    scene = distance()
    model = replace(
        scene.model, lower=tuple(lower), upper=tuple(lower + side), unit=unit
    )  # fmt: skip
    scene = replace(scene, model=model, lower=lower, upper=lower + side)
    said = save_scene(scene, tmp_path / "a.ingp")
    assert "Places and distances are those of instant-ngp's unit cube." in said
    found = open_scene(tmp_path / "a.ingp")
    assert isinstance(found, FieldScene)
    np.testing.assert_allclose(found.lower, 0, atol=1e-6)
    np.testing.assert_allclose(found.upper, 1, atol=1e-6)
    positions = np.random.default_rng(0).random((100, 3)).astype(np.float32)
    # The last layer was multiplied by 3 / 2.5, and places are 2.5 times as large, in float32.
    np.testing.assert_allclose(
        results(found, positions) * side,
        results(scene, (positions * side + lower).astype(np.float32)) * unit,
        rtol=1e-5,
        atol=1e-5,
    )


def test_a_coarser_occupancy_is_written_in_finer_cells(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).random((1, 64, 64, 64)) > 0.99
    scene = radiance(scale=1)
    scene = replace(scene, occupancy=Occupancy(cells, np.zeros(3), np.ones(3)))
    save_scene(scene, tmp_path / "a.ingp")
    found = open_scene(tmp_path / "a.ingp").occupancy
    np.testing.assert_array_equal(found.cells[:, ::2, ::2, ::2], cells)
    assert found.cells.mean() == cells.mean()
