"""Dumps of raw parameters: every family of names, every way NumPy stores numbers, every lie."""

from __future__ import annotations

import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene, sniff_scene
from tests.data import shared_data, shared_folder
from tests.real_scenes import read_gsplat_npz
from tests.scenes.format_cases import random_scene

ARRAYS = ("means", "quats", "scales", "opacities", "sh")
ROLES = ("means", "quats", "scales", "opacities", "sh0", "shN")
FAMILIES = {
    "gsplat": ROLES,
    "gsplat before 1.0": ("means3d", "quats", "scales", "opacities", "colors", "features_rest"),
    "nerfstudio": ("means", "quats", "scales", "opacities", "features_dc", "features_rest"),
    "Inria": ("_xyz", "_rotation", "_scaling", "_opacity", "_features_dc", "_features_rest"),
    "prefixed": tuple(f"model.splats.{role}" for role in ROLES),
    "fvdb": ("means", "quats", "log_scales", "logit_opacities", "sh0", "shN"),
}


def raw(scene: GaussianScene) -> dict[str, np.ndarray]:
    """Parameters as a trainer keeps them, by role, in float64."""
    with np.errstate(divide="ignore"):
        opacities = scene.opacities.astype(np.float64)
        return {
            "means": scene.means.astype(np.float64),
            "quats": 3 * scene.quats.astype(np.float64),
            "scales": np.log(scene.scales.astype(np.float64)),
            "opacities": np.log(opacities) - np.log1p(-opacities),
            "sh0": scene.sh[:, :1].astype(np.float64),
            "shN": scene.sh[:, 1:].astype(np.float64),
        }


def close(a: GaussianScene, b: GaussianScene, rtol: float = 5e-6) -> None:
    """Equal up to a logarithm and its way back in float32 (logarithms up to some twenty)."""
    np.testing.assert_allclose(a.means, b.means, rtol=rtol)
    np.testing.assert_allclose(a.quats, b.quats, rtol=0, atol=max(rtol, 3e-7))
    np.testing.assert_allclose(a.scales, b.scales, rtol=rtol)
    np.testing.assert_allclose(a.opacities, b.opacities, rtol=rtol, atol=1e-7)
    np.testing.assert_allclose(a.sh, b.sh, rtol=rtol)


def saved(path: Path, arrays: dict[str, Any], compressed: bool = False) -> Path:
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def refused(path: Path) -> SceneError:
    with pytest.raises(SceneError) as caught:
        open_scene(path)
    assert path.name in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("degree", [0, 3])
def test_families_of_names(tmp_path: Path, family: str, degree: int) -> None:
    scene = random_scene(70, degree)
    values = raw(scene)
    named = dict(zip(FAMILIES[family], (values[role] for role in ROLES), strict=True))
    path = saved(tmp_path / "a.npz", named)
    found = sniff_scene(path)
    assert found is not None
    assert found.name == "npz"
    back = open_scene(path)
    close(back, scene)
    assert back.format == "npz"
    assert back.warnings == ()
    assert back.metadata["ignored"] == []


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("compressed", [False, True])
def test_ways_to_store_numbers(tmp_path: Path, kind: str, order: str, compressed: bool) -> None:
    scene = random_scene(300, 1)
    values = {n: np.asarray(v, kind, order=order) for n, v in raw(scene).items()}  # type: ignore[call-overload]
    back = open_scene(saved(tmp_path / "a.npz", values, compressed))
    if kind.endswith("2"):
        # Eleven bits: a step of 2^-9 at logarithms of four, of means of ten.
        np.testing.assert_allclose(back.means, scene.means, rtol=5e-4, atol=1e-6)
        np.testing.assert_allclose(back.scales, scene.scales, rtol=3e-3)
        np.testing.assert_allclose(back.sh, scene.sh, rtol=5e-4, atol=1e-6)
    else:
        close(back, scene)


def test_arrays_larger_than_what_is_read_together(tmp_path: Path) -> None:
    scene = random_scene(70_000, 2)
    for order in ("C", "F"):
        values = {n: np.asarray(v, "f4", order=order) for n, v in raw(scene).items()}  # type: ignore[call-overload]
        close(open_scene(saved(tmp_path / "a.npz", values)), scene)


def test_shapes_that_mean_the_same(tmp_path: Path) -> None:
    scene = random_scene(20, 2)
    values = raw(scene)
    values["opacities"] = values["opacities"][:, None]
    values["sh0"] = values["sh0"][:, 0]
    close(open_scene(saved(tmp_path / "a.npz", values)), scene)
    values["sh0"] = scene.sh
    del values["shN"]
    close(open_scene(saved(tmp_path / "b.npz", values)), scene)


def test_balls_and_plain_colours(tmp_path: Path) -> None:
    """As SplaTAM keeps them."""
    scene = random_scene(30, 0)
    values = raw(scene)
    rgb = np.random.default_rng(0).random((30, 3))
    dump = {
        "means3D": values["means"], "rgb_colors": rgb, "unnorm_rotations": values["quats"],
        "logit_opacities": values["opacities"][:, None], "log_scales": values["scales"][:, :1],
        "cam_unnorm_rots": np.zeros((1, 4, 9)), "intrinsics": np.eye(3),
        "gt_w2c_all_frames": np.zeros((9, 4, 4)),
    }  # fmt: skip
    back = open_scene(saved(tmp_path / "a.npz", dump))
    np.testing.assert_allclose(back.scales, np.repeat(scene.scales[:, :1], 3, 1), rtol=5e-6)
    np.testing.assert_allclose(0.5 + 0.28209479177387814 * back.sh[:, 0], rgb, atol=1e-6)
    ignored = ["9 training cameras", "array cam_unnorm_rots", "array intrinsics"]
    assert back.metadata["ignored"] == ignored


def test_2d_gaussians_are_flat(tmp_path: Path) -> None:
    values = raw(random_scene(30, 0))
    values["scales"] = values["scales"][:, :2]
    back = open_scene(saved(tmp_path / "a.npz", values))
    assert back.training == "2dgs"
    assert (back.scales[:, 2] == 0).all()
    assert "2D Gaussians" in back.warnings[0]


def test_parameters_that_look_activated_are_still_raw(tmp_path: Path) -> None:
    values = raw(random_scene(30, 0))
    values["scales"][:], values["opacities"][:] = 0.5, 0.5
    back = open_scene(saved(tmp_path / "a.npz", values))
    np.testing.assert_allclose(back.scales, np.exp(0.5), rtol=1e-6)
    np.testing.assert_allclose(back.opacities, 1 / (1 + np.exp(-0.5)), rtol=1e-6)


def test_values_that_cannot_be_drawn(tmp_path: Path) -> None:
    values = raw(random_scene(8, 1))
    values["means"][0] = np.nan
    values["scales"][1] = 1e30
    values["quats"][2] = 0
    values["opacities"][3:5] = [np.inf, -np.inf]
    values["shN"][5] = -np.inf
    values["scales"][6] = -np.inf
    back = open_scene(saved(tmp_path / "a.npz", values))
    assert back.count == 5
    assert "3 of 8 splats were dropped" in back.warnings[0]
    assert "length zero" in back.warnings[1]
    np.testing.assert_array_equal(back.opacities[1:3], [1, 0])
    np.testing.assert_array_equal(back.scales[3], 0)


def test_a_real_dump() -> None:
    path = shared_data("splats/gsplat_sh3_929views.npz")
    scene, wanted = open_scene(path), read_gsplat_npz(path)
    assert scene.count == 22_589
    for name in ARRAYS:
        # One rounding of float32 from two ways to normalise.
        np.testing.assert_allclose(getattr(scene, name), getattr(wanted, name), atol=2e-7)
    assert scene.metadata["ignored"][0] == "929 training cameras"


# Writing


@pytest.mark.parametrize("degree", range(5))
def test_round_trip(tmp_path: Path, degree: int) -> None:
    scene = random_scene(257, degree)
    assert save_scene(scene, tmp_path / "a.npz") == ()
    back = open_scene(tmp_path / "a.npz")
    close(back, scene)
    np.testing.assert_array_equal(back.means, scene.means)
    np.testing.assert_array_equal(back.sh, scene.sh)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("count", [0, 1, 255, 256])
def test_counts(tmp_path: Path, count: int) -> None:
    scene = random_scene(count, 1)
    save_scene(scene, tmp_path / "a.npz")
    back = open_scene(tmp_path / "a.npz")
    close(back, scene)
    assert back.warnings == (() if count else ("The file holds no splats.",))


def test_extremes_survive(tmp_path: Path) -> None:
    scene = random_scene(6, 0)
    scales = scene.scales.copy()
    scales[:3] = [[0, 0, 0], [1e-10, 1e-37, 1e10], [3e38, 1, 1]]
    opacities = np.array([0, 1, 1e-6, 0.5, 1e-30, 0.9999], np.float32)
    means = scene.means.copy()
    means[:2] = [[1e30, -1e30, 0], [1e-30, 0, 0]]
    scene = replace(scene, scales=scales, opacities=opacities, means=means)
    save_scene(scene, tmp_path / "a.npz")
    back = open_scene(tmp_path / "a.npz")
    # Logarithms of up to 89 lose seven bits to their whole part.
    close(back, scene, rtol=1e-5)
    np.testing.assert_array_equal(back.opacities[:2], [0, 1])
    np.testing.assert_array_equal(back.scales[0], 0)


def test_numpy_reads_what_gsplat_names(tmp_path: Path) -> None:
    scene = random_scene(70_000, 1)
    save_scene(scene, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert {name: (array.shape, str(array.dtype)) for name, array in arrays.items()} == {
        "means": ((70_000, 3), "float32"), "quats": ((70_000, 4), "float32"),
        "scales": ((70_000, 3), "float32"), "opacities": ((70_000,), "float32"),
        "sh0": ((70_000, 1, 3), "float32"), "shN": ((70_000, 3, 3), "float32"),
    }  # fmt: skip
    wanted = raw(scene)
    for name in ROLES:
        if name != "quats":
            # Logits of opacities near 0 and 1 are as fine as float32 of size ten.
            np.testing.assert_allclose(arrays[name], wanted[name], rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(arrays["quats"], scene.quats)


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    view = {"eye": [0, 0, 0], "target": [0, 0, 1], "up": [0, -1, 0], "fov_y": 50}
    scene = random_scene(3, 0, training="mip")
    scene = replace(scene, metadata={"vertical_axis": "z", "default_view": view})
    said = save_scene(scene, tmp_path / "a.npz")
    assert [word in text for text, word in zip(said, ("trained", "up", "view"), strict=True)]
    assert len(said) == 3


def test_progress_cancel_and_estimate(tmp_path: Path) -> None:
    scene = random_scene(70_000, 1)
    path = tmp_path / "a.npz"
    seen: list[tuple[int, int, str]] = []
    save_scene(scene, path, lambda *values: seen.append(values))
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[-1] == (70_000, 70_000, "splats")
    found = sniff_scene(path)
    assert found is not None
    assert found.estimate is not None
    # The heads of arrays and entries.
    assert abs(found.estimate(scene) - path.stat().st_size) < 1_000
    before = path.read_bytes()
    with pytest.raises(Cancelled):
        save_scene(scene, path, cancel=lambda: True)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert {unit for _, _, unit in told} == {"bytes", "splats"}
    assert told[-1] == (70_000, 70_000, "splats")


# What is none, and what lies


def test_archives_of_other_things_are_left_alone(tmp_path: Path) -> None:
    values = raw(random_scene(5, 0))
    others = [
        {"poses": np.zeros((9, 3, 5)), "images": np.zeros((9, 4, 4, 3))},
        {"means3d": values["means"], "colors": np.zeros((5, 3), np.uint8), "viewmats": np.eye(4)},
        {"means": values["means"], "scales": values["scales"], "weights": np.zeros(5)},
        {"layer1.weight": np.zeros((3, 3)), "hash_grid": np.zeros(100)},
    ]
    for arrays in others:
        path = saved(tmp_path / "a.npz", arrays).rename(tmp_path / "a.bin")
        assert sniff_scene(path) is None
        assert "arrays of Gaussian parameters" in refused(path.rename(tmp_path / "a.npz")).expected
    with zipfile.ZipFile(tmp_path / "b.bin", "w") as archive:
        archive.writestr("meta.json", "{}")
    assert sniff_scene(tmp_path / "b.bin") is None


def test_real_archives_of_other_things_are_left_alone() -> None:
    from scenes.formats.parameters import FORMAT

    garden = shared_data("multiview/gsplat_test_garden.npz")
    neural = [path for path in shared_folder("data/neural").rglob("*") if path.is_file()]
    for path in (garden, *neural):
        assert not FORMAT.sniff(path, path.read_bytes()[:4096])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("means", lambda a: a[:, :2], "means of shape"),
        ("means", lambda a: a.astype(np.int64), "floating-point numbers"),
        ("means", lambda a: a + 1j, "floating-point numbers"),
        ("means", lambda a: a[0, 0], "means of shape"),
        ("quats", lambda a: a[:4], "quats of shape (5, 4)"),
        ("quats", lambda a: a[:, :3], "quats of shape"),
        ("scales", lambda a: a[:, :0], "scales of shape"),
        ("opacities", lambda a: a[:, None, None], "opacities of shape"),
        ("sh0", lambda a: a[:, :, :2], "sh0 of shape"),
        ("shN", lambda a: a[:, :2], "shN of shape"),
        ("shN", lambda a: a.transpose(0, 2, 1).reshape(5, -1), "shN of shape"),
        ("sh0", lambda a: np.repeat(a, 4, 1), "coefficients per colour"),
    ],
)  # fmt: skip
def test_shapes_and_types_that_do_not_fit(
    tmp_path: Path, name: str, change: Any, message: str
) -> None:
    values = raw(random_scene(5, 1))
    values[name] = change(values[name])
    assert message in str(refused(saved(tmp_path / "a.npz", values)))


def test_two_sets_of_parameters(tmp_path: Path) -> None:
    values = raw(random_scene(5, 0))
    both = {f"{place}.{name}": array for place in "ab" for name, array in values.items()}
    assert "found those of 'a', 'b'" in str(refused(saved(tmp_path / "a.npz", both)))


def archive_of(path: Path, changes: dict[str, bytes], scene: GaussianScene | None = None) -> Path:
    """A good archive with other bytes in place of some entries."""
    saved(path, {n: a.astype("f4") for n, a in raw(scene or random_scene(5, 1)).items()})
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (entries | changes).items():
            archive.writestr(name, data)
    return path


def npy(header: str, body: bytes = b"", version: bytes = b"\1\0") -> bytes:
    head = header.encode("latin1")
    length = len(head).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + length + head + body


HEAD = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3), }\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\1\0\xff\xff",
        npy(HEAD)[:-9],
        npy(HEAD),
        npy(HEAD, bytes(59)),
        npy(HEAD, bytes(61)),
        npy(HEAD, bytes(60), b"\7\0"),
        npy(HEAD.replace("(5, 3)", "(5, -3)"), bytes(60)),
        npy(HEAD.replace("(5, 3)", "(5, 3.0)"), bytes(60)),
        npy(HEAD.replace("(5, 3)", "(99999999999999999999, 3)"), bytes(60)),
        npy(HEAD.replace("(5, 3)", "(4294967296, 4294967296)"), bytes(60)),
        npy(HEAD.replace("(5, 3)", "(0, 99999999999999999999999)"), bytes(0)),
        npy(HEAD.replace("(5, 3)", "5"), bytes(60)),
        npy(HEAD.replace("(5, 3)", "(" * 4000 + ")" * 4000), bytes(60)),
        npy(HEAD.replace("'<f4'", "'|O'"), bytes(120)),
        npy(HEAD.replace("'<f4'", "[('a', '<f4')]"), bytes(60)),
        npy(HEAD.replace("'<f4'", "('<f4', (2,))"), bytes(120)),
        npy(HEAD.replace("'<f4'", "'|S4'"), bytes(60)),
        npy(HEAD.replace("'<f4'", "'nonsense'"), bytes(60)),
        npy(HEAD.replace("'<f4'", "__import__('os').system('touch evil')"), bytes(60)),
        npy(" " * 60_000 + HEAD, bytes(60)),
        npy("\xff\xfe" + HEAD, bytes(60)),
    ],
)
def test_arrays_that_lie(tmp_path: Path, data: bytes) -> None:
    path = archive_of(tmp_path / "a.npz", {"means.npy": data})
    tracemalloc.start()
    try:
        refused(path)
        # A damaged header of 60,000 bytes is the largest thing here.
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert not Path("evil").exists()


def test_headers_of_the_second_version(tmp_path: Path) -> None:
    scene = random_scene(5, 1)
    body = scene.means.tobytes()
    path = archive_of(tmp_path / "a.npz", {"means.npy": npy(HEAD, body, b"\2\0")}, scene)
    np.testing.assert_array_equal(open_scene(path).means, scene.means)


def test_bombs_end_before_memory_is_taken(tmp_path: Path) -> None:
    """Zeros that shrink to a thousandth; the archive says how large they are."""
    count = 3_000_000
    head = HEAD.replace("(5, 3)", f"({count}, 3)")
    path = archive_of(tmp_path / "a.npz", {"means.npy": npy(head, bytes(12 * count))})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other.npy", bytes(80 << 20))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        assert "bytes in the archive" in refused(path).expected
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_damaged_values_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_scene(random_scene(500, 1), path)
    raw_bytes = bytearray(path.read_bytes())
    raw_bytes[3000] ^= 4  # inside the means
    path.write_bytes(raw_bytes)
    assert "a whole entry means.npy" in str(refused(path))


def test_an_array_that_ends_early(tmp_path: Path) -> None:
    """The archive's directory says more than the entry unpacks to."""
    path = tmp_path / "a.npz"
    values = {n: a.astype("f4") for n, a in raw(random_scene(500, 1)).items()}
    saved(path, values, compressed=True)
    data = bytearray(path.read_bytes())
    short = npy(HEAD.replace("(5, 3)", "(500, 3)"), bytes(12 * 400))
    whole = len(short) + 12 * 100
    path = archive_of(tmp_path / "b.npz", {"means.npy": short}, random_scene(500, 1))
    data = bytearray(path.read_bytes())
    size = len(short).to_bytes(4, "little")
    assert data.count(size) >= 2
    path.write_bytes(bytes(data).replace(size, whole.to_bytes(4, "little")))
    refused(path)
