"""Splats from the records of ``.ksplat`` files."""

from __future__ import annotations

from typing import Any, NamedTuple

from kernels.codec.outputs import Outputs
from kernels.registry import Cost, Operation

RECORD_BYTES = (44, 24, 24)
"""Bytes of a splat without harmonics, by compression level."""
REST_BYTES = (4, 2, 1)
"""Bytes of a coefficient of the harmonics, by compression level."""


class Coding(NamedTuple):
    """How the numbers of a section are coded.

    ``level`` 0 (float32), 1 (16 bits) or 2 (16 bits, harmonics 8 bits); ``terms`` K, 1, 4 or 9;
    ``step`` scene units of a step of a position and ``middle`` the step of a bucket's centre;
    ``low`` and ``high`` the coefficients that bytes 0 and 255 stand for.
    """

    level: int
    terms: int
    step: float
    middle: int
    low: float
    high: float

    @property
    def nbytes(self) -> int:
        """Bytes of a record."""
        return RECORD_BYTES[self.level] + 3 * (self.terms - 1) * REST_BYTES[self.level]


def _cost(result: Any, records: Any, centres: Any, coding: Coding, out: Outputs) -> Cost:
    return Cost(len(records) * (coding.nbytes + 44 + 12 * coding.terms), 12 * len(records))


OPERATION = Operation(__name__, _cost)


def unpack_ksplat(backend: str, records: Any, centres: Any, coding: Coding, out: Outputs) -> None:
    """Decode R records into ``out``; quaternions keep the length that they have.

    A record holds position, linear scale, quaternion wxyz, colour and opacity (bytes / 255), then
    the harmonics: per degree all reds, all greens, all blues. At level 0 numbers are float32; at
    levels 1 and 2 a position is ``(u16 - middle) step + centre`` and other numbers are float16,
    but harmonics of level 2 are ``byte / 255 (high - low) + low``. The first coefficient is
    ``(colour - 0.5) / C0``. (mkkellogg/GaussianSplats3D ``src/loaders/SplatBuffer.js``.)

    Parameters
    ----------
    records
        (R, coding.nbytes) uint8, C-contiguous.
    centres
        (R, 3) float32 centres of the buckets that the splats lie in; not used at level 0.
    out
        See :class:`~kernels.codec.outputs.Outputs`.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Notes
    -----
    Runs on the calling thread. Cost: reads ``coding.nbytes`` and writes 44 + 12 K bytes a splat.
    """
    if records.shape != (len(out.means), coding.nbytes):
        raise ValueError(
            f"records must be ({len(out.means)}, {coding.nbytes}), got {records.shape}"
        )
    if out.sh.shape[1:] != (coding.terms, 3) or centres.shape != out.means.shape:
        raise ValueError(f"{coding.terms} coefficients and a centre for each splat expected")
    OPERATION(backend, records, centres, coding, out)


def rest_order(terms: int) -> list[tuple[int, int]]:
    """(coefficient, channel) of each stored number of the harmonics, in the order of the file."""
    order = []
    for first, last in ((1, 4), (4, 9)):
        if last <= terms:
            order += [(k, channel) for channel in range(3) for k in range(first, last)]
    return order
