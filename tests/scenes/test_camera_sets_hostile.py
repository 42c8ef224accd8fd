"""Camera sets that mean harm: one error that names the place, and nothing taken on their word."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.errors import SceneError
from scenes.paths.camera_sets import CameraSet
from scenes.paths.files import read_camera_set, read_path
from scenes.paths.formats import colmap, ingp_path, poses_bounds, transforms
from scenes.paths.interpolate import pose_at
from tests.scenes import camera_set_files as files

LENS = (500.0, 505.0, 322.0, 239.0)


def refused(read: Callable[[Path], Any], file: Path, match: str) -> None:
    with pytest.raises(SceneError, match=match) as caught:
        read(file)
    assert len(str(caught.value)) < 400


def assert_sound(cameras: CameraSet) -> None:
    """What was read can be used."""
    assert cameras.cameras
    for camera in cameras.cameras:
        turn = camera.camera_from_world[:3, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        assert np.isfinite([camera.fx, camera.fy, camera.cx, camera.cy]).all()
    cameras.as_path()


# JSON -----------------------------------------------------------------------------------------


def frames_with(**changes: Any) -> dict[str, Any]:
    record = files.transforms()
    record["frames"][1].update(changes)
    return record


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


TRANSFORMS: dict[str, tuple[Any, str]] = {
    "list": ([], "object"),
    "no frames": ({"frames": []}, "frames.*frames"),
    "frames": ({"frames": 3}, "a list"),
    "frame": ({"frames": [3]}, "frame 1"),
    "no pose": ({"fl_x": 1, "w": 1, "h": 1, "frames": [{"file_path": "a"}]}, "transform_matrix"),
    "path": (frames_with(file_path=4), "frame 2, file_path"),
    "long path": (frames_with(file_path="x" * 9999), "frame 2, file_path"),
    "matrix": (frames_with(transform_matrix="eye"), "frame 2.*4 rows"),
    "two rows": (frames_with(transform_matrix=np.eye(4)[:2].tolist()), "frame 2.*4 rows"),
    "short row": (frames_with(transform_matrix=[[1, 0, 0]] * 3), "frame 2.*4 numbers"),
    "scale": (frames_with(transform_matrix=np.diag([2, 2, 2, 1]).tolist()), "frame 2.*scales"),
    "mirror": (frames_with(transform_matrix=np.diag([1, 1, -1, 1]).tolist()), "mirror"),
    "huge": (frames_with(transform_matrix=np.diag([1e300] * 4).tolist()), "frame 2"),
    "far": (frames_with(transform_matrix=[[1, 0, 0, 1e10], [0, 1, 0, 0], [0, 0, 1, 0]]), "near"),
    "size": (frames_with(w=10**9), "frame 2, w"),
    "half size": (frames_with(h=1.5), "frame 2, h.*whole"),
    "focal": (frames_with(fl_x=-3), "frame 2, fl_x"),
    "centre": (frames_with(cx=1e9), "frame 2, cx"),
    "null": (frames_with(cx=None), "frame 2, cx"),
    "no lens": (without(files.transforms(), "fl_x", "fl_y"), "focal length"),
    "angle": (frames_with(camera_angle_x=0), "camera_angle_x"),
    "narrow": (frames_with(camera_angle_x=1e-5, w=65536), "field of view"),
    "degrees": (frames_with(x_fov=180), "x_fov"),
    "sphere": (files.transforms(camera_model="EQUIRECTANGULAR"), "camera_model"),
    "latlong": (files.transforms(latlong=True), "pinhole"),
    "orthographic": (files.transforms(orthographic=True), "pinhole"),
    "ftheta": (files.transforms(ftheta_p0=0.1), "f-theta"),
    "flag": (files.transforms(is_fisheye=3), "is_fisheye"),
    "distortion": (files.transforms(distortion_params=[0] * 99), "distortion_params"),
    "no aabb": (files.transforms(aabb=[]), "corners"),
    "huge aabb": (files.transforms(aabb=[[-1e308] * 3, [1e308] * 3]), "corners"),
    "aabb": (files.transforms(aabb=[[0, 0, 0]]), "corners"),
    "flat aabb": (files.transforms(aabb=[[0, 0, 0]] * 2), "corners"),
    "three corners": (files.transforms(aabb=[[0, 0, 0]] * 3), "aabb.*2 entries"),
    "offset": (files.transforms(offset=1e30), "offset"),
    "zero scale": (files.transforms(scale=0), "scale"),
    "nan": (files.transforms(scale=float("nan")), "NaN"),
}


@pytest.mark.parametrize("case", TRANSFORMS)
def test_bad_transforms(tmp_path: Path, case: str) -> None:
    record, match = TRANSFORMS[case]
    file = tmp_path / "transforms.json"
    file.write_text(json.dumps(record))
    refused(transforms.read_set, file, match)


INGP: dict[str, tuple[dict[str, Any], str]] = {
    "no keys": ({"path": []}, "keys"),
    "keys": ({"path": {}}, "a list"),
    "loop": ({"loop": "no"}, "loop"),
    "order": ({"spline_order": 7}, "spline_order"),
    "duration": ({"duration_seconds": 1e9}, "duration_seconds"),
    "zero": ({"path": [{"R": [0, 0, 0, 0], "T": [0, 0, 0], "fov": 50}]}, "key 1, R"),
    "huge": ({"path": [{"R": [1e300, 0, 0, 0], "T": [0, 0, 0], "fov": 50}]}, "key 1, R"),
    "far": ({"path": [{"R": [0, 0, 0, 1], "T": [0, 1e12, 0], "fov": 50}]}, "key 1, T"),
    "short": ({"path": [{"R": [0, 0, 1], "T": [0, 0, 0], "fov": 50}]}, "key 1, R"),
    "fov": ({"path": [{"R": [0, 0, 0, 1], "T": [0, 0, 0], "fov": 0}]}, "key 1, fov"),
}


@pytest.mark.parametrize("case", INGP)
def test_bad_ingp_paths(tmp_path: Path, case: str) -> None:
    changes, match = INGP[case]
    file = tmp_path / "bad_cam.json"
    file.write_text(json.dumps(files.ingp_path(**changes)))
    refused(ingp_path.read, file, match)


ODD = (
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.floats())
    | st.lists(st.floats() | st.lists(st.floats(), max_size=4), max_size=4)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
SPOKEN = ("from_mitsuba", "scale", "offset", "aabb", "aabb_scale", "camera_angle_x", "y_fov", "k1",
          "is_fisheye", "camera_model", "distortion_params", "latlong")  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_value_in_any_place_of_transforms(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    record = files.transforms()
    inside = data.draw(st.booleans())
    place = record["frames"][1] if inside else record
    place[data.draw(st.sampled_from(sorted({*place, *SPOKEN})))] = data.draw(ODD)
    file = tmp_path_factory.mktemp("odd") / "transforms.json"
    file.write_text(json.dumps(record))
    try:
        cameras = read_camera_set(file)
    except SceneError:
        return
    assert_sound(cameras)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_value_in_any_place_of_an_ingp_path(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    record = files.ingp_path(duration_seconds=3.0, spline_order=3)
    for item in record["path"]:
        item["timestamp"] = data.draw(st.floats(-1.0, 1e308))
    inside = data.draw(st.booleans())
    place = record["path"][1] if inside else record
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(ODD)
    file = tmp_path_factory.mktemp("odd") / "odd_cam.json"
    file.write_text(json.dumps(record))
    try:
        path = read_path(file)
    except SceneError:
        return
    assert all(0 <= key.time <= path.duration for key in path.keys)
    assert np.isfinite(pose_at(path, [0.0, 0.3])[0]).all()


LEADING = ("../secret.png", "/etc/secret.png", "a/../../secret.png", "C:secret.png")


@pytest.mark.parametrize("name", [*LEADING, "\0", "\ud800", "x" * 4000, ".", "", "//"])
def test_names_that_lead_out_are_not_followed(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    (tmp_path / "secret.png").write_bytes(b"not to be opened")
    folder.mkdir()
    record = without(frames_with(file_path=name), "w", "h", "fl_x", "fl_y")
    (folder / "transforms.json").write_text(json.dumps({**record, "camera_angle_x": 1.0}))
    cameras = read_camera_set(folder / "transforms.json")
    assert cameras.pictures == (None, None, None)
    assert all(word for word in cameras.names)
    assert not any("/" in word or "\\" in word for word in cameras.names)

    if "\0" not in name and "\ud800" not in name:
        lens, images = files.colmap_bytes()
        files.write_model(folder, lens, images.replace(b"photo_2.jpg", name.encode()))
        assert read_camera_set(folder).pictures == (None, None, None)


# COLMAP ---------------------------------------------------------------------------------------


def lens_bytes(model: int = 1, width: int = 640, height: int = 480, *numbers: float) -> bytes:
    values = numbers or LENS
    return struct.pack(f"<QIiQQ{len(values)}d", 1, 7, model, width, height, *values)


def image_bytes(*numbers: float, lens: int = 7, points: int = 0, count: int = 1) -> bytes:
    values = numbers or (1, 0, 0, 0, 0, 0, 0)
    head = struct.pack("<QI7dI", count, 1, *values, lens)
    return head + b"a.png\0" + struct.pack("<Q", points)


COLMAP: dict[str, tuple[bytes, bytes, str]] = {
    "empty cameras": (b"", image_bytes(), "end of the file"),
    "empty images": (lens_bytes(), b"", "end of the file"),
    "no images": (lens_bytes(), bytes(8), "images"),
    "many cameras": (b"\xff" * 8 + lens_bytes()[8:], image_bytes(), "absurd claim"),
    "more cameras": (struct.pack("<Q", 2) + lens_bytes()[8:], image_bytes(), "a claim of 2"),
    "many images": (lens_bytes(), image_bytes(count=1 << 40), "a claim of 1,099"),
    "many points": (lens_bytes(), image_bytes(points=1 << 62), "absurd claim"),
    "more points": (lens_bytes(), image_bytes(points=1), "a claim of 1 "),
    "sphere": (lens_bytes(17), image_bytes(), "camera 1.*pinhole"),
    "negative": (lens_bytes(-1), image_bytes(), "camera 1.*pinhole"),
    "width": (lens_bytes(1, 1 << 63), image_bytes(), "camera 1.*pixels"),
    "height": (lens_bytes(1, 640, 0), image_bytes(), "camera 1.*pixels"),
    "focal": (lens_bytes(1, 640, 480, np.nan, 1, 1, 1), image_bytes(), "camera 1.*nan"),
    "zero focal": (lens_bytes(1, 640, 480, 500, 0, 1, 1), image_bytes(), "camera 1.*number"),
    "centre": (lens_bytes(1, 640, 480, 500, 500, 1, np.inf), image_bytes(), "camera 1.*inf"),
    "lens": (lens_bytes(), image_bytes(lens=8), "camera 8"),
    "nan": (lens_bytes(), image_bytes(np.nan, 0, 0, 0, 0, 0, 0), "image 1.*finite"),
    "zero": (lens_bytes(), image_bytes(0, 0, 0, 0, 0, 0, 0), "image 1.*quaternion"),
    "huge": (lens_bytes(), image_bytes(1e300, 0, 0, 0, 0, 0, 0), "image 1.*quaternion"),
    "far": (lens_bytes(), image_bytes(1, 0, 0, 0, 0, 0, 1e12), "image 1.*near"),
    "endless name": (
        lens_bytes(),
        image_bytes()[:-14] + b"a" * 10_000,
        "a name that ends",
    ),
}


@pytest.mark.parametrize("case", COLMAP)
def test_bad_models(tmp_path: Path, case: str) -> None:
    cameras, images, match = COLMAP[case]
    refused(colmap.read_set, files.write_model(tmp_path, cameras, images), match)


def test_a_model_ends_at_every_byte(tmp_path: Path) -> None:
    cameras, images = files.colmap_bytes(points=1)
    for end in range(len(cameras)):
        refused(colmap.read_set, files.write_model(tmp_path, cameras[:end], images), "found")
    for end in range(len(images)):
        refused(colmap.read_set, files.write_model(tmp_path, cameras, images[:end]), "found")


TEXT_LENS = "7 PINHOLE 640 480 500 505 322 239\n"
TEXT_IMAGE = "1 1 0 0 0 0 0 0 7 a.png\n\n"
TEXT: dict[str, tuple[str, str, str]] = {
    "no images": (TEXT_LENS, "# none\n\n", "images"),
    "binary": ("\0" * 100, TEXT_IMAGE, "MODEL"),
    "short": ("7 PINHOLE 640\n", TEXT_IMAGE, "MODEL"),
    "model": (TEXT_LENS.replace("PINHOLE", "LOOKING_GLASS"), TEXT_IMAGE, "pinhole"),
    "parameters": ("7 PINHOLE 640 480 500\n", TEXT_IMAGE, "4 parameters"),
    "word": (TEXT_LENS.replace("505", "long"), TEXT_IMAGE, "numbers"),
    "size": (TEXT_LENS.replace("640", "1e3"), TEXT_IMAGE, "whole number"),
    "digits": (TEXT_LENS.replace("640", "6" * 5000), TEXT_IMAGE, "whole number"),
    "image": (TEXT_LENS, "1 1 0 0 0 0 0 0 7\n", "NAME"),
    "pose": (TEXT_LENS, TEXT_IMAGE.replace(" 1 0", " 1 nan"), "finite"),
    "long": (TEXT_LENS, "1 " * 20_000, "lines"),
}


@pytest.mark.parametrize("case", TEXT)
def test_bad_models_of_text(tmp_path: Path, case: str) -> None:
    cameras, images, match = TEXT[case]
    (tmp_path / "cameras.txt").write_text(cameras)
    (tmp_path / "images.txt").write_text(images)
    refused(colmap.read_set, tmp_path, match)


def test_half_a_model(tmp_path: Path) -> None:
    (tmp_path / "cameras.bin").write_bytes(lens_bytes())
    (tmp_path / "images.txt").write_text(TEXT_IMAGE)
    refused(read_camera_set, tmp_path / "cameras.bin", "not both")
    refused(read_camera_set, tmp_path, "another kind")


def test_points_are_not_taken_into_memory(tmp_path: Path) -> None:
    files.write_model(tmp_path, *files.colmap_bytes(points=200_000))
    read_camera_set(tmp_path)  # what is imported is not what is measured
    tracemalloc.start()
    read_camera_set(tmp_path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The points are 14 MB; the cameras, and the buffer of the file, some hundred kilobytes.
    assert most < 1 << 20


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_bytes_of_a_model_that_were_changed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    parts = [bytearray(part) for part in files.colmap_bytes(points=1)]
    changed = data.draw(st.sampled_from(parts))
    at = data.draw(st.integers(0, len(changed) - 1))
    new = data.draw(st.binary(min_size=1, max_size=12))
    changed[at : at + len(new)] = new
    folder = files.write_model(tmp_path_factory.mktemp("odd"), *map(bytes, parts))
    try:
        cameras = read_camera_set(folder)
    except SceneError:
        return
    assert_sound(cameras)


# NumPy ----------------------------------------------------------------------------------------


def array_file(folder: Path, array: Any) -> Path:
    file = folder / "poses_bounds.npy"
    np.save(file, array)
    return file


def changed(row: int, column: int, value: float) -> Any:
    rows = files.poses_bounds()
    rows[row, column] = value
    return rows


ARRAYS: dict[str, tuple[Any, str]] = {
    "objects": (np.array([{}], dtype=object), "shape"),
    "records": (np.zeros(3, dtype=[("a", "f8", 17)]), "shape"),
    "complex": (np.zeros((3, 17), complex), "shape"),
    "text": (np.full((3, 17), "1.0"), "shape"),
    "columns": (np.zeros((3, 15)), "shape"),
    "axes": (np.zeros((3, 17, 1)), "shape"),
    "scalar": (np.float64(3), "shape"),
    "zeros": (np.zeros((3, 17)), "row 1"),
    "nan": (changed(1, 3, np.nan), "row 2.*finite"),
    "infinite": (changed(2, 16, np.inf), "row 3.*finite"),
    "scaled": (changed(1, 0, 3.0), "row 2.*rigid"),
    "size": (changed(1, 4, 1e9), "row 2.*pixels"),
    "half": (changed(1, 9, 639.5), "row 2.*pixels"),
    "focal": (changed(1, 14, -500.0), "row 2.*focal"),
    "depths": (changed(1, 15, 10.0), "row 2.*depth"),
    "behind": (changed(1, 15, -1.0), "row 2.*depth"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_bad_arrays(tmp_path: Path, case: str) -> None:
    array, match = ARRAYS[case]
    refused(poses_bounds.read_set, array_file(tmp_path, array), match)


def header(words: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(words)) + words.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04" + bytes(100),
        b"\x80\x04]",
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 17), }\n"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 17), }\n") + bytes(99),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 17), }\n") + bytes(999),
        header("{'descr': '|V0', 'fortran_order': False, 'shape': (3, 17), }\n"),
        header("__import__('os').system('true')\n"),
        header("(" * 9000),
    ],
)
def test_bytes_that_are_no_such_array(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "poses_bounds.npy"
    file.write_bytes(data)
    refused(read_camera_set, file, "NumPy array|shape|bytes of numbers")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_bytes_of_an_array_that_were_changed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    stream = io.BytesIO()
    np.save(stream, files.poses_bounds())
    raw = bytearray(stream.getvalue())
    at = data.draw(st.integers(0, len(raw) - 1))
    new = data.draw(st.binary(min_size=1, max_size=12))
    raw[at : at + len(new)] = new
    file = tmp_path_factory.mktemp("odd") / "poses_bounds.npy"
    file.write_bytes(raw[: data.draw(st.sampled_from([len(raw), at]))])
    try:
        cameras = read_camera_set(file)
    except SceneError:
        return
    assert_sound(cameras)
