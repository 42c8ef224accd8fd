"""Encodings that read features from tables: grids of cubes, of simplices, and three planes.

A strip of samples at a time: first all entries and weights are written down (see ``corners``);
then each sample's rows are read and summed, its features in one vector.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.fields.encode.corners import (
    NEAREST,
    cubes,
    cubes_of_three,
    simplices,
    simplices_of_three,
    squares,
)
from kernels.fields.encode.lanes import blend
from kernels.fields.encode.plan import (
    COORDINATE,
    COUNT,
    DIMS,
    ENTRIES,
    FEATURES,
    FIRST,
    LAST_LEVEL,
    LEVEL,
    SIZE,
)
from kernels.fields.encodings import PLANES
from kernels.simd import LANES, prefetch

STRIP = 64
"""Samples whose entries are found before the first is read."""

CACHED = 1 << 17
"""Floats of a level that are read without asking for them before: half of a second cache."""


@njit(inline="always")
def _rows(
    table, table_at, features, entries, weights, at, corners, rows, out, out_at, stride,
    together, width,
):  # fmt: skip
    for r in range(rows):
        blend(
            table, table_at, features, entries, weights, at + r, corners, out, out_at + r * stride,
            together, width,
        )  # fmt: skip


@njit(inline="always")
def _features(
    table, table_at, features, entries, weights, at, corners, rows, out, out_at, stride, together
):
    """All features of up to sixteen samples, as many at a time as a vector holds."""
    done = 0
    while done < features:
        left = features - done
        if left >= 16:
            _rows(
                table, table_at + done, features, entries, weights, at, corners, rows, out,
                out_at + done, stride, together, 16,
            )  # fmt: skip
            done += 16
        elif left >= 8:
            _rows(
                table, table_at + done, features, entries, weights, at, corners, rows, out,
                out_at + done, stride, together, 8,
            )  # fmt: skip
            done += 8
        elif left >= 4:
            _rows(
                table, table_at + done, features, entries, weights, at, corners, rows, out,
                out_at + done, stride, together, 4,
            )  # fmt: skip
            done += 4
        elif left >= 2:
            _rows(
                table, table_at + done, features, entries, weights, at, corners, rows, out,
                out_at + done, stride, together, 2,
            )  # fmt: skip
            done += 2
        else:
            _rows(
                table, table_at + done, features, entries, weights, at, corners, rows, out,
                out_at + done, stride, together, 1,
            )  # fmt: skip
            done += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _read(table, table_at, features, entries, weights, corners, rows, out, out_at, stride):
    """Blended features of a strip of ``rows`` samples."""
    for first in range(0, rows, LANES):
        at, count = first * corners, min(LANES, rows - first)
        to = out_at + first * stride
        if corners % 8 == 0:
            _features(
                table, table_at, features, entries, weights, at, corners, count, out, to, stride, 8
            )
        elif corners % 4 == 0:
            _features(
                table, table_at, features, entries, weights, at, corners, count, out, to, stride, 4
            )
        elif corners % 3 == 0:
            _features(
                table, table_at, features, entries, weights, at, corners, count, out, to, stride, 3
            )
        elif corners % 2 == 0:
            _features(
                table, table_at, features, entries, weights, at, corners, count, out, to, stride, 2
            )
        else:
            _features(
                table, table_at, features, entries, weights, at, corners, count, out, to, stride, 1
            )


@njit(nogil=True, cache=True, error_model="numpy")
def _ask(table, table_at, features, entries, count):
    """Ask for the rows of a strip: a large table's are on their way before the first is needed."""
    for k in range(count):
        prefetch(table, table_at + np.int64(entries[k]) * features)


@njit(nogil=True, cache=True, error_model="numpy")
def levels(
    row, table, levels, scales, skew, coordinates, block, rows, entries, weights, out, out_at,
    stride, simplex,
):  # fmt: skip
    """All levels of a grid for the samples of a block, written from ``out_at`` on."""
    dims, features = row[DIMS], row[FEATURES]
    for number in range(row[LEVEL], row[LAST_LEVEL]):
        level, scale = levels[number], scales[number]
        table_at = row[FIRST] + level[ENTRIES]
        to = out_at + (number - row[LEVEL]) * features
        for first in range(0, rows, STRIP):
            count = min(STRIP, rows - first)
            own = row[COORDINATE] * block + first
            if simplex and dims == 3:
                corners = simplices_of_three(
                    coordinates, own, block, count, level, scale, skew, entries, weights
                )
            elif simplex:
                corners = simplices(
                    coordinates, own, block, count, dims, level, scale, skew, entries, weights
                )
            elif dims == 3 and row[COUNT] != NEAREST:
                corners = cubes_of_three(
                    coordinates, own, block, count, level, scale, row[COUNT], entries, weights
                )
            else:
                corners = cubes(
                    coordinates, own, block, count, dims, level, scale, row[COUNT], entries,
                    weights,
                )  # fmt: skip
            if level[SIZE] * features > CACHED:
                _ask(table, table_at, features, entries, corners * count)
            _read(
                table, table_at, features, entries, weights, corners, count, out,
                to + first * stride, stride,
            )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def planes(
    row, table, coordinates, block, rows, entries, weights, spare, out, out_at, stride, product
):
    """Three planes for the samples of a block, written from ``out_at`` on."""
    resolution, features = row[COUNT], row[FEATURES]
    corners = 4 if product else 12
    for first in range(0, rows, STRIP):
        count, to = min(STRIP, rows - first), out_at + first * stride
        own = row[COORDINATE] * block + first
        for plane in range(3):
            across, down = own + PLANES[plane][0] * block, own + PLANES[plane][1] * block
            corner = 0 if product else 4 * plane
            squares(
                coordinates, across, down, count, resolution, plane, entries, weights, corners,
                corner,
            )  # fmt: skip
            if product and plane == 0:
                _read(
                    table, row[FIRST], features, entries, weights, 4, count, out, to, stride
                )  # fmt: skip
            elif product:
                _read(
                    table, row[FIRST], features, entries, weights, 4, count, spare, 0, features
                )  # fmt: skip
                for r in range(count):
                    for f in range(features):
                        out[to + r * stride + f] *= spare[r * features + f]
        if not product:
            _read(table, row[FIRST], features, entries, weights, 12, count, out, to, stride)
