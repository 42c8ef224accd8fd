"""Each Gaussian operation against formulas written out in the test, and against its contract."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kernels.gaussians.bin import bin as bin_splats
from kernels.gaussians.blend import blend
from kernels.gaussians.pack import pack
from kernels.gaussians.project import project
from kernels.gaussians.resolve import resolve
from kernels.gaussians.shade import shade
from kernels.gaussians.shade.reference import basis
from kernels.gaussians.sort import sort
from kernels.gaussians.types import (
    DEPTH,
    EXTENT_X,
    EXTENT_Y,
    L11,
    L12,
    L22,
    LOG2_OPACITY,
    MEAN_X,
    MEAN_Y,
    RED,
    SOURCE,
    Options,
    Splats,
)
from kernels.workspace import Workspace
from tests.kernels.chain import looking_at, random_splats, run_chain

BOTH = ["reference", "cpu"]
VIEW = looking_at((0.3, -0.2, -3.0), (0, 0, 0), 150, 100)


def _table(backend: str, arrays, view=VIEW, options=None, degree=3) -> np.ndarray:
    """Visible records in the order of the scene, float64, with the source index as a number."""
    workspace = Workspace()
    packed = pack(backend, *arrays)
    splats = project(backend, packed, view, options or Options(), 1.0, workspace)
    splats = shade(backend, packed, splats, view, degree)
    records = np.asarray(splats.records)[np.asarray(splats.rows)]
    table = records.astype(np.float64)
    if backend == "cpu":
        table[:, SOURCE] = records[:, SOURCE].copy().view(np.int32)
    return table[np.argsort(table[:, SOURCE])]


@pytest.mark.parametrize("backend", BOTH)
def test_projection_is_the_textbook_formula(backend):
    means, quats, scales, opacities, sh = random_splats(1, count=300)
    table = _table(backend, (means, quats, scales, opacities, sh))
    for row in table[:: max(1, len(table) // 40)]:
        i = int(row[SOURCE])
        w, x, y, z = quats[i].astype(np.float64)
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        sigma = rotation @ np.diag(scales[i].astype(np.float64) ** 2) @ rotation.T
        px, py, pz = VIEW.rotation @ (means[i] - VIEW.position)
        limit_x = (VIEW.width / 2 / VIEW.fx) * 1.3
        limit_y = (VIEW.height / 2 / VIEW.fy) * 1.3
        tx, ty = np.clip(px / pz, -limit_x, limit_x), np.clip(py / pz, -limit_y, limit_y)
        jacobian = np.array([[VIEW.fx, 0, -VIEW.fx * tx], [0, VIEW.fy, -VIEW.fy * ty]]) / pz
        covariance = jacobian @ VIEW.rotation @ sigma @ VIEW.rotation.T @ jacobian.T
        conic = np.linalg.inv(covariance + 0.3 * np.eye(2))
        factor = np.array([[row[L11], row[L12]], [0, row[L22]]])
        np.testing.assert_allclose(factor.T @ factor, conic, rtol=2e-4, atol=1e-6)
        np.testing.assert_allclose(row[MEAN_X], VIEW.fx * px / pz + VIEW.cx, atol=1e-3)
        np.testing.assert_allclose(row[MEAN_Y], VIEW.fy * py / pz + VIEW.cy, atol=1e-3)
        np.testing.assert_allclose(row[DEPTH], pz, rtol=1e-5)
        np.testing.assert_allclose(2 ** row[LOG2_OPACITY], opacities[i], rtol=1e-5)
        reach = 2 * math.log(255 * opacities[i])
        extents = np.sqrt(reach * np.diag(np.linalg.inv(conic)))
        np.testing.assert_allclose(row[[EXTENT_X, EXTENT_Y]], extents, rtol=2e-4, atol=2e-3)


def test_both_backends_keep_the_same_splats():
    """Only splats on the very edge of visibility may differ."""
    arrays = random_splats(2, count=4000)
    kept = [set(_table(backend, arrays)[:, SOURCE].astype(int)) for backend in BOTH]
    assert len(kept[0] ^ kept[1]) <= 2
    assert len(kept[0]) > 1000


def test_whole_blocks_are_dropped_only_when_unseen():
    """Clusters around the frustum's border, from every side."""
    rng = np.random.default_rng(8)
    for axis in range(3):
        for sign in (-1, 1):
            arrays = list(random_splats(int(rng.integers(1000)), count=600, scale=(0.001, 0.6)))
            arrays[0] = arrays[0] * 0.4
            arrays[0][:, axis] += sign * 1.6
            cpu, reference = (
                set(_table(backend, tuple(arrays))[:, SOURCE].astype(int))
                for backend in ("cpu", "reference")
            )
            assert len(cpu ^ reference) <= 1


@pytest.mark.parametrize("degree", range(5))
def test_spherical_harmonics_are_orthonormal(degree):
    """The constants of every degree, by quadrature over the sphere."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    phi = np.arange(48) * 2 * np.pi / 48
    z, angle = np.meshgrid(nodes, phi, indexing="ij")
    ring = np.sqrt(1 - z * z)
    directions = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], -1).reshape(-1, 3)
    values = basis(torch.tensor(directions), degree).numpy()
    area = np.repeat(weights, 48) * 2 * np.pi / 48
    gram = (values * area[:, None]).T @ values
    np.testing.assert_allclose(gram, np.eye((degree + 1) ** 2), atol=1e-9)


@pytest.mark.parametrize("degree", range(5))
def test_shading_parity_and_truncation(degree):
    arrays = random_splats(3, degree=4)
    fast, truth = (_table(b, arrays, degree=degree) for b in ("cpu", "reference"))
    shared = np.intersect1d(fast[:, SOURCE], truth[:, SOURCE])
    fast = fast[np.isin(fast[:, SOURCE], shared)]
    truth = truth[np.isin(truth[:, SOURCE], shared)]
    np.testing.assert_allclose(fast[:, RED : RED + 3], truth[:, RED : RED + 3], atol=3e-5)


def _splats_with_keys(keys: np.ndarray) -> Splats:
    records = np.zeros((len(keys), 16), np.float32)
    records.view(np.int32)[:, SOURCE] = np.arange(len(keys))[::-1]
    rows = np.arange(len(keys), dtype=np.int32)
    return Splats(records, rows, keys.astype(np.float32).view(np.uint32))


@pytest.mark.parametrize("count", [0, 1, 2, 17, 5000])
@pytest.mark.parametrize("spread", ["wide", "narrow", "equal", "steps"])
def test_sort_is_exact_and_breaks_ties_by_scene_order(count, spread):
    rng = np.random.default_rng(count)
    keys = {
        "wide": np.exp(rng.normal(0, 8, count)),
        "narrow": 3 + rng.random(count) * 1e-5,
        "equal": np.full(count, 2.5),
        "steps": rng.integers(1, 9, count) / 4,
    }[spread].astype(np.float32)
    splats = _splats_with_keys(keys)
    order = sort("cpu", splats, Workspace())
    source = splats.records.view(np.int32)[:, SOURCE]
    expected = np.lexsort((source, keys))
    np.testing.assert_array_equal(order, expected)


@pytest.mark.parametrize("seed", range(4))
def test_binning_misses_no_block_and_adds_few(seed):
    arrays = random_splats(seed, count=1500, degree=0, scale=(0.002, 0.5))
    fast = run_chain("cpu", arrays, VIEW)
    truth = run_chain("reference", arrays, VIEW)
    tiles = VIEW.tiles_x * VIEW.tiles_y
    extra = wanted = 0
    for tile in range(tiles):
        entries = []
        for result, sources in (
            (fast, fast.splats.records.view(np.int32)[:, SOURCE]),
            (truth, truth.splats.records[:, SOURCE].numpy().astype(int)),
        ):
            part = slice(result.lists.starts[tile], result.lists.starts[tile + 1])
            rows = np.asarray(result.lists.rows)[part]
            masks = np.asarray(result.lists.masks)[part]
            entries.append(dict(zip(sources[rows].tolist(), masks.tolist(), strict=True)))
        cpu, reference = entries
        for source, mask in reference.items():
            missing = mask & ~cpu.get(source, 0)
            # A pixel exactly on the rim may fall on the other side in float32.
            assert missing.bit_count() <= 1
            wanted += mask.bit_count()
        extra += sum((m & ~reference.get(s, 0)).bit_count() for s, m in cpu.items())
    assert extra <= 0.08 * wanted


def test_lists_are_in_depth_order():
    result = run_chain("cpu", random_splats(9, count=3000), VIEW)
    depth = result.splats.records[:, DEPTH]
    for tile in range(VIEW.tiles_x * VIEW.tiles_y):
        part = result.lists.rows[result.lists.starts[tile] : result.lists.starts[tile + 1]]
        assert (np.diff(depth[part]) >= 0).all()


def _loop(arrays, view, options) -> tuple[np.ndarray, np.ndarray]:
    """Blend one pixel after the other, in Python, from the reference's records."""
    workspace = Workspace()
    packed = pack("reference", *arrays)
    splats = project("reference", packed, view, options, 1.0, workspace)
    splats = shade("reference", packed, splats, view, 0)
    table = splats.records[sort("reference", splats, workspace)].numpy()
    color, through = np.zeros((view.height, view.width, 3)), np.ones((view.height, view.width))
    for y in range(view.height):
        for x in range(view.width):
            for row in table:
                dx, dy = x + 0.5 - row[MEAN_X], y + 0.5 - row[MEAN_Y]
                u, v = row[L11] * dx + row[L12] * dy, row[L22] * dy
                alpha = min(
                    options.alpha_cap, 2 ** row[LOG2_OPACITY] * math.exp(-(u * u + v * v) / 2)
                )
                if alpha < options.alpha_min:
                    continue
                if through[y, x] * (1 - alpha) <= options.stop:
                    break
                color[y, x] += alpha * through[y, x] * row[RED : RED + 3]
                through[y, x] *= 1 - alpha
    return color, 1 - through


@pytest.mark.parametrize("backend", BOTH)
def test_blending_is_the_written_loop(backend):
    """With many opaque splats, so that most pixels end early."""
    arrays = random_splats(4, count=120, degree=0, scale=(0.1, 0.5), opacity=(0.3, 1.0))
    view = looking_at((0, 0, -3), (0, 0, 0), 37, 35)
    color, alpha = _loop(arrays, view, Options())
    result = run_chain(backend, arrays, view)
    tolerance = 1e-9 if backend == "reference" else 2e-4
    np.testing.assert_allclose(result.alpha, alpha, atol=tolerance)
    np.testing.assert_allclose(result.color, color, atol=tolerance)


@pytest.mark.parametrize("backend", BOTH)
def test_tiles_can_be_blended_in_any_order_and_portion(backend):
    arrays = random_splats(6, count=500)
    workspace = Workspace()
    packed = pack(backend, *arrays)
    splats = project(backend, packed, VIEW, Options(), 1.0, workspace)
    splats = shade(backend, packed, splats, VIEW, 3)
    order = sort(backend, splats, workspace)
    lists = bin_splats(backend, splats, order, VIEW, workspace)
    tiles = np.random.default_rng(0).permutation(VIEW.tiles_x * VIEW.tiles_y)
    accumulation = None
    for part in np.array_split(tiles, 4):
        accumulation = blend(
            backend, splats, lists, VIEW, Options(), False, workspace, part, accumulation
        )
    color, alpha, depth = resolve(backend, accumulation, (0.0, 0.0, 0.0))
    whole = run_chain(backend, arrays, VIEW)
    assert depth is None
    np.testing.assert_array_equal(np.asarray(color, np.float64), whole.color)
    np.testing.assert_array_equal(np.asarray(alpha, np.float64), whole.alpha)


def test_the_reference_is_differentiable():
    """Finite differences in float64 through projection, shading and blending."""
    arrays = random_splats(5, count=6, degree=2, scale=(0.2, 0.5), opacity=(0.2, 0.7))
    view = looking_at((0.1, 0.0, -3), (0, 0, 0), 12, 9)
    # A cut inside a pixel is a step, which has no derivative: keep every splat everywhere.
    options = replace(Options(), alpha_min=1e-12)
    inputs = tuple(torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays)

    def picture(*tensors):
        workspace = Workspace()
        quats = tensors[1] / tensors[1].norm(dim=1, keepdim=True)
        packed = pack("reference", tensors[0], quats, *tensors[2:])
        splats = project("reference", packed, view, options, 1.0, workspace)
        splats = shade("reference", packed, splats, view, 2)
        order = sort("reference", splats, workspace)
        lists = bin_splats("reference", splats, order, view, workspace)
        tiles = np.arange(view.tiles_x * view.tiles_y)
        blended = blend("reference", splats, lists, view, options, True, workspace, tiles)
        color, alpha, depth = resolve("reference", blended, (0.2, 0.4, 0.6))
        # Depth is divided by alpha, which magnifies the differences' noise where alpha is tiny.
        return color, alpha, depth * alpha

    assert torch.autograd.gradcheck(picture, inputs, eps=1e-6, atol=1e-5)


def test_doors_say_what_is_wrong():
    arrays = random_splats(0, count=10)
    with pytest.raises(ValueError, match=r"quats must be \(10, 4\)"):
        pack("cpu", arrays[0], arrays[1][:5], *arrays[2:])
    with pytest.raises(ValueError, match="sh must be"):
        pack("cpu", *arrays[:4], arrays[4][:, :7])
    packed = pack("cpu", *arrays)
    with pytest.raises(ValueError, match="splat_scale"):
        project("cpu", packed, VIEW, Options(), 0.0, Workspace())
    splats = project("cpu", packed, VIEW, Options(), 1.0, Workspace())
    with pytest.raises(ValueError, match="degree"):
        shade("cpu", packed, splats, VIEW, 5)
