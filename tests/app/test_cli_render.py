"""``plenoscope render`` and ``bench``: their pixels are those of :func:`render.render.render`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.cli.main import main
from kernels.timing import KernelRecord
from render.bench import bench, orbit_cameras
from render.render import render
from render.request import OUTPUTS, Frame, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene
from scenes.paths.files import write_path
from scenes.paths.interpolate import cameras_of
from scenes.samples import make_sample, tour
from tests.data import ROOT, shared_data

SIZE = "64x36"


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of 3000 splats on disk."""
    file = tmp_path_factory.mktemp("scene") / "small.ply"
    save_scene(make_sample("spheres", 3000), file)
    return file


@pytest.fixture(scope="module")
def scene(scene_file: Path) -> GaussianScene:
    return open_scene(scene_file)


@pytest.fixture
def path_file(tmp_path: Path) -> Path:
    """The tour of the sample, 21 s at 30 frames a second or so."""
    file = tmp_path / "tour.json"
    write_path(tour(make_sample("spheres", 1000)), file)
    return file


@pytest.fixture
def cameras_file(tmp_path: Path) -> tuple[Path, list[Camera]]:
    """Two cameras as the Inria code writes them, with uneven focal lengths and another centre."""
    cameras = []
    for index, eye in enumerate([(0.6, -3.6, -6.6), (5.6, -2.6, -3.4)]):
        seen = Camera.look_at(eye, (0, -0.45, 0.1), width=70 + index, height=50)
        cameras.append(
            Camera(seen.camera_from_world, seen.width, seen.height, 61.0, 64.0 + index, 33.25, 26.5)
        )
    file = tmp_path / "cameras.json"
    entries = [
        {
            "id": index, "img_name": f"view {index}", "width": camera.width,
            "height": camera.height, "position": camera.position.tolist(),
            "rotation": camera.world_from_camera[:3, :3].tolist(),
            "fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy,
        }
        for index, camera in enumerate(cameras)
    ]  # fmt: skip
    file.write_text(json.dumps(entries))
    return file, cameras


def expected(scene: GaussianScene, camera: Camera, **settings: Any) -> Frame:
    """What the window would show."""
    return render(RenderRequest(scene, camera, RenderSettings(**settings), outputs=OUTPUTS))


def picture(file: Path) -> Any:
    with Image.open(file) as image:
        return np.asarray(image)


def run_render(scene_file: Path, out: Path, *more: object) -> int:
    return main(["render", str(scene_file), "-o", str(out), *map(str, more)])


def test_arrays_are_those_of_the_renderer(
    scene_file: Path, scene: GaussianScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.npz"
    assert run_render(scene_file, out, "--size", SIZE, "--background", "0.5,0,1") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
    images = expected(scene, scene.default_camera(64, 36), background=(0.5, 0.0, 1.0)).images
    with np.load(out) as arrays:
        assert set(arrays) == {"color", "alpha", "depth"}
        assert arrays["color"].shape == (36, 64, 3)
        assert arrays["alpha"].shape == arrays["depth"].shape == (36, 64)
        for name in OUTPUTS:
            assert arrays[name].dtype == np.float32
            np.testing.assert_allclose(arrays[name], images[name], rtol=0, atol=1e-6)
        clear = arrays["alpha"] == 0
        assert (arrays["depth"][clear] == 0).all()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.npz"]


def test_inria_cameras_are_used_exactly(
    scene_file: Path, scene: GaussianScene, tmp_path: Path,
    cameras_file: tuple[Path, list[Camera]],
) -> None:  # fmt: skip
    file, cameras = cameras_file
    out = tmp_path / "a.npz"
    assert run_render(scene_file, out, "--cameras", file, "--index", 1) == 0
    with np.load(out) as arrays:
        assert arrays["color"].shape == (50, 71, 3)
        images = expected(scene, cameras[1]).images
        np.testing.assert_allclose(arrays["color"], images["color"], rtol=0, atol=1e-4)
        other = expected(scene, cameras[0].resized(71, 50)).images["color"]
        assert np.abs(arrays["color"] - other).max() > 0.1
    assert run_render(scene_file, out, "--cameras", file, "--size", SIZE, "--overwrite") == 0
    with np.load(out) as arrays:
        images = expected(scene, cameras[0].resized(64, 36)).images
        np.testing.assert_allclose(arrays["color"], images["color"], rtol=0, atol=1e-4)


def test_real_inria_cameras(scene_file: Path, tmp_path: Path) -> None:
    file = shared_data("multiview/snowmiku_inria_cameras/cameras.json")
    out = tmp_path / "a.png"
    assert run_render(scene_file, out, "--cameras", file, "--index", 96, "--size", SIZE) == 0
    assert picture(out).shape == (36, 64, 3)


def test_an_index_too_far(
    scene_file: Path, tmp_path: Path, cameras_file: tuple[Path, list[Camera]],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "a.png"
    assert run_render(scene_file, out, "--cameras", cameras_file[0], "--index", 2) == 2
    assert "--index" in capsys.readouterr().err
    assert not out.exists()


def test_colour_can_be_stored_in_fewer_bits(
    scene_file: Path, scene: GaussianScene, tmp_path: Path
) -> None:
    out = tmp_path / "a.png"
    assert run_render(scene_file, out, "--size", SIZE, "--sh-storage", "uint8") == 0
    request = RenderRequest(scene, scene.default_camera(64, 36), RenderSettings(sh_storage="uint8"))
    np.testing.assert_array_equal(picture(out)[..., :3], render(request).rgba8[..., :3])


@pytest.mark.parametrize("supersample", [1, 2])
def test_a_picture_is_that_of_the_window(
    scene_file: Path, scene: GaussianScene, tmp_path: Path, supersample: int
) -> None:
    out = tmp_path / "a.png"
    more = ("--size", SIZE, "--background", "none", "--sh-degree", 0, "--preset", "mip")
    assert run_render(scene_file, out, *more, "--supersample", supersample) == 0
    settings = RenderSettings(preset="mip", sh_degree=0, background=None)
    request = RenderRequest(scene, scene.default_camera(64, 36), settings, supersample=supersample)
    np.testing.assert_array_equal(picture(out), render(request).rgba8)


def test_a_picture_of_a_path_is_its_first_chosen_frame(
    scene_file: Path, scene: GaussianScene, tmp_path: Path, path_file: Path
) -> None:
    out = tmp_path / "a.png"
    assert run_render(scene_file, out, "--path", path_file, "--frames", "7:", "--size", SIZE) == 0
    camera = cameras_of(tour(make_sample("spheres", 1000)), 64, 36)[7]
    difference = picture(out).astype(int) - expected_rgb(scene, camera)
    assert np.abs(difference).max() <= 1  # the file keeps fewer digits of the pose


def expected_rgb(scene: GaussianScene, camera: Camera) -> Any:
    """The window's picture as signed integers."""
    return render(RenderRequest(scene, camera)).rgba8[..., :3].astype(int)


def test_a_sequence_goes_on_where_it_stopped(
    scene_file: Path, tmp_path: Path, path_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "frames"
    more = ("--path", path_file, "--frames", "0:3", "--size", SIZE)
    assert run_render(scene_file, out, *more, "--outputs", "color,depth") == 0
    names = sorted(file.name for file in out.glob("*.png"))
    assert names == [f"{kind}_{index:05d}.png" for kind in ("depth", "frame") for index in range(3)]
    (out / "frame_00001.png").unlink()
    capsys.readouterr()
    assert run_render(scene_file, out, *more, "--outputs", "color,depth") == 0
    assert "2 finished frames" in capsys.readouterr().err
    assert (out / "frame_00001.png").exists()


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_video_and_no_overwriting(
    scene_file: Path, tmp_path: Path, path_file: Path, suffix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / f"clip{suffix}"
    more = ("--path", path_file, "--frames", "0:4", "--fps", 25, "--size", SIZE)
    assert run_render(scene_file, out, *more) == 0
    written = out.read_bytes()
    assert len(written) > 500
    capsys.readouterr()
    assert run_render(scene_file, out, *more) == 1
    assert "exists" in capsys.readouterr().err
    assert out.read_bytes() == written
    assert run_render(scene_file, out, *more, "--overwrite") == 0
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("name", ["a.png", "a.npz"])
def test_what_is_there_stays(
    scene_file: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / name
    out.write_text("mine")
    assert run_render(scene_file, out, "--size", SIZE) == 1
    assert capsys.readouterr().err.startswith("plenoscope: ")
    assert out.read_text() == "mine"
    assert run_render(scene_file, out, "--size", SIZE, "--overwrite") == 0
    assert out.stat().st_size > 100


@pytest.mark.parametrize(
    "more",
    [
        ["-o", "a.avi"],
        ["-o", "a.mp4", "--background", "none"],
        ["-o", "a.png", "--outputs", "depth"],
        ["-o", "missing/a.png"],
        ["-o", "missing/a.npz"],
        ["-o", "a.png", "--cameras", "missing.json"],
        ["-o", "a.mp4", "--path", "missing.json"],
    ],
)
def test_what_cannot_be_is_one_sentence(
    scene_file: Path, tmp_path: Path, more: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(scene_file), "--size", SIZE, *more]) == 1
    said = capsys.readouterr().err
    assert said.startswith("plenoscope: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif"])
def test_interrupted_leaves_nothing(
    scene_file: Path, tmp_path: Path, path_file: Path, name: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "app.cli.main", "render", str(scene_file), "-o",
               str(folder / name), "--path", str(path_file), "--size", "1280x720"]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(folder.iterdir()) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert said == "plenoscope: interrupted\n"
    assert list(folder.iterdir()) == []


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Look 20 times a second."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def test_bench_as_json(
    scene_file: Path, cameras_file: tuple[Path, list[Camera]], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["bench", str(scene_file), "--cameras", str(cameras_file[0]), "--repeat", "3"]
    assert main([*given, "--size", SIZE, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    report = json.loads(printed.out)
    assert {"scene", "count", "size", "backend", "preset", "machine", "frame_ms", "frames",
            "kernels"} <= set(report)  # fmt: skip
    assert {"cpu", "cores", "gpu", "versions"} <= set(report["machine"])
    assert (report["count"], report["size"], report["backend"]) == (3000, [64, 36], "cpu")
    assert [frame["camera"] for frame in report["frames"]] == ["view 0", "view 1"]
    assert report["frame_ms"]["p5"] <= report["frame_ms"]["median"] <= report["frame_ms"]["p95"]
    keys = {"name", "backend", "ms_median", "ms_p95", "share", "bytes", "flops", "gb_s",
            "gflop_s", "of_limit", "bound", "counters"}  # fmt: skip
    assert all(set(row) == keys for row in report["kernels"])
    assert {"project", "sort", "blend", "other"} <= {row["name"] for row in report["kernels"]}
    assert sum(row["share"] for row in report["kernels"]) == pytest.approx(1, abs=0.01)


def test_bench_for_people(scene_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(scene_file), "--repeat", "1", "--size", SIZE]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "frames a second" in printed.out
    assert "blend" in printed.out


class FakeRenderer:
    """Frames that take known times by their own account; remembers the cameras in order."""

    def __init__(self) -> None:
        self.seen: list[Camera] = []

    def __call__(self, request: RenderRequest) -> Frame:
        self.seen.append(request.camera)
        time.sleep(0.003)
        records = (
            KernelRecord("blend", "gaussians", "cpu", 0, 1_000_000, 4000, 8000, {"pairs": 5}),
            KernelRecord("blend", "gaussians", "cpu", 0, 500_000, 2000, 1000, {"pairs": 2}),
            KernelRecord("upload", "", "", 0, 250_000),
        )
        return Frame({}, records)


def test_bench_leaves_warm_up_out_and_takes_cameras_in_turn(scene: GaussianScene) -> None:
    renderer = FakeRenderer()
    around = orbit_cameras(*scene.focus, (32, 18), count=3)
    cameras = [(f"orbit {index}", camera) for index, camera in enumerate(around)]
    steps: list[tuple[int, int]] = []

    def progress(done: int, total: int, unit: str) -> None:
        steps.append((done, total))

    figures = bench(RenderRequest(scene, around[0]), cameras, 2, progress, renderer)
    assert renderer.seen == around * 3
    assert steps == [(done, 9) for done in range(1, 10)]
    rows = {row["name"]: row for row in figures["kernels"]}
    assert rows["blend"]["ms_median"] == pytest.approx(1.5)
    assert rows["blend"]["bytes"] == 6000
    assert rows["blend"]["flops"] == 9000
    assert rows["blend"]["gb_s"] == pytest.approx(6000 / 1.5e6)
    assert rows["blend"]["gflop_s"] == pytest.approx(9000 / 1.5e6)
    assert rows["blend"]["counters"] == {"pairs": 7}
    assert rows["upload"]["bytes"] == 0
    total = sum(row["ms_median"] for row in rows.values())
    assert total == pytest.approx(figures["frame_ms"]["median"], rel=0.05)
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    assert [frame["camera"] for frame in figures["frames"]] == [name for name, _ in cameras]


def test_orbit_cameras_look_at_the_centre() -> None:
    centre = np.array([1.0, 2.0, 3.0])
    cameras = orbit_cameras(centre, 2.0, (40, 30))
    assert len(cameras) == 12
    for camera in cameras:
        x, y, z = (camera.camera_from_world @ [*centre, 1])[:3]
        assert (x, y) == pytest.approx((0, 0), abs=1e-9)
        assert z > 2.0


def test_demo_writes_the_tour_and_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.cli.commands import demo

    monkeypatch.setattr(demo, "COUNT", 2000)
    monkeypatch.setattr(demo, "SIZE", (64, 36))
    monkeypatch.setattr(demo, "SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--no-window"]) == 0
    assert "Blend" in capsys.readouterr().out
    assert main(["demo", "--no-window"]) == 0
    assert main(["demo", "--no-window", "--output", "tour.mp4"]) == 1
    assert "exists" in capsys.readouterr().err
    assert main(["demo", "--no-window", "--output", "tour.mp4", "--overwrite"]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["tour.mp4"]


def test_planes_give_their_layers_and_their_backs(tmp_path: Path) -> None:
    from tests.render.test_planes import stack_scene

    file = tmp_path / "stack.mpi"
    save_scene(stack_scene(), file)
    out = tmp_path / "out.npz"
    assert main(["render", str(file), "-o", str(out), "--size", "96x64"]) == 0
    with np.load(out) as arrays:
        assert set(arrays) == {"color", "alpha", "depth", "layer"}
        assert arrays["layer"].dtype == np.int32
        assert set(np.unique(arrays["layer"])) <= set(range(-1, 6))
    behind = {"id": 0, "img_name": "behind", "width": 96, "height": 64, "position": [0, 0, 40],
              "rotation": [[-1, 0, 0], [0, 1, 0], [0, 0, -1]], "fx": 80, "fy": 80}  # fmt: skip
    cameras = tmp_path / "cameras.json"
    cameras.write_text(json.dumps([behind]))
    found = []
    for more in ([], ["--back-faces"]):
        command = ["render", str(file), "-o", str(out), "--overwrite", "--cameras", str(cameras)]
        assert main([*command, *more]) == 0
        with np.load(out) as arrays:
            found.append(float(arrays["alpha"].max()))
    assert found[0] == 0
    assert found[1] > 0.9
