"""Records of ``.ksplat`` files for the ``cpu`` backend.

NumPy converts columns of float16 with the processor's own instruction, which Numba has no name
for; records are taken some thousand at a time, so that they stay in cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_ksplat import RECORD_BYTES, Coding, rest_order
from kernels.gaussians.shade.basis import C0

_ROWS = 4096


def _numbers(records: NDArray[np.uint8], first: int, count: int, kind: str) -> NDArray[Any]:
    width = count * np.dtype(kind).itemsize
    return np.ascontiguousarray(records[:, first : first + width]).view(kind)


def run(records: Any, centres: Any, coding: Coding, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_ksplat.unpack_ksplat`."""
    for first in range(0, len(records), _ROWS):
        here = slice(first, first + _ROWS)
        _unpack(records[here], centres[here], coding, Outputs(*(array[here] for array in out)))


def _unpack(records: Any, centres: Any, coding: Coding, out: Outputs) -> None:
    start = RECORD_BYTES[coding.level]
    if coding.level == 0:
        kind, at = "<f4", 12
        out.means[:] = _numbers(records, 0, 3, "<f4")
    else:
        kind, at = "<f2", 6
        steps = _numbers(records, 0, 3, "<u2").astype(np.float32) - np.float32(coding.middle)
        out.means[:] = steps * np.float32(coding.step) + centres
    out.scales[:] = _numbers(records, at, 3, kind)
    out.quats[:] = _numbers(records, at + at, 4, kind)
    colours = records[:, start - 4 : start].astype(np.float32)
    out.sh[:, 0] = colours[:, :3] * np.float32(1 / 255 / C0) - np.float32(0.5 / C0)
    out.opacities[:] = colours[:, 3] * np.float32(1 / 255)
    if coding.terms == 1:
        return
    if coding.level == 2:
        span = np.float32((coding.high - coding.low) / 255)
        values = records[:, start:] * span + np.float32(coding.low)
    else:
        values = _numbers(records, start, 3 * (coding.terms - 1), kind)
    for place, (k, channel) in enumerate(rest_order(coding.terms)):
        out.sh[:, k, channel] = values[:, place]
