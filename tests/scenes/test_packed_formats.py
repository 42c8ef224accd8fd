"""Compressed PLY, ``.splat`` and ``.ksplat``: real files, steps of round trips, what they miss."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from kernels.codec.order import morton_order
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene
from tests.data import shared_data
from tests.real_scenes import read_ply, read_splat
from tests.scenes.format_cases import random_scene

C0 = 0.28209479177387814
COUNTS = [0, 1, 255, 256, 257, 700]


def extremes(count: int, degree: int) -> GaussianScene:
    """Splats of every size, opacity and place; coefficients beyond what formats hold."""
    scene = random_scene(count, degree, seed=count)
    if count < 10:
        return scene
    means, scales, opacities = (np.array(a) for a in (scene.means, scene.scales, scene.opacities))
    quats, sh = np.array(scene.quats), np.array(scene.sh)
    means[:4] = [[0, 0, 0], [0, 0, 0], [400, -300, 200], [-0.5, 1e-7, 0]]
    scales[:4] = [[0, 1e-10, 1], [1e-3, 1e3, 1e-3], [1, 1, 1], [1e-6, 1e-6, 1e-6]]
    opacities[:4] = [0, 1, 1e-6, 0.5]
    quats[:4] = [[-1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0.5, -0.5, 0.5, -0.5]]
    sh[3, :] = 20.0
    sh[4, :] = -20.0
    return replace(scene, means=means, scales=scales, opacities=opacities, quats=quats, sh=sh)


def matched(scene: GaussianScene, again: GaussianScene, reach: float) -> np.ndarray:
    """For each splat of ``scene``, its row in ``again``; by place, and by size where that ties."""
    assert again.count == scene.count
    if scene.count == 0:
        return np.zeros(0, np.int64)
    distance, rows = cKDTree(again.means).query(scene.means)
    assert distance.max() <= reach
    twice = np.flatnonzero((scene.means == scene.means[0]).all(1)) if scene.count > 9 else []
    for row in twice:
        near = np.flatnonzero(np.abs(again.means - scene.means[row]).max(1) <= reach)
        rows[row] = near[np.abs(again.opacities[near] - scene.opacities[row]).argmin()]
    return rows


def angles(scene: GaussianScene, again: GaussianScene, rows: np.ndarray) -> np.ndarray:
    """Between the rotations, radians; a quaternion and its negative are the same."""
    one, other = scene.quats.astype(np.float64), again.quats[rows].astype(np.float64)
    apart = np.minimum(np.linalg.norm(one - other, axis=1), np.linalg.norm(one + other, axis=1))
    return 4 * np.arcsin(np.clip(apart / 2, 0, 1))


# .splat -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["plant.splat", "luma-seal.splat", "three_points_from_train.splat"]
)
def test_real_splat_files(name: str):
    path = shared_data(f"splats/{name}")
    scene, truth = open_scene(path), read_splat(path)
    for attribute in ("means", "quats", "scales", "opacities", "sh"):
        # Division by 255 and by C0 in float32 instead of float64.
        np.testing.assert_allclose(getattr(scene, attribute), getattr(truth, attribute), atol=1e-6)
    assert scene.format == "splat"


def test_the_same_three_points_as_ply_and_splat():
    ply = read_ply(shared_data("splats/three_points_from_train.ply"))
    scene = open_scene(shared_data("splats/three_points_from_train.splat"))
    rows = cKDTree(scene.means).query(ply.means)[1]
    np.testing.assert_array_equal(scene.means[rows], ply.means)
    np.testing.assert_allclose(scene.scales[rows], ply.scales, rtol=1e-6)
    # The program that made the file cuts off instead of rounding.
    np.testing.assert_allclose(scene.opacities[rows], ply.opacities, atol=1 / 255)
    shown = np.clip(0.5 + C0 * ply.sh[:, 0], 0, 1)
    np.testing.assert_allclose(0.5 + C0 * scene.sh[rows, 0], shown, atol=1.001 / 255)


@pytest.mark.parametrize("count", COUNTS)
def test_splat_steps(tmp_path: Path, count: int):
    scene = extremes(count, 0)
    path = tmp_path / "a.splat"
    shown = 0.5 + C0 * scene.sh[:, 0].astype(np.float64)
    outside = int(((shown * 255 < -0.5) | (shown * 255 > 255.5)).sum())
    notes = (f"{outside:,} colour values were clamped to 0 to 1.",) if outside else ()
    assert save_scene(scene, path) == notes
    assert path.stat().st_size == 32 * count
    again = open_scene(path)
    rows = matched(scene, again, 0.0)
    np.testing.assert_array_equal(again.scales[rows], scene.scales)
    np.testing.assert_allclose(again.opacities[rows], scene.opacities, atol=0.501 / 255)
    shown = np.clip(shown, 0, 1)
    np.testing.assert_allclose(0.5 + C0 * again.sh[rows, 0], shown, atol=0.501 / 255)
    # Half a step in each of four components, twice in the angle.
    assert (angles(scene, again, rows) <= 2 * np.sqrt(4) * 0.51 / 128).all()
    written = np.empty(count, np.int64)
    written[rows] = np.arange(count)
    weights = scene.scales.prod(1, dtype=np.float64) * scene.opacities
    assert (np.diff(weights[written]) <= 0).all()


def test_splat_of_a_strange_length(tmp_path: Path):
    path = tmp_path / "a.splat"
    path.write_bytes(bytes(33))
    with pytest.raises(SceneError, match="a multiple of 32 bytes, found 33 bytes"):
        open_scene(path)


# Compressed PLY -------------------------------------------------------------------------------


def slow_compressed(path: Path) -> dict[str, np.ndarray]:
    """Decoded splat by splat, in Python numbers."""
    raw = path.read_bytes()
    head, body = raw.split(b"end_header\n", 1)
    lines = head.decode().split("\n")
    counts = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("element")}
    ranges = sum(line.startswith("property float") for line in lines)
    rest = sum(line.startswith("property uchar") for line in lines)
    chunks = np.frombuffer(body, "<f4", counts["chunk"] * ranges).reshape(-1, ranges)
    if ranges == 12:
        chunks = np.concatenate([chunks, np.tile([0, 0, 0, 1, 1, 1], (len(chunks), 1))], 1)
    start = counts["chunk"] * ranges * 4
    count = counts["vertex"]
    result: dict[str, list] = {"means": [], "quats": [], "scales": [], "opacities": [], "sh": []}
    for i in range(count):
        position, rotation, scale, colour = struct.unpack_from("<4I", body, start + 16 * i)
        r = chunks[i // 256].astype(float)

        def eleven(word: int, at: int, r=r) -> list[float]:
            shares = [(word >> 21) / 2047, (word >> 11 & 1023) / 1023, (word & 2047) / 2047]
            return [r[at + a] + (r[at + 3 + a] - r[at + a]) * shares[a] for a in range(3)]

        result["means"].append(eleven(position, 0))
        result["scales"].append(np.exp(eleven(scale, 6)))
        three = [((rotation >> low & 1023) / 1023 - 0.5) * 2**0.5 for low in (20, 10, 0)]
        three.insert(rotation >> 30, max(0.0, 1 - sum(v * v for v in three)) ** 0.5)
        result["quats"].append(three)
        shares = [(colour >> low & 255) / 255 for low in (24, 16, 8)]
        base = [(r[12 + a] + (r[15 + a] - r[12 + a]) * shares[a] - 0.5) / C0 for a in range(3)]
        row = [base]
        if rest:
            bytes_ = body[start + 16 * count + i * rest :][:rest]
            values = [-4.0 if b == 0 else 4.0 if b == 255 else ((b + 0.5) / 256 - 0.5) * 8
                      for b in bytes_]  # fmt: skip
            row += [[values[c * rest // 3 + k] for c in range(3)] for k in range(rest // 3)]
        result["sh"].append(row)
        result["opacities"].append((colour & 255) / 255)
    return {name: np.array(values) for name, values in result.items()}


@pytest.mark.parametrize("degree", range(4))
def test_compressed_against_a_slow_decoder(tmp_path: Path, degree: int):
    path = tmp_path / "a.compressed.ply"
    save_scene(random_scene(300, degree), path)
    scene, truth = open_scene(path), slow_compressed(path)
    for name, values in truth.items():
        # float32 against float64; the square root of a number near 0 halves the digits.
        np.testing.assert_allclose(getattr(scene, name), values, rtol=1e-5, atol=3e-4)


@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("count", COUNTS)
def test_compressed_steps(tmp_path: Path, count: int, degree: int):
    scene = extremes(count, degree)
    path = tmp_path / "a.compressed.ply"
    notes = save_scene(scene, path)
    assert any("clamped" in note for note in notes) == (count > 9)
    again = open_scene(path)
    assert again.sh_degree == degree
    extent = scene.means.max(0) - scene.means.min(0) if count else np.zeros(3)
    step = 0.5 * float(np.linalg.norm(extent / [2047, 1023, 2047])) + 2e-5
    rows = np.argsort(morton_order(scene.means))
    assert (np.abs(again.means[rows] - scene.means) <= step).all()
    np.testing.assert_allclose(again.opacities[rows], scene.opacities, atol=0.501 / 255)
    with np.errstate(divide="ignore"):
        kept = np.clip(np.log(scene.scales), -20, 20)
        error = np.abs(np.log(again.scales[rows]) - kept)
    assert (error <= 0.5 * 40 / 1023 + 1e-5).all()
    # Half a step of three components; the fourth follows, at most sqrt(3) times as far off.
    assert (angles(scene, again, rows) <= 4 * np.sqrt(3) * 0.51 / 723).all()
    span = 40.0 + 1e-3
    assert (np.abs(again.sh[rows, 0] - scene.sh[:, 0]) <= 0.501 * span / 255).all()
    rest = np.clip(scene.sh[:, 1:], -4, 4)
    assert (np.abs(again.sh[rows, 1:] - rest) <= 1.001 / 32).all()


def test_old_compressed_files_have_no_ranges_of_colours(tmp_path: Path):
    path = tmp_path / "a.compressed.ply"
    scene = random_scene(300, 0)
    save_scene(scene, path)
    head, body = path.read_bytes().split(b"end_header\n", 1)
    lines = [line for line in head.split(b"\n") if not line.endswith((b"_r", b"_g", b"_b"))]
    chunks = np.frombuffer(body, "<f4", 36).reshape(2, 18)[:, :12]
    path.write_bytes(b"\n".join(lines) + b"end_header\n" + chunks.tobytes() + body[144:])
    again, truth = open_scene(path), slow_compressed(path)
    np.testing.assert_allclose(again.sh, truth["sh"], atol=1e-5)
    assert "without ranges of colours" in again.metadata["dialect"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"element chunk 2", b"element chunk 1", "2 chunks for 300 splats"),
        (b"element vertex 300", b"element vertex 512", "bytes"),
        (b"uint packed_scale", b"int packed_scale", "a column packed_scale"),
        (b"float min_y", b"float min_w", "a column min_y"),
        (b"binary_little_endian", b"ascii", "a binary compressed PLY"),
        (b"element sh 300", b"element sh 299", "300 rows of 9"),
        (b"property uchar f_rest_8\n", b"", "columns in element sh"),
        (b"element sh", b"element faces 1\nproperty list uchar int i\nelement sh", "without lists"),
    ],
)
def test_strange_compressed_headers(tmp_path: Path, old: bytes, new: bytes, expected: str):
    path = tmp_path / "a.compressed.ply"
    save_scene(random_scene(300, 1), path)
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))
    with pytest.raises(SceneError, match=expected):
        open_scene(path)


def test_compressed_comments_are_kept(tmp_path: Path):
    path = tmp_path / "bike.compressed.ply"
    scene = replace(random_scene(5, 0), training="mip", metadata={"vertical_axis": "z"})
    save_scene(scene, path)
    again = open_scene(path)
    assert (again.training, again.metadata["vertical_axis"], again.name) == ("mip", "z", "bike")


def test_the_same_object_as_spz():
    """``biker`` in both formats: after the frame rule they differ by the steps of SPZ."""
    one = open_scene(shared_data("splats/biker.compressed.ply"))
    other = open_scene(shared_data("splats/biker.spz"))
    assert one.count == other.count == 152_746
    np.testing.assert_allclose(one.means, other.means, atol=0.51 / 4096)
    np.testing.assert_allclose(one.opacities, other.opacities, atol=0.501 / 255)
    logs = np.maximum(np.log(one.scales), -10)
    np.testing.assert_allclose(np.log(other.scales), logs, atol=0.501 / 16)
    np.testing.assert_allclose(one.sh, other.sh, atol=0.501 / 0.15 / 255)
    rows = np.arange(one.count)
    assert angles(one, other, rows).max() <= 4 * np.sqrt(3) * 0.51 / 723


# .ksplat ----------------------------------------------------------------------------------------


def test_real_ksplat_file():
    scene = open_scene(shared_data("splats/minimal.ksplat"))
    assert scene.count == 4
    assert np.isfinite(scene.means).all()
    assert scene.warnings == ()


@pytest.mark.parametrize("level", range(3))
@pytest.mark.parametrize("degree", range(3))
@pytest.mark.parametrize("count", COUNTS)
def test_ksplat_steps(tmp_path: Path, count: int, degree: int, level: int):
    scene = extremes(count, degree)
    path = tmp_path / "a.ksplat"
    save_scene(scene, path, ksplat_level=level)
    again = open_scene(path)
    # Half a step on three axes, and the rounding of a centre some hundred units away.
    rows = matched(scene, again, 0.0 if level == 0 else np.sqrt(3) * (0.51 * 2.5 / 32767 + 4e-5))
    np.testing.assert_allclose(again.opacities[rows], scene.opacities, atol=0.501 / 255)
    # float16: 11 bits, and steps of 6e-8 near 0.
    exact = {"rtol": 0, "atol": 0} if level == 0 else {"rtol": 2**-11, "atol": 3.1e-8}
    np.testing.assert_allclose(again.scales[rows], scene.scales, **exact)
    assert (angles(scene, again, rows) <= (2e-6 if level == 0 else 4 * 2**-11)).all()
    shown = np.clip(0.5 + C0 * scene.sh[:, 0], 0, 1)
    np.testing.assert_allclose(0.5 + C0 * again.sh[rows, 0], shown, atol=0.501 / 255)
    rest = scene.sh[:, 1 : again.sh.shape[1]]
    if level == 2 and rest.size:
        exact = {"rtol": 0, "atol": 0.51 * float(rest.max() - rest.min()) / 255}
    np.testing.assert_allclose(again.sh[rows, 1:], rest, **exact)


def test_buckets_full_and_partly_filled(tmp_path: Path):
    """Cubes with fewer, with exactly and with more splats than a bucket holds."""
    rng = np.random.default_rng(0)
    cubes = [(0, 256), (1, 3), (2, 600), (3, 512), (4, 1)]
    corners = [np.array([5.0 * x, 0, 0]) + rng.uniform(0.1, 4.9, (n, 3)) for x, n in cubes]
    means = np.concatenate(corners)
    means[0] = 0
    scene = random_scene(len(means), 1, means=means)
    path = tmp_path / "a.ksplat"
    save_scene(scene, path)
    raw = path.read_bytes()
    full, partial = struct.unpack_from("<II", raw, 4096 + 32)
    assert (full, partial) == (1 + 2 + 2, 3)
    assert sorted(struct.unpack_from("<3I", raw, 5120)) == [1, 3, 88]
    matched(scene, open_scene(path), 2e-4)


def test_several_sections(tmp_path: Path):
    """Sections of different degree, with room for more splats than are there."""
    one, other = tmp_path / "1.ksplat", tmp_path / "2.ksplat"
    save_scene(random_scene(100, 0, 1), one, ksplat_level=1)
    save_scene(random_scene(300, 2, 2), other, ksplat_level=1)
    first, second = bytearray(one.read_bytes()), other.read_bytes()
    struct.pack_into("<II", first, 4, 2, 2)
    struct.pack_into("<I", first, 4096 + 4, 103)
    path = tmp_path / "both.ksplat"
    spare = bytes(3 * 24)
    path.write_bytes(bytes(first[:5120]) + second[4096:5120] + bytes(first[5120:]) + spare
                     + second[5120:])  # fmt: skip
    scene = open_scene(path)
    assert (scene.count, scene.sh_degree) == (400, 2)
    assert not scene.sh[:100, 1:].any()
    np.testing.assert_array_equal(scene.means[:100], open_scene(one).means)
    np.testing.assert_array_equal(scene.sh[100:], open_scene(other).sh)


@pytest.mark.parametrize(
    ("at", "kind", "value", "expected"),
    [
        (4, "I", 2**31, "a scene|section headers"),
        (4096, "I", 2**31, "splats|bytes"),
        (4096 + 12, "I", 2**31, "bytes"),
        (4096 + 36, "I", 2**31, "bytes"),
        (4096 + 20, "H", 3, "12 bytes for the centre"),
        (4096 + 40, "H", 3, "degree 0 to 2"),
        (4096 + 32, "I", 0, "partly filled buckets|buckets for"),
        (5120, "I", 1, "buckets for"),
    ],
)
def test_strange_ksplat_headers(tmp_path: Path, at: int, kind: str, value: int, expected: str):
    path = tmp_path / "a.ksplat"
    save_scene(random_scene(300, 1, means=np.random.default_rng(0).uniform(0, 4, (300, 3))), path)
    raw = bytearray(path.read_bytes())
    struct.pack_into("<" + kind, raw, at, value)
    path.write_bytes(raw)
    with pytest.raises(SceneError, match=expected):
        open_scene(path)


def test_ksplat_without_buckets_that_have_a_strange_size(tmp_path: Path):
    path = tmp_path / "a.ksplat"
    save_scene(random_scene(3, 0), path, ksplat_level=1)
    raw = bytearray(path.read_bytes())
    for at, kind, value in ((12, "I", 0), (20, "H", 5), (32, "I", 0), (36, "I", 0)):
        struct.pack_into("<" + kind, raw, 4096 + at, value)
    path.write_bytes(raw)
    with pytest.raises(SceneError, match="buckets for 3 splats, found for 0"):
        open_scene(path)


def test_ksplat_that_clamps_says_so(tmp_path: Path):
    scene = replace(random_scene(3, 0), scales=np.full((3, 3), 1e6, np.float32))
    notes = save_scene(scene, tmp_path / "a.ksplat")
    assert notes == ("9 sizes were clamped to 65,504, the most that fits.",)
    assert save_scene(scene, tmp_path / "a.ksplat", ksplat_level=0) == ()
