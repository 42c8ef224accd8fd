"""Camera sets: each format says the same cameras, real files of one capture agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.paths.camera_sets import CameraSet, natural
from scenes.paths.files import read_camera_set, read_cameras, read_path, write_path
from scenes.paths.interpolate import pose_at
from scenes.paths.path import CameraPath, Keyframe
from scenes.paths.rotations import matrices_of
from tests.data import shared_data
from tests.scenes.camera_set_files import (
    NAMES,
    OPENGL,
    colmap_bytes,
    colmap_text,
    ingp_path,
    poses_bounds,
    quaternions,
    some_cameras,
    transforms,
    write_model,
)

EXACT = 1e-12
"""Of numbers that pass through a few float64 operations."""


def written(folder: Path, record: Any, name: str = "transforms.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(record))
    return file


def picture(folder: Path, name: str, size: tuple[int, int] = (40, 30)) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(file)
    return file


def assert_same(found: CameraSet, square: bool = False) -> None:
    assert found.names == ("photo_1", "photo_2", "photo_10")
    for camera, expected in zip(found.cameras, some_cameras(), strict=True):
        np.testing.assert_allclose(camera.camera_from_world, expected.camera_from_world, atol=EXACT)
        assert (camera.width, camera.height, camera.fx) == (640, 480, 500)
        lens = (500, 320, 240) if square else (505, 322, 239)
        assert (camera.fy, camera.cx, camera.cy) == lens


def test_names_are_in_the_order_of_people() -> None:
    names = ["r_10", "r_2", "r_1", "R", "a10b2", "a10b10", "10", "9", "", "٣x"]
    expected = ["", "9", "10", "R", "a10b2", "a10b10", "r_1", "r_2", "r_10", "٣x"]
    assert sorted(names, key=natural) == expected


# transforms.json ------------------------------------------------------------------------------


def test_transforms(tmp_path: Path) -> None:
    found = picture(tmp_path, "images/photo_2.jpg")
    file = written(tmp_path, transforms())
    cameras = read_camera_set(file)
    assert_same(cameras)
    assert cameras.pictures == (None, found, None)
    assert cameras.warnings == ("2 of 3 pictures are not beside the file.",)
    assert [name for name, _ in read_cameras(file)] == list(cameras.names)
    path = read_path(file)
    assert [(key.time, key.name) for key in path.keys] == [*enumerate(cameras.names)]
    assert path.duration == 2


def lens_of(tmp_path: Path, frame: dict[str, Any] | None = None, **given: Any) -> Camera:
    matrix = np.eye(4).tolist()
    record = {**given, "frames": [{"file_path": "a", "transform_matrix": matrix, **(frame or {})}]}
    return read_camera_set(written(tmp_path, record)).cameras[0]


@pytest.mark.parametrize(
    ("given", "focal"),
    [
        ({"camera_angle_x": np.pi / 2}, (100, 100)),
        ({"camera_angle_y": np.pi / 2}, (50, 50)),
        ({"camera_angle_x": np.pi / 2, "camera_angle_y": np.pi / 2}, (100, 50)),
        ({"x_fov": 90}, (100, 100)),
        ({"x_fov": 90, "fl_x": 7, "camera_angle_x": 1}, (100, 100)),
        ({"fl_x": 70, "camera_angle_x": 1}, (70, 70)),
        ({"fl_x": 70, "fl_y": 75}, (70, 75)),
        ({"fl_y": 75}, (75, 75)),
    ],
)
def test_every_spelling_of_a_focal_length(
    tmp_path: Path, given: dict[str, Any], focal: tuple[float, float]
) -> None:
    everywhere = lens_of(tmp_path, w=200, h=100, **given)
    inside = lens_of(tmp_path, {"w": 200, "h": 100, **given}, w=9, h=9, fl_x=1, fl_y=2)
    for camera in (everywhere, inside):
        assert (camera.fx, camera.fy) == pytest.approx(focal, rel=EXACT)
        assert (camera.width, camera.height, camera.cx, camera.cy) == (200, 100, 100, 50)


def test_the_size_is_that_of_the_picture_beside(tmp_path: Path) -> None:
    lens = {"camera_angle_x": np.pi / 2}
    plain = lens_of(tmp_path, **lens)
    assert (plain.width, plain.height, plain.cx) == (800, 800, 400)
    assert plain.fx == pytest.approx(400, rel=EXACT)
    with pytest.raises(SceneError, match="size of the pictures"):
        lens_of(tmp_path, fl_x=100)
    picture(tmp_path, "a.png")
    beside = lens_of(tmp_path, **lens)
    assert (beside.width, beside.height, beside.cx, beside.cy) == (40, 30, 20, 15)
    (tmp_path / "a.png").write_bytes(b"no picture at all")
    with pytest.raises(SceneError, match="picture"):
        lens_of(tmp_path, **lens)


def test_poses_of_three_rows_of_shutters_and_of_mitsuba(tmp_path: Path) -> None:
    record = transforms()
    for frame in record["frames"]:
        frame["transform_matrix_start"] = frame.pop("transform_matrix")[:3]
        frame["transform_matrix_end"] = np.eye(4).tolist()
    cameras = read_camera_set(written(tmp_path, record))
    assert_same(cameras)
    assert "3 of 3 cameras move" in cameras.warnings[0]
    turned = np.diag([-1.0, -1.0, 1.0, 1.0])
    record = transforms(from_mitsuba=True)
    for frame in record["frames"]:
        frame["transform_matrix"] = (np.array(frame["transform_matrix"]) @ OPENGL @ turned).tolist()
    assert_same(read_camera_set(written(tmp_path, record)))


@pytest.mark.parametrize(
    "lens",
    [
        {"k1": 0.1},
        {"k1": 0, "p2": -0.01},
        {"is_fisheye": True},
        {"camera_model": "OPENCV_FISHEYE"},
        {"distortion_params": [0, 0, 0.1, 0, 0, 0]},
    ],
)
def test_distortion_is_told(tmp_path: Path, lens: dict[str, Any]) -> None:
    cameras = read_camera_set(written(tmp_path, transforms(**lens)))
    assert_same(cameras)
    assert "3 of 3 cameras is distorted" in cameras.warnings[0]
    straight = transforms(camera_model="OPENCV", k1=0, is_fisheye=False, distortion_params=[0.0])
    assert len(read_camera_set(written(tmp_path, straight)).warnings) == 1


def cube_of(tmp_path: Path, **given: Any) -> tuple[NDArray[np.float64], float]:
    cube = read_camera_set(written(tmp_path, transforms(**given))).cube
    assert cube is not None
    return cube.cube_from_world @ [1.0, 2.0, 3.0, 1.0], cube.aabb_scale


def test_where_instant_ngp_puts_the_scene(tmp_path: Path) -> None:
    at, side = cube_of(tmp_path)
    np.testing.assert_allclose(at, [1.16, 1.49, 0.83, 1], atol=EXACT)
    assert side == 1
    at, side = cube_of(tmp_path, scale=2, offset=[0.1, 0.2, 0.3], aabb_scale=16)
    np.testing.assert_allclose(at, [4.2, 6.3, 2.1, 1], atol=EXACT)
    assert side == 16
    # The centre of the box is the centre of the cube, its longest side the cube's.
    at, _ = cube_of(tmp_path, aabb=[[0, 0, 1], [2, 4, 5]], scale=9)
    np.testing.assert_allclose(at, [0.5, 0.5, 0.5, 1], atol=EXACT)
    at, _ = cube_of(tmp_path, from_mitsuba=True)
    np.testing.assert_allclose(at, [0.825, 1.485, 2.145, 1], atol=EXACT)


def test_real_synthetic_scene() -> None:
    file = shared_data("multiview/nerf_synthetic_chair/transforms_train.json")
    cameras = read_camera_set(file)
    assert cameras.names[:4] == ("r_0", "r_3", "r_6", "r_12")
    assert cameras.warnings == ()
    assert all(found is not None and found.suffix == ".png" for found in cameras.pictures)
    assert all((c.width, c.height) == (800, 800) for c in cameras.cameras)
    # The cameras of these scenes lie on a sphere around the origin and have it in the centre of
    # the picture; the numbers are printed from single precision (6e-8 relative, some operations).
    for camera in cameras.cameras:
        origin = camera.camera_from_world[:3, 3]
        np.testing.assert_allclose(origin, [0, 0, np.sqrt(16.25)], atol=5e-6)


# COLMAP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "sparse/0", "sparse", "0"])
def test_colmap_binary(tmp_path: Path, place: str) -> None:
    found = picture(tmp_path, "images/photo_2.jpg")
    folder = write_model(tmp_path / place, *colmap_bytes())
    opened = [tmp_path, folder, folder / "cameras.bin", folder / "images.bin"]
    for path in opened:
        cameras = read_camera_set(path)
        assert_same(cameras)
        assert cameras.pictures == (None, found, None)
    assert read_path(tmp_path).duration == 2


def test_colmap_text(tmp_path: Path) -> None:
    write_model(tmp_path, b"not", b"these")
    for name, text in zip(("cameras.txt", "images.txt"), colmap_text(), strict=True):
        (tmp_path / name).write_text(text)
    assert_same(read_camera_set(tmp_path / "images.txt"))
    with pytest.raises(SceneError):  # the folder alone means the binary files
        read_camera_set(tmp_path)
    (tmp_path / "images.bin").unlink()
    assert_same(read_camera_set(tmp_path))


MODELS = {
    0: (500.0, 322.0, 239.0),
    2: (500.0, 322.0, 239.0, 0.1),
    3: (500.0, 322.0, 239.0, 0.1, 0.0),
    4: (500.0, 505.0, 322.0, 239.0, 0.1, 0.0, 0.0, 0.0),
    5: (500.0, 505.0, 322.0, 239.0, 0.0, 0.0, 0.0, 0.0),
    6: (500.0, 505.0, 322.0, 239.0, 0.1, *[0.0] * 7),
    7: (500.0, 505.0, 322.0, 239.0, 0.9),
    8: (500.0, 322.0, 239.0, 0.0),
    9: (500.0, 322.0, 239.0, 0.0, 0.0),
    10: (500.0, 505.0, 322.0, 239.0, *[0.0] * 8),
    11: (500.0, 505.0, 322.0, 239.0, *[0.0] * 12),
    12: (500.0, 322.0, 239.0, -0.1),
    13: (500.0, 505.0, 322.0, 239.0, -0.1),
    14: (500.0, 322.0, 239.0),
    15: (500.0, 505.0, 322.0, 239.0),
    16: (500.0, 505.0, 322.0, 239.0, 0.5, 1.0),
}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_of_colmap_with_a_pinhole(tmp_path: Path, model: int) -> None:
    write_model(tmp_path, *colmap_bytes(model, MODELS[model]))
    cameras = read_camera_set(tmp_path)
    for camera in cameras.cameras:
        focal_y = 505 if 505.0 in MODELS[model] else 500
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500, focal_y, 322, 239)
    told = [sentence for sentence in cameras.warnings if "distorted" in sentence]
    assert len(told) == (model != 0)


def test_a_model_of_colmap_without_distortion_is_not_told(tmp_path: Path) -> None:
    write_model(tmp_path, *colmap_bytes(4, (500.0, 505.0, 322.0, 239.0, *[0.0] * 4)))
    assert len(read_camera_set(tmp_path).warnings) == 1


# Local light field fusion ---------------------------------------------------------------------


def test_poses_bounds(tmp_path: Path) -> None:
    file = tmp_path / "poses_bounds.npy"
    np.save(file, poses_bounds())
    cameras = read_camera_set(file)
    assert cameras.names == ("view 1", "view 2", "view 3")
    assert cameras.depths is not None
    np.testing.assert_array_equal(cameras.depths, [[0.5, 9]] * 3)
    found = [picture(tmp_path, f"images/{name}") for name in NAMES]
    # The order is that of plain names there: 1, 10, 2.
    order = [0, 2, 1]
    np.save(file, np.asfortranarray(poses_bounds()[order].astype(">f8")))
    cameras = read_camera_set(file)
    assert cameras.pictures == tuple(found[i] for i in order)
    assert cameras.warnings == ()
    assert_same(cameras.ordered(order), square=True)


# instant-ngp paths ----------------------------------------------------------------------------


def test_ingp_path(tmp_path: Path) -> None:
    path = read_path(written(tmp_path, ingp_path(), "base.json"))
    assert [key.time for key in path.keys] == [0, 1, 2]
    assert (path.duration, path.loop, path.interpolation) == (2, False, "spline")
    for index, key in enumerate(path.keys):
        np.testing.assert_allclose(
            key.world_from_camera[:3, :3], matrices_of(quaternions()[index]), atol=EXACT
        )
        np.testing.assert_array_equal(key.world_from_camera[:3, 3], [0.5, 0.25 * index, 0.5])
        assert np.rad2deg(key.fov_y) == pytest.approx(50 + index)


def test_ingp_times(tmp_path: Path) -> None:
    record = ingp_path(duration_seconds=6.0, spline_order=1)
    for item, time in zip(record["path"], (1, 3, 4), strict=True):
        item["timestamp"] = time
    path = read_path(written(tmp_path, record, "a_cam.json"))
    assert [key.time for key in path.keys] == [0, 2, 6]
    assert path.interpolation == "linear"
    path = read_path(written(tmp_path, {**record, "loop": True}, "a_cam.json"))
    assert [key.time for key in path.keys] == [0, 1.5, 4.5]
    assert path.loop
    record["path"][2]["timestamp"] = 3  # not in order: they are evenly apart
    path = read_path(written(tmp_path, record, "a_cam.json"))
    assert [key.time for key in path.keys] == [0, 3, 6]


def test_real_ingp_path() -> None:
    file = shared_data("cameras/ingp_base_cam.json")
    path = read_path(file)
    record = json.loads(file.read_text())["path"]
    assert (len(path.keys), path.duration, path.loop) == (5, 1.0, False)
    assert [key.time for key in path.keys] == [0, 0.25, 0.5, 0.75, 1]
    poses, fov_y = pose_at(path, [key.time for key in path.keys])
    np.testing.assert_allclose(poses[:, :3, 3], [item["T"] for item in record], atol=EXACT)
    np.testing.assert_allclose(np.rad2deg(fov_y), 50.625)
    # Its cameras circle around what they look at: every view has the middle of the cube in front.
    ahead = np.einsum("nk,nk->n", poses[:, :3, 2], 0.5 - poses[:, :3, 3])
    assert (ahead > 0).all()


def test_a_path_is_no_set_of_cameras(tmp_path: Path) -> None:
    write_path(CameraPath((Keyframe(0.0, np.eye(4), 1.0),)), tmp_path / "a.json")
    for file in (tmp_path / "a.json", written(tmp_path, ingp_path(), "b_cam.json")):
        with pytest.raises(SceneError, match="set of cameras"):
            read_camera_set(file)
        assert read_cameras(file)[0][1].height == 720


# One capture, three files ---------------------------------------------------------------------


def poses_of(cameras: CameraSet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotations camera from world (N, 3, 3), and positions (N, 3)."""
    return (
        np.array([camera.camera_from_world[:3, :3] for camera in cameras.cameras]),
        np.array([camera.position for camera in cameras.cameras]),
    )


@pytest.mark.parametrize("other", ["transforms_train.json", "transforms_test.json",
                                   "poses_bounds.npy"])  # fmt: skip
def test_three_files_of_one_capture_agree(other: str) -> None:
    folder = shared_data("multiview/bird_llff_colmap")
    model = read_camera_set(folder)
    second = read_camera_set(folder / other)
    first = model.ordered(model.names.index(name) for name in second.names)
    assert first.pictures == second.pictures
    assert all(found is not None for found in first.pictures)
    (turns, places), (other_turns, other_places) = poses_of(first), poses_of(second)

    # From camera to camera a similarity of the world does not matter. All files were computed
    # from one model in float64 and are printed in full: a few hundred operations remain.
    pairs = turns[1:] @ turns[:-1].transpose(0, 2, 1)
    other_pairs = other_turns[1:] @ other_turns[:-1].transpose(0, 2, 1)
    np.testing.assert_allclose(other_pairs, pairs, atol=1e-9)

    # Turned as the first camera says, positions differ by scale and offset (Umeyama 1991).
    turn = other_turns[0].T @ turns[0]
    spread = (places - places.mean(axis=0)) @ turn.T
    other_spread = other_places - other_places.mean(axis=0)
    scale = np.linalg.norm(other_spread) / np.linalg.norm(spread)
    np.testing.assert_allclose(other_spread, scale * spread, atol=1e-9 * np.abs(spread).max())
    if other == "poses_bounds.npy":  # which has the frame of the model
        np.testing.assert_allclose(other_places, places, atol=1e-9)
        assert scale == pytest.approx(1, abs=1e-9)
