"""Splats from the packed words of a compressed PLY."""

from __future__ import annotations

from typing import Any, NamedTuple

from kernels.codec.outputs import Outputs
from kernels.registry import Cost, Operation

CHUNK = 256
"""Splats that share their ranges."""
RANGES = 18
"""Numbers of a chunk: least and largest position, logarithm of the scale, and colour."""
SH_BOUND = 4.0
"""Largest coefficient beyond the first."""


class Packed(NamedTuple):
    """R splats: ``words`` (R, 4) uint32, ``ranges`` (ceil(R / 256), 18) float32, ``sh`` uint8.

    A row of ``words`` is position, rotation, scale and colour; ``sh`` (R, 3 (K - 1)) is
    channel-major: all red coefficients, then green, then blue.
    """

    words: Any
    ranges: Any
    sh: Any


def _cost(result: Any, packed: Packed, out: Outputs) -> Cost:
    count, terms = out.sh.shape[:2]
    return Cost(nbytes=count * (57 + 15 * terms), flops=count * (52 + 6 * terms))


OPERATION = Operation(__name__, _cost)


def unpack_compressed_ply(backend: str, packed: Packed, out: Outputs) -> None:
    """Decode R splats of a compressed PLY into ``out``, activated; row 0 begins a chunk.

    A word of 11, 10 and 11 bits, x in the highest, holds fractions ``f = field / (2^bits - 1)`` of
    the chunk's range: ``low (1 - f) + high f`` is the position, or the logarithm of the scale. The
    colour's four bytes are red, green and blue, ``0.5 + C0 sh`` as fractions of the chunk's range,
    and the opacity in steps of 1/255. The two highest bits of a rotation name its largest
    component in the order wxyz, which is not negative and follows from the length 1; then the
    three others in that order, 10 bits each: ``(field / 1023 - 0.5) sqrt(2)``. Bytes of ``sh`` are
    ``8 ((byte + 0.5) / 256 - 0.5)``, but 0 and 255 are -4 and 4. (playcanvas/splat-transform
    ``src/lib/readers/decompress-ply.ts``, ``writers/compressed-chunk.ts``.)

    Parameters
    ----------
    packed, out
        See :class:`Packed` and :class:`Outputs`. Ranges that are not finite give values that are
        not; quaternions come out as long as rounding left them.

    Raises
    ------
    ValueError
        If shapes disagree.

    Notes
    -----
    Runs on one thread and releases the GIL. Cost: ``13 + 3 K`` bytes read and ``44 + 12 K``
    written a splat.
    """
    count, terms = out.sh.shape[:2]
    shapes = {
        "words": (count, 4),
        "ranges": (-(-count // CHUNK), RANGES),
        "sh": (count, 3 * (terms - 1)),
    }
    for name, shape in shapes.items():
        found = tuple(getattr(packed, name).shape)
        if found != shape:
            raise ValueError(f"{name} must be {shape}, got {found}")
    OPERATION(backend, packed, out)
