"""Records of ``.splat`` files for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kernels.codec.outputs import Outputs
from kernels.gaussians.shade.basis import C0


@njit(nogil=True, cache=True, error_model="numpy")
def _unpack(floats, records, means, quats, scales, opacities, sh):
    step, half, turn = np.float32(1 / 255 / C0), np.float32(0.5 / C0), np.float32(1 / 128)
    for index in range(records.shape[0]):
        i = np.uint64(index)
        for axis in range(3):
            a = np.uint64(axis)
            means[i, a] = floats[i, a]
            scales[i, a] = floats[i, np.uint64(axis + 3)]
            sh[i, np.uint64(0), a] = np.float32(records[i, np.uint64(axis + 24)]) * step - half
        opacities[i] = np.float32(records[i, np.uint64(27)]) * np.float32(1 / 255)
        for part in range(4):
            byte = np.float32(records[i, np.uint64(part + 28)])
            quats[i, np.uint64(part)] = (byte - np.float32(128.0)) * turn


def run(records: Any, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_splat.unpack_splat`."""
    _unpack(records.view("<f4"), records, *out)
