"""Features of levels for the ``cpu`` backend, a level after the other, on one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kernels.fields.gather import Leveled
from kernels.fields.gather.corners import MOST_CORNERS, corners, unpacked
from kernels.fields.gather.levels import FIRST, tables_of


@njit(nogil=True, cache=True, error_model="numpy")
def _gather(kind, skew, dims, levels, scales, positions, table, columns, out):
    """``columns`` is a tuple of as many numbers as an entry has features, of which only the length
    counts: it is known when this is compiled, and loops over features become straight code."""
    features = len(columns)
    entries = np.empty(MOST_CORNERS, np.uint64)
    shares = np.empty(MOST_CORNERS, np.float32)
    for number in range(levels.shape[0]):
        level, scale = unpacked(levels[number]), scales[number]
        start = np.uint64(number * features)
        first = np.uint64(levels[number, FIRST])
        for sample in range(positions.shape[0]):
            n = np.uint64(sample)
            count = corners(kind, level, scale, skew, dims, positions[n], entries, shares)
            for feature in range(features):
                f = np.uint64(feature)
                total = np.float32(0)
                for corner in range(count):
                    c = np.uint64(corner)
                    total += shares[c] * table[first + entries[c], f]
                out[n, start + f] = total


def run(encoding: Leveled, positions: Any, parameters: Any, out: Any) -> None:
    """See :func:`kernels.fields.gather.gather`."""
    kind, skew, levels, scales = tables_of(encoding)
    features = encoding.features
    table = np.ascontiguousarray(parameters, np.float32).reshape(-1, features)
    _gather(
        kind, skew, encoding.inputs, levels, scales, np.ascontiguousarray(positions, np.float32),
        table, (0,) * features, out,
    )  # fmt: skip
