"""``plenoscope bench --capture`` and ``--replay``."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from app.cli.main import main
from scenes.open import save_scene
from scenes.samples import make_sample


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slowest of twelve frames of a small scene."""
    folder = tmp_path_factory.mktemp("captured")
    save_scene(make_sample("spheres", 2000), folder / "a.ply")
    given = ["bench", str(folder / "a.ply"), "--size", "64x36", "--repeat", "1"]
    assert main([*given, "--preset", "mip", "--capture", str(folder / "a.capture")]) == 0
    return folder / "a.capture"


def test_the_slowest_frame_is_captured(
    captured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "b.capture"
    given = ["bench", str(captured.with_name("a.ply")), "--size", "64x36", "--repeat", "1"]
    assert main([*given, "--capture", str(file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    slowest = max(report["frames"], key=lambda frame: frame["ms_median"])["camera"]
    assert report["captured"] == {"camera": slowest, "file": str(file)}
    with zipfile.ZipFile(file) as archive:
        description = json.loads(archive.read("capture.json"))
    assert description["request"]["settings"]["backend"] == "auto"
    assert {"cpu", "cores", "gpu", "versions"} == set(description["machine"])
    assert description["scene"]["count"] == 2000


def test_a_replay_as_json(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["bench", "--replay", str(captured), "--frames", "2", "--warm-up", "0"]
    assert main([*given, "--backend", "cpu", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    report = json.loads(printed.out)
    assert (report["size"], report["preset"], report["backend"]) == ([64, 36], "mip", "cpu")
    assert report["count"] == 2000
    assert report["same_picture"] or report["psnr_db"] > 90
    assert {"project", "sort", "blend", "other"} <= {row["name"] for row in report["kernels"]}


def test_a_replay_for_people(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--replay", str(captured), "--frames", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "frames a second" in printed.out
    assert "captured one" in printed.out


def test_another_picture_is_a_warning(
    captured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "changed.capture"
    with zipfile.ZipFile(captured) as source, zipfile.ZipFile(file, "w") as out:
        for name in source.namelist():
            data = source.read(name)
            if name == "capture.json":
                description = json.loads(data)
                description["request"]["settings"]["splat_scale"] = 0.5
                data = json.dumps(description).encode()
            out.writestr(name, data)
    assert main(["bench", "--replay", str(file), "--frames", "1", "--warm-up", "0"]) == 0
    assert "not the picture that was captured" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["a.ply", "--replay", "a.capture"],
        ["a.ply", "--frames", "3"],
        ["a.ply", "--warm-up", "0"],
        ["--replay", "a.capture", "--size", "64x36"],
        ["--replay", "a.capture", "--cameras", "cameras.json"],
        ["--replay", "a.capture", "--capture", "b.capture"],
        ["--replay", "a.capture", "--frames", "0"],
        ["--replay", "a.capture", "--warm-up", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(given: list[str]) -> None:
    assert main(["bench", *given]) == 2


def test_nothing_is_overwritten_unasked(captured: Path) -> None:
    scene = str(captured.with_name("a.ply"))
    before = captured.read_bytes()
    assert main(["bench", scene, "--capture", str(captured)]) == 2
    assert captured.read_bytes() == before


def test_a_file_that_is_no_capture_is_one_sentence(
    captured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--replay", str(captured.with_name("a.ply"))]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("plenoscope: a.ply: expected")
