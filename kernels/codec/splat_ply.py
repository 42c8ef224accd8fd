"""Unpacking rows of raw Gaussian parameters as PLY files hold them.

These kernels run on one thread each and release the GIL; the reader calls them from its own
threads, block by block, so that reading, unpacking, progress and cancelling overlap and no
parallel region of Numba is entered while a renderer may be inside one.

Formulas: scale = exp(s), opacity = 1 / (1 + exp(-o)), quaternion = q / |q|
(graphdeco-inria/gaussian-splatting ``scene/gaussian_model.py``).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

GEOMETRY_COLUMNS = 11
"""Columns before the colour: mean (3), quaternion wxyz (4), log scale (3), opacity logit."""


@njit(nogil=True, cache=True, error_model="numpy")
def unpack_rows(rows, columns, flat, means, quats, scales, opacities, sh, keep):
    """Activate the raw parameters of R Gaussians.

    Parameters
    ----------
    rows
        (R, W) float32, C-contiguous, one Gaussian per row.
    columns
        (11 + 3 K,) uint64, each < W: where in a row stand mean x y z, quaternion w x y z, three
        log scales, opacity logit, and the K spherical-harmonic coefficients (coefficient-major,
        red green blue).
    flat
        True where there is no third scale: its column is ignored and the scale is 0.
    means, quats, scales, opacities, sh
        Outputs, float32: (R, 3), (R, 4), (R, 3), (R,), (R, 3 K).
    keep
        (R,) uint8 output: 1 where the Gaussian can be drawn. A row is refused when a mean, a
        linear scale, a quaternion or a coefficient is not finite, or the opacity is NaN. Legal
        infinities stay: logit +-Inf is opacity 1 or 0, log scale -Inf is scale 0.

    Returns
    -------
    (refused, identities)
        How many rows were refused, and how many kept ones had a quaternion of length 0, which
        became the identity.

    Cost
    ----
    Reads 4 W R bytes, writes (44 + 12 K) R bytes; about (11 + 3 K) loads and four exponentials a
    row.
    """
    one = np.float32(1.0)
    zero = np.float32(0.0)
    colours = np.uint64(sh.shape[1])
    refused = 0
    identities = 0
    for index in range(rows.shape[0]):
        i = np.uint64(index)
        row = rows[i]
        # Sums of v * 0 are 0 for finite values and NaN for everything else: one test for all.
        check = zero
        for axis in range(3):
            a = np.uint64(axis)
            value = row[columns[a]]
            means[i, a] = value
            check += value * zero

        w = np.float64(row[columns[np.uint64(3)]])
        x = np.float64(row[columns[np.uint64(4)]])
        y = np.float64(row[columns[np.uint64(5)]])
        z = np.float64(row[columns[np.uint64(6)]])
        # In float64 no square of a float32 overflows or vanishes.
        square = w * w + x * x + y * y + z * z
        check += np.float32(square * 0.0)
        unnormal = square == 0.0
        inverse = 1.0 / math.sqrt(square) if not unnormal else 0.0
        quats[i, np.uint64(0)] = np.float32(w * inverse) if not unnormal else one
        quats[i, np.uint64(1)] = np.float32(x * inverse)
        quats[i, np.uint64(2)] = np.float32(y * inverse)
        quats[i, np.uint64(3)] = np.float32(z * inverse)

        for axis in range(3):
            a = np.uint64(axis)
            absent = flat and axis == 2
            scale = zero if absent else math.exp(row[columns[np.uint64(7) + a]])
            scales[i, a] = scale
            check += scale * zero

        opacity = one / (one + math.exp(-row[columns[np.uint64(10)]]))
        opacities[i] = opacity
        check += opacity * zero

        for c in range(colours):
            u = np.uint64(c)
            value = row[columns[np.uint64(11) + u]]
            sh[i, u] = value
            check += value * zero

        good = check == zero
        keep[i] = np.uint8(1) if good else np.uint8(0)
        if not good:
            refused += 1
        elif unnormal:
            identities += 1
    return refused, identities


@njit(nogil=True, cache=True, error_model="numpy")
def compact_rows(keep, means, quats, scales, opacities, sh):
    """Move the kept rows to the front, in order and in place; returns how many there are.

    ``keep`` (N,) uint8; the arrays are those of :func:`unpack_rows` with N rows. Reads and writes
    each array at most once.
    """
    kept = 0
    for i in range(keep.shape[0]):
        if keep[i]:
            if kept != i:
                means[kept] = means[i]
                quats[kept] = quats[i]
                scales[kept] = scales[i]
                opacities[kept] = opacities[i]
                sh[kept] = sh[i]
            kept += 1
    return kept


@njit(nogil=True, cache=True, error_model="numpy")
def skip_list_rows(data, position, rows, fixed, counts, items, big_endian, signed):
    """Find the row boundary after some rows of varying length.

    Parameters
    ----------
    data
        (B,) uint8 window of the file.
    position
        Where the first row begins in ``data``.
    rows
        How many rows to pass.
    fixed, counts, items
        (P,) int64, one entry per property: bytes of a scalar (0 for a list), and bytes of the
        length and of one item of a list.
    big_endian, signed
        Byte order; (P,) bool whether the length is a signed number.

    Returns
    -------
    (done, position)
        How many rows were passed before the window ended, and where the next one begins. A
        negative length gives ``position`` -1.
    """
    size = data.shape[0]
    for row in range(rows):
        p = position
        for item in range(fixed.shape[0]):
            width = counts[item]
            if width == 0:
                p += fixed[item]
                continue
            if p + width > size:
                return row, position
            length = np.int64(0)
            for byte in range(width):
                at = p + byte if big_endian else p + width - 1 - byte
                length = length * 256 + np.int64(data[at])
            if signed[item] and length >= np.int64(1) << np.int64(8 * width - 1):
                return row, np.int64(-1)
            p += width + length * items[item]
        if p > size:
            return row, position
        position = p
    return rows, position
