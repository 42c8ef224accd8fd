"""What flows back to entries for the ``cpu`` backend, a sample after the other, on one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kernels.fields.gather import Leveled
from kernels.fields.gather.corners import MOST_CORNERS, corners, unpacked
from kernels.fields.gather.levels import FIRST, tables_of


@njit(nogil=True, cache=True, error_model="numpy")
def _scatter(kind, skew, dims, levels, scales, number, positions, gradients, columns, out):
    """``columns`` is a tuple whose length is that of an entry, as in ``gather``."""
    features = len(columns)
    entries = np.empty(MOST_CORNERS, np.uint64)
    shares = np.empty(MOST_CORNERS, np.float32)
    level, scale = unpacked(levels[number]), scales[number]
    start = np.uint64(number * features)
    first = np.uint64(levels[number, FIRST])
    for sample in range(positions.shape[0]):
        n = np.uint64(sample)
        count = corners(kind, level, scale, skew, dims, positions[n], entries, shares)
        for corner in range(count):
            c = np.uint64(corner)
            entry, share = first + entries[c], shares[c]
            for feature in range(features):
                f = np.uint64(feature)
                out[entry, f] += share * gradients[n, start + f]


def run(encoding: Leveled, positions: Any, gradients: Any, level: int, out: Any) -> None:
    """See :func:`kernels.fields.scatter.scatter`."""
    kind, skew, levels, scales = tables_of(encoding)
    features = encoding.features
    _scatter(
        kind, skew, encoding.inputs, levels, scales, level,
        np.ascontiguousarray(positions, np.float32), np.ascontiguousarray(gradients, np.float32),
        (0,) * features, out.reshape(-1, features),
    )  # fmt: skip
