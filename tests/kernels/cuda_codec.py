"""Codecs, metrics, pairs and sweeps of the ``cuda`` backend, beside the reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from kernels.codec.blur_grid import blur_grid
from kernels.codec.centroids import centroids
from kernels.codec.grid_sort import grid_sort
from kernels.codec.kmeans import kmeans
from kernels.codec.morton import morton
from kernels.codec.nearest import nearest, no_tick
from kernels.codec.order import morton_order
from kernels.codec.outputs import Outputs
from kernels.codec.swap import swap
from kernels.codec.unpack_compressed_ply import Packed as Words
from kernels.codec.unpack_compressed_ply import unpack_compressed_ply
from kernels.codec.unpack_ksplat import Coding, unpack_ksplat
from kernels.codec.unpack_sog import unpack_sog
from kernels.codec.unpack_splat import unpack_splat
from kernels.codec.unpack_spz import Packed as Bytes
from kernels.codec.unpack_spz import Turn, unpack_spz
from kernels.cuda.device import to_device
from kernels.gaussians.pair import pair
from kernels.image.psnr import psnr
from kernels.image.ssim import ssim
from kernels.planes.sweep import sweep
from tests.data import shared_folder
from tests.kernels.test_kmeans import KINDS, cloud, distances
from tests.kernels.test_metrics import picture
from tests.kernels.test_pair import random_table
from tests.kernels.test_sweep import noise
from tests.kernels.test_unpack_packed import outputs
from tests.kernels.test_unpack_sog import inputs
from tests.kernels.test_unpack_spz import random_bytes
from tests.real_scenes import read_ply

Measured = dict[str, Any]
BACKENDS = ("cuda", "reference")
SIZES = [(1, 1, 1), (15, 3, 15), (150, 9, 37), (200, 24, 130), (260, 45, 300), (130, 60, 70)]
"""Points, numbers of each and centroids."""


def _beside(points: np.ndarray, middle: np.ndarray) -> Measured:
    """Squared distances of the named centroids beyond those of the nearest, per squared reach."""
    labels, squared = nearest("cuda", points, middle)
    truth, _ = nearest("reference", points, middle)
    about = middle.mean(0, dtype=np.float64)
    spread = np.square(middle.astype(np.float64) - about).sum(1).max()
    reach = np.square(points.astype(np.float64) - about).sum(1)
    found = distances(points, middle, labels)
    excess = (found - distances(points, middle, truth)) / (spread + np.sqrt(spread * reach) + 1e-30)
    return {
        "excess": float(excess.max()),
        "same": float((labels == truth).mean()),
        "squared": float((np.abs(squared - found) / (found + 1e-30)).max()),
        "types": [str(labels.dtype), str(squared.dtype)],
    }


def search(kind: str) -> Measured:
    """All sizes of one kind of points."""
    rows = []
    for count, dims, clusters in SIZES:
        points = cloud(kind, count, dims)
        middle = cloud(kind, clusters, dims, seed=1)
        rows.append(_beside(points, points[:clusters].copy() if kind == "duplicates" else middle))
    return {
        "excess": max(row["excess"] for row in rows),
        "same": min(row["same"] for row in rows),
        "squared": max(row["squared"] for row in rows),
        "types": rows[0]["types"],
    }


def real() -> Measured:
    """Coefficients of a real scene."""
    path = shared_folder("data") / "splats/train-1000.ply"
    if not path.exists():
        return {"skipped": f"real data file {path.name} is not on this machine"}
    vectors = np.ascontiguousarray(read_ply(path).arrays()[4].reshape(1000, -1)[:, 3:48])
    return _beside(vectors[:400], vectors[400:600].copy())


def search_hostile() -> Measured:
    """Numbers that are none, rows that stand apart, a listener that has heard enough, portions."""
    from kernels.codec.nearest import cuda

    points, middle = cloud("noise", 300, 9), cloud("noise", 20, 9, seed=3)
    whole = nearest("cuda", points, middle)
    wide = np.zeros((300, 12), np.float32)
    wide[:, 2:11] = points
    apart = nearest("cuda", wide[:, 2:11], middle, np.zeros(300, np.int32))
    tensor = nearest("cuda", torch.from_numpy(wide)[:, 2:11], middle)
    told: list[tuple[int, int]] = []

    def enough(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 4:
            raise KeyError("enough")

    products, cuda._PRODUCTS = cuda._PRODUCTS, 1.0
    try:
        parts = nearest(
            "cuda", points, middle, None, lambda done, total: told.append((done, total))
        )
        nearest("cuda", points, middle, None, enough)
        ended = False
    except KeyError:
        ended = True
    finally:
        cuda._PRODUCTS = products
    points[:2] = [[np.nan], [np.inf]]
    labels, squared = nearest("cuda", points, middle)
    return {
        "apart": all(np.array_equal(a, b) for a, b in zip(whole, apart, strict=True)),
        "tensor": all(np.array_equal(a, b) for a, b in zip(whole, tensor, strict=True)),
        "parts": all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True)),
        "told": told[:3],
        "ended": ended,
        "labels": [int(labels.min()), int(labels.max())],
        "finite": np.isfinite(squared).tolist().index(True),
        "same": bool(np.array_equal(labels[2:], whole[0][2:])),
        "none": list(nearest("cuda", points[:0], middle)[0].shape),
    }


def means() -> Measured:
    """Means by label: empty clusters, one that has nearly all points, more columns than a tile."""
    rng = np.random.default_rng(0)
    found: Measured = {"means": [], "sizes": []}
    for count, dims, clusters in ((0, 3, 4), (1, 1, 1), (300, 9, 30), (900, 70, 3)):
        points = cloud("far", max(count, 1), dims)[:count]
        labels = rng.integers(0, clusters, count).astype(np.int32)
        labels[(labels == 7) | (rng.random(count) < 0.5)] = 0
        fast, truth = (centroids(backend, points, labels, clusters) for backend in BACKENDS)
        found["means"].append(float(np.abs(fast[0] / np.where(truth[0], truth[0], 1) - 1
                                           )[truth[0] != 0].max(initial=0)))  # fmt: skip
        found["sizes"].append(bool(np.array_equal(fast[1], truth[1])))
    return found


def codebook() -> Measured:
    """The same codebook as from the processor."""
    points = cloud("clusters", 200, 9)
    fast, slow = (kmeans(points, 12, 3, backend=backend) for backend in ("cuda", "cpu"))
    return {
        "labels": float((fast[1] == slow[1]).mean()),
        "centroids": float(np.abs(fast[0] - slow[0]).max()),
    }


def metrics() -> Measured:
    """Decibels and similarity of pictures of all shapes, of equal ones, and of no numbers."""
    found: Measured = {"psnr": 0.0, "ssim": 0.0}
    for shape in ((11, 11), (11, 64, 3), (21, 12), (19, 300, 1)):
        images = picture(shape, 1), picture(shape, 2)
        doubles = [torch.from_numpy(image).double() for image in images]
        for name, metric in (("psnr", psnr), ("ssim", ssim)):
            error = metric("cuda", *images) - float(metric("reference", *doubles))
            found[name] = max(found[name], abs(error))
    image, truth = picture((28, 40, 3), 1), picture((28, 40, 3), 2)
    views = image[::2, ::-1], truth[::2, ::-1]
    copies = [np.ascontiguousarray(view) for view in views]
    found["equal"] = [math.isinf(psnr("cuda", image, image)), ssim("cuda", image, image)]
    found["views"] = all(
        metric("cuda", *views) == metric("cuda", *copies) for metric in (psnr, ssim)
    )
    image[10, 10, 1] = np.nan
    found["nan"] = all(math.isnan(metric("cuda", image, truth)) for metric in (psnr, ssim))
    return found


def pairs() -> Measured:
    """Partners and costs, of the whole table and of parts of it."""
    found: Measured = {"partners": True, "costs": 0.0}
    for count, reach, spread in ((0, 4, 1), (1, 4, 1), (5, 8, 0.01), (300, 1, 1e5), (300, 4, 1)):
        table = random_table(count, count + reach, spread)
        fast, truth = (pair(backend, table, reach, 0, count) for backend in BACKENDS)
        found["partners"] &= bool(np.array_equal(fast[0], truth[0]))
        if count:
            error = np.abs(fast[1] / np.asarray(truth[1]) - 1).max()
            found["costs"] = max(found["costs"], float(error))
    found["types"] = [str(array.dtype) for array in fast]
    found["parts"] = all(
        np.array_equal(some, every[first:last])
        for first, last in ((0, 3), (3, 200), (299, 300), (7, 7))
        for some, every in zip(pair("cuda", table, 4, first, last), fast, strict=True)
    )
    equal = pair("cuda", np.repeat(random_table(1, 5), 9, axis=0), 4, 0, 9)
    found["equal"] = [equal[0].tolist(), float(np.abs(equal[1]).max())]
    table = random_table(12, 6)
    table[2, 3:9] = table[7:9, 3:9] = table[3, 12] = table[9, 12] = 0
    table[4, 3:9] *= 1e-36
    table[5, 3:9] *= 1e30
    table[6, :3] = 1e18
    fast, truth = (pair(backend, table, 2, 0, 12) for backend in ("cuda", "cpu"))
    found["extreme"] = bool(np.array_equal(fast[0], truth[0]) and np.isfinite(fast[1]).all())
    return found


def _unpacked(unpack: Callable[..., Any], arguments: tuple[Any, ...], terms: int) -> Measured:
    """Largest differences from the reference; how many numbers differ from those of ``cpu``."""
    count = len(arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0])
    results, told = {}, []
    for backend in ("cuda", "cpu", "reference"):
        results[backend] = outputs(count, terms)
        with np.errstate(all="ignore"):
            told.append(unpack(backend, *arguments, results[backend]))
    tensors = Outputs(*(to_device(array) for array in outputs(count, terms)))
    unpack("cuda", *arguments, tensors)
    found: Measured = {"told": len(set(told)) == 1, "tensors": True, "apart": 0, "error": {}}
    for name in Outputs._fields:
        fast, slow, truth = (getattr(results[b], name) for b in results)
        both = np.isfinite(truth) & np.isfinite(fast)
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(truth), 1e-3 if name == "quats" else 1e-6)
            error = (np.abs(fast - truth) / size)[both].max(initial=0)
        same = np.array_equal(np.isfinite(truth), np.isfinite(fast))
        found["error"][name] = float(error) if same else math.inf
        if name != "quats":
            found["apart"] += int((fast.view(np.int32) != slow.view(np.int32)).sum())
        found["tensors"] &= bool(
            np.array_equal(getattr(tensors, name).cpu().numpy(), fast, equal_nan=True)
        )
    return found


def splat() -> Measured:
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (300, 32), dtype=np.uint8)
    floats = rng.normal(0, 10.0 ** rng.uniform(-20, 20, (300, 6)))
    records[:, :24] = floats.astype("<f4").view(np.uint8)
    return _unpacked(unpack_splat, (records,), 1)


def compressed_ply(degree: int) -> Measured:
    rng = np.random.default_rng(degree)
    terms = (degree + 1) ** 2
    words = rng.integers(0, 2**32, (300, 4), dtype=np.uint32)
    ends = np.sort(rng.normal(0, 3, (2, 3, 2, 3)), axis=2).reshape(2, 18).astype(np.float32)
    rest = rng.integers(0, 256, (300, 3 * (terms - 1)), dtype=np.uint8)
    return _unpacked(unpack_compressed_ply, (Words(words, ends, rest),), terms)


def ksplat(level: int, terms: int) -> Measured:
    rng = np.random.default_rng(level)
    coding = Coding(level, terms, 2.5 / 32767, 32767, -1.25, 0.75)
    records = rng.integers(0, 256, (300, coding.nbytes), dtype=np.uint8)
    centres = rng.normal(0, 50, (300, 3)).astype(np.float32)
    return _unpacked(unpack_ksplat, (records, centres, coding), terms)


def spz(degree: int, half: bool, three: bool) -> Measured:
    rng = np.random.default_rng(degree)
    packed = random_bytes(300, degree, half, three)
    turn = Turn(
        rng.permutation(3).astype(np.uint64),
        *(rng.choice([-1, 1], n).astype(np.float32) for n in (3, 3, (degree + 1) ** 2)),
    )
    return _unpacked(unpack_spz, (Bytes(*packed), 2.0**-12, turn), (degree + 1) ** 2)


def codes() -> Measured:
    """Morton codes to the bit, and the order of them."""
    rng = np.random.default_rng(0)
    clouds = [
        rng.uniform(-5, 3, (300, 3)), 1e30 * rng.normal(size=(600, 3)), np.zeros((5, 3)),
        np.array([[1, 2, 3]] * 4), np.zeros((0, 3)),
    ]  # fmt: skip
    same, order = [], []
    for points in clouds:
        points = points.astype(np.float32)
        fast, truth = (morton(backend, points).cpu().numpy() for backend in BACKENDS)
        same.append(bool(np.array_equal(fast, truth)))
        order.append(bool(np.array_equal(morton_order(points, "cuda"), morton_order(points))))
    return {"same": same, "order": order}


def low_pass() -> Measured:
    """Windows of all widths, rows of all lengths; what lies behind a row is never looked at."""
    found: Measured = {"error": 0.0, "outside": 0.0}
    for number, (shape, radius) in enumerate(
        [((2, 20, 36), 0.5), ((1, 7, 40), 3.7), ((3, 33, 70), 50.0), ((2, 5, 40), 1e9)]
    ):
        rng = np.random.default_rng(number)
        planes = rng.normal(size=shape).astype(np.float32)
        lengths = np.sort(rng.integers(0, shape[2] - 15, shape[1]))[::-1].copy()
        outside = np.arange(shape[2]) >= lengths[:, None]
        truth = blur_grid("reference", torch.from_numpy(planes).double(), lengths, radius).numpy()
        planes[:, outside] = np.nan
        fast = blur_grid("cuda", planes, lengths, radius).cpu().numpy()
        found["error"] = max(found["error"], float(np.abs(fast - truth).max()))
        found["outside"] = max(found["outside"], float(np.abs(fast[:, outside]).max()))
    return found


def swaps() -> Measured:
    """Groups change places alike, in arrays and in tensors; whole numbers make many ties."""
    found: Measured = {"same": True, "tensors": True, "gain": 0.0, "changed": True}
    for seed, (depth, height, stride) in enumerate([(1, 4, 20), (3, 10, 166), (2, 9, 60)]):
        rng = np.random.default_rng(seed)
        planes, target = rng.normal(size=(2, depth, height, stride)).astype(np.float32)
        if seed == 2:
            planes, target = np.round(planes), np.round(target)
        cells = np.arange(height * stride, dtype=np.int32).reshape(height, stride)
        lengths = np.sort(rng.integers(0, stride - 16, height))[::-1].copy()
        lengths[0] = stride - 16
        rows = rng.permutation(height)[: height // 4 * 4].reshape(-1, 4)
        shifts = rng.integers(-5, 6, rows.shape)
        results = []
        for backend in BACKENDS:
            here = planes.copy(), cells.copy()
            told = swap(backend, *here, target, lengths, rows, shifts)
            results.append((*here, float(told[0]), int(told[1])))
        fast, truth = results
        tensors = [to_device(a.copy()) for a in (planes, cells, target)]
        swap("cuda", *tensors, lengths, rows, shifts)
        for place in range(2):
            found["same"] &= bool(np.array_equal(fast[place], truth[place]))
            found["tensors"] &= bool(np.array_equal(tensors[place].cpu().numpy(), fast[place]))
        found["gain"] = max(found["gain"], abs(fast[2] - truth[2]) / max(truth[2], 1))
        found["changed"] &= fast[3] == truth[3]
    return found


def sorted_grid() -> Measured:
    """A whole sort: nobody is lost, and neighbours are as alike as where the processor sorts."""
    features = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    found: Measured = {"everybody": True, "unlike": []}
    for backend in ("cuda", "cpu"):
        order = grid_sort(features, 5, 4, effort="low", backend=backend)
        found["everybody"] &= sorted(order.tolist()) == list(range(20))
        grid = features[order].reshape(4, 5, 2)
        steps = [np.square(np.diff(grid, axis=axis)).sum() for axis in (0, 1)]
        found["unlike"].append(float(sum(steps)))
    return found


def sweeps() -> Measured:
    """Disparities of both pictures: ranges that reach outside, one pixel, one row, one column."""
    errors = []
    for shape, first, count in [
        ((5, 15), -3, 9), ((3, 4), 2, 1), ((3, 5), -30, 4), ((1, 1), 0, 5), ((7, 1), 0, 3),
        ((1, 12), 1, 2), ((2, 6), -2, 40),
    ]:  # fmt: skip
        right = noise(shape)
        left = np.roll(right, 3, 1) + noise(shape, 1) / 20
        found = [sweep(backend, left, right, first, count) for backend in BACKENDS]
        errors += [float(np.abs(a - np.asarray(b)).max()) for a, b in zip(*found, strict=True)]
    return {"errors": errors}


UNPACKED: dict[str, Callable[[], Measured]] = {
    "splat": splat,
    **{f"compressed ply {n}": lambda n=n: compressed_ply(n) for n in (0, 1, 3)},
    **{
        f"ksplat {level} {terms}": lambda level=level, terms=terms: ksplat(level, terms)
        for level in range(3)
        for terms in (1, 9)
    },
    **{
        f"sog {terms}": lambda terms=terms: _unpacked(unpack_sog, inputs(300, terms), terms)
        for terms in (1, 4, 16)
    },
    "spz 0": lambda: spz(0, True, True),
    "spz 2": lambda: spz(2, False, False),
    "spz 4": lambda: spz(4, False, True),
}
CASES: dict[str, Callable[[], Measured]] = {
    **{f"nearest {kind}": lambda kind=kind: search(kind) for kind in KINDS},
    "nearest real": real,
    "nearest hostile": search_hostile,
    "centroids": means,
    "kmeans": codebook,
    "metrics": metrics,
    "pairs": pairs,
    "morton": codes,
    "blur_grid": low_pass,
    "swap": swaps,
    "grid_sort": sorted_grid,
    "sweep": sweeps,
    **UNPACKED,
}


def draw() -> None:
    """Every kernel, in the sizes that matter."""
    for dims in (9, 24, 45):
        points = cloud("noise", 5, dims)
        nearest("cuda", points, points[:2].copy(), None, no_tick)
    centroids("cuda", points, np.zeros(5, np.int32), 2)
    for shape in ((12, 13, 3), (12, 13)):
        psnr("cuda", picture(shape), picture(shape, 1))
        ssim("cuda", picture(shape), picture(shape, 1))
    pair("cuda", random_table(5), 2, 0, 5)
    morton("cuda", points[:, :3])
    planes = np.zeros((1, 4, 20), np.float32)
    lengths, rows = np.full(4, 4), np.arange(4)[None]
    blur_grid("cuda", planes, lengths, 1.5)
    swap("cuda", planes, np.zeros((4, 20), np.int32), planes.copy(), lengths, rows, 0 * rows)
    for count in (20, 128, 1000):
        sweep("cuda", planes[0, :2, :3], planes[0, :2, :3], 0, count)
    for name in ("splat", "compressed ply 3", "ksplat 0 9", "ksplat 1 9", "ksplat 2 9", "sog 16",
                 "spz 0", "spz 4"):  # fmt: skip
        UNPACKED[name]()
