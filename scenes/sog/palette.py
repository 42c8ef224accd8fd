"""View-dependent colour as a palette: at most 65,536 sets of coefficients, and one label a splat.

The squared distance between two sets of coefficients is the squared difference of colour over all
directions, because the spherical harmonics are orthonormal; so plain k-means is the right one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.sog.codebook import make_codebook
from scenes.sog.pack import nearest as nearest_entry
from scenes.sog.quality import Quality
from scenes.writing import blocks

Vectors = NDArray[np.float32]

SMALLEST = 1024
LARGEST = 65_536
BLOCKS = 1 << 29
"""Bytes that blocks of the coefficients take on a device at most."""
ROW = 64
"""Palette entries beside each other in the picture."""


@dataclass(frozen=True)
class Palette:
    """Coefficients as indices ``codes`` (P, 3 (K - 1)) uint8 into ``codebook`` (256,), and the
    ``labels`` (N,) uint16 of the splats in the scene's order."""

    codes: NDArray[np.uint8]
    codebook: NDArray[np.float64]
    labels: NDArray[np.uint16]


def make_palette(
    scene: GaussianScene, degree: int, quality: Quality, progress: Progress, cancel: Cancel
) -> Palette:
    """A palette for the coefficients of degree 1 to ``degree``.

    Where the scene has few enough distinct sets (because it was made from a palette before), they
    are the palette; otherwise k-means on a sample is. Rows of the scene are read in their order,
    so that arrays on disk are read once per step.

    Raises
    ------
    Cancelled
    """
    vectors = scene.sh.reshape(scene.count, -1)[:, 3 : 3 * (degree + 1) ** 2]
    most = min(palette_size(scene.count), quality.entries)
    found = _distinct(vectors, most, progress, cancel)
    if found is None:
        centroids = _trained(scene, vectors, most, quality, progress, cancel)
    else:
        centroids, own = found
    codebook = make_codebook([centroids], quality.rest)
    codes, place = _unique_rows(nearest_entry(centroids, codebook))
    order = _smooth_order(codebook[codes].astype(np.float32))
    codes = codes[order]
    rank = np.empty(len(order), np.uint16)
    rank[order] = np.arange(len(order))
    if found is not None:
        return Palette(codes, codebook, rank[place[own]])
    # Against what is stored, not against what was trained.
    stored = codebook[codes].astype(np.float32)
    labels = _assigned(vectors, stored, progress, cancel)
    return Palette(codes, codebook, labels.astype(np.uint16))


def palette_size(count: int) -> int:
    """Palette entries for a number of splats: half of them or more, until 65,536 is reached."""
    if count < SMALLEST:
        return max(count, 1)
    return min(LARGEST, SMALLEST << (count // SMALLEST).bit_length() - 1)


def _distinct(
    vectors: Vectors, most: int, progress: Progress, cancel: Cancel
) -> tuple[Vectors, NDArray[np.int64]] | None:
    """The distinct rows and which one each row is, where there are at most ``most`` of them."""
    known = np.zeros(0, np.uint64)
    firsts = np.zeros(0, np.int64)
    for here in blocks(len(vectors), progress, cancel, unit="splats compared"):
        hashes, first = np.unique(_hashes(vectors[here]), return_index=True)
        known, place = np.unique(np.concatenate([known, hashes]), return_index=True)
        firsts = np.concatenate([firsts, first + here.start])[place]
        if len(known) > most:
            return None
    distinct = np.ascontiguousarray(vectors[firsts])
    labels = np.empty(len(vectors), np.int64)
    for here in blocks(len(vectors), progress, cancel, unit="splats compared"):
        labels[here] = np.searchsorted(known, _hashes(vectors[here]))
        if not np.array_equal(distinct[labels[here]], vectors[here]):
            return None  # two rows with one hash
    return distinct, labels


def _hashes(rows: Vectors) -> NDArray[np.uint64]:
    """(R,) one number a row, equal for equal rows."""
    words = (rows + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0 becomes 0
    factors = np.random.default_rng(0).integers(0, 2**64, rows.shape[1], np.uint64) | np.uint64(1)
    mixed = (words @ factors) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ mixed >> np.uint64(29)


def _trained(
    scene: GaussianScene,
    vectors: Vectors,
    most: int,
    quality: Quality,
    progress: Progress,
    cancel: Cancel,
) -> Vectors:
    from kernels.codec.choice import backend_for
    from kernels.codec.kmeans import Interrupted, kmeans

    rows = _sample(scene, quality.samples, progress, cancel)
    sample = np.ascontiguousarray(vectors[rows])
    products = sample.size * most * (quality.passes + 1)
    backend = backend_for(products, 2 * sample.nbytes)
    try:
        return kmeans(sample, most, quality.passes, 0, progress, cancel, backend=backend)[0]
    except Interrupted:
        raise Cancelled from None


def _sample(
    scene: GaussianScene, most: int, progress: Progress, cancel: Cancel
) -> NDArray[np.int64]:
    """At most ``most`` rows; half of the chance is equal, half goes by what can be seen of it.

    What can be seen is opacity times the product of the two larger sizes. Systematic resampling:
    the result depends on nothing but the scene.
    """
    if scene.count <= most:
        return np.arange(scene.count)
    weights = np.empty(scene.count)
    for here in blocks(scene.count, progress, cancel, unit="splats weighed"):
        scales = np.sort(scene.scales[here], axis=1).astype(np.float64)
        weights[here] = scene.opacities[here] * scales[:, 1] * scales[:, 2]
    # A few splats of the sky are as large as all others together.
    weights = np.minimum(weights, np.quantile(weights, 0.99))
    weights = weights / max(weights.mean(), 1e-300) + 1.0
    steps = np.cumsum(weights)
    picks = np.searchsorted(steps, (np.arange(most) + 0.5) * (steps[-1] / most))
    return np.unique(np.minimum(picks, scene.count - 1))


def _unique_rows(codes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Distinct rows, and which one each row is."""
    whole = np.ascontiguousarray(codes).view(f"V{codes.shape[1]}").reshape(-1)
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    return codes[first], place


def _smooth_order(centroids: Vectors) -> NDArray[np.int64]:
    """Indices that lay like centroids near each other, by their three main components."""
    from kernels.codec.order import morton_order

    about = centroids - centroids.mean(axis=0)
    _, _, axes = np.linalg.svd(about.T @ about)
    return morton_order((about @ axes[:3].T).astype(np.float32))


def _assigned(
    vectors: Vectors, centroids: Vectors, progress: Progress, cancel: Cancel
) -> NDArray[np.int32]:
    from kernels.codec.choice import backend_for
    from kernels.codec.nearest import nearest

    def tick(done: int, total: int) -> None:
        if cancel():
            raise Cancelled
        progress(done * len(vectors) // total, len(vectors), "splats labelled")

    # Rows pass through the device in blocks: what it holds is mostly the centroids.
    backend = backend_for(vectors.size * len(centroids), BLOCKS + 4 * centroids.nbytes)
    return nearest(backend, vectors, centroids, None, tick)[0]
