"""``plenoscope convert``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.cli.commands import convert
from app.cli.main import main
from scenes.open import open_scene, save_scene, scene_formats
from scenes.samples import make_sample
from tests.data import ROOT, shared_data
from tests.scenes.format_cases import random_scene

WRITABLE = [
    f.extensions[0]
    for f in scene_formats()
    if f.kind == "gaussians" and f.write and f.extensions[0][0] == "."
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.ply"
    save_scene(random_scene(500, 2), path)
    return path


@pytest.mark.parametrize("ending", WRITABLE)
def test_to_every_format_and_back(source: Path, ending: str, capsys: pytest.CaptureFixture[str]):
    out = source.with_name("out" + ending)
    assert main(["convert", str(source), str(out)]) == 0
    said = capsys.readouterr()
    assert f"{out}: 500 splats, " in said.out
    assert open_scene(out).count == 500
    assert main(["convert", str(out), str(source.with_name("back.ply"))]) == 0
    assert open_scene(source.with_name("back.ply")).count == 500


def test_splats_become_planes(source: Path, capsys: pytest.CaptureFixture[str]):
    """Only one way: there is no making splats of planes."""
    out = source.with_name("out.mpi")
    assert main(["convert", str(source), str(out)]) == 0
    assert open_scene(out).kind == "planes"
    assert main(["convert", str(out), str(source.with_name("again.mpi"))]) == 0
    assert main(["convert", str(out), str(source.with_name("back.ply"))]) == 2
    assert "holds gaussians, and the input is planes" in capsys.readouterr().err
    assert main(["convert", str(out), str(out), "--overwrite", "--decimate", "3"]) == 2
    assert "--decimate is for splats" in capsys.readouterr().err


def test_changes_on_the_way(source: Path):
    out = source.with_name("out.ply")
    assert main(["convert", str(source), str(out), "--sh-degree", "1", "--decimate", "40%"]) == 0
    scene = open_scene(out)
    assert (scene.count, scene.sh_degree) == (200, 1)
    again = ["convert", str(source), str(out), "--overwrite", "--decimate", "123"]
    assert main(again) == 0
    assert open_scene(out).count == 123


def test_axes_of_the_output(source: Path, capsys: pytest.CaptureFixture[str]):
    truth = open_scene(source)
    out = source.with_name("out.ply")
    assert main(["convert", str(source), str(out), "--frame", "rub"]) == 0
    turned = open_scene(out)
    assert turned.metadata["vertical_axis"] == "y"
    np.testing.assert_array_equal(turned.means, truth.means * np.float32([1, -1, -1]))
    spz = source.with_name("out.spz")
    assert main(["convert", str(source), str(spz), "--frame", "rdf", "--spz-version", "4"]) == 0
    declared = open_scene(spz).metadata
    assert (declared["stored_frame"], declared["frame_source"]) == ("rdf", "declared")
    glb = source.with_name("out.glb")
    capsys.readouterr()
    assert main(["convert", str(source), str(glb), "--frame", "rub"]) == 2
    assert "always has the axes luf" in capsys.readouterr().err
    assert main(["convert", str(source), str(glb), "--frame", "luf"]) == 0


def test_what_the_file_does_not_keep_is_said(source: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["convert", str(source), str(source.with_name("a.splat"))]) == 0
    assert "no spherical harmonics" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "expected"),
    [
        (["out.ply", "--spz-version", "4"], 2, "--spz-version is for SPZ"),
        (["out.xyz"], 1, "an extension that can be written"),
        (["in.ply"], 1, "exists; --overwrite replaces it"),
        (["missing/out.ply"], 1, "there is no folder"),
        (["out.spz", "--spz-version", "9"], 2, "invalid choice"),
        (["out.ply", "--decimate", "0"], 2, "must be a count or like 25%"),
        (["out.ply", "--decimate", "120%"], 2, "must be a count or like 25%"),
        (["out.ply", "--frame", "xyz"], 2, "invalid choice"),
    ],
)
def test_what_cannot_be(
    source: Path, more: list[str], code: int, expected: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(source.parent)
    assert main(["convert", "in.ply", *more]) == code
    assert expected in capsys.readouterr().err
    assert [path.name for path in source.parent.iterdir()] == ["in.ply"]


def test_a_chosen_frame_of_the_input(tmp_path: Path):
    spz = shared_data("splats/minimal-v2.spz")
    usual, chosen = tmp_path / "a.ply", tmp_path / "b.ply"
    assert main(["convert", str(spz), str(usual)]) == 0
    assert main(["convert", str(spz), str(chosen), "--stored-frame", "rdf"]) == 0
    one, other = open_scene(usual).means, open_scene(chosen).means
    np.testing.assert_array_equal(one, other * np.float32([1, -1, -1]))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_scenes_take_little_memory(tmp_path: Path):
    """Arrays lie in files; what remains is bounded, whatever the number of splats."""
    source = tmp_path / "in.ply"
    save_scene(make_sample("garden", 400_000), source)
    code = f"""
import threading, time
from app.cli.commands import convert
from app.cli.main import main
convert.LARGE = 0
import numba, scenes.ply.reader, scenes.ply.writer

def anonymous():
    with open('/proc/self/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('RssAnon'))

main(['convert', {str(source)!r}, {str(tmp_path / "small.ply")!r}, '--decimate', '100%'])
peak, start, stop = [0], anonymous(), threading.Event()

def watch():
    while not stop.is_set():
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.005)

thread = threading.Thread(target=watch)
thread.start()
main(['convert', {str(source)!r}, {str(tmp_path / "out.ply")!r}])
stop.set(); thread.join()
print('PEAK', peak[0] - start)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    grown = int(said.split("PEAK")[1]) * 1024
    arrays = open_scene(source).nbytes
    assert arrays > 90 << 20
    # Blocks of 65,536 splats on their way, a few at a time, of 250 bytes each.
    assert grown < 60 << 20
    assert convert.LARGE > 0
