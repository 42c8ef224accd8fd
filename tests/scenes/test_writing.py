"""Half-written files never take the place of good ones; large arrays may live on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.registry import never
from scenes.storage import LEAST_BYTES, empty, on_disk
from scenes.writing import blocks, new_file, new_folder


def fail_after(write: Callable[..., object], data: object) -> None:
    write(data)
    raise RuntimeError


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with new_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    with pytest.raises(RuntimeError), new_file(path) as file:
        fail_after(file.write, b"half")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(SceneError, match="a place that can be written"),
        new_file(tmp_path / "missing" / "a"),
    ):
        pass
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(SceneError, match="a place that can be written"),
        new_file(tmp_path / "folder") as file,
    ):
        file.write(b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_folder_keeps_what_it_does_not_replace(tmp_path: Path) -> None:
    path = tmp_path / "scene"
    path.mkdir()
    (path / "license.txt").write_text("mine")
    (path / "meta.json").write_text("old")
    with new_folder(path, "meta.json") as part:
        (part / "deep").mkdir()
        (part / "deep" / "a.webp").write_bytes(b"a")
        (part / "meta.json").write_text("new")
        assert (path / "meta.json").read_text() == "old"
    assert (path / "meta.json").read_text() == "new"
    assert (path / "deep" / "a.webp").read_bytes() == b"a"
    assert (path / "license.txt").read_text() == "mine"
    with pytest.raises(RuntimeError), new_folder(path, "meta.json") as part:
        fail_after((part / "meta.json").write_text, "half")
    assert (path / "meta.json").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["scene"]


def test_blocks_cover_all_and_can_be_cancelled() -> None:
    told: list[tuple[int, int, str]] = []
    seen = list(blocks(10, lambda *values: told.append(values), never, rows=4))
    assert seen == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert told == [(0, 10, "splats"), (4, 10, "splats"), (8, 10, "splats"), (10, 10, "splats")]
    assert list(blocks(0, lambda *values: None, never)) == []
    with pytest.raises(Cancelled):
        list(blocks(10, lambda *values: None, lambda: True))


def test_large_arrays_live_where_they_are_told(tmp_path: Path) -> None:
    count = LEAST_BYTES // 4
    with on_disk(tmp_path):
        large, small = empty((count // 2, 2), np.float32), empty(10, np.float32)
        shaped = empty((count // 8, 4, 3), np.uint8)
    large[:] = 3.0
    assert isinstance(large.base, np.memmap | memoryview) or large.base is not None
    assert float(large.sum(dtype=np.float64)) == 3.0 * count
    assert small.shape == (10,)
    assert shaped.shape == (count // 8, 4, 3)
    assert list(tmp_path.iterdir()) == []
    assert empty(count, np.float32).base is None


def test_a_disk_without_room(tmp_path: Path) -> None:
    with on_disk(tmp_path), pytest.raises(SceneError, match="free space"):
        empty((1 << 50,), np.float32)
