"""Multiplane images of local light field fusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.open import open_scene
from scenes.planes import Plane, PlaneScene
from tests.scenes.mpi_files import (
    Files,
    claimed_png,
    llff_files,
    llff_set,
    noise,
    opened,
    picture,
    put,
    square_camera,
)


def assert_image(scene: PlaneScene, seed: int) -> None:
    """What :func:`tests.scenes.mpi_files.llff_files` has put there."""
    camera, expected = scene.camera, square_camera(seed)
    assert camera is not None
    # The pose is made exactly rigid, which moves its last digits.
    np.testing.assert_allclose(camera.camera_from_world, expected.camera_from_world, atol=1e-12)
    for name in ("width", "height", "fx", "fy", "cx", "cy"):
        assert getattr(camera, name) == getattr(expected, name)
    for number, layer in enumerate(scene.layers):
        np.testing.assert_array_equal(layer.image, noise(8, 12, 4, seed=10 * seed + number))
        assert isinstance(layer, Plane)
        inside = camera.camera_from_world @ np.append(layer.corner, 1.0)
        # Linear in disparity from 20 to 2, through 1 / 0.275.
        assert inside[2] == pytest.approx((20.0, 1 / 0.275, 2.0)[number], rel=1e-12)
        # The top left corner is seen in the top left of the picture.
        assert inside[0] / inside[2] * camera.fx + camera.cx == pytest.approx(0, abs=1e-10)
        assert inside[1] / inside[2] * camera.fy + camera.cy == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_one_image(tmp_path: Path, binary: bool, old: bool) -> None:
    scene = opened(put(tmp_path / "fern", llff_files(3, binary, old)))
    assert (scene.format, scene.name, scene.count, scene.members) == ("llff", "fern", 3, ())
    assert_image(scene, 3)


@pytest.mark.parametrize("binary", [True, False])
def test_a_set(tmp_path: Path, binary: bool) -> None:
    scene = opened(put(tmp_path, llff_set(3, binary)))
    assert (scene.format, scene.count, len(scene.members)) == ("llff", 9, 3)
    assert scene.layers == ()
    for seed, member in enumerate(scene.members):
        assert member.name == f"mpi{seed:02d}"
        assert_image(member, seed)


@pytest.mark.parametrize("binary", [True, False])
def test_progress_and_cancel(tmp_path: Path, binary: bool) -> None:
    path = put(tmp_path, llff_set(2, binary))
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert sorted(set(told)) == [(done, 6, "pictures") for done in range(7)]
    assert told == sorted(told)
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)


def changed(line: int, text: str) -> Files:
    lines = llff_files()["metadata.txt"].decode().splitlines()
    lines[line : line + 1] = [text] if text else []
    return {"metadata.txt": "\n".join(lines).encode()}


BAD: dict[str, tuple[Files, str]] = {
    "short": (changed(5, ""), "six lines, found 5"),
    "no numbers": (changed(1, "a b c"), "3 numbers"),
    "nan": (changed(2, "nan 0 0"), "3 finite numbers"),
    "inf": (changed(4, "inf 0 0"), "3 finite numbers"),
    "not rigid": (changed(1, "2 0 0"), "a rigid pose"),
    "mirrored": (changed(1, " ".join(map(str, -square_camera().world_from_camera[:3, 0]))),
                 "mirroring"),
    "far away": (changed(4, "1e300 0 0"), "a camera near the scene"),
    "depths": (changed(5, "2 20"), "farthest and of the nearest"),
    "zero": (changed(5, "20 0"), "farthest and of the nearest"),
    "focal": (changed(0, "8 12 3 -1"), "a focal length above 0"),
    "words": (changed(0, "8 12"), "H W D focal"),
    "half a pixel": (changed(0, "8.5 12 3 10"), "a whole number from 1 to 16384"),
    "a billion": (changed(0, "8 1e9 3 10"), "a whole number from 1 to 16384"),
    "another count": (changed(0, "8 12 4 10"), "4 planes, found 3"),
    "another size": (changed(0, "7 12 3 10"), "a multiple of 336 bytes"),
    "cut": ({"mpi.b": bytes(8 * 12 * 4 * 3 - 1)}, "a multiple of 384 bytes"),
    "empty": ({"mpi.b": b""}, "a multiple of 384 bytes"),
    "long text": ({"metadata.txt": b"8 12 3 10\n" * 10_000}, "at most 65,536 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_images(tmp_path: Path, name: str) -> None:
    files, words = BAD[name]
    with pytest.raises(SceneError, match=words):
        opened(put(tmp_path, llff_files() | files))


def test_bad_pictures(tmp_path: Path) -> None:
    for data, words in (
        (picture(noise(8, 13, 4)), "12 x 8 pixels, found 13 x 8"),
        (picture(noise(8, 12, 4))[:-30], "a whole still picture"),
        (claimed_png(70_000, 5), "16,384 pixels a side"),
    ):
        with pytest.raises(SceneError, match=words):
            opened(put(tmp_path, llff_files(binary=False) | {"mpi01.png": data}))


def test_bad_sets(tmp_path: Path) -> None:
    good = llff_set(2)
    for first, words in ((b"3 12 8 3", "a file mpi02/metadata.txt"), (b"0", "from 1 to 1024"),
                         (b"1e9 1 1 1", "from 1 to 1024"), (b"nan", "from 1 to 1024")):  # fmt: skip
        with pytest.raises(SceneError, match=words):
            opened(put(tmp_path, good | {"metadata.txt": first}))
    (tmp_path / "mpi01" / "mpi.b").unlink()
    with pytest.raises(SceneError, match="without a gap, found 0 pictures"):
        opened(put(tmp_path, {"metadata.txt": b"2"}))
