"""glTF files with Gaussian splats: what the format says, and what files in the wild do."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from render.render import render
from render.request import RenderRequest
from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.frames import in_frame, turned_axes
from scenes.gaussians import GaussianScene
from scenes.gltf import container, gather, writer
from scenes.open import open_scene, save_scene, sniff_scene
from scenes.sh import basis
from tests.data import shared_data
from tests.scenes.format_cases import random_scene
from tests.scenes.gltf_files import (
    KHR,
    SIGNS,
    Builder,
    full,
    random_table,
    read_attributes,
    read_glb,
    simple,
    write_glb,
)


def matrices(quats: NDArray[Any]) -> NDArray[np.float64]:
    """(N, 3, 3) of unit wxyz, from the columns that the axes are taken to."""
    w, x, y, z = quats.astype(np.float64).T
    return np.array([
        [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
    ]).transpose(2, 0, 1)  # fmt: skip


def covariances(quats: NDArray[Any], scales: NDArray[Any]) -> NDArray[np.float64]:
    axes = matrices(quats) * scales.astype(np.float64)[:, None, :]
    return axes @ axes.transpose(0, 2, 1)


def colours(scene: GaussianScene, direction: NDArray[Any]) -> NDArray[Any]:
    """What all splats show towards one direction of the scene's frame, without the 0.5."""
    values = basis(np.asarray([direction], np.float64), scene.sh_degree)[0]
    return np.einsum("k,nkc->nc", values, scene.sh.astype(np.float64))


def same(a: GaussianScene, b: GaussianScene) -> None:
    """Equal bit by bit, but for the sign of quaternions and the rounding of their length."""
    for name in ("means", "scales", "opacities", "sh"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    sign = np.sign((a.quats * b.quats).sum(1, keepdims=True))
    # One rounding of float32 each from turning, from its way back and from normalising.
    np.testing.assert_allclose(a.quats * sign, b.quats, rtol=0, atol=2e-7)


def refused(path: Path) -> SceneError:
    with pytest.raises(SceneError) as caught:
        open_scene(path)
    assert path.name in str(caught.value)
    return caught.value


# Writing, and reading what was written


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("name", ["a.glb", "a b%20c.gltf"])
def test_round_trip(tmp_path: Path, degree: int, name: str) -> None:
    scene = random_scene(300, degree)
    assert save_scene(scene, tmp_path / name) == ()
    back = open_scene(tmp_path / name)
    same(back, scene)
    assert back.format == "gltf"
    assert back.metadata["stored_frame"] == "luf"
    assert back.metadata["frame_source"] == "declared"
    assert "vertical_axis" not in back.metadata
    assert back.warnings == ()


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257])
def test_counts(tmp_path: Path, count: int) -> None:
    scene = random_scene(count, 1)
    for name in ("a.glb", "b.gltf"):
        save_scene(scene, tmp_path / name)
        back = open_scene(tmp_path / name)
        assert back.count == count
        if count:
            same(back, scene)
        else:
            assert back.warnings == ("The file holds no splats.",)


def test_extremes_survive(tmp_path: Path) -> None:
    scene = random_scene(8, 2)
    scales, means, quats = scene.scales.copy(), scene.means.copy(), scene.quats.copy()
    scales[:4] = [[0, 0, 0], [1e-10] * 3, [3e38, 1e-38, 0], [1e10] * 3]
    means[:4] = [[1e9, -1e9, 1e-30], [0, 0, 0], [0, 0, 0], [3e38, 1, -1]]
    quats[2] *= -1
    opacities = np.array([0, 1, 1e-6, 0.5, 1e-30, 0.25, 0.75, np.nextafter(np.float32(1), 0)])
    scene = replace(scene, scales=scales, means=means, quats=quats, opacities=opacities)
    sh = scene.sh.copy()
    sh[0], sh[1] = 1e30, -1e30
    scene = replace(scene, sh=sh)
    save_scene(scene, tmp_path / "a.glb")
    same(open_scene(tmp_path / "a.glb"), scene)


@pytest.mark.parametrize("axis", ["y", "z"])
def test_scenes_of_other_frames_are_turned(tmp_path: Path, axis: str) -> None:
    scene = random_scene(50, 3, metadata={"vertical_axis": axis})
    save_scene(scene, tmp_path / "a.glb")
    back, wanted = open_scene(tmp_path / "a.glb"), in_frame(scene, "rdf")
    np.testing.assert_array_equal(back.means, wanted.means)
    # A quarter turn of the highest band mixes coefficients, each rounded to float32.
    np.testing.assert_allclose(back.sh, wanted.sh, atol=1e-6)
    up = np.array({"y": [0, 1, 0], "z": [0, 0, 1]}[axis])
    attributes = read_attributes(*read_glb(tmp_path / "a.glb"))
    np.testing.assert_array_equal(attributes["POSITION"][:, 1], scene.means @ up.astype("f4"))


def test_what_the_file_says(tmp_path: Path) -> None:
    scene = random_scene(40, 1, metadata={"copyright": "nobody"})
    save_scene(scene, tmp_path / "a.glb")
    document, body = read_glb(tmp_path / "a.glb")
    assert document["asset"] == {"version": "2.0", "generator": "Plenoscope", "copyright": "nobody"}
    assert document["extensionsUsed"] == [KHR]
    primitive = document["meshes"][0]["primitives"][0]
    assert primitive["mode"] == 0
    assert primitive["extensions"][KHR] == {
        "kernel": "ellipse", "colorSpace": "srgb_rec709_display", "projection": "perspective",
        "sortingMethod": "cameraDistance",
    }  # fmt: skip
    table = read_attributes(document, body)
    np.testing.assert_array_equal(table["POSITION"], scene.means * SIGNS.astype("f4"))
    np.testing.assert_array_equal(table["SCALE"], scene.scales)
    np.testing.assert_array_equal(table["OPACITY"][:, 0], scene.opacities)
    np.testing.assert_array_equal(table["SH_DEGREE_0_COEF_0"], scene.sh[:, 0])
    # Order m = -1, 0, 1 goes with -y, z, -x, of which the half turn changes the first and last.
    for n, sign in enumerate((-1, 1, -1)):
        np.testing.assert_array_equal(table[f"SH_DEGREE_1_COEF_{n}"], sign * scene.sh[:, 1 + n])
    turned = np.diag(SIGNS) @ matrices(scene.quats)
    axes = matrices(table["ROTATION"][:, [3, 0, 1, 2]])
    # The mirror-free half turn: diag(-1, -1, 1) is a rotation.
    np.testing.assert_allclose(axes, turned, atol=1e-6)
    entry = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_array_equal(entry["min"], table["POSITION"].min(0))
    np.testing.assert_array_equal(entry["max"], table["POSITION"].max(0))
    shown = np.clip(0.5 + 0.28209479177387814 * scene.sh[:, 0], 0, 1)
    # COLOR_0 is linear light in bytes: half a step of rounding.
    decoded = np.where(shown < 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(table["COLOR_0"][:, :3] / 255, decoded, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(table["COLOR_0"][:, 3] / 255, scene.opacities, atol=0.502 / 255)
    colour = document["accessors"][primitive["attributes"]["COLOR_0"]]
    assert (colour["normalized"], colour["type"]) == (True, "VEC4")


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    cut = save_scene(random_scene(5, 4), tmp_path / "a.glb")
    assert "degree 4 were cut to 3" in cut[0]
    assert open_scene(tmp_path / "a.glb").sh_degree == 3
    for training, words in (("mip", "trained with antialiasing"), ("2dgs", "2D Gaussians")):
        (said,) = save_scene(random_scene(5, 0, training=training), tmp_path / "a.glb")
        assert words in said


def test_first_view_and_colour_space_are_kept(tmp_path: Path) -> None:
    view = {"eye": [1.0, 2.0, -3.0], "target": [0.0, 0.5, 0.0], "up": [0.0, -1.0, 0.0]}
    metadata = {"default_view": view | {"fov_y": 35.0}, "color_space": "lin_rec709_display"}
    save_scene(random_scene(5, 0, metadata=metadata), tmp_path / "a.glb")
    back = open_scene(tmp_path / "a.glb")
    assert back.metadata["default_view"] == view | {"fov_y": 35.0}
    assert back.metadata["color_space"] == "lin_rec709_display"
    assert "linear light" in back.warnings[0]
    document, body = read_glb(tmp_path / "a.glb")
    good = document["scenes"][0]["extras"]["default_view"]
    for damage in ({"eye": [1, 2]}, {"fov_y": 0}, {"eye": good["target"]}, {"up": [0, 0, 0]}):
        document["scenes"][0]["extras"]["default_view"] = good | damage
        path = write_glb(tmp_path / "b.glb", json.dumps(document).encode(), body)
        assert "default_view" not in open_scene(path).metadata


def test_text_file_names_the_bytes_beside_it(tmp_path: Path) -> None:
    save_scene(random_scene(20, 0), tmp_path / "my scene.gltf")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my scene.bin", "my scene.gltf"]
    document = json.loads((tmp_path / "my scene.gltf").read_text())
    assert document["buffers"][0]["uri"] == "my%20scene.bin"
    assert document["buffers"][0]["byteLength"] == (tmp_path / "my scene.bin").stat().st_size


@pytest.mark.parametrize("name", ["a.glb", "a.gltf"])
def test_cancelled_writing_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(Cancelled):
        save_scene(random_scene(20, 0), tmp_path / name, cancel=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_binary_file_ends_at_four_gigabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LARGEST_BINARY", 5_000)
    with pytest.raises(SceneError, match=r"4 GiB .* a .gltf file holds it"):
        save_scene(random_scene(60, 0), tmp_path / "a.glb")
    assert list(tmp_path.iterdir()) == []
    save_scene(random_scene(60, 0), tmp_path / "a.gltf")
    assert open_scene(tmp_path / "a.gltf").count == 60


def test_estimate(tmp_path: Path) -> None:
    found = sniff_scene(simple(random_table(3)).glb(tmp_path / "made.glb"))
    assert found is not None
    assert found.estimate is not None
    for degree in (0, 3, 4):
        scene = random_scene(5_000, degree)
        save_scene(scene, tmp_path / "b.glb")
        size = (tmp_path / "b.glb").stat().st_size
        # The length of the JSON depends on the digits of numbers.
        assert abs(found.estimate(scene) - size) < 2_500


# What files say


def test_frame_and_order_of_the_attributes(tmp_path: Path) -> None:
    table = random_table(30, 3)
    scene = open_scene(simple(table).glb(tmp_path / "a.glb"))
    np.testing.assert_array_equal(scene.means, table["POSITION"] * SIGNS.astype("f4"))
    np.testing.assert_array_equal(scene.scales, table["SCALE"])
    np.testing.assert_array_equal(scene.opacities, table["OPACITY"])
    given = covariances(table["ROTATION"][:, [3, 0, 1, 2]], table["SCALE"])
    turned = np.diag(SIGNS) @ given @ np.diag(SIGNS)
    np.testing.assert_allclose(covariances(scene.quats, scene.scales), turned, atol=1e-6)


def appendix(x: float, y: float, z: float) -> list[float]:
    """The basis functions of the extension's text, degree 0 to 3, m from -l to l."""
    return [
        0.2820947917738781,
        -0.4886025119029199 * y, 0.4886025119029199 * z, -0.4886025119029199 * x,
        1.092548430592079 * x * y, -1.092548430592079 * y * z,
        0.3153915652525200 * (2 * z * z - x * x - y * y), -1.092548430592079 * x * z,
        0.5462742152960395 * (x * x - y * y),
        -0.5900435899266435 * y * (3 * x * x - y * y), 2.890611442640554 * x * y * z,
        -0.4570457994644657 * y * (4 * z * z - x * x - y * y),
        0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
        -0.4570457994644657 * x * (4 * z * z - x * x - y * y),
        1.445305721320277 * z * (x * x - y * y), -0.5900435899266435 * x * (x * x - 3 * y * y),
    ]  # fmt: skip


def test_coefficients_show_what_the_extension_says(tmp_path: Path) -> None:
    table = random_table(10, 3)
    scene = open_scene(simple(table).glb(tmp_path / "a.glb"))
    names = [f"SH_DEGREE_{l}_COEF_{n}" for l in range(4) for n in range(2 * l + 1)]  # noqa: E741
    for direction in np.random.default_rng(0).normal(size=(8, 3)):
        direction /= np.linalg.norm(direction)
        values = appendix(*direction)
        wanted = sum(value * table[name] for value, name in zip(values, names, strict=True))
        # Float32 coefficients of order one.
        np.testing.assert_allclose(colours(scene, direction * SIGNS), wanted, atol=1e-5)


@pytest.mark.parametrize("gap", [0, 4, 12])
def test_interleaved_attributes(tmp_path: Path, gap: int) -> None:
    table = random_table(70, 1)
    builder = Builder()
    builder.node(mesh=builder.mesh(builder.interleaved(table, gap)))
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    same(scene, open_scene(simple(table).glb(tmp_path / "b.glb")))


def test_attributes_one_after_the_other_in_one_view(tmp_path: Path) -> None:
    table = random_table(33, 1)
    builder = Builder()
    view = builder.view(b"".join(values.tobytes() for values in table.values()))
    attributes, place = {}, 0
    for name, values in table.items():
        attributes[full(name)] = builder.accessor(values, view, place)
        place += values.nbytes
    builder.node(mesh=builder.mesh(attributes))
    same(
        open_scene(builder.glb(tmp_path / "a.glb")),
        open_scene(simple(table).glb(tmp_path / "b.glb")),
    )


QUANTISED = [
    ("ROTATION", "i1", True, 127), ("ROTATION", "i2", True, 32767),
    ("OPACITY", "u1", True, 255), ("OPACITY", "u2", True, 65535),
    ("SCALE", "u1", True, 255), ("SCALE", "u2", True, 65535),
    ("SCALE", "u1", False, 1), ("SCALE", "u2", False, 1),
    ("POSITION", "i2", True, 32767), ("POSITION", "u2", True, 65535),
    ("POSITION", "i1", False, 1), ("POSITION", "u1", False, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "normalized", "largest"), QUANTISED)
def test_quantised_attributes(
    tmp_path: Path, name: str, kind: str, normalized: bool, largest: int
) -> None:
    table = random_table(200)
    rng = np.random.default_rng(1)
    high = largest + 1 if normalized else 100
    low = -high + 1 if kind[0] == "i" else 0
    stored = rng.integers(low, high, table[name].shape).astype(kind)
    if normalized and kind[0] == "i":
        stored[0] = np.iinfo(kind).min  # one step below -1, which counts as -1
    padded = stored if stored.ndim == 1 else np.pad(stored, ((0, 0), (0, -stored.shape[1] % 4)))
    builder = Builder()
    attributes = builder.planar({key: table[key] for key in table if key != name})
    # Rows begin at multiples of four bytes.
    row = padded.itemsize * (1 if padded.ndim == 1 else padded.shape[1])
    stride = row + -row % 4
    wide = np.zeros((200, stride), np.uint8)
    wide[:, :row] = padded.view(np.uint8).reshape(200, row)
    view = builder.view(wide.tobytes(), stride)
    more = {"normalized": True} if normalized else {}
    attributes[full(name)] = builder.accessor(stored, view, **more)
    builder.node(mesh=builder.mesh(attributes))
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    values = stored.astype(np.float64)
    if normalized:
        values = np.maximum(values / largest, -1)
    # Quotients are rounded to float32.
    if name == "POSITION":
        np.testing.assert_allclose(scene.means, values * SIGNS, rtol=1e-6)
    elif name == "SCALE":
        np.testing.assert_allclose(scene.scales, values, rtol=1e-6)
    elif name == "OPACITY":
        np.testing.assert_allclose(scene.opacities, values, rtol=1e-6)
    else:
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        turned = np.diag(SIGNS) @ matrices(unit[:, [3, 0, 1, 2]])
        np.testing.assert_allclose(matrices(scene.quats), turned, atol=2e-6)
    assert f"{name.lower()} in {8 * int(kind[1])} bits" in scene.metadata["quantisation"]


def test_scales_that_are_logarithms(tmp_path: Path) -> None:
    """As the review draft had them, and splat-transform until mid-2026."""
    table = random_table(500)
    scene = open_scene(simple(table).glb(tmp_path / "a.glb"))
    table["SCALE"] = np.log(table["SCALE"])
    old = open_scene(simple(table).glb(tmp_path / "b.glb"))
    # Through a logarithm in float32.
    np.testing.assert_allclose(old.scales, scene.scales, rtol=1e-6)
    assert "scales as logarithms" in old.metadata["dialect"]
    assert "logarithms" in old.warnings[0]


def test_a_stray_negative_scale_is_a_damaged_splat(tmp_path: Path) -> None:
    table = random_table(500)
    table["SCALE"][7, 1] = -0.5
    scene = open_scene(simple(table).glb(tmp_path / "a.glb"))
    assert scene.count == 499
    assert "1 of 500 splats were dropped" in scene.warnings[0]


def test_splats_that_cannot_be_drawn_are_dropped(tmp_path: Path) -> None:
    table = random_table(9, 1)
    table["POSITION"][0, 1] = np.nan
    table["SCALE"][1, 0] = np.inf
    table["ROTATION"][2] = 0
    table["OPACITY"][3] = np.nan
    table["SH_DEGREE_1_COEF_2"][4, 0] = np.inf
    node = {"rotation": [0.5, 0.5, 0.5, 0.5], "scale": [1, 2, 3]}
    for more in ({}, node):
        scene = open_scene(simple(table, **more).glb(tmp_path / "a.glb"))
        assert scene.count == 5
        assert any("4 of 9 splats were dropped" in text for text in scene.warnings)


def test_unknown_ways_to_show_splats_are_said(tmp_path: Path) -> None:
    builder = simple(random_table(3))
    extension = builder.json["meshes"][0]["primitives"][0]["extensions"][KHR]
    extension |= {"kernel": "customShape", "sortingMethod": "zDepth"}
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    assert any("kernel customShape is not known" in text for text in scene.warnings)
    assert any("sortingMethod zDepth" in text for text in scene.warnings)
    assert scene.metadata["kernel"] == "customShape"
    assert scene.metadata["generator"] == "tests"


def test_other_things_in_the_file_are_named(tmp_path: Path) -> None:
    builder = simple(random_table(3))
    builder.json["meshes"].append({"primitives": [{"attributes": {"POSITION": 0}}]})
    builder.node(mesh=1)
    builder.json |= {"animations": [{}, {}], "extensionsUsed": [KHR, "KHR_lights_punctual"]}
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    assert scene.count == 3
    ignored = ["1 meshes", "2 animations", "extension KHR_lights_punctual"]
    assert scene.metadata["ignored"] == ignored


# Nodes

TURN = [0.18257419, 0.36514837, 0.54772256, 0.73029674]
"""A rotation xyzw, 1 2 3 4 made unit."""


def moved(points: NDArray[Any], scale: float, offset: list[float]) -> NDArray[np.float64]:
    x, y, z, w = TURN
    turn = matrices(np.array([[w, x, y, z]]))[0]
    return points.astype(np.float64) @ turn.T * scale + offset


def test_turned_moved_and_scaled_nodes(tmp_path: Path) -> None:
    table = random_table(40, 3)
    node = {"rotation": TURN, "translation": [1, -2, 3], "scale": [2, 2, 2]}
    scene = open_scene(simple(table, **node).glb(tmp_path / "a.glb"))
    wanted = moved(table["POSITION"], 2, [1, -2, 3]) * SIGNS
    np.testing.assert_allclose(scene.means, wanted, atol=3e-6)  # float32 of size ten
    np.testing.assert_allclose(scene.scales, 2 * table["SCALE"], rtol=1e-6)
    assert scene.warnings == ()
    column_major = np.eye(4)
    x, y, z, w = TURN
    column_major[:3, :3] = 2 * matrices(np.array([[w, x, y, z]]))[0]
    column_major[:3, 3] = [1, -2, 3]
    other = open_scene(
        simple(table, matrix=column_major.T.ravel().tolist()).glb(tmp_path / "b.glb")
    )
    np.testing.assert_allclose(other.means, scene.means, atol=1e-6)
    np.testing.assert_allclose(other.sh, scene.sh, atol=1e-6)


def test_a_moved_node_shows_what_a_moved_camera_sees(tmp_path: Path) -> None:
    table = random_table(300, 3)
    plain = open_scene(simple(table).glb(tmp_path / "a.glb"))
    inner = {"rotation": TURN, "translation": [0.3, -0.2, 0.5]}
    builder = Builder()
    mesh = builder.mesh(builder.planar(table))
    child = builder.node(root=False, mesh=mesh, **inner)
    builder.node(scale=[1.5, 1.5, 1.5], children=[child])
    shown = open_scene(builder.glb(tmp_path / "b.glb"))
    x, y, z, w = TURN
    file_from_mesh = np.eye(4)
    file_from_mesh[:3, :3] = 1.5 * matrices(np.array([[w, x, y, z]]))[0]
    file_from_mesh[:3, 3] = 1.5 * np.array(inner["translation"])
    flip = np.diag([*SIGNS, 1.0])
    world_from_plain = flip @ file_from_mesh @ flip
    camera = Camera.look_at((0.4, -0.3, -9), (0, 0, 0), width=96, height=64)
    direct = render(RenderRequest(shown, camera)).rgba8
    # The same picture of what is 1.5 times smaller and nearer.
    shrink = np.diag([1 / 1.5, 1 / 1.5, 1 / 1.5, 1])
    closer = replace(camera, camera_from_world=shrink @ camera.camera_from_world @ world_from_plain)
    through = render(RenderRequest(plain, closer)).rgba8
    assert direct[..., :3].max() > 50
    # Both are rounded to bytes after sums in another order.
    assert np.abs(direct.astype(int) - through).max() <= 1


def test_a_mirrored_node(tmp_path: Path) -> None:
    table = random_table(30, 3)
    scene = open_scene(simple(table, scale=[-1, 1, 1]).glb(tmp_path / "a.glb"))
    plain = open_scene(simple(table).glb(tmp_path / "b.glb"))
    mirror = np.diag([-1, 1, 1])
    wanted = turned_axes(plain, mirror)
    np.testing.assert_array_equal(scene.means, wanted.means)
    np.testing.assert_array_equal(scene.sh, wanted.sh)
    np.testing.assert_allclose(
        covariances(scene.quats, scene.scales), covariances(wanted.quats, wanted.scales), atol=1e-6
    )
    assert scene.warnings == ()


def test_a_stretching_node(tmp_path: Path) -> None:
    table = random_table(60, 2)
    table["SCALE"][0] = 0
    table["SCALE"][1] = [1, 0, 0]
    table["SCALE"][2] = 1e-12
    builder = Builder()
    child = builder.node(root=False, mesh=builder.mesh(builder.planar(table)), rotation=TURN)
    builder.node(scale=[1, 3, 0.2], translation=[1, 1, 1], children=[child])
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    x, y, z, w = TURN
    linear = np.diag(SIGNS) @ np.diag([1, 3, 0.2]) @ matrices(np.array([[w, x, y, z]]))[0]
    given = covariances(table["ROTATION"][:, [3, 0, 1, 2]], table["SCALE"])
    wanted = linear @ given @ linear.T
    # Float32 axes of a length up to three.
    np.testing.assert_allclose(covariances(scene.quats, scene.scales), wanted, atol=1e-5)
    np.testing.assert_array_equal(scene.scales[0], 0)
    np.testing.assert_allclose(scene.scales[2].max(), 1e-12 * 3, rtol=0.5)
    assert any("stretched" in text for text in scene.warnings)
    # Colours of degree 0 do not turn.
    np.testing.assert_array_equal(scene.sh[:, 0], table["SH_DEGREE_0_COEF_0"])


def test_a_flattening_node_is_not_an_error(tmp_path: Path) -> None:
    for scale in ([1, 1, 0], [0, 0, 0]):
        scene = open_scene(simple(random_table(9, 1), scale=scale).glb(tmp_path / "a.glb"))
        assert scene.count == 9
        assert np.isfinite(scene.sh).all()
        assert np.isfinite(scene.scales).all()


def test_only_the_default_scene_is_shown(tmp_path: Path) -> None:
    builder = Builder()
    first = builder.mesh(builder.planar(random_table(3)))
    second = builder.mesh(builder.planar(random_table(4, 1)))
    builder.node(mesh=first)
    builder.node(mesh=second, root=False)
    builder.json["scenes"].append({"nodes": [1, 0]})
    counts = {}
    for chosen in (0, 1, None):
        builder.json.pop("scene", None)
        if chosen is not None:
            builder.json["scene"] = chosen
        counts[chosen] = open_scene(builder.glb(tmp_path / "a.glb")).count
    assert counts == {0: 3, 1: 7, None: 3}
    del builder.json["scenes"]
    builder.json.pop("scene", None)
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    assert scene.count == 7
    assert scene.sh_degree == 1
    np.testing.assert_array_equal(scene.sh[:3, 1:], 0)
    assert "2 sets of splats" in scene.metadata["dialect"]
    del builder.json["nodes"]
    assert open_scene(builder.glb(tmp_path / "a.glb")).count == 7


def test_a_mesh_that_two_nodes_show(tmp_path: Path) -> None:
    builder = simple(random_table(5, 1), translation=[1, 0, 0])
    builder.node(mesh=0, rotation=TURN)
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    assert scene.count == 10
    np.testing.assert_allclose(
        scene.means[5:] * SIGNS, moved(scene.means[:5] * SIGNS - [1, 0, 0], 1, [0, 0, 0]), atol=1e-6
    )


def test_more_splats_than_one_block(tmp_path: Path) -> None:
    """Parts that begin inside of one set of splats and end inside of another."""
    tables = [random_table(count, 0, seed) for seed, count in enumerate((40_000, 1, 50_000))]
    builder = Builder()
    for table in tables:
        builder.node(mesh=builder.mesh(builder.planar(table)))
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    wanted = np.concatenate([table["POSITION"] for table in tables]) * SIGNS
    np.testing.assert_array_equal(scene.means, wanted.astype("f4"))


# SPZ inside


@pytest.mark.parametrize("place", ["spz_2", "spz", "gaussian_splats", "compression"])
def test_spz_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    import scenes.spz.reader as spz

    inside = random_scene(
        12, 2, training="mip", warnings=("inner",), metadata={"quantisation": "coarse"}
    )
    seen: list[tuple[bytes, Any]] = []

    def read_blob(path, data, progress, cancel, stored_frame=None):
        seen.append((bytes(data), stored_frame))
        return inside

    monkeypatch.setattr(spz, "read_blob", read_blob)
    builder = Builder()
    builder.view(b"others")
    view = builder.view(b"the blob")
    nested = {"spz_2": f"{KHR}_compression_spz_2", "spz": f"{KHR}_compression_spz"}
    drafts = {
        "gaussian_splats": "KHR_spz_gaussian_splats_compression",
        "compression": "KHR_spz_compression",
    }
    if place in nested:
        extensions: dict[str, Any] = {KHR: {"extensions": {nested[place]: {"bufferView": view}}}}
    else:
        extensions = {drafts[place]: {"bufferView": view}}
    mesh = builder.mesh({}, extensions=extensions)
    builder.node(mesh=mesh)
    builder.node(mesh=mesh, translation=[5, 6, 7])
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    assert seen == [(b"the blob", gather.BLOB_FRAME)]
    same(replace(scene, **{n: getattr(scene, n)[:12] for n in ARRAYS}), inside)
    np.testing.assert_allclose(scene.means[12:], inside.means + SIGNS * [5, 6, 7], atol=1e-6)
    assert scene.training == "mip"
    assert scene.warnings == ("inner",)
    assert "packed as SPZ" in scene.metadata["dialect"]
    assert scene.metadata["quantisation"] == "coarse"


ARRAYS = ("means", "quats", "scales", "opacities", "sh")


def test_a_real_blob_is_what_it_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = shared_data("splats/three_points_from_train.spz")
    try:
        alone = open_scene(path)
    except SceneError:
        pytest.skip("this installation reads no SPZ")
    builder = Builder()
    blob = {"bufferView": builder.view(path.read_bytes())}
    extension = {KHR: {"extensions": {f"{KHR}_compression_spz_2": blob}}}
    builder.node(mesh=builder.mesh({}, extensions=extension))
    same(open_scene(builder.glb(tmp_path / "a.glb")), alone)


# Containers and names of files


def test_bytes_beside_inside_and_below(tmp_path: Path) -> None:
    table = random_table(8, 1)
    builder = simple(table)
    wanted = open_scene(builder.glb(tmp_path / "a.glb"))
    same(open_scene(builder.gltf(tmp_path / "b.gltf")), wanted)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "é d#.bin").write_bytes(builder.body + b"more")
    same(open_scene(builder.gltf(tmp_path / "c.gltf", "sub/%C3%A9%20d%23.bin")), wanted)
    same(open_scene(builder.gltf(tmp_path / "c.gltf", "./sub/é d#.bin")), wanted)
    same(open_scene(builder.gltf(tmp_path / "d.gltf").rename(tmp_path / "d.json")), wanted)
    quoted = "data:application/gltf-buffer," + "".join(f"%{byte:02x}" for byte in builder.body)
    same(open_scene(builder.gltf(tmp_path / "e.gltf", quoted)), wanted)


@pytest.mark.parametrize(
    "uri",
    ["../secret.bin", "%2e%2e/secret.bin", "/etc/passwd", "a/../../secret.bin", "..\\secret.bin",
     "file:///etc/passwd", "http://example.com/a.bin", "C:\\a.bin", "link/secret.bin", "nul%00.bin",
     "\ud800.bin", "x" * 300, "x" * 5000, "", ".", "sub", "a\nb", "data:nothing",
     "data:;base64,\u00e9", "data:;base64,A"],
)  # fmt: skip
def test_uris_stay_in_the_folder(tmp_path: Path, uri: str) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path)
    builder = simple(random_table(8))
    (tmp_path / "secret.bin").write_bytes(builder.body)
    assert "buffers 0" in refused(builder.gltf(folder / "a.gltf", uri)).where


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.bin")
    assert "found none" in str(refused(simple(random_table(8)).gltf(tmp_path / "a.gltf", "a.bin")))


def test_unknown_chunks_and_bytes_behind_are_passed_over(tmp_path: Path) -> None:
    path = simple(random_table(8)).glb(tmp_path / "a.glb")
    wanted = open_scene(path)
    raw = path.read_bytes() + struct.pack("<I4s", 8, b"XTRA") + b"12345678"
    path.write_bytes(raw[:8] + struct.pack("<I", len(raw)) + raw[12:] + b"behind")
    same(open_scene(path), wanted)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:11], "a header of 12 bytes"),
        (lambda raw: raw[:4] + b"\1\0\0\0" + raw[8:], "version 1"),
        (lambda raw: raw[:8] + b"\xff\xff\xff\xff" + raw[12:], "4,294,967,295 bytes"),
        (lambda raw: raw[:12] + b"\xff\xff\xff\xff" + raw[16:], "a chunk of 4,294,967,295 bytes"),
        (lambda raw: raw[:16] + b"BIN\0" + raw[20:], "a chunk of JSON, found none"),
        (lambda raw: raw[:8] + b"\x0c\0\0\0" + raw[12:], "a chunk of JSON, found none"),
        (lambda raw: raw[:20] + b"\xff" + raw[21:], "UTF-8"),
        (lambda raw: raw.replace(b'"2.0"', b'"1.0"'), "glTF 2"),
        (lambda raw: raw.replace(b"BIN\0", b"BAN\0"), "a buffer with bytes"),
    ],
)
def test_damaged_containers(tmp_path: Path, damage: Any, message: str) -> None:
    path = simple(random_table(8)).glb(tmp_path / "a.glb")
    path.write_bytes(damage(path.read_bytes()))
    assert message in str(refused(path))


def test_files_without_splats_say_so(tmp_path: Path) -> None:
    builder = Builder()
    builder.json["extensionsUsed"] = []
    assert "found none" in str(refused(builder.glb(tmp_path / "a.glb")))
    builder.mesh(builder.planar({"POSITION": random_table(3)["POSITION"]}), extensions={})
    builder.node(mesh=0)
    assert "found 1 other primitives" in str(refused(builder.glb(tmp_path / "a.glb")))


def test_any_gltf_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.gltf").write_text(' {"asset": {"version": "2.0"}}')
    (tmp_path / "b.json").write_text('{"asset": {"version": "2.0"}}')
    found = sniff_scene(tmp_path / "a.gltf")
    assert found is not None
    assert found.name == "gltf"
    assert sniff_scene(tmp_path / "b.json") is None


# Damaged and hostile JSON


def attribute_damage() -> list[tuple[str, Any, str]]:
    """Changes to the attributes of good splats of degree 1, and what is said."""
    return [
        ("no position", lambda a: a.pop("POSITION"), "POSITION, found none"),
        ("no opacity", lambda a: a.pop(full("OPACITY")), "OPACITY, found none"),
        ("no colour", lambda a: a.pop(full("SH_DEGREE_0_COEF_0")), "SH_DEGREE_0_COEF_0, found"),
        ("a gap", lambda a: a.pop(full("SH_DEGREE_1_COEF_1")), "SH_DEGREE_1_COEF_1, found none"),
        ("too high", lambda a: a.update({full("SH_DEGREE_2_COEF_0"): 4}), "SH_DEGREE_2_COEF_1, "),
        ("older", lambda a: (a.pop(full("ROTATION")), a.update(_ROTATION=0)), "an older draft"),
        ("too far", lambda a: a.update(POSITION=99), "one of 8 accessors"),
        ("negative", lambda a: a.update(POSITION=-1), "a number from 0"),
        ("text", lambda a: a.update(POSITION="0"), "expected a number"),
        ("fraction", lambda a: a.update(POSITION=0.5), "a whole number"),
        ("huge", lambda a: a.update(POSITION=10**400), "a finite number"),
        ("wrong shape", lambda a: a.update(POSITION=1), "rows of 3 numbers"),
    ]


@pytest.mark.parametrize(("name", "change", "message"), attribute_damage())
def test_damaged_attributes(tmp_path: Path, name: str, change: Any, message: str) -> None:
    builder = simple(random_table(6, 1))
    change(builder.json["meshes"][0]["primitives"][0]["attributes"])
    error = refused(builder.glb(tmp_path / "a.glb"))
    assert message in str(error)


ENTRIES = [
    ("accessors", {"componentType": 5125}, "a componentType of"),
    ("accessors", {"componentType": 5130}, "a componentType of"),
    ("accessors", {"componentType": None}, "a number"),
    ("accessors", {"type": "VEC2"}, "rows of 3 numbers"),
    ("accessors", {"type": "MAT4"}, "one of SCALAR"),
    ("accessors", {"count": 5}, "as many rows in all attributes"),
    ("accessors", {"count": 7}, "7 rows in 84 bytes"),
    ("accessors", {"count": 10**15}, "rows in"),
    ("accessors", {"count": 10**30}, "a number from 0"),
    ("accessors", {"count": -1}, "a number from 0"),
    ("accessors", {"count": True}, "a number"),
    ("accessors", {"byteOffset": 4}, "6 rows in 76 bytes"),
    ("accessors", {"byteOffset": -4}, "a number from 0"),
    ("accessors", {"byteOffset": 1e300}, "a number from 0"),
    ("accessors", {"normalized": "yes"}, "true or false"),
    ("accessors", {"sparse": {}}, "a sparse accessor"),
    ("accessors", {"bufferView": 77}, "one of 8 bufferViews"),
    ("accessors", {"bufferView": []}, "a number"),
    ("bufferViews", {"buffer": 3}, "one of 1 buffers"),
    ("bufferViews", {"byteOffset": 10**6}, "in buffer 0"),
    ("bufferViews", {"byteOffset": -1}, "a number from 0"),
    ("bufferViews", {"byteLength": 0}, "a number from 1"),
    ("bufferViews", {"byteLength": 10**12}, "in buffer 0"),
    ("bufferViews", {"byteStride": 8}, "a byteStride of 12"),
    ("bufferViews", {"byteStride": 16}, "rows in"),
    ("bufferViews", {"byteStride": 10**9}, "a number from 0"),
    ("nodes", {"mesh": 1}, "one of 1 meshes"),
    ("nodes", {"mesh": None}, "a number"),
    ("nodes", {"children": [0]}, "one parent"),
    ("nodes", {"children": [1]}, "one of 1 nodes"),
    ("nodes", {"children": 4}, "a list"),
    ("nodes", {"matrix": [0] * 15}, "a list of 16"),
    ("nodes", {"matrix": [1] * 16}, "the last row 0 0 0 1"),
    ("nodes", {"matrix": [1e200, *[0] * 14, 1]}, "reasonable size"),
    ("nodes", {"rotation": [0, 0, 0, 0]}, "a rotation of length 1"),
    ("nodes", {"rotation": [1e300, 0, 0, 0]}, "a rotation of length 1"),
    ("nodes", {"rotation": [0, 0, 1]}, "a list of 4"),
    ("nodes", {"translation": ["a", 0, 0]}, "a number"),
    ("nodes", {"scale": [1e39, 1, 1]}, "reasonable size"),
    ("meshes", {"primitives": {}}, "a list"),
    ("meshes", {"primitives": [3]}, "an object"),
    ("scenes", {"nodes": [5]}, "one of 1 nodes"),
    ("scenes", {"nodes": [0, 0]}, "one parent"),
]


@pytest.mark.parametrize(("kind", "change", "message"), ENTRIES)
def test_damaged_entries(tmp_path: Path, kind: str, change: dict[str, Any], message: str) -> None:
    builder = simple(random_table(6, 1))
    builder.json[kind][0] |= change
    error = refused(builder.glb(tmp_path / "a.glb"))
    assert message in str(error)
    assert len(str(error)) < 500


VALUES = [None, True, -1, 0.5, 1e308, "text", [], {}, [[]], [None], {"a": 1}, 2**70]


@pytest.mark.parametrize("kind", ["accessors", "bufferViews", "nodes", "meshes", "scenes", "scene",
                                  "asset", "buffers", "extensionsUsed", "animations"])  # fmt: skip
def test_values_of_every_wrong_type(tmp_path: Path, kind: str) -> None:
    """At the top and one level down: a SceneError, or a scene where the value does not matter."""
    for value in VALUES:
        for depth in (0, 1):
            builder = simple(random_table(6, 1))
            if depth == 0:
                builder.json[kind] = value
            elif isinstance(builder.json.get(kind), list) and builder.json[kind]:
                builder.json[kind][0] = value
            path = builder.glb(tmp_path / "a.glb")
            with contextlib.suppress(SceneError):
                assert open_scene(path).count in (0, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "JSON"),
        (b"[]", "an object"),
        (b"{", "JSON"),
        (b'{"asset": NaN}', "finite numbers"),
        (b'{"asset": {"version": 2.0}}', "text"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "endless nesting"),
        (b'{"a":' + b"9" * 5000 + b"}", "numbers of reasonable length"),
        (b'{"a":[' + b"[]," * 1_100_000 + b"[]]}", "values of JSON"),
    ],
)
def test_hostile_json(tmp_path: Path, text: bytes, message: str) -> None:
    assert message in str(refused(write_glb(tmp_path / "a.glb", text, b"")))
    (tmp_path / "b.gltf").write_bytes(text)
    assert message in str(refused(tmp_path / "b.gltf"))


def test_json_without_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LARGEST_JSON", 500)
    path = simple(random_table(6, 1)).glb(tmp_path / "a.glb")
    assert "MiB of JSON" in str(refused(path))
    assert "MiB of JSON" in str(refused(simple(random_table(6)).gltf(tmp_path / "b.gltf")))


def test_absurd_counts_take_no_memory(tmp_path: Path) -> None:
    builder = simple(random_table(6))
    for entry in builder.json["accessors"]:
        entry["count"] = 10**10
    path = builder.glb(tmp_path / "a.glb")
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_splats_are_not_multiplied_without_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "LEAST_BUDGET", 1 << 16)
    builder = simple(random_table(1000))
    for _ in range(3):
        builder.node(mesh=0)
    assert open_scene(builder.glb(tmp_path / "a.glb")).count == 4000
    builder.node(mesh=0)
    assert "shown at most 4 times" in str(refused(builder.glb(tmp_path / "a.glb")))
    builder = simple(random_table(10))
    builder.json["meshes"][0]["primitives"] *= 400
    assert "shown at most 4 times" in str(refused(builder.glb(tmp_path / "a.glb")))
    builder.json["meshes"][0]["primitives"] *= 10
    assert "at most 1,000 sets" in str(refused(builder.glb(tmp_path / "a.glb")))


def test_nodes_in_circles_and_without_end(tmp_path: Path) -> None:
    builder = simple(random_table(3))
    builder.node(root=False, children=[2])
    builder.node(root=False, children=[1])
    builder.json["scenes"][0]["nodes"].append(1)
    assert "one parent" in str(refused(builder.glb(tmp_path / "a.glb")))
    builder = simple(random_table(3))
    for index in range(1, 2000):
        builder.node(root=False, children=[index + 1])
    builder.node(root=False, mesh=0)
    builder.json["scenes"][0]["nodes"] = [1]
    assert "below each other" in str(refused(builder.glb(tmp_path / "a.glb")))


def test_blobs_may_not_share_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import scenes.spz.reader as spz

    monkeypatch.setattr(spz, "read_blob", lambda *given: random_scene(2, 0))
    builder = Builder()
    builder.view(b"0123456789abcdef")
    builder.json["bufferViews"] *= 3
    for view in range(3):
        blob = {f"{KHR}_compression_spz_2": {"bufferView": view}}
        builder.node(mesh=builder.mesh({}, extensions={KHR: {"extensions": blob}}))
    assert "overlap" in str(refused(builder.glb(tmp_path / "a.glb")))


def test_packed_values_are_named(tmp_path: Path) -> None:
    builder = simple(random_table(6))
    builder.json["buffers"] = [{"byteLength": len(builder.body)}, {"byteLength": 999}]
    meshopt = {"EXT_meshopt_compression": {"buffer": 0}}
    builder.json["bufferViews"][0] |= {"buffer": 1, "extensions": meshopt}
    found = str(refused(builder.glb(tmp_path / "a.glb")))
    assert "only values packed by EXT_meshopt_compression" in found


def test_text_of_strangers_is_printable(tmp_path: Path) -> None:
    builder = simple(random_table(3))
    builder.json["asset"] |= {"generator": "a\ud800\n\x1b[31m" + "x" * 9999, "copyright": 7}
    builder.json["extensionsUsed"].append("bad\x00name")
    scene = open_scene(builder.glb(tmp_path / "a.glb"))
    text = json.dumps(dict(scene.metadata), ensure_ascii=False)
    text.encode("utf-8")
    assert "\x1b" not in text
    assert len(scene.metadata["generator"]) <= 500
    assert "copyright" not in scene.metadata
