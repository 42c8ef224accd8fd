"""Folders and patterns of files that are frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenes.errors import SceneError
from scenes.open import open_scene, save_scene, sniff_scene
from tests.scenes.format_cases import random_scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve frames whose names do not sort as their numbers do."""
    place = tmp_path / "dance"
    place.mkdir()
    for number in range(12):
        save_scene(random_scene(10 + number, 0), place / f"frame_{number}.ply")
    (place / "notes.txt").write_text("not a frame")
    return place


def test_a_folder_opens_at_its_first_frame_and_says_so(folder: Path):
    assert sniff_scene(folder).name == "sequence"
    scene = open_scene(folder)
    assert (scene.count, scene.name, scene.format) == (10, "dance", "ply")
    assert scene.metadata["sequence"] == {"count": 12, "index": 0, "file": "frame_0.ply"}
    assert scene.warnings[0].startswith("Frame 1 of 12 of a sequence is shown (frame_0.ply)")


def test_frames_are_ordered_by_their_numbers(folder: Path):
    assert [open_scene(folder, sequence_index=n).count for n in (1, 2, 10, 11)] == [11, 12, 20, 21]
    with pytest.raises(SceneError, match="a frame from 0 to 11, found 12"):
        open_scene(folder, sequence_index=12)


def test_a_pattern_chooses_among_the_files(folder: Path):
    scene = open_scene(folder / "frame_1*.ply")
    assert scene.metadata["sequence"]["count"] == 3
    np.testing.assert_array_equal(scene.means, open_scene(folder / "frame_1.ply").means)
    with pytest.raises(SceneError):
        open_scene(folder / "*.spz")
    with pytest.raises(SceneError, match="a file or folder"):
        open_scene(folder / "missing.ply")


def test_what_is_no_sequence(tmp_path: Path):
    assert sniff_scene(tmp_path) is None
    save_scene(random_scene(5, 0), tmp_path / "a.ply")
    assert sniff_scene(tmp_path) is None
    save_scene(random_scene(5, 0), tmp_path / "a.spz")
    assert sniff_scene(tmp_path) is None
    save_scene(random_scene(5, 0), tmp_path / "meta.json")
    assert sniff_scene(tmp_path).name == "sog"


def test_a_name_with_signs_of_patterns_is_a_name(tmp_path: Path):
    path = tmp_path / "a[1]*.ply"
    save_scene(random_scene(5, 0), path)
    assert open_scene(path).count == 5
