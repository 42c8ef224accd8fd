"""SPZ files that are written: what they hold, and what is said of what they do not."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.frames import FRAMES, in_frame
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.open import open_scene, save_scene
from scenes.spz import writer
from tests.data import shared_data
from tests.scenes.spz_files import Splat, arrays_of, rotations_of

BOTH = [3, 4]
OUTSIDE = 1.5
"""A coefficient that has no number."""


def scene_of(degree: int, count: int = 300, seed: int = 0) -> GaussianScene:
    rng = np.random.default_rng(seed)
    quats = rng.normal(size=(count, 4))
    sh = rng.uniform(-0.95, 0.95, (count, SH_COEFFICIENTS[degree], 3))
    sh[:, 0] *= 3
    return GaussianScene(
        means=rng.normal(0, 100, (count, 3)),
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        scales=np.exp(rng.uniform(-10, 5.9, (count, 3))),
        opacities=rng.random(count),
        sh=sh,
    )


def assert_close(back: GaussianScene, scene: GaussianScene, bits: int = 12) -> None:
    """Within half a step of every attribute."""
    np.testing.assert_allclose(back.means, scene.means, rtol=1e-7, atol=0.5 / 2**bits)
    np.testing.assert_allclose(back.opacities, scene.opacities, atol=0.5 / 255 + 1e-6)
    logs = np.clip(np.log(np.maximum(scene.scales, 1e-30)), -10, 5.9375)
    np.testing.assert_allclose(np.log(back.scales), logs, atol=0.5 / 16 + 1e-5)
    low, high = -0.5 / 0.15, 0.5 / 0.15
    np.testing.assert_allclose(
        back.sh[:, 0], np.clip(scene.sh[:, 0], low, high), atol=0.5 / 255 / 0.15 + 1e-6
    )
    # Rounded to 1/128, then to buckets of 8 of them in degree 1, and of 16 above.
    rest = np.clip(scene.sh[:, 1 : back.sh.shape[1]], -1, 127 / 128)
    np.testing.assert_allclose(back.sh[:, 1:4], rest[:, :3], atol=4.5 / 128)
    np.testing.assert_allclose(back.sh[:, 4:], rest[:, 3:], atol=8.5 / 128)
    # Three components are off by at most 1/1445, the fourth by their sum over its least value
    # 1/2; an entry of the matrix by twice the sum.
    assert np.abs(rotations_of(back.quats) - rotations_of(scene.quats)).max() < 0.01


ALL_DEGREES = [(3, degree) for degree in range(4)] + [(4, degree) for degree in range(5)]


@pytest.mark.parametrize(("version", "degree"), ALL_DEGREES)
def test_round_trip(tmp_path: Path, version: int, degree: int) -> None:
    scene = scene_of(degree)
    assert save_scene(scene, tmp_path / "a.spz", spz_version=version) == ()
    back = open_scene(tmp_path / "a.spz")
    assert back.metadata["stored_frame"] == "rub"
    assert back.metadata["frame_source"] == ("declared" if version == 4 else "assumed")
    assert_close(back, scene)
    assert [path.name for path in tmp_path.iterdir()] == ["a.spz"]


@pytest.mark.parametrize(("version", "degree"), ALL_DEGREES)
@pytest.mark.parametrize("axis", ["y", "z"])
def test_scenes_with_other_axes(tmp_path: Path, version: int, degree: int, axis: str) -> None:
    # Turned harmonics of many terms would leave the range of -1 to 1.
    scene = scene_of(degree)
    scene = replace(scene, sh=scene.sh * 0.4, metadata={"vertical_axis": axis})
    assert save_scene(scene, tmp_path / "a.spz", spz_version=version) == ()
    back, expected = open_scene(tmp_path / "a.spz"), in_frame(scene, "rdf")
    assert "vertical_axis" not in back.metadata
    np.testing.assert_allclose(back.means, expected.means, atol=0.5 / 4096 + 1e-5)
    # Rounding happens in the file's axes, where a band is mixed anew if y and z change places: up
    # to three halves of a bucket add up.
    np.testing.assert_allclose(back.sh, expected.sh, atol=3 * 8.5 / 128)
    # Rotations and scales may be named differently for other axes; covariances may not. Half a
    # step of a logarithm is 3 % of a scale and 6.5 % of its square, and rotations add to that.
    found, truth = covariances(back), covariances(expected)
    assert (np.abs(found - truth) / np.abs(truth).max(axis=(1, 2), keepdims=True)).max() < 0.1


def covariances(scene: GaussianScene) -> np.ndarray:
    matrix = rotations_of(scene.quats) * scene.scales[:, None, :].astype(np.float64)
    return matrix @ matrix.transpose(0, 2, 1)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("count", [0, 1, 255, 256, 257])
def test_counts(tmp_path: Path, version: int, count: int) -> None:
    notes = save_scene(scene_of(1, count), tmp_path / "a.spz", spz_version=version)
    back = open_scene(tmp_path / "a.spz")
    assert back.count == count
    assert notes == (() if count else ("The file holds no splats, which other programs refuse.",))
    if count:
        assert_close(back, scene_of(1, count))


@pytest.mark.parametrize("version", BOTH)
def test_blocks_meet(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_of(2)
    save_scene(scene, tmp_path / "a.spz", spz_version=version)
    monkeypatch.setattr(writer, "ROWS", 64)
    seen: list[tuple[int, int, str]] = []
    save_scene(scene, tmp_path / "b.spz", lambda *values: seen.append(values), spz_version=version)
    first, second = (open_scene(tmp_path / name) for name in ("a.spz", "b.spz"))
    for name in ("means", "quats", "scales", "opacities", "sh"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300, "splats")
    assert len(seen) > 30


@pytest.mark.parametrize("version", BOTH)
def test_cancel_leaves_what_was_there(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.spz"
    path.write_bytes(b"before")
    with pytest.raises(Cancelled):
        save_scene(scene_of(1), path, cancel=lambda: True, spz_version=version)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.spz"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="a place that can be written"):
        save_scene(scene_of(0), tmp_path / "nowhere" / "a.spz")


def test_bytes_are_those_of_a_slow_encoder(tmp_path: Path) -> None:
    scene = scene_of(0, 200)
    save_scene(scene, tmp_path / "a.spz")
    data = gzip.decompress((tmp_path / "a.spz").read_bytes())
    assert data[:16] == struct.pack("<4sII4B", b"NGSP", 3, 200, 0, 12, 0, 0)
    yz = np.array([1, -1, -1])
    splats = [
        Splat(
            tuple((scene.means[i].astype(float) * yz).tolist()),
            float(scene.opacities[i]),
            tuple(scene.sh[i, 0].astype(float).tolist()),
            tuple(np.log(scene.scales[i].astype(float)).tolist()),
            (*(scene.quats[i, 1:].astype(float) * yz).tolist(), float(scene.quats[i, 0])),
        )
        for i in range(200)
    ]
    truth = np.frombuffer(b"".join(arrays_of(splats, 3)), np.uint8)
    found = np.frombuffer(data[16:], np.uint8)
    # A value within float32's rounding of a half may go either way.
    assert (truth != found).mean() < 2e-3


def test_the_library_writes_the_same_bytes(tmp_path: Path) -> None:
    """The file of three splats beside this PLY was made from it by the SPZ library."""
    save_scene(open_scene(shared_data("splats/three_points_from_train.ply")), tmp_path / "a.spz")
    truth = gzip.decompress(shared_data("splats/three_points_from_train.spz").read_bytes())
    assert gzip.decompress((tmp_path / "a.spz").read_bytes()) == truth


@pytest.mark.parametrize("version", BOTH)
def test_a_real_file_does_not_change_any_more(tmp_path: Path, version: int) -> None:
    scene = open_scene(shared_data("splats/biker.spz"))
    assert save_scene(scene, tmp_path / "a.spz", spz_version=version) == ()
    back = open_scene(tmp_path / "a.spz")
    for name in ("means", "scales", "opacities", "sh"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scene, name))
    # Where two components are the largest, either may be left out; then the other is rounded.
    assert np.abs(rotations_of(back.quats) - rotations_of(scene.quats)).max() < 2e-3


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_are_stored_and_declared(tmp_path: Path, frame: str) -> None:
    scene = replace(scene_of(4), sh=scene_of(4).sh * 0.4)
    assert save_scene(scene, tmp_path / "a.spz", spz_version=4, stored_frame=frame) == ()
    back = open_scene(tmp_path / "a.spz")
    assert back.metadata["stored_frame"] == frame
    assert back.metadata["frame_source"] == "declared"
    np.testing.assert_allclose(back.means, scene.means, atol=0.5 / 4096 + 1e-5)
    # Where y and z change places, up to three rounded terms add up.
    np.testing.assert_allclose(back.sh[:, 1:], scene.sh[:, 1:], atol=3 * 8.5 / 128)
    assert np.abs(rotations_of(back.quats) - rotations_of(scene.quats)).max() < 0.01
    notes = save_scene(scene_of(1), tmp_path / "b.spz", stored_frame=frame)
    assert bool(notes) == (frame != "rub")
    assert all("programs will take them for RUB" in note for note in notes)
    again = open_scene(tmp_path / "b.spz", stored_frame=frame)
    np.testing.assert_allclose(again.means, scene_of(1).means, atol=0.5 / 4096 + 1e-5)


def test_degree_4_is_cut_in_version_3(tmp_path: Path) -> None:
    scene = scene_of(4)
    (note,) = save_scene(scene, tmp_path / "a.spz")
    assert note.startswith("Spherical harmonics of degree 4 were cut to 3, the most that")
    assert_close(open_scene(tmp_path / "a.spz"), replace(scene, sh=scene.sh[:, :16]))


def test_extremes_are_clamped_and_counted(tmp_path: Path) -> None:
    scene = scene_of(1, 8)
    scales = np.full((8, 3), 0.01, np.float32)
    scales[0], scales[1, 0], scales[2, 1] = 0, 1e-10, 1e9
    # Within half a step of the ends is rounding, not clamping.
    scales[3] = np.exp(-10.03), np.exp(5.96), 0.01
    sh = scene.sh.copy()
    sh[1, 0] = -4, 5, 1
    sh[2, 1:] = OUTSIDE
    sh[3, 1] = -1.0, 1.0, 0.9
    opacities = np.array([0, 1, 1e-6, 0.5, 0.5, 0.5, 0.5, 0.5], np.float32)
    scene = replace(scene, scales=scales, sh=sh, opacities=opacities)
    notes = save_scene(scene, tmp_path / "a.spz")
    assert notes == (
        "2 colour values were clamped to a first coefficient of -3.33 to 3.33.",
        "5 scales were clamped to the range exp(-10) = 0.000045 to exp(5.9375) = 379 units.",
        "9 coefficients of spherical harmonics were clamped to -1 to 1.",
    )
    back = open_scene(tmp_path / "a.spz")
    assert back.count == 8
    np.testing.assert_array_equal(back.opacities[:3], [0, 1, 0])
    assert_close(back, scene)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("reach", "bits"),
    [(2047.99, 12), (2048.0, 11), (3000.0, 11), (-4096.0, 10), (500_000.0, 4), (8_388_607.0, 0)],
)
def test_far_positions_take_coarser_steps(
    tmp_path: Path, version: int, reach: float, bits: int
) -> None:
    scene = scene_of(0, 20)
    means = scene.means / 1000
    means[3, 1] = reach
    scene = replace(scene, means=means)
    notes = save_scene(scene, tmp_path / "a.spz", spz_version=version)
    if bits == 12:
        assert notes == ()
    else:
        assert f"steps of 1/{2**bits} unit instead of 1/4096" in notes[0]
        assert len(notes) == 1
    assert_close(open_scene(tmp_path / "a.spz"), scene, bits)


def test_positions_that_no_step_reaches_are_clamped(tmp_path: Path) -> None:
    scene = scene_of(0, 5)
    means = scene.means.copy()
    means[0] = 1e9, -1e30, 1
    notes = save_scene(replace(scene, means=means), tmp_path / "a.spz")
    assert "2 coordinates were clamped to the largest that 24 bits hold." in notes
    means[0] = 2**23 - 1, -(2**23) + 1, 1
    np.testing.assert_allclose(open_scene(tmp_path / "a.spz").means, means, rtol=1e-6, atol=0.5)


def test_rotations_of_all_signs_and_largest(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    corners = np.array(np.meshgrid(*[[-1, 0, 1]] * 4)).reshape(4, -1).T
    corners = corners[np.abs(corners).sum(1) > 0]
    quats = np.concatenate([corners, corners + rng.normal(0, 1e-3, corners.shape)])
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    scene = replace(scene_of(0, len(quats)), quats=quats)
    save_scene(scene, tmp_path / "a.spz")
    back = open_scene(tmp_path / "a.spz")
    # As in assert_close.
    assert np.abs(rotations_of(back.quats) - rotations_of(quats)).max() < 0.01
    dots = np.abs((back.quats * quats).sum(1))
    assert dots.min() > 1 - 2e-6


@pytest.mark.parametrize("version", BOTH)
def test_equal_splats(tmp_path: Path, version: int) -> None:
    """Those compress almost without end, and are still no bomb."""
    one = scene_of(3, 1)
    names = ("means", "quats", "scales", "opacities", "sh")
    scene = GaussianScene(*(np.repeat(getattr(one, name), 200_000, axis=0) for name in names))
    save_scene(scene, tmp_path / "a.spz", spz_version=version)
    back = open_scene(tmp_path / "a.spz")
    assert back.count == 200_000
    assert (back.means == back.means[0]).all()


def test_what_is_told(tmp_path: Path) -> None:
    view = {"eye": [0, 0, 1], "target": [0, 0, 0], "up": [0, -1, 0], "fov_y": 50.0}
    orbit = {"elevation_min": -0.5, "elevation_max": 0.5, "radius_min": 1.0}
    metadata = {"default_view": view, "safe_orbit_camera": orbit}
    scene = replace(scene_of(0), training="2dgs", metadata=metadata)
    notes = save_scene(scene, tmp_path / "a.spz")
    assert notes == (
        "That the splats are 2D Gaussians was not kept: .spz files do not say so.",
        "The safe orbit of the camera was left out: only version 4 of .spz holds one.",
        "The first view was left out: .spz files hold none.",
    )
    notes = save_scene(scene, tmp_path / "b.spz", spz_version=4)
    assert len(notes) == 2
    assert open_scene(tmp_path / "b.spz").metadata["safe_orbit_camera"] == orbit
    for version in BOTH:
        path = tmp_path / "c.spz"
        assert save_scene(replace(scene_of(0), training="mip"), path, spz_version=version) == ()
        assert open_scene(path).training == "mip"


def test_version_4_to_the_byte(tmp_path: Path) -> None:
    save_scene(scene_of(1, 10), tmp_path / "a.spz", spz_version=4)
    data = (tmp_path / "a.spz").read_bytes()
    assert data[:16] == struct.pack("<4sII4B", b"NGSP", 4, 10, 1, 12, 2, 6)
    assert data[16:32] == struct.pack("<I12x", 44)
    assert data[32:44] == struct.pack("<III", 0xADBE0003, 4, 4)
    table = [struct.unpack_from("<QQ", data, 44 + 16 * i) for i in range(6)]
    assert [size for _, size in table] == [90, 10, 30, 30, 40, 90]
    assert 44 + 96 + sum(size for size, _ in table) == len(data)


def test_unknown_choices() -> None:
    with pytest.raises(ValueError, match="spz_version must be 3 or 4"):
        save_scene(scene_of(0), Path("a.spz"), spz_version=2)
    with pytest.raises(ValueError, match="no frame"):
        save_scene(scene_of(0), Path("a.spz"), stored_frame="up")


@pytest.mark.parametrize("version", BOTH)
def test_memory_does_not_grow_with_the_scene(tmp_path: Path, version: int) -> None:
    peaks = []
    for count in (40_000, 160_000):
        scene = scene_of(1, count)
        tracemalloc.start()
        save_scene(scene, tmp_path / "a.spz", spz_version=version)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
