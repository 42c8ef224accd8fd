"""Camera-path files: real ones, round trips, and files that mean harm."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.errors import SceneError
from scenes.paths.files import path_formats, read_cameras, read_path, write_path
from scenes.paths.formats import plenoscope
from scenes.paths.interpolate import frame_times, pose_at
from scenes.paths.path import CameraPath, Keyframe
from scenes.paths.rotations import exponential, matrices_of
from tests.data import shared_data

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def some_path(**changes: Any) -> CameraPath:
    rng = np.random.default_rng(1)
    keys = []
    for index, time in enumerate((0.0, 0.5, 1.25)):
        pose = np.eye(4)
        pose[:3, :3] = matrices_of(exponential(rng.normal(size=3)))
        pose[:3, 3] = rng.normal(size=3)
        keys.append(Keyframe(time, pose, 0.7 + 0.1 * index, f"Blick {index} ä"))
    keys[1] = replace(keys[1], easing="in-out")
    return replace(CameraPath(tuple(keys), duration=2.0, fps=24.0, name="tour"), **changes)


def assert_same_clip(a: CameraPath, b: CameraPath) -> None:
    assert (a.duration, a.fps, a.loop) == (b.duration, b.fps, b.loop)
    times = frame_times(a)
    for found, expected in zip(pose_at(a, times), pose_at(b, times), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("interpolation", ["spline", "linear", "hold"])
def test_own_files_keep_everything(tmp_path: Path, interpolation: str) -> None:
    path = some_path(interpolation=interpolation, loop=True)
    file = tmp_path / "tour.json"
    write_path(path, file)
    back = read_path(file)
    assert_same_clip(back, path)
    assert (back.name, back.interpolation) == ("tour", interpolation)
    assert [(k.name, k.easing) for k in back.keys] == [(k.name, k.easing) for k in path.keys]
    assert [p.name for p in tmp_path.iterdir()] == ["tour.json"]
    stated = json.loads(file.read_text())
    assert stated["version"] == 1
    assert stated["units"]["angle"] == "degrees"
    assert stated["keys"][0]["fov"] == pytest.approx(np.rad2deg(0.7))


@pytest.mark.parametrize("loop", [False, True])
def test_nerfstudio_files_render_the_same_clip(tmp_path: Path, loop: bool) -> None:
    path = some_path(loop=loop)
    path = replace(path, keys=tuple(replace(k, easing="none") for k in path.keys))
    file = tmp_path / "tour.nerfstudio.json"
    write_path(path, file)
    record = json.loads(file.read_text())
    dense = np.array([f["camera_to_world"] for f in record["camera_path"]]).reshape(-1, 4, 4)
    poses, fov_y = pose_at(path, frame_times(path))
    np.testing.assert_allclose(dense, poses @ FLIP, atol=1e-12)
    np.testing.assert_allclose([f["fov"] for f in record["camera_path"]], np.rad2deg(fov_y))
    assert (record["fps"], record["seconds"], record["is_cycle"]) == (24.0, 2.0, loop)
    back = read_path(file)
    assert (back.duration, back.loop) == (2.0, loop)
    if loop:
        assert_same_clip(back, path)
    else:  # the hold at the end became a key
        assert [k.time for k in back.keys] == [0.0, 0.5, 1.25, 2.0]


def test_nerfstudio_keys_say_how_long_each_takes(tmp_path: Path) -> None:
    file = tmp_path / "late.nerfstudio.json"
    keys = tuple(replace(k, time=k.time + 0.25) for k in some_path().keys)
    write_path(some_path(keys=keys, loop=True), file)
    frames = json.loads(file.read_text())["keyframes"]
    assert [f["override_transition_sec"] for f in frames] == [0.5, 0.25, 0.5, 0.75]
    assert [k.time for k in read_path(file).keys] == [0.0, 0.25, 0.75, 1.5]


def test_real_nerfstudio_file_passes_the_dense_frames_at_its_keys() -> None:
    file = shared_data("cameras/nerfstudio_camera_path.json")
    path = read_path(file)
    assert (len(path.keys), path.duration, path.fps, path.loop) == (7, 4.0, 24.0, True)
    assert [k.name for k in path.keys][:2] == ["Camera 0", "Camera 1"]
    dense = np.array(
        [f["camera_to_world"] for f in json.loads(file.read_text())["camera_path"]]
    ).reshape(-1, 4, 4)
    poses, fov_y = pose_at(path, frame_times(path))
    assert len(poses) == len(dense) == 96
    np.testing.assert_allclose(np.rad2deg(fov_y), 50.0)
    on_keys = [12, 24, 36, 48, 69]
    np.testing.assert_allclose(poses[on_keys], dense[on_keys] @ FLIP, atol=1e-6)
    # Between keys nerfstudio's spline is another one, but it goes the same way.
    assert np.linalg.norm(poses[:, :3, 3] - dense[:, :3, 3], axis=1).max() < 0.04


def test_nerfstudio_rows_columns_and_default_times(tmp_path: Path) -> None:
    pose = some_path().keys[1].world_from_camera @ FLIP
    frames = [{"matrix": pose.ravel().tolist(), "fov": 40}, {"matrix": pose.T.ravel().tolist()}]
    record = {"keyframes": frames, "default_fov": 60.0, "default_transition_sec": 1.5, "fps": 30}
    file = tmp_path / "viser.json"
    file.write_text(json.dumps(record))
    path = read_path(file)
    assert [k.time for k in path.keys] == [0.0, 1.5]
    assert path.duration == 1.5
    np.testing.assert_allclose([np.rad2deg(k.fov_y) for k in path.keys], [40, 60])
    for key in path.keys:
        np.testing.assert_allclose(key.world_from_camera, pose @ FLIP, atol=1e-12)


def test_nerfstudio_frames_alone_become_keys(tmp_path: Path) -> None:
    file = tmp_path / "dense.json"
    frame = {"camera_to_world": np.eye(4).ravel().tolist(), "fov": 45}
    file.write_text(json.dumps({"camera_path": [frame] * 3, "fps": 10, "seconds": 0.3}))
    path = read_path(file)
    assert [k.time for k in path.keys] == pytest.approx([0, 0.1, 0.2])
    assert path.interpolation == "linear"


def test_real_training_cameras() -> None:
    file = shared_data("multiview/snowmiku_inria_cameras/cameras.json")
    cameras = read_cameras(file)
    name, camera = cameras[0]
    entry = json.loads(file.read_text())[0]
    assert len(cameras) == 97
    assert (name, camera.width, camera.height) == (entry["img_name"], 3958, 2968)
    assert (camera.fx, camera.cx, camera.cy) == (entry["fx"], 1979.0, 1484.0)
    np.testing.assert_allclose(camera.position, entry["position"], atol=1e-9)
    np.testing.assert_allclose(camera.world_from_camera[:3, :3], entry["rotation"], atol=1e-6)
    path = read_path(file)
    assert [k.time for k in path.keys][:3] == [0, 1, 2]
    assert path.duration == 96
    assert path.keys[0].fov_y == pytest.approx(camera.fov_y)


def test_training_cameras_with_their_own_principal_point(tmp_path: Path) -> None:
    entry = {"width": 100, "height": 50, "position": [0, 0, 0], "rotation": np.eye(3).tolist()}
    file = tmp_path / "cameras.json"
    file.write_text(json.dumps([{**entry, "fx": 80, "fy": 81, "cx": 45, "cy": 26}]))
    name, camera = read_cameras(file)[0]
    assert (name, camera.cx, camera.cy, camera.fy) == ("camera 1", 45, 26, 81)


def test_keys_of_a_path_are_cameras_too(tmp_path: Path) -> None:
    write_path(some_path(), tmp_path / "a.json")
    cameras = read_cameras(tmp_path / "a.json")
    assert [name for name, _ in cameras] == ["Blick 0 ä", "Blick 1 ä", "Blick 2 ä"]
    assert (cameras[0][1].width, cameras[0][1].height) == (1280, 720)
    assert cameras[0][1].fov_y == pytest.approx(0.7)


def test_writing_refuses_what_nobody_could_read(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"\.json"):
        write_path(some_path(), tmp_path / "a.txt")
    with pytest.raises(SceneError, match="keys"):
        write_path(CameraPath(), tmp_path / "a.json")
    with pytest.raises(SceneError, match="place to write"):
        write_path(some_path(), tmp_path / "nowhere" / "a.json")
    with pytest.raises(SceneError, match="frames"):
        write_path(some_path(duration=36_000.0, fps=1000.0), tmp_path / "a.nerfstudio.json")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_path(some_path(), file)
    before = file.read_bytes()
    (tmp_path / "a.json.part").mkdir()
    with pytest.raises(SceneError):
        write_path(some_path(fps=12.0), file)
    assert file.read_bytes() == before


def broken(change: Any) -> str:
    record = plenoscope.to_json(some_path())
    change(record)
    return json.dumps(record)


HOSTILE: dict[str, tuple[str, str]] = {
    "no json": ('{"format": "plenoscope-path", ', "line 1"),
    "empty": ("", "JSON"),
    "other": ('{"a": 1}', "camera path"),
    "list": ("[1, 2]", "object"),
    "newer": (broken(lambda r: r.update(version=2)), "newer"),
    "version": (broken(lambda r: r.update(version="1")), "version.*number"),
    "no keys": (broken(lambda r: r.pop("keys")), "keys"),
    "keys": (broken(lambda r: r.update(keys=7)), "a list"),
    "key": (broken(lambda r: r["keys"].__setitem__(2, 7)), "key 3"),
    "time": (broken(lambda r: r["keys"][1].update(time="x")), "key 2, time"),
    "bool": (broken(lambda r: r["keys"][1].update(time=True)), "key 2, time"),
    "negative": (broken(lambda r: r["keys"][1].update(time=-1)), "key 2, time"),
    "fov": (broken(lambda r: r["keys"][0].update(fov=180)), "key 1, fov"),
    "name": (broken(lambda r: r["keys"][0].update(name="x" * 9999)), "key 1, name"),
    "easing": (broken(lambda r: r["keys"][0].update(easing="bounce")), "key 1, easing"),
    "rows": (broken(lambda r: r["keys"][0]["world_from_camera"].pop()), "4 rows"),
    "scale": (
        broken(lambda r: r["keys"][2].update(world_from_camera=np.diag([2, 2, 2, 1]).tolist())),
        "key 3.*scales",
    ),
    "huge scale": (
        broken(lambda r: r["keys"][2].update(world_from_camera=np.diag([1e300] * 4).tolist())),
        "key 3",
    ),
    "mirror": (
        broken(lambda r: r["keys"][2].update(world_from_camera=np.diag([1, 1, -1, 1]).tolist())),
        "key 3.*mirror",
    ),
    "nan": (broken(lambda r: r.update(fps=float("nan"))), "NaN"),
    "infinite": (broken(lambda r: r.update(fps=4)).replace('"fps": 4', '"fps": 1e999'), "finite"),
    "digits": (broken(lambda r: r.update(fps=4)).replace("4", "4" * 5000, 1), "."),
    "huge": (broken(lambda r: r.update(duration=10**300)), "duration"),
    "integer": (broken(lambda r: r.update(duration=10**400)), "duration.*finite"),
    "nesting": ("[" * 200_000, "."),
    "nested object": ('{"format":"plenoscope-path","keys":' + "[" * 100_000, "."),
    "axes": (broken(lambda r: r.update(axes="opengl")), "axes"),
    "loop": (broken(lambda r: r.update(loop=1)), "loop"),
    "ns sphere": ('{"keyframes": [], "camera_type": "equirectangular"}', "perspective"),
    "ns empty": ('{"keyframes": [], "camera_path": []}', "keyframes or frames"),
    "ns object": ('{"keyframes": {"matrix": 1}}', "a list"),
    "ns matrix": ('{"keyframes": [{"matrix": "[1, 2"}]}', "key 1, matrix"),
    "ns count": ('{"keyframes": [{"matrix": [1, 2]}]}', "key 1, matrix.*16"),
    "ns long": (
        json.dumps({"keyframes": [{"matrix": np.eye(4).ravel().tolist()}] * 2, "fps": 1e9}),
        "fps",
    ),
    "ns times": (
        json.dumps(
            {
                "keyframes": [
                    {"matrix": np.eye(4).ravel().tolist(), "properties": '[["TIME", 7]]'}
                ],
                "seconds": 3,
            }
        ),
        "key 1, TIME",
    ),
    "inria entry": ('[{"rotation": 1, "position": 2}]', "camera 1, rotation"),
    "inria size": (
        json.dumps(
            [
                {
                    "rotation": np.eye(3).tolist(),
                    "position": [0, 0, 0],
                    "width": 10**9,
                    "height": 1,
                }
            ]
        ),
        "camera 1, width",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_end_in_one_error_that_names_the_place(tmp_path: Path, case: str) -> None:
    text, expected = HOSTILE[case]
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(SceneError, match=expected) as caught:
        read_path(file)
    assert "bad.json" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_missing_folders_and_bytes(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="nothing of that name"):
        read_path(tmp_path / "no.json")
    with pytest.raises(SceneError):
        read_path(tmp_path)
    binary = tmp_path / "x.json"
    binary.write_bytes(b'{"\xff\xfe')
    with pytest.raises(SceneError, match="byte 2"):
        read_path(binary)
    other = tmp_path / "x.bin"
    other.write_bytes(b"\0" * 100)
    with pytest.raises(SceneError, match="another kind"):
        read_path(other)


def test_a_file_over_the_limit_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenes.paths.json_file.LARGEST_FILE", 1000)
    file = tmp_path / "large.json"
    file.write_text(json.dumps(plenoscope.to_json(some_path())))
    with pytest.raises(SceneError, match="larger"):
        read_path(file)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_value_of_any_kind_in_any_place_is_an_error_or_a_path(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    record = plenoscope.to_json(some_path())
    odd = data.draw(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.floats())
        | st.lists(st.integers(), max_size=4)
        | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
    )
    place = data.draw(st.sampled_from([*record, "inside"]))
    if place == "inside":
        record["keys"][1][data.draw(st.sampled_from(list(record["keys"][1])))] = odd
    else:
        record[place] = odd
    file = tmp_path_factory.mktemp("odd") / "odd.json"
    file.write_text(json.dumps(record))
    try:
        path = read_path(file)
    except SceneError:
        return
    if path.keys:
        assert np.isfinite(pose_at(path, [0.0, 0.3])[0]).all()


def test_every_path_format_is_found_and_names_itself() -> None:
    found = {format.name: format for format in path_formats()}
    assert set(found) >= {"plenoscope", "nerfstudio", "inria"}
    assert all(format.kind == "path" for format in found.values())
    endings = [e for f in found.values() for e in f.extensions]
    assert len(endings) == len(set(endings))
