"""Splats from the 32-byte records of ``.splat`` files."""

from __future__ import annotations

from typing import Any

from kernels.codec.outputs import Outputs
from kernels.registry import Cost, Operation

RECORD = 32
"""Bytes of a splat: position and scale as float32, colour and opacity, rotation as bytes."""


def _cost(result: Any, records: Any, out: Outputs) -> Cost:
    return Cost(nbytes=len(records) * (RECORD + 56), flops=15 * len(records))


OPERATION = Operation(__name__, _cost)


def unpack_splat(backend: str, records: Any, out: Outputs) -> None:
    """Decode R records into ``out``; quaternions keep the length that their bytes have.

    Bytes 0 to 11 are the position, 12 to 23 the linear scale, both float32; 24 to 26 the colour,
    27 the opacity, each ``byte / 255``; 28 to 31 the quaternion wxyz, each ``(byte - 128) / 128``.
    The first coefficient is ``(colour - 0.5) / C0``. (antimatter15/splat ``convert.py``.)

    Parameters
    ----------
    records
        (R, 32) uint8, C-contiguous.
    out
        See :class:`~kernels.codec.outputs.Outputs`; K = 1.

    Raises
    ------
    ValueError
        If the records are no rows of 32 bytes or the outputs do not fit.

    Notes
    -----
    Runs on the calling thread and releases the GIL. Cost: reads 32 and writes 56 bytes a splat.
    """
    if records.ndim != 2 or records.shape[1] != RECORD:
        raise ValueError(f"rows of {RECORD} bytes expected, got {records.shape}")
    if out.sh.shape != (len(records), 1, 3):
        raise ValueError(f"sh must be ({len(records)}, 1, 3), got {out.sh.shape}")
    OPERATION(backend, records, out)
