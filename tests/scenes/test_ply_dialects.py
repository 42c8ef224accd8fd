"""Every way in which programs write Gaussians as PLY."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scenes.open import open_scene
from tests.data import shared_data
from tests.scenes.ply_files import (
    GEOMETRY,
    activated,
    assert_same,
    names_of,
    random_table,
    write_table,
)

ENCODINGS = ["binary_little_endian", "binary_big_endian", "ascii"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("degree", range(5))
def test_every_encoding_and_degree(tmp_path: Path, encoding: str, degree: int) -> None:
    table = random_table(names_of(degree), 37, degree)
    scene = open_scene(write_table(tmp_path / "a.ply", table, encoding))
    assert scene.sh_degree == degree
    assert scene.format == "ply"
    assert scene.name == "a"
    assert scene.metadata["encoding"] == encoding
    assert_same(scene, activated(table, degree))


@pytest.mark.parametrize("seed", range(3))
def test_properties_in_any_order_with_strangers_among_them(tmp_path: Path, seed: int) -> None:
    names = [*names_of(3), "nx", "ny", "nz", "segment"]
    shuffled = list(np.random.default_rng(seed).permutation(names))
    table = random_table(shuffled, 50, seed)
    scene = open_scene(write_table(tmp_path / "a.ply", table))
    assert_same(scene, activated(table, 3))
    assert set(scene.metadata["unused_properties"]) == {"nx", "ny", "nz", "segment"}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_scalar_type(tmp_path: Path, encoding: str, kind: str) -> None:
    names = names_of(1)
    rng = np.random.default_rng(1)
    table = {name: rng.integers(1, 9, 20).astype(np.float32) for name in names}
    table["red"] = np.full(20, 200.0, np.float32)
    types = {name: kind for name in names[::2]} | {"red": "u1"}
    if encoding == "ascii":
        table = {name: column.astype(int) for name, column in table.items()}
    scene = open_scene(write_table(tmp_path / "a.ply", table, encoding, types))
    assert_same(scene, activated(table, 1))
    assert scene.metadata["unused_properties"] == ["red"]


def test_long_type_names(tmp_path: Path) -> None:
    table = random_table(names_of(0), 5)
    path = write_table(tmp_path / "a.ply", table)
    path.write_bytes(path.read_bytes().replace(b"property float ", b"property float32 "))
    assert_same(open_scene(path), activated(table, 0))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_elements_before_and_after(tmp_path: Path, encoding: str) -> None:
    table = random_table(names_of(0), 9)
    before = (
        "element camera 2\nproperty float f\nproperty uchar id\n"
        "element face 3\nproperty uchar kind\nproperty list uchar int corners\n"
        "property list ushort double weights"
    )
    faces = [(1, [1, 2, 3], [0.5]), (2, [], []), (3, list(range(200)), [1.0, 2.0])]
    if encoding == "ascii":
        lines = ["1.5 1", "2.5 2"]
        for kind, corners, weights in faces:
            words = [kind, len(corners), *corners, len(weights), *weights]
            lines.append(" ".join(str(word) for word in words))
        lead = ("\n".join(lines) + "\n\n").encode()
    else:
        order = "<" if encoding == "binary_little_endian" else ">"
        lead = np.array([(1.5, 1), (2.5, 2)], [("f", order + "f4"), ("id", "u1")]).tobytes()
        for kind, corners, weights in faces:
            lead += bytes([kind, len(corners)]) + np.array(corners, order + "i4").tobytes()
            lead += np.array([len(weights)], order + "u2").tobytes()
            lead += np.array(weights, order + "f8").tobytes()
    path = write_table(
        tmp_path / "a.ply",
        table,
        encoding,
        before=before,
        after="element edge 1\nproperty list uchar int ends",
        lead=lead,
        tail=b"2 0 1\n" if encoding == "ascii" else b"\x02" + bytes(8),
    )
    scene = open_scene(path)
    assert_same(scene, activated(table, 0))
    extra = scene.metadata["extra_elements"]
    assert [(item["name"], item["count"]) for item in extra] == [
        ("camera", 2), ("face", 3), ("edge", 1)
    ]  # fmt: skip


def test_more_list_rows_than_are_looked_at_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenes.ply.rows.WINDOW", 64)
    table = random_table(names_of(0), 4)
    path = write_table(
        tmp_path / "a.ply",
        table,
        before="element face 100\nproperty list uchar int corners",
        lead=b"".join(bytes([n % 5]) + bytes(4 * (n % 5)) for n in range(100)),
    )
    assert_same(open_scene(path), activated(table, 0))


def test_lines_that_end_as_on_windows(tmp_path: Path) -> None:
    table = random_table(names_of(0), 6)
    for encoding in ENCODINGS:
        path = write_table(
            tmp_path / "a.ply", table, encoding, newline="\r\n", comments=("Vertical Axis: z",)
        )
        scene = open_scene(path)
        assert_same(scene, activated(table, 0))
        assert scene.metadata["vertical_axis"] == "z"


@pytest.mark.parametrize(
    ("comments", "training"),
    [
        ((), "3dgs"),
        (("SplatRenderMode: mip",), "mip"),
        (("splatrendermode: MIP",), "mip"),
        (("SplatRenderMode: default",), "3dgs"),
        (("SplatRenderMode: 2dgs",), "2dgs"),
        (("SplatRenderMode: mip", "SplatRenderMode: default"), "3dgs"),
        (("SplatRenderMode: nonsense",), "3dgs"),
        (("antialiased 1",), "mip"),
        (("antialiased 0",), "3dgs"),
        (("SplatRenderMode: 2dgs", "antialiased 1"), "mip"),
    ],
)
def test_training_tags(tmp_path: Path, comments: tuple[str, ...], training: str) -> None:
    path = write_table(tmp_path / "a.ply", random_table(names_of(0), 2), comments=comments)
    scene = open_scene(path)
    assert scene.training == training
    assert list(scene.metadata.get("comments", [])) == list(comments)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_surfels_have_no_third_scale(tmp_path: Path, encoding: str) -> None:
    names = [name for name in names_of(1) if name != "scale_2"]
    table = random_table(names, 12)
    scene = open_scene(write_table(tmp_path / "a.ply", table, encoding))
    assert scene.training == "2dgs"
    assert_same(scene, activated(table, 1))
    assert (scene.scales[:, 2] == 0).all()


@pytest.mark.parametrize(
    ("comment", "axis"),
    [("Vertical Axis: z", "z"), ("vertical axis: Y", "y"), ("vertical axis: -y", "-y"),
     ("Vertical Axis: up", None)],
)  # fmt: skip
def test_vertical_axis(tmp_path: Path, comment: str, axis: str | None) -> None:
    path = write_table(tmp_path / "a.ply", random_table(names_of(0), 1), comments=(comment,))
    assert open_scene(path).metadata.get("vertical_axis") == axis


def test_metadata_is_json_and_keeps_what_cannot_be_used(tmp_path: Path) -> None:
    table = random_table([*names_of(0), "nx"], 1)
    path = write_table(tmp_path / "a.ply", table, comments=("Generated by \u00e9t\u00e9", ""))
    raw = path.read_bytes().replace(b"element vertex", b"obj_info scanned \xff\nelement vertex")
    path.write_bytes(raw)
    metadata = json.loads(json.dumps(dict(open_scene(path).metadata)))
    assert metadata["comments"] == ["Generated by \u00e9t\u00e9", ""]
    assert metadata["obj_info"] == ["scanned \N{REPLACEMENT CHARACTER}"]


def test_values_that_are_legal_though_infinite(tmp_path: Path) -> None:
    for encoding in ENCODINGS[:2]:
        table = random_table(names_of(1), 4)
        table["opacity"][:2] = [np.inf, -np.inf]
        table["scale_1"][2] = -np.inf
        table["opacity"][3] = 500.0
        scene = open_scene(write_table(tmp_path / "a.ply", table, encoding))
        assert scene.count == 4
        assert scene.warnings == ()
        assert list(scene.opacities[:2]) == [1.0, 0.0]
        assert scene.scales[2, 1] == 0.0
        assert scene.opacities[3] == 1.0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_values_that_cannot_be_drawn_are_dropped_and_counted(tmp_path: Path, encoding: str) -> None:
    table = random_table(names_of(1), 1000)
    bad = {
        "x": np.nan, "y": np.inf, "scale_0": np.inf, "scale_2": 89.0, "rot_1": np.nan,
        "rot_3": -np.inf, "opacity": np.nan, "f_dc_1": np.inf, "f_rest_8": np.nan,
    }  # fmt: skip
    for index, (name, value) in enumerate(bad.items()):
        table[name][index * 100 + 7] = value
    keep = np.ones(1000, bool)
    keep[[index * 100 + 7 for index in range(len(bad))]] = False
    scene = open_scene(write_table(tmp_path / "a.ply", table, encoding))
    assert_same(scene, activated({name: column[keep] for name, column in table.items()}, 1))
    assert len(scene.warnings) == 1
    assert scene.warnings[0].startswith("9 of 1,000 splats were dropped")


def test_rotations_of_any_length(tmp_path: Path) -> None:
    table = random_table(names_of(0), 4)
    for name in GEOMETRY[3:7]:
        table[name][0] = 0.0
        table[name][1] *= 1e-38
        table[name][2] *= 1e38
    scene = open_scene(write_table(tmp_path / "a.ply", table))
    assert list(scene.quats[0]) == [1, 0, 0, 0]
    np.testing.assert_allclose(np.linalg.norm(scene.quats, axis=1), 1, atol=1e-6)
    assert scene.warnings == (
        "1 of 4 splats had a rotation of length zero and were left unrotated.",
    )


def test_a_file_without_splats(tmp_path: Path) -> None:
    for encoding in ENCODINGS:
        scene = open_scene(write_table(tmp_path / "a.ply", random_table(names_of(2), 0), encoding))
        assert scene.count == 0
        assert scene.sh_degree == 2
        assert scene.warnings == ("The file holds no splats.",)


@pytest.mark.parametrize(
    ("name", "count", "low", "high"),
    [
        ("train-1000.ply", 1000, (-13.0, -3.9, -3.8), (10.3, 2.0, 13.8)),
        ("city_lod1_tile_sh3.ply", 14051, (0, 0, 0.53), (4, 4, 2.55)),
        ("three_points_from_train.ply", 3, (-2.7, -1.0, -1.4), (2.0, 0.1, 1.3)),
    ],
)
def test_real_files(name: str, count: int, low: tuple[float, ...], high: tuple[float, ...]) -> None:
    scene = open_scene(shared_data(f"splats/{name}"))
    assert scene.count == count
    assert scene.sh_degree == 3
    assert scene.warnings == ()
    np.testing.assert_allclose(scene.bounds[0], low, atol=0.051)
    np.testing.assert_allclose(scene.bounds[1], high, atol=0.051)
    np.testing.assert_allclose(np.linalg.norm(scene.quats, axis=1), 1, atol=1e-6)
    assert ((scene.opacities >= 0) & (scene.opacities <= 1)).all()
    assert (scene.scales >= 0).all()
