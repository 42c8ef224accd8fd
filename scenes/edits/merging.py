"""Several Gaussians as one that looks most like them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.gaussians import GaussianScene
from scenes.paths.rotations import matrices_of, quaternions_of
from scenes.registry import Cancel, Progress
from scenes.storage import empty
from scenes.writing import ROWS, blocks

Array = NDArray[Any]

_FAINTEST = 1e-30
"""Added to weights, so that splats that nobody sees have an average too."""


def covariances(quats: Array, scales: Array) -> NDArray[np.float64]:
    """(n, 6) xx, xy, xz, yy, yz, zz of unit quaternions (n, 4) and standard deviations (n, 3)."""
    axes = matrices_of(np.asarray(quats, np.float64)) * np.asarray(scales, np.float64)[:, None, :]
    rows = np.moveaxis(axes, 1, 0)
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    return np.stack([(rows[i] * rows[j]).sum(1) for i, j in pairs], 1)


def area(covariance: Array) -> Array:
    """(n,) how much of a picture ellipsoids of covariances (n, 6) cover, up to a factor.

    The root of the sum of the principal minors, which is that of ``(a b)^2 + (b c)^2 + (c a)^2``
    for axes a, b and c: for a disc its area over pi, and for a ball 13 % less in proportion than
    the area of its shadow averaged over all directions.
    """
    xx, xy, xz, yy, yz, zz = covariance.T
    minors = (xx * yy - xy * xy) + (xx * zz - xz * xz) + (yy * zz - yz * yz)
    return np.sqrt(np.maximum(minors, 0))


def outer(difference: Array) -> Array:
    """(n, 6) products of the components of vectors (n, 3), in the order of covariances."""
    x, y, z = difference.T
    return np.stack([x * x, x * y, x * z, y * y, y * z, z * z], 1)


def merged(
    scene: GaussianScene, owners: NDArray[np.int64], progress: Progress, cancel: Cancel
) -> GaussianScene:
    """A scene whose splats of the same owner have become one.

    Parameters
    ----------
    owners
        (N,) for every splat the index of one that owns itself, or -1 where it is left out.

    Returns
    -------
    A scene with the splats in the order of the owners. Splats alone with themselves are copied.

    Raises
    ------
    Cancelled
    """
    order = np.flatnonzero(owners >= 0)
    order = order[np.argsort(owners[order], kind="stable")]
    starts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    out = _copied(scene, owners[order[starts]])
    crowded = sizes > 1
    members = order[np.repeat(crowded, sizes)]
    crowds = np.repeat(np.arange(int(crowded.sum())), sizes[crowded])
    _mix(scene, members, crowds, np.flatnonzero(crowded), out, progress, cancel)
    return replace(
        scene,
        means=out["means"],
        quats=out["quats"],
        scales=out["scales"],
        opacities=out["opacities"],
        sh=out["sh"],
    )


def _copied(scene: GaussianScene, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """The arrays of some splats."""
    arrays = {}
    for name in ("means", "quats", "scales", "opacities", "sh"):
        given: NDArray[np.float32] = getattr(scene, name)
        arrays[name] = empty((len(rows), *given.shape[1:]), np.float32)
        for first in range(0, len(rows), ROWS):
            here = slice(first, first + ROWS)
            arrays[name][here] = given[rows[here]]
    return arrays


def _mix(
    scene: GaussianScene,
    members: NDArray[np.int64],
    crowds: NDArray[np.int64],
    rows: NDArray[np.int64],
    out: dict[str, NDArray[np.float32]],
    progress: Progress,
    cancel: Cancel,
) -> None:
    """Match the moments of crowds; crowd i of ``members`` becomes row ``rows[i]`` of ``out``.

    Sums are taken block by block, because a crowd may be as large as the scene.
    """
    steps = 2 * len(members) + len(rows)
    weights, centres = np.zeros(len(rows)), np.zeros((len(rows), 3))
    for here in blocks(len(members), _after(progress, 0, steps), cancel):
        weight = _weights(scene, members[here])
        names, cuts = _cuts(crowds[here])
        weights[names] += np.add.reduceat(weight, cuts)
        centres[names] += np.add.reduceat(weight[:, None] * scene.means[members[here]], cuts)
    centres /= weights[:, None]
    spreads = np.zeros((len(rows), 6))
    for first in range(0, len(rows), ROWS):
        out["sh"][rows[first : first + ROWS]] = 0
    for here in blocks(len(members), _after(progress, len(members), steps), cancel):
        who, crowd = members[here], crowds[here]
        share = _weights(scene, who) / weights[crowd]
        names, cuts = _cuts(crowd)
        spread = covariances(scene.quats[who], scene.scales[who])
        spread += outer(scene.means[who] - centres[crowd])
        spreads[names] += np.add.reduceat(share[:, None] * spread, cuts)
        sh = share.astype(np.float32)[:, None, None] * scene.sh[who]
        out["sh"][rows[names]] += np.add.reduceat(sh, cuts)
    for here in blocks(len(rows), _after(progress, 2 * len(members), steps), cancel):
        there = rows[here]
        out["means"][there] = centres[here]
        out["opacities"][there] = np.minimum(
            weights[here] / np.maximum(area(spreads[here]), _FAINTEST), 1
        )
        out["quats"][there], scales = axes_of(spreads[here])
        if scene.training == "2dgs":
            scales[:, 2] = 0
        out["scales"][there] = scales


def axes_of(covariance: Array) -> tuple[Array, Array]:
    """Unit quaternions (n, 4) and standard deviations (n, 3), the largest first, of (n, 6)."""
    values, vectors = np.linalg.eigh(covariance[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3))
    vectors = vectors[:, :, ::-1] * np.sign(np.linalg.det(vectors[:, :, ::-1]))[:, None, None]
    return quaternions_of(vectors), np.sqrt(np.maximum(values[:, ::-1], 0))


def _weights(scene: GaussianScene, who: NDArray[np.int64]) -> NDArray[np.float64]:
    """Opacity times :func:`area`."""
    a, b, c = scene.scales[who].astype(np.float64).T
    return scene.opacities[who] * np.sqrt((a * b) ** 2 + (b * c) ** 2 + (c * a) ** 2) + _FAINTEST


def _cuts(names: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different values of a sorted array, and where each begins."""
    cuts = np.flatnonzero(np.diff(names, prepend=-1))
    return names[cuts], cuts


def _after(progress: Progress, start: int, total: int) -> Progress:
    """Progress of one stage as progress of all."""
    return lambda done, _, unit: progress(start + done, total, unit)
