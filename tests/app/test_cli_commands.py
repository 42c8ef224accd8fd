"""The commands that need no rendering: what they take, print and refuse."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli import arguments
from app.cli.commands import commands, view
from app.cli.commands.doctor import COMMAND as DOCTOR
from app.cli.diagnosis import opengl
from app.cli.main import main
from scenes.open import open_scene, save_scene
from scenes.samples import make_sample
from tests.data import ROOT

HEAVY = ("torch", "numba", "numpy", "PyQt6", "vispy")


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of 2000 splats on disk."""
    file = tmp_path_factory.mktemp("scene") / "small.ply"
    save_scene(make_sample("spheres", 2000), file)
    return file


def json_of(capsys: pytest.CaptureFixture[str]) -> Any:
    """The whole of stdout as one JSON value, with nothing on stderr."""
    printed = capsys.readouterr()
    assert printed.err == ""
    return json.loads(printed.out)


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What stderr says: one line that begins with the program's name, and no traceback."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("plenoscope: ")
    assert printed.err.count("\n") == 1
    return printed.err


def test_the_commands_there_are() -> None:
    names = [command.name for command in commands()]
    assert names == [
        "view", "info", "render", "bench", "convert", "make", "sample", "fit", "formats", "doctor",
        "demo",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"], ["bench", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from app.cli.main import main; code = main(sys.argv[1:]);"
        f"heavy = [name for name in {HEAVY} if name in sys.modules];"
        # Commands on scenes ask the formats what can be chosen, and those know arrays.
        "heavy = [name for name in heavy if name != 'numpy' or len(sys.argv) < 3];"
        "sys.exit(code or (f'loaded {heavy}' if heavy else 0))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("usage: plenoscope")


def test_version_prints_the_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("plenoscope ")
    assert all(f"\n{name} " in printed for name in ("python", "torch", "numba", "PyQt6", "vispy"))


@pytest.mark.parametrize(
    "given",
    [
        ["render"],
        ["render", "a.ply"],
        ["render", "a.ply", "-o", "b.png", "--size", "0x10"],
        ["render", "a.ply", "-o", "b.png", "--size", "99999x10"],
        ["render", "a.ply", "-o", "b.png", "--size", "10"],
        ["render", "a.ply", "-o", "b.png", "--background", "1,2"],
        ["render", "a.ply", "-o", "b.png", "--background", "nan,0,0"],
        ["render", "a.ply", "-o", "b.png", "--frames", "3"],
        ["render", "a.ply", "-o", "b.png", "--outputs", "colour"],
        ["render", "a.ply", "-o", "b.png", "--supersample", "9"],
        ["render", "a.ply", "-o", "b.png", "--backend", "abacus"],
        ["render", "a.ply", "-o", "b.png", "--index", "1"],
        ["render", "a.ply", "-o", "b.png", "--frames", "0:2"],
        ["render", "a.ply", "-o", "b.mp4", "--fps", "0"],
        ["render", "a.ply", "-o", "b.mp4", "--fps", "nan"],
        ["render", "a.ply", "-o", "b.png", "--cameras", "c.json", "--path", "p.json"],
        ["bench", "a.ply", "--repeat", "0"],
        ["sample", "a.ply", "--name", "nowhere"],
        ["info", "a.ply", "--nonsense"],
        ["info"],
    ],
)
def test_wrong_usage_is_exit_code_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "plenoscope" in printed.err
    assert "Traceback" not in printed.err


def test_values_from_text() -> None:
    assert arguments.size("640x360") == (640, 360)
    assert arguments.background("0.5,0,1") == (0.5, 0, 1)
    assert arguments.background("255,0,51") == (1, 0, 0.2)
    assert arguments.background("none") is None
    assert arguments.frame_range("2:9") == (2, 9)
    assert arguments.frame_range(":") == (None, None)
    assert arguments.outputs("color, depth") == ("color", "depth")
    for read, text in [
        (arguments.size, "axb"),
        (arguments.background, "-1,0,0"),
        (arguments.background, "300,0,0"),
        (arguments.frame_range, "-1:4"),
        (arguments.outputs, ","),
        (arguments.positive, "-3"),
    ]:
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


def test_info_as_json(scene_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(scene_file), "--json"]) == 0
    facts = json_of(capsys)
    scene = open_scene(scene_file)
    assert {"path", "kind", "format", "count", "sh_degree", "bounds", "bytes_in_memory",
            "metadata", "warnings"} <= set(facts)  # fmt: skip
    assert facts["path"] == str(scene_file)
    assert facts["kind"] == "gaussians"
    assert facts["format"] == "ply"
    assert facts["count"] == 2000
    assert facts["sh_degree"] == scene.sh_degree
    assert facts["bytes_in_memory"] == scene.nbytes
    assert facts["bounds"]["min"] == pytest.approx([float(value) for value in scene.bounds[0]])
    assert facts["bounds"]["max"] == pytest.approx([float(value) for value in scene.bounds[1]])


def test_info_for_people(scene_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(scene_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("2,000" in line for line in lines)
    column = lines[0].index(str(scene_file))
    assert len(lines) > 5
    assert all(line[column - 2 : column] == "  " and line[column] != " " for line in lines)


def test_a_file_that_is_no_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "missing.ply")]) == 1
    assert "missing.ply" in one_sentence(capsys)
    broken = tmp_path / "broken.ply"
    broken.write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n")
    assert main(["info", str(broken), "--json"]) == 1
    assert "broken.ply" in one_sentence(capsys)


def test_sample_is_repeatable_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["sample", str(tmp_path / "a.ply"), "--name", "room", "--count", "1500", "--seed", "7"]
    assert main(given) == 0
    assert open_scene(tmp_path / "a.ply").count == 1500
    first = (tmp_path / "a.ply").read_bytes()
    capsys.readouterr()
    assert main(given) == 1
    assert "--overwrite" in one_sentence(capsys)
    assert main([*given, "--overwrite"]) == 0
    assert (tmp_path / "a.ply").read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["a.ply"]


def test_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "--json"]) == 0
    rows = {row["name"]: row for row in json_of(capsys)}
    assert rows["ply"]["kind"] == "gaussians"
    assert rows["ply"]["read"]
    assert rows["ply"]["write"]
    assert rows["inria"]["kind"] == "path"
    assert rows["mp4"]["kind"] == "export"
    assert not rows["mp4"]["read"]
    assert main(["formats"]) == 0
    assert all(name in capsys.readouterr().out for name in ("ply",))


def test_doctor_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], private_home: Path
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main([DOCTOR.name, "--json"]) == 0
    report = json_of(capsys)
    assert {"python", "torch", "numba", "numpy", "PyQt6", "vispy"} <= set(report["versions"])
    assert set(report["backends"]) == {"reference", "cpu", "cuda"}
    assert all(backend["reason"] for backend in report["backends"].values())
    assert report["threads"]["count"] >= 1
    assert report["threads"]["layer"]
    assert report["folders"]["settings"] == str(private_home)
    assert report["opengl"].startswith("not asked")
    assert report["ffmpeg"]
    assert report["kernel_cache"]["files"] >= 0


@pytest.mark.window
def test_opengl_answers_from_its_own_process() -> None:
    if not view.has_display():
        pytest.skip("needs a display")
    assert opengl().count(", ") >= 2


def test_the_window_gets_scenes_and_path(
    scene_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "path.json"
    path.write_text("{}")
    opened: list[tuple[list[Path], Path | None]] = []

    def window(scenes: list[Path], path: Path | None) -> int:
        opened.append((scenes, path))
        return 0

    monkeypatch.setattr(view, "open_window", window)
    monkeypatch.setattr(view, "has_display", lambda: True)
    assert main([]) == 0
    assert main([str(scene_file)]) == 0
    assert main(["view", str(scene_file), str(scene_file), "--path", str(path)]) == 0
    assert main(["--path", str(path)]) == 0
    assert opened == [
        ([], None),
        ([scene_file], None),
        ([scene_file, scene_file], path),
        ([], path),
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
def test_no_display_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 1
    assert "display" in one_sentence(capsys)


def test_closing_the_pipe_is_no_traceback(scene_file: Path) -> None:
    asked = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", "info", str(scene_file), "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert asked.stdout is not None
    assert asked.stderr is not None
    asked.stdout.close()
    said = asked.stderr.read()
    asked.stderr.close()
    asked.wait()
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
