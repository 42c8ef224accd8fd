"""The command line, as scripts call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest

from app.cli.main import main
from render.render import render
from render.request import OUTPUTS, RenderRequest, RenderSettings
from scenes.open import open_scene
from scenes.paths.files import read_cameras
from tests.data import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small sample, its cameras in Inria's format, and a path."""
    folder = tmp_path_factory.mktemp("cli")
    assert main(["sample", str(folder / "a.ply"), "--count", "3000", "--name", "spheres"]) == 0
    scene = open_scene(folder / "a.ply")
    cameras = []
    for number in range(3):
        pose = scene.default_camera(160, 90).world_from_camera
        pose[0, 3] += number * 0.1
        cameras.append(
            {
                "id": number,
                "img_name": f"view {number}",
                "width": 160,
                "height": 90,
                "position": pose[:3, 3].tolist(),
                "rotation": pose[:3, :3].tolist(),
                "fx": 120.0,
                "fy": 130.0,
                "cx": 70.0,
            }
        )
    (folder / "cameras.json").write_text(json.dumps(cameras))
    return folder


def _run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def _json(capsys) -> dict:
    captured = capsys.readouterr()
    return json.loads(captured.out)


def test_info_as_json(folder, capsys):
    assert _run("info", folder / "a.ply", "--json") == 0
    facts = _json(capsys)
    wanted = {"path", "kind", "format", "count", "sh_degree", "bounds", "bytes_in_memory",
              "metadata"}  # fmt: skip
    assert wanted <= set(facts)
    assert (facts["kind"], facts["format"], facts["count"]) == ("gaussians", "ply", 3000)
    assert len(facts["bounds"]["min"]) == len(facts["bounds"]["max"]) == 3
    assert facts["bytes_in_memory"] == 3000 * 4 * (3 + 4 + 3 + 1 + 48)


def test_info_for_people(folder, capsys):
    assert _run("info", folder / "a.ply") == 0
    assert "3,000" in capsys.readouterr().out


def test_arrays_are_what_render_gives(folder):
    out = folder / "one.npz"
    assert _run("render", folder / "a.ply", "-o", out, "--cameras", folder / "cameras.json",
                "--index", 2, "--background", "0.2,0.3,0.4") == 0  # fmt: skip
    camera = read_cameras(folder / "cameras.json")[2][1]
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (120, 130, 70, 45)
    settings = RenderSettings(background=(0.2, 0.3, 0.4))
    frame = render(
        RenderRequest(open_scene(folder / "a.ply"), camera, settings, OUTPUTS, display=False)
    )
    with np.load(out) as arrays:
        assert set(arrays) == set(OUTPUTS)
        for name in OUTPUTS:
            assert arrays[name].dtype == np.float32
            np.testing.assert_array_equal(arrays[name], frame.images[name])
        assert arrays["color"].shape == (90, 160, 3)
        assert (arrays["depth"][arrays["alpha"] == 0] == 0).all()


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_pictures_by_size_and_backend(folder, backend):
    out = folder / f"{backend}.png"
    assert _run("render", folder / "a.ply", "-o", out, "--size", "64x48", "--backend", backend,
                "--supersample", 2, "--sh-degree", 1, "--preset", "mip") == 0  # fmt: skip
    assert iio.imread(out).shape == (48, 64, 3)


def test_transparent_picture(folder):
    out = folder / "clear.png"
    assert _run("render", folder / "a.ply", "-o", out, "--background", "none",
                "--size", "64x48") == 0  # fmt: skip
    assert iio.imread(out)[..., 3].min() == 0


def test_background_in_bytes_or_fractions(folder):
    pictures = []
    for number, words in enumerate(("255,0,51", "1,0,0.2")):
        out = folder / f"background{number}.png"
        assert _run("render", folder / "a.ply", "-o", out, "--size", "48x32",
                    "--background", words) == 0  # fmt: skip
        pictures.append(iio.imread(out))
    np.testing.assert_array_equal(*pictures)


def test_inria_cameras_as_a_path_one_second_apart(folder):
    out = folder / "clip.mp4"
    assert _run("render", folder / "a.ply", "-o", out, "--path", folder / "cameras.json",
                "--size", "64x48", "--fps", 5) == 0  # fmt: skip
    reader = imageio_ffmpeg.read_frames(str(out))
    assert next(reader)["source_size"] == (64, 48)
    assert 10 <= len(list(reader)) <= 15


def test_frames_of_a_path_as_a_folder_with_outputs(folder):
    out = folder / "frames"
    assert _run("render", folder / "a.ply", "-o", out, "--path", folder / "cameras.json",
                "--size", "64x48", "--fps", 5, "--frames", "2:5",
                "--outputs", "color,alpha,depth") == 0  # fmt: skip
    names = sorted(path.name for path in out.glob("*.png"))
    assert names == [f"{kind}_0000{i}.png" for kind in ("alpha", "depth", "frame")
                     for i in range(3)]  # fmt: skip


def test_bench_as_json(folder, capsys):
    assert _run("bench", folder / "a.ply", "--cameras", folder / "cameras.json",
                "--repeat", 3, "--json") == 0  # fmt: skip
    report = _json(capsys)
    assert set(report) >= {"scene", "count", "size", "backend", "preset", "machine", "frame_ms",
                           "frames", "kernels"}  # fmt: skip
    assert set(report["machine"]) >= {"cpu", "cores", "gpu", "versions"}
    frame = report["frame_ms"]
    assert 0 < frame["p5"] <= frame["median"] <= frame["p95"]
    assert [row["camera"] for row in report["frames"]] == ["view 0", "view 1", "view 2"]
    rows = report["kernels"]
    assert {"project", "shade", "sort", "bin", "blend", "display", "other"} == {
        row["name"] for row in rows
    }
    assert sum(row["share"] for row in rows) == pytest.approx(1.0, abs=1e-6)
    for row in rows:
        assert set(row) == {"name", "backend", "ms_median", "ms_p95", "share", "bytes", "flops",
                            "gb_s", "gflop_s", "of_limit", "bound", "counters"}  # fmt: skip


def test_bench_for_people(folder, capsys):
    assert _run("bench", folder / "a.ply", "--size", "64x48", "--repeat", 1) == 0
    out = capsys.readouterr().out
    assert "frames a second" in out
    assert "blend" in out


def test_sample_is_deterministic(tmp_path):
    for name in ("a.ply", "b.ply"):
        assert _run("sample", tmp_path / name, "--count", 1500, "--seed", 4) == 0
    assert (tmp_path / "a.ply").read_bytes() == (tmp_path / "b.ply").read_bytes()
    assert open_scene(tmp_path / "a.ply").count == 1500


def test_formats_and_doctor(capsys):
    assert _run("formats", "--json") == 0
    assert {"ply", "nerfstudio", "mp4"} <= {row["name"] for row in _json(capsys)}
    assert _run("doctor", "--json") == 0
    report = _json(capsys)
    assert report["backends"]["cpu"]["available"]
    assert report["backends"]["cuda"]["reason"]
    assert report["threads"]["count"] >= 1


def test_demo_writes_the_tour(tmp_path, capsys, monkeypatch):
    import app.cli.commands.demo as demo

    monkeypatch.setattr(demo, "COUNT", 2000)
    monkeypatch.setattr(demo, "SIZE", (64, 36))
    monkeypatch.setattr(demo, "SECONDS", 0.3)
    out = tmp_path / "t.mp4"
    assert _run("demo", "--no-window", "--output", out) == 0
    assert out.stat().st_size > 500
    assert "Blend" in capsys.readouterr().out
    assert _run("demo", "--no-window", "--output", out) == 1
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["info", "missing.ply"], 1, "missing.ply"),
        (["info"], 2, "SCENE"),
        (["render", "{a}", "-o", "x.avi"], 1, "no extension that can be written"),
        (["render", "{a}", "-o", "x.png", "--size", "0x4"], 2, "sides must be 1"),
        (["render", "{a}", "-o", "x.png", "--preset", "best"], 2, "--preset: invalid choice"),
        (["render", "{a}", "-o", "x.png", "--index", "1"], 2, "--cameras"),
        (["render", "{a}", "-o", "x.png", "--cameras", "{c}", "--index", "9"], 2, "0 to 2"),
        (["render", "{a}", "-o", "x.png", "--backend", "cuda"], 1, "cuda backend cannot run"),
        (["render", "{a}", "-o", "x.mp4", "--background", "none"], 1, "no transparency"),
        (["render", "{a}", "-o", "x.png", "--supersample", "9"], 2, "1 to 4"),
        (["render", "{a}", "-o", "{a}/b.png"], 1, "plenoscope:"),
        (["render", "{bad}", "-o", "x.png"], 1, "bad.ply"),
        (["sample", "x.ply", "--name", "moon"], 2, "garden"),
        (["sample", "x.obj"], 1, "extension"),
        (["fly"], 1, "fly"),
    ],
)
def test_mistakes_end_in_one_sentence(
    folder, tmp_path, capsys, monkeypatch, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":99")
    bad = folder / "bad.ply"
    bad.write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 5\n")
    names = {"{a}": folder / "a.ply", "{c}": folder / "cameras.json", "{bad}": bad}
    given = [str(names.get(part, part)) for part in arguments]
    given = [part.replace("{a}", str(names["{a}"])) for part in given]
    assert main(given) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_without_permission(folder, tmp_path, capsys):
    for name in ("x.png", "x.npz", "x.gif"):
        out = tmp_path / name
        out.write_text("mine")
        assert _run("render", folder / "a.ply", "-o", out, "--size", "32x24") == 1
        assert out.read_text() == "mine"
        assert "exists" in capsys.readouterr().err
        assert _run("render", folder / "a.ply", "-o", out, "--size", "32x24", "--overwrite") == 0
        assert out.read_bytes() != b"mine"
    ply = tmp_path / "x.ply"
    ply.write_text("mine")
    assert _run("sample", ply, "--count", 10) == 1
    assert ply.read_text() == "mine"


def test_without_a_display_one_sentence(monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main([]) == 1
    assert "no display" in capsys.readouterr().err


def _child(*arguments: str, code: str = "") -> subprocess.Popen:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "app.cli.main"]
    return subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom app.cli.main import main\nassert main(['--help']) == 0\n"
        "heavy = {'torch', 'numba', 'PyQt6', 'vispy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    child = _child(code=code)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert "render" in out


def test_version_has_a_diagnosis():
    child = _child("--version")
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert out.startswith("plenoscope ")
    assert "numba" in out


def test_interrupt_ends_with_130_and_leaves_nothing(folder, tmp_path):
    out = tmp_path / "long.mp4"
    child = _child("render", str(folder / "a.ply"), "-o", str(out), "--path",
                   str(folder / "cameras.json"), "--size", "640x360", "--fps", "500")  # fmt: skip
    part = tmp_path / "long.mp4.part"
    end = time.monotonic() + 60
    while not part.exists() and time.monotonic() < end and child.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
