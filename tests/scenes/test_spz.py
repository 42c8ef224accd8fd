"""SPZ files of all versions, against a slow encoder and against what else holds the same splats."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest

from kernels.image.psnr import psnr
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.errors import Cancelled
from scenes.frames import FRAMES, matrix_between, turned_axes
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, sniff_scene
from scenes.registry import never, no_progress
from scenes.spz.reader import read_blob
from scenes.spz.turn import turn_between
from tests.data import shared_data
from tests.scenes.spz_files import (
    YZ_FLIPS,
    Splat,
    encoded,
    legacy,
    random_splats,
    read_compressed_ply,
    record,
    rotations_of,
    streamed,
)

VERSIONS = (1, 2, 3, 4)
SAFE_ORBIT, COORDINATE_SYSTEM = 0xADBE0002, 0xADBE0003


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def declared(frame: str) -> bytes:
    return record(COORDINATE_SYSTEM, struct.pack("<I", FRAMES.index(frame) + 1))


def assert_holds(scene: GaussianScene, splats: list[Splat], version: int, bits: int = 12) -> None:
    """The scene is the splats with y and z changing their signs, within half a step of each."""
    yz = np.array([1, -1, -1])
    means = np.array([splat.position for splat in splats]) * yz
    # float16 has 11 digits, so half a step is 2^-12 of the number.
    rtol, atol = (2**-11, 1e-7) if version == 1 else (1e-7, 0.5 / 2**bits)
    np.testing.assert_allclose(scene.means, means, rtol, atol)
    opacities = np.array([splat.opacity for splat in splats])
    np.testing.assert_allclose(scene.opacities, opacities, atol=0.5 / 255 + 1e-6)
    colors = np.array([splat.color for splat in splats])
    np.testing.assert_allclose(scene.sh[:, 0], colors, atol=0.5 / 255 / 0.15 + 1e-6)
    logs = np.array([splat.log_scales for splat in splats])
    np.testing.assert_allclose(np.log(scene.scales), logs, atol=0.5 / 16 + 1e-5)
    x, y, z, w = np.array([splat.quat for splat in splats]).T
    turned = rotations_of(np.stack([w, x, -y, -z], 1))
    # A component is off by half a step, 1/1445 or 1/255; the one that follows from the length by
    # up to sqrt(3) of them, or, where it is small and of 8 bits, by the root of them.
    worst = 0.01 if version >= 3 else 0.25
    assert np.abs(rotations_of(scene.quats) - turned).max() < worst
    if splats[0].rest:
        rest = np.array([splat.rest for splat in splats])
        flips = np.array(YZ_FLIPS[: rest.shape[1]])[:, None]
        # The largest number is 127/128.
        np.testing.assert_allclose(scene.sh[:, 1:], rest * flips, atol=0.5 / 128 + 1e-6)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("degree", range(5))
def test_all_versions_and_degrees(tmp_path: Path, version: int, degree: int) -> None:
    splats = random_splats(60, degree, seed=version)
    scene = open_scene(write(tmp_path / "a.spz", encoded(splats, version, degree)))
    assert (scene.format, scene.name, scene.count) == ("spz", "a", 60)
    assert (scene.sh_degree, scene.training, scene.warnings) == (degree, "3dgs", ())
    assert scene.metadata["stored_frame"] == "rub"
    assert scene.metadata["frame_source"] == "assumed"
    assert scene.metadata["dialect"].startswith(f"version {version}, ")
    assert scene.metadata["ignored"] == []
    assert_holds(scene, splats, version)


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("bits", [0, 7, 16])
def test_fractional_bits(tmp_path: Path, version: int, bits: int) -> None:
    splats = random_splats(9, 0)
    scene = open_scene(write(tmp_path / "a.spz", encoded(splats, version, bits=bits)))
    assert_holds(scene, splats, version, bits)
    assert f"1/{2**bits} unit" in scene.metadata["quantisation"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_without_gzip(tmp_path: Path, version: int) -> None:
    splats = random_splats(20, 2)
    path = write(tmp_path / "a.spz", legacy(splats, version, 2, extensions=declared("rub")))
    scene = open_scene(path)
    assert scene.metadata["dialect"] == f"version {version}, not compressed"
    assert scene.metadata["frame_source"] == "declared"
    assert_holds(scene, splats, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_antialiased(tmp_path: Path, version: int) -> None:
    data = encoded(random_splats(3, 0), version, flags=1)
    assert open_scene(write(tmp_path / "a.spz", data)).training == "mip"


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("frame", FRAMES)
def test_the_declared_frame_is_honoured(tmp_path: Path, version: int, frame: str) -> None:
    splats = random_splats(30, 4)
    scene = open_scene(
        write(tmp_path / "a.spz", encoded(splats, version, 4, extensions=declared(frame)))
    )
    assert scene.metadata["stored_frame"] == frame
    assert scene.metadata["frame_source"] == "declared"
    same = open_scene(write(tmp_path / "b.spz", encoded(splats, version, 4)), stored_frame="rdf")
    assert same.metadata["frame_source"] == "chosen"
    # The general way of the project, which turns rotations and leaves the scales in place.
    turned = turned_axes(same, matrix_between(frame, "rdf"))
    np.testing.assert_array_equal(scene.means, turned.means)
    # Sums of a few products of float32.
    np.testing.assert_allclose(scene.sh, turned.sh, atol=1e-6)
    np.testing.assert_allclose(covariances(scene), covariances(turned), rtol=1e-4, atol=1e-3)


def covariances(scene: GaussianScene) -> np.ndarray:
    """(N, 3, 3) float64, of scales up to some hundred units."""
    matrix = rotations_of(scene.quats) * scene.scales[:, None, :].astype(np.float64)
    return matrix @ matrix.transpose(0, 2, 1)


def test_the_choice_overrides_what_is_declared(tmp_path: Path) -> None:
    splats = random_splats(5, 1)
    path = write(tmp_path / "a.spz", encoded(splats, 4, 1, extensions=declared("luf")))
    chosen = open_scene(path, stored_frame="rub")
    assert chosen.metadata["stored_frame"] == "rub"
    assert chosen.metadata["frame_source"] == "chosen"
    assert_holds(chosen, splats, 4)
    assert open_scene(path, stored_frame="auto").metadata["frame_source"] == "declared"


def test_signs_of_harmonics_are_those_of_the_library() -> None:
    turn = turn_between("rub", "rdf", 4)
    assert turn.mixing is None
    np.testing.assert_array_equal(turn.turn.flips[1:], YZ_FLIPS)
    np.testing.assert_array_equal(turn.turn.signs, [1, -1, -1])
    np.testing.assert_array_equal(turn.turn.twists, [1, -1, -1])
    # The library's rules for any signs: y z x, xy yz 1 xz 1, y xyz y z x z x, ...
    for frame in FRAMES[:8]:
        x, y, z = (a * b for a, b in zip(signs(frame), signs("rdf"), strict=True))
        rule = [y, z, x, x * y, y * z, 1, x * z, 1, y, x * y * z, y, z, x, z, x,
                x * y, y * z, x * y, y * z, 1, x * z, 1, x * z, 1]  # fmt: skip
        turn = turn_between(frame, "rdf", 4)
        np.testing.assert_array_equal(turn.turn.flips[1:], rule)
        np.testing.assert_array_equal(turn.turn.twists, [y * z, x * z, x * y])


def signs(frame: str) -> list[int]:
    return [1 if letter in "ruf" else -1 for letter in frame]


@pytest.mark.parametrize("version", [3, 4])
def test_extensions(tmp_path: Path, version: int) -> None:
    orbit = record(SAFE_ORBIT, struct.pack("<3f", -0.5, 1.25, 2.0))
    extensions = record(0x12340001, b"anything") + orbit + declared("rdf") + record(7, b"")
    data = encoded(random_splats(4, 0), version, extensions=extensions)
    scene = open_scene(write(tmp_path / "a.spz", data))
    assert scene.metadata["safe_orbit_camera"] == {
        "elevation_min": -0.5, "elevation_max": 1.25, "radius_min": 2.0,
    }  # fmt: skip
    assert scene.metadata["stored_frame"] == "rdf"
    assert scene.metadata["ignored"] == [
        "extension 0x12340001 (8 bytes)",
        "safe orbit camera extension",
        "extension 0x00000007 (0 bytes)",
    ]


@pytest.mark.parametrize(
    "extension",
    [
        record(COORDINATE_SYSTEM, struct.pack("<I", 0)),
        record(COORDINATE_SYSTEM, struct.pack("<I", 17)),
        record(COORDINATE_SYSTEM, b"\x06\x00"),
        record(SAFE_ORBIT, struct.pack("<3f", math.nan, 0, 0)),
        record(SAFE_ORBIT, b""),
    ],
)
def test_extensions_without_sense_are_told(tmp_path: Path, extension: bytes) -> None:
    data = encoded(random_splats(4, 0), 4, extensions=extension)
    scene = open_scene(write(tmp_path / "a.spz", data))
    assert scene.metadata["frame_source"] == "assumed"
    assert "safe_orbit_camera" not in scene.metadata
    assert len(scene.metadata["ignored"]) == 1


def test_many_extensions_are_not_told_one_by_one(tmp_path: Path) -> None:
    data = encoded(random_splats(1, 0), 4, extensions=record(9, b"") * 1000)
    told = open_scene(write(tmp_path / "a.spz", data)).metadata["ignored"]
    assert len(told) == 33
    assert told[-1] == "968 more extensions"


@pytest.mark.parametrize("version", VERSIONS)
def test_no_splats(tmp_path: Path, version: int) -> None:
    scene = open_scene(write(tmp_path / "a.spz", encoded([], version)))
    assert scene.count == 0
    assert scene.warnings == ("The file holds no splats.",)


def test_float16_positions_that_are_no_numbers(tmp_path: Path) -> None:
    splats = random_splats(3, 0)
    data = bytearray(legacy(splats, 1))
    data[16:18] = struct.pack("<e", math.inf)
    scene = open_scene(write(tmp_path / "a.spz", bytes(data)))
    assert scene.count == 2
    assert "1 of 3 splats were dropped" in scene.warnings[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_blob_inside_another_file(tmp_path: Path, version: int) -> None:
    splats = random_splats(300, 1)
    data = encoded(splats, version, 1)
    host = write(tmp_path / "host.glb", b"glTF" + data)
    scene = read_blob(host, memoryview(data), no_progress, never)
    assert (scene.name, scene.source) == ("host", host)
    assert_holds(scene, splats, version)
    luf = read_blob(host, data, no_progress, never, "luf")
    assert luf.metadata["stored_frame"] == "luf"
    np.testing.assert_array_equal(luf.means, scene.means * np.array([-1, 1, -1]))


def test_what_is_recognised(tmp_path: Path) -> None:
    found = sniff_scene(write(tmp_path / "a.bin", encoded(random_splats(3, 0), 3)))
    assert found is not None
    assert found.name == "spz"
    for other in (gzip.compress(b"something else"), b"\x1f\x8b\x08 damaged", b"\x1f\x8b", b"NG"):
        assert sniff_scene(write(tmp_path / "b.bin", other)) is None


@pytest.mark.parametrize("version", [3, 4])
def test_progress_and_cancel(tmp_path: Path, version: int) -> None:
    path = write(tmp_path / "a.spz", encoded(random_splats(50, 1), version, 1))
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told[-1] == (50, 50, "splats")
    assert all(done <= total for done, total, _ in told)
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)


def test_three_points_are_those_of_the_ply() -> None:
    """Written by the library from a PLY: RUB, as files are without another word."""
    ply = open_scene(shared_data("splats/three_points_from_train.ply"))
    spz = open_scene(shared_data("splats/three_points_from_train.spz"))
    assert spz.metadata["frame_source"] == "assumed"
    np.testing.assert_allclose(spz.means, ply.means, atol=0.5 / 4096 + 1e-6)
    np.testing.assert_allclose(spz.opacities, ply.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(np.log(spz.scales), np.log(ply.scales), atol=0.5 / 16 + 1e-5)
    np.testing.assert_allclose(spz.sh[:, 0], ply.sh[:, 0], atol=0.5 / 255 / 0.15 + 1e-6)
    # Rounded to 1/128, then to buckets of 8 of them, or 16.
    np.testing.assert_allclose(spz.sh[:, 1:4], ply.sh[:, 1:4], atol=4.5 / 128)
    np.testing.assert_allclose(spz.sh[:, 4:], ply.sh[:, 4:], atol=8.5 / 128)
    # Half a step of 1/511/sqrt(2) for three components, a little more for the fourth; the signs
    # of whole quaternions are kept here, since the largest components were positive.
    np.testing.assert_allclose(spz.quats, ply.quats, atol=2e-3)


def test_minimal_files_hold_the_corners_of_one_cell() -> None:
    """Versions 3 and 4 in RUB; the hand-made version 2 holds the numbers of RDF."""
    corners = [[-1, 0, -1], [0, 0, -1], [-1, 0, 0], [0, 0, 0]]
    for version, frame in ((2, "rdf"), (3, "auto"), (4, "auto")):
        path = shared_data(f"splats/minimal-v{version}.spz")
        scene = open_scene(path, stored_frame=frame)
        np.testing.assert_array_equal(scene.means, corners)
        np.testing.assert_allclose(scene.opacities, 0.9, atol=0.5 / 255 + 1e-6)
        np.testing.assert_allclose(np.log(scene.scales), math.log(0.1), atol=0.5 / 16)
        # 0 is no step of 8-bit rotations: the nearest is 1/255.
        np.testing.assert_allclose(scene.quats, [[1, 0, 0, 0]] * 4, atol=1 / 255 + 1e-6)


@pytest.fixture(scope="module")
def biker() -> GaussianScene:
    return open_scene(shared_data("splats/biker.spz"))


def test_biker_is_that_of_the_compressed_ply(biker: GaussianScene) -> None:
    """Same splats in the same order; the .spz declares nothing and is RUB."""
    ply = read_compressed_ply(shared_data("splats/biker.compressed.ply"))
    assert biker.count == len(ply.means) == 152_746
    assert biker.metadata["frame_source"] == "assumed"
    np.testing.assert_allclose(biker.means, ply.means, atol=0.5 / 4096 + 1e-6)
    np.testing.assert_allclose(biker.opacities, ply.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(biker.sh, ply.sh, atol=0.5 / 255 / 0.15 + 1e-5)
    # Where the logarithm is below -10 the .spz ends.
    logs = np.maximum(np.log(ply.scales), -10)
    np.testing.assert_allclose(np.log(biker.scales), logs, atol=0.5 / 16 + 1e-5)
    # Half a step for three components, a little more for the fourth.
    assert np.abs(rotations_of(biker.quats) - rotations_of(ply.quats)).max() < 0.01


def test_biker_looks_as_the_compressed_ply(biker: GaussianScene) -> None:
    ply = GaussianScene(*read_compressed_ply(shared_data("splats/biker.compressed.ply")).arrays())
    camera = ply.default_camera(320, 320)

    def picture(scene: GaussianScene) -> np.ndarray:
        request = RenderRequest(scene, camera, RenderSettings(), ("color",), display=False)
        return np.clip(render(request).images["color"], 0, 1)

    truth = picture(ply)
    # Half a step: 1/8192 unit of edges that are some thousandths wide, 3 % of scales and 0.004 of
    # colours; on the few splats that cover a pixel together, 62 dB when this was written.
    assert float(psnr("cpu", picture(biker), truth)) > 55
    wrong = open_scene(shared_data("splats/biker.spz"), stored_frame="rdf")
    assert float(psnr("cpu", picture(wrong), truth)) < 25  # Another heading: another picture.


def test_unflagged_bytes_before_the_table_are_passed_over(tmp_path: Path) -> None:
    """Version 4 without a flag may keep bytes before its table; they mean nothing."""
    splats = random_splats(5, 0)
    data = bytearray(streamed(splats, extensions=record(1, b"1234")))
    data[14] = 0
    scene = open_scene(write(tmp_path / "a.spz", bytes(data)))
    assert scene.metadata["ignored"] == []
    assert_holds(scene, splats, 4)
