"""Fewer splats that look the same: near and alike ones merge, faint ones vanish.

Splats are ordered along a Morton curve, through a space turned another way in each round, so that
most neighbours in space are once neighbours in the order. In a round the cheapest pairs of
neighbours merge (see :func:`kernels.gaussians.pair.pair`), until few enough are left. Which
splats became one is all that is kept of this; the merged splats are then made from the original
ones by matching moments (see :mod:`scenes.edits.merging`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.pair import COLUMNS, pair
from kernels.gaussians.shade.basis import C0
from scenes.edits.merging import area, covariances, merged, outer
from scenes.gaussians import GaussianScene
from scenes.paths.rotations import matrices_of
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.storage import empty
from scenes.writing import ROWS, blocks

REACH = 4
"""Neighbours along the curve that are looked at, to each side; 8 gains 0.05 dB for twice the
time."""
ROUND = 0.1
"""Share of the splats that may go in one round; with more, pairs merge that are not the best."""
INVISIBLE = 1 / 255
"""Splats of lower opacity are never drawn."""
DEVICE_ROWS = 1 << 21
"""Rows that a device is given at once: some 0.01 s."""
PRODUCTS = 100
"""Multiplications that the cost of a pair takes."""
LARGEST = np.float32(1e18)
"""Sizes above are taken for this one while pairs are chosen, so that squares fit into float32."""


def decimate(
    scene: GaussianScene,
    count: int,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """The scene with at most ``count`` splats, chosen so that it looks much as before.

    A merged splat has mean and covariance of the mixture of its splats, each weighted with
    opacity times area, the weighted average of their colours, and the opacity that keeps the sum
    of the weights (but 1 at most). Splats that did not merge stay exactly what they were; all
    stay in the order of the file. Deterministic.

    Raises
    ------
    ValueError
        If ``count`` is below 1.
    Cancelled

    Notes
    -----
    Cost: a Morton order and N * REACH costs of pairs for every tenth of the splats that goes;
    some 90 bytes a splat beside the new scene.
    """
    if count < 1:
        raise ValueError(f"at least one splat must be left, got a count of {count}")
    if count >= scene.count:
        return scene
    removed = scene.count - count
    owners = _owners(_table(scene), count, _stage(progress, 0, removed, scene.count), cancel)
    return merged(scene, owners, _stage(progress, removed, scene.count, scene.count), cancel)


def _stage(progress: Progress, first: int, last: int, total: int) -> Progress:
    """Progress of a stage as that of the whole, from ``first`` to ``last`` of ``total``."""

    def report(done: int, of: int, unit: str) -> None:
        progress(first + (last - first) * done // max(of, 1), total, unit)

    return report


def _table(scene: GaussianScene) -> NDArray[np.float32]:
    """Rows for :func:`kernels.gaussians.pair.pair`."""
    table = empty((scene.count, COLUMNS), np.float32)
    for here in blocks(scene.count, no_progress, never):
        table[here, :3] = np.clip(scene.means[here], -LARGEST, LARGEST)
        covariance = covariances(scene.quats[here], np.minimum(scene.scales[here], LARGEST))
        table[here, 3:9] = covariance
        table[here, 9:12] = np.clip(scene.sh[here, 0] * C0 + 0.5, 0, LARGEST)
        seen = scene.opacities[here] >= INVISIBLE
        table[here, 12] = np.where(seen, scene.opacities[here] * area(covariance), 0)
    return table


def _owners(
    table: NDArray[np.float32], count: int, progress: Progress, cancel: Cancel
) -> NDArray[np.int64]:
    """(N,) for every splat the one that stands for it, -1 for one that vanished.

    Exactly ``count`` splats stand for themselves, as long as there are as many.
    """
    from kernels.codec.choice import backend_for
    from kernels.codec.order import morton_order
    from kernels.gaussians.matching import take_pairs

    total = len(table)
    backend = backend_for(PRODUCTS * REACH * (total - count) / ROUND, 4 * table.nbytes)
    # The last entry stands for nothing, and for itself.
    parents = np.arange(total + 1)
    labels = np.arange(total)
    turn = 0
    while len(table) > count:
        progress(total - len(table), total - count, "splats")
        order = morton_order(table[:, :3] @ _turn(turn), backend)
        table, labels = _taken(table, order), labels[order]
        partners, costs = _partners(table, backend, cancel)
        most = min(len(table) - count, max(1, int(ROUND * len(table))))
        kept, lost = take_pairs(np.argsort(costs, kind="stable"), partners, most)
        alone = kept == lost
        parents[labels[lost]] = np.where(alone, total, labels[kept])
        _merge(table, kept[~alone], lost[~alone])
        left = np.ones(len(table), np.bool_)
        left[lost] = False
        table, labels = _taken(table, np.flatnonzero(left)), labels[left]
        turn += 1
    owners = _roots(parents)[:-1]
    return np.where(owners == total, -1, owners)


def _turn(number: int) -> NDArray[np.float32]:
    """(3, 3) a rotation, another for every number."""
    quat = np.random.default_rng(number).normal(size=4)
    return matrices_of(quat / np.linalg.norm(quat)).astype(np.float32)


def _taken(table: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Some rows of a table, in memory of :func:`scenes.storage.empty`."""
    out = empty((len(rows), table.shape[1]), np.float32)
    np.take(table, rows, axis=0, out=out, mode="clip")
    return out


def _partners(
    table: NDArray[np.float32], backend: str, cancel: Cancel
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For every row the cheapest partner and its cost, on all cores or on the device."""
    from scenes.assembly import in_parts

    partners = np.empty(len(table), np.int64)
    costs = np.empty(len(table), np.float32)

    def work(first: int, last: int) -> None:
        partners[first:last], costs[first:last] = pair(backend, table, REACH, first, last)

    if backend == "cuda":
        for here in blocks(len(table), no_progress, cancel, DEVICE_ROWS):
            work(here.start, here.stop)
        return partners, costs
    in_parts(len(table), work, lambda _: None, no_progress, cancel)
    return partners, costs


def _merge(table: NDArray[np.float32], kept: NDArray[np.int64], lost: NDArray[np.int64]) -> None:
    """Put what pairs become in the rows ``kept``: weighted means, and covariances about them."""
    for first in range(0, len(kept), ROWS):
        here = slice(first, first + ROWS)
        a, b = (table[rows[here]].astype(np.float64) for rows in (kept, lost))
        both = a[:, 12] + b[:, 12]
        share = np.where(both > 0, b[:, 12] / np.where(both > 0, both, 1), 0.5)[:, None]
        mixed = a + (b - a) * share
        mixed[:, 3:9] += outer(b[:, :3] - a[:, :3]) * (share * (1 - share))
        mixed[:, 3:9] = np.clip(mixed[:, 3:9], -LARGEST * LARGEST, LARGEST * LARGEST)
        mixed[:, 12] = both
        table[kept[here]] = mixed


def _roots(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of the ways from entry to entry ends."""
    while True:
        further = parents[parents]
        if np.array_equal(further, parents):
            return parents
        parents = further
