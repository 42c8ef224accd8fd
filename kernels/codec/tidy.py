"""The last step of every reader: unit quaternions, and which splats can be drawn at all.

Runs on one thread and releases the GIL, as the unpacking kernels do (see
:mod:`kernels.codec.splat_ply`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def tidy_rows(means, quats, scales, opacities, sh, keep):
    """Make the quaternions of R splats unit, in place, and mark those that can be drawn.

    Parameters
    ----------
    means, quats, scales, opacities, sh
        float32 (R, 3), (R, 4), (R, 3), (R,), (R, 3 K); activated values. A quaternion of length 0
        becomes the identity, opacities are clamped to 0..1.
    keep
        (R,) uint8 output: 0 where a mean, a scale, a quaternion or a coefficient is not finite, a
        scale is negative, or the opacity is no number.

    Returns
    -------
    (refused, identities)
        How many rows are not kept, and how many kept ones had a quaternion of length 0.

    Cost
    ----
    Reads and writes (44 + 12 K) R bytes.
    """
    zero = np.float32(0.0)
    one = np.float32(1.0)
    refused = 0
    identities = 0
    for index in range(means.shape[0]):
        i = np.uint64(index)
        # Sums of v * 0 are 0 for finite values and NaN for everything else: one test for all.
        check = zero
        negative = False
        for axis in range(3):
            a = np.uint64(axis)
            check += means[i, a] * zero + scales[i, a] * zero
            negative |= scales[i, a] < zero
        square = 0.0
        for axis in range(4):
            value = np.float64(quats[i, np.uint64(axis)])
            square += value * value
        check += np.float32(square * 0.0)
        length = math.sqrt(square)
        for axis in range(4):
            a = np.uint64(axis)
            if square == 0.0:
                quats[i, a] = one if axis == 0 else zero
            else:
                quats[i, a] = np.float32(np.float64(quats[i, a]) / length)
        opacity = opacities[i]
        check += min(max(opacity, zero), one) * zero if opacity == opacity else opacity
        opacities[i] = min(max(opacity, zero), one)
        for c in range(sh.shape[1]):
            check += sh[i, np.uint64(c)] * zero
        good = check == zero and not negative
        keep[i] = np.uint8(1) if good else np.uint8(0)
        if not good:
            refused += 1
        elif square == 0.0:
            identities += 1
    return refused, identities
