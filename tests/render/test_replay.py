"""Captured frames: whole in one file, the same when drawn again, refused when damaged."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render import replay as module
from render.render import prepared, render
from render.replay import ALIKE, profiled, read_capture, replay, write_capture
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.planes import Plane, PlaneScene
from scenes.samples import make_sample
from scenes.transforms import ORIENTATIONS

SIZE = (96, 54)
MACHINE = {"cpu": "an abacus"}


def stack() -> PlaneScene:
    """Three random planes."""
    camera = Camera(np.eye(4), *SIZE, 90.0, 91.0, 47.0, 28.0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, SIZE[1], SIZE[0], 4), dtype=np.uint8)
    layers = (Plane.facing(camera, 1.0 + k, image) for k, image in enumerate(images))
    return PlaneScene(tuple(layers), camera, name="stack")


SCENES: dict[str, Callable[[], Any]] = {
    "gaussians": lambda: make_sample("spheres", 2000),
    "planes": stack,
    "radiance": lambda: make_sample("field-spheres"),
    "distance": lambda: make_sample("field-knot"),
}


def capture(scene: Any, file: Path, **changes: Any) -> RenderRequest:
    """A request of a scene, rendered and written."""
    request = RenderRequest(scene, scene.default_camera(*SIZE), RenderSettings(**changes))
    write_capture(request, render(request), MACHINE, file)
    return request


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of splats."""
    file = tmp_path_factory.mktemp("captures") / "good.capture"
    capture(SCENES["gaussians"](), file)
    return file


@pytest.mark.parametrize("kind", SCENES)
def test_every_kind_of_scene_comes_back_with_its_picture(kind: str, tmp_path: Path) -> None:
    scene = prepared(SCENES[kind](), "cpu")
    capture(scene, tmp_path / "a.capture")
    captured = read_capture(tmp_path / "a.capture")
    assert captured.request.scene.name == scene.name
    figures = replay(captured, captured.backend, frames=2, warm_up=1)
    # Of splats, logarithms and logits are rounded once; the others are kept to the bit.
    assert figures["psnr"] > 90 if kind == "gaussians" else math.isinf(figures["psnr"])
    assert figures["frames"][0]["camera"] == "captured"
    assert figures["kernels"][-1]["name"] == "other"


def test_the_request_comes_back_to_the_bit(tmp_path: Path) -> None:
    scene = SCENES["gaussians"]()
    camera = replace(scene.default_camera(*SIZE), cx=47.123456789, fx=81.0 / 7)
    request = RenderRequest(
        scene,
        camera,
        RenderSettings("mip", 1, 0.5, None, "depth", "cpu", True, False, "neus"),
        outputs=("depth", "alpha"),
        supersample=2,
        effort=0.5,
        world_from_file=ORIENTATIONS["z-up"].world_from_file,
    )
    write_capture(request, render(request), MACHINE, tmp_path / "a.capture")
    found = read_capture(tmp_path / "a.capture").request
    for name in ("settings", "outputs", "display", "supersample", "effort"):
        assert getattr(found, name) == getattr(request, name), name
    assert np.array_equal(found.world_from_file, request.world_from_file)
    assert np.array_equal(found.camera.camera_from_world, camera.camera_from_world)
    for name in ("width", "height", "fx", "fy", "cx", "cy", "projection"):
        assert getattr(found.camera, name) == getattr(camera, name), name


def test_the_same_frame_makes_the_same_file(tmp_path: Path, good: Path) -> None:
    capture(SCENES["gaussians"](), tmp_path / "again.capture")
    assert (tmp_path / "again.capture").read_bytes() == good.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["again.capture"]


def test_another_picture_is_noticed(good: Path) -> None:
    captured = read_capture(good)
    darker = replace(captured, picture=captured.picture // 2)
    assert replay(darker, "cpu", frames=1, warm_up=0)["psnr"] < ALIKE


def test_the_reference_is_like_the_backend_that_drew(good: Path) -> None:
    # 8 bits of pictures that agree to 60 dB differ by a step at most.
    assert replay(read_capture(good), "reference", frames=1, warm_up=0)["psnr"] > ALIKE


def test_only_measured_frames_are_profiled(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    class Profiler:
        def __enter__(self) -> None:
            happened.append("start")

        def __exit__(self, *ended: object) -> None:
            happened.append("stop")

    def drawn(request: RenderRequest) -> Any:
        happened.append("frame")
        return render(request)

    monkeypatch.setattr(module, "profiled", lambda backend: Profiler())
    monkeypatch.setattr(module, "render", drawn)
    replay(read_capture(good), "cpu", frames=2, warm_up=1)
    assert happened == ["frame", "start", "frame", "frame", "stop"]


def test_the_profiler_of_cuda_is_told_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    told: list[str] = []

    class Runtime:
        def cudaProfilerStart(self) -> int:
            told.append("start")
            return 0

        def cudaProfilerStop(self) -> int:
            told.append("stop")
            return 0

    monkeypatch.setattr(torch.cuda.profiler, "cudart", Runtime)
    monkeypatch.setattr(torch.cuda.profiler, "check_error", lambda code: None)
    monkeypatch.setattr(module, "interpreted", lambda: False)
    with profiled("cuda"):
        told.append("frames")
    with profiled("cpu"):
        pass
    assert told == ["start", "frames", "stop"]


def test_cancel_leaves_no_file(tmp_path: Path) -> None:
    scene = SCENES["gaussians"]()
    request = RenderRequest(scene, scene.default_camera(*SIZE))
    with pytest.raises(Cancelled):
        write_capture(
            request, render(request), MACHINE, tmp_path / "a.capture", cancel=lambda: True
        )
    assert list(tmp_path.iterdir()) == []


def test_reading_can_be_cancelled(good: Path) -> None:
    with pytest.raises(Cancelled):
        read_capture(good, cancel=lambda: True)


def changed(good: Path, target: Path, **entries: Any) -> Path:
    """A capture with other entries: bytes, a function of the JSON, or None for none.

    Names have ``_`` for the dot.
    """
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            data: Any = source.read(name)
            change = entries.get(name.replace(".", "_"), data)
            if callable(change):
                value = json.loads(data)
                change(value)
                change = json.dumps(value)
            if change is not None:
                out.writestr(name, change)
    return target


def sets(*path: str, to: Any) -> Callable[[Any], None]:
    """A change of one value of the description."""

    def change(value: Any) -> None:
        for name in path[:-1]:
            value = value[name]
        value[path[-1]] = to

    return change


HOSTILE: dict[str, dict[str, Any]] = {
    "no description": {"capture_json": None},
    "no picture": {"picture_png": None},
    "no scene": {"scene_ply": None},
    "another scene": {"scene_ply": b"ply\n"},
    "no JSON": {"capture_json": b"\xff{"},
    "another format": {"capture_json": sets("format", to="else")},
    "from the future": {"capture_json": sets("version", to=2)},
    "a scene outside": {"capture_json": sets("scene", "file", to="../../etc/passwd")},
    "no hash": {"capture_json": sets("scene", "sha256", to=None)},
    "a sheared camera": {
        "capture_json": sets("request", "camera", "camera_from_world", to=[[2.0] * 4] * 4)
    },
    "a huge camera": {"capture_json": sets("request", "camera", "size", to=[90000, 90000])},
    "a smaller camera": {"capture_json": sets("request", "camera", "size", to=[95, 54])},
    "samples without end": {"capture_json": sets("request", "supersample", to=1000)},
    "an unknown backend": {"capture_json": sets("backend", to="abacus")},
    "an unknown output": {"capture_json": sets("request", "outputs", to=["smell"])},
    "a scaling display": {"capture_json": sets("request", "world_from_file", to=[[3.0] * 4] * 4)},
    "a picture of words": {"picture_png": b"words"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_wrong_is_said_in_one_sentence(case: str, good: Path, tmp_path: Path) -> None:
    file = changed(good, tmp_path / "bad.capture", **HOSTILE[case])
    with pytest.raises(SceneError) as caught:
        read_capture(file)
    assert "expected" in str(caught.value)


def test_other_files_are_refused(tmp_path: Path, good: Path) -> None:
    (tmp_path / "words.txt").write_text("words")
    (tmp_path / "half.capture").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    with zipfile.ZipFile(tmp_path / "bomb.capture", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("capture.json", b" " * (1 << 24))
    for name in ("words.txt", "half.capture", "bomb.capture", "nothing.capture", "."):
        with pytest.raises(SceneError):
            read_capture(tmp_path / name)


def test_a_kind_without_a_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = SCENES["planes"]()
    request = RenderRequest(scene, scene.default_camera(*SIZE))
    monkeypatch.delitem(module.SCENES, "planes")
    with pytest.raises(SceneError):
        write_capture(request, render(request), MACHINE, tmp_path / "a.capture")
