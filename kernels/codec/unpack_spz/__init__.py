"""Splats from the planar bytes of an SPZ file."""

from __future__ import annotations

from typing import Any, NamedTuple

from kernels.codec.outputs import Outputs
from kernels.registry import Cost, Operation

COLOR_SCALE = 0.15
"""Steps of the first coefficient: a byte spans more than the colours that can be shown."""
HALF_WIDTH, FIXED_WIDTH = 6, 9
"""Bytes of a position: three float16 (version 1), or three 24-bit whole numbers."""
FIRST_THREE, SMALLEST_THREE = 3, 4
"""Bytes of a rotation: its components x y z (versions 1 and 2), or all but the largest."""


class Packed(NamedTuple):
    """The bytes of R splats, uint8, C-contiguous.

    ``positions`` (R, 6) or (R, 9), ``alphas`` (R,), ``colors`` (R, 3), ``scales`` (R, 3),
    ``rotations`` (R, 3) or (R, 4), ``sh`` (R, 3 (K - 1)).
    """

    positions: Any
    alphas: Any
    colors: Any
    scales: Any
    rotations: Any
    sh: Any


class Turn(NamedTuple):
    """From the axes of the file to those of the scene: axis ``a`` is ``axes[a]`` of the file.

    ``axes`` (3,) uint64; ``signs`` (3,), ``twists`` (3,) and ``flips`` (K,) float32: factors of
    positions, of the vector parts of quaternions, and of spherical harmonics.
    """

    axes: Any
    signs: Any
    twists: Any
    flips: Any


def _cost(result: Any, packed: Packed, step: float, turn: Turn, out: Outputs) -> Cost:
    count, terms = out.sh.shape[:2]
    return Cost(nbytes=count * (61 + 15 * terms), flops=count * (19 + 6 * terms))


OPERATION = Operation(__name__, _cost)


def unpack_spz(backend: str, packed: Packed, step: float, turn: Turn, out: Outputs) -> None:
    """Decode R splats of an SPZ file into ``out``, activated, with the axes of the scene.

    A position is three float16, or three 24-bit two's complement numbers, least byte first, times
    ``step``. Opacity is ``byte / 255``, the first coefficient ``(byte / 255 - 0.5) / 0.15``, a
    scale ``exp(byte / 16 - 10)``, any other coefficient ``(byte - 128) / 128``. A rotation of 3
    bytes has ``byte / 127.5 - 1`` for x, y, z, and w >= 0 follows from the length 1. One of 4
    bytes is a little-endian number: its two highest bits name the largest component in the order
    xyzw, which is not negative and follows from the length 1; then the three others in that order,
    10 bits each, a sign above a magnitude ``m``: ``m / 511 / sqrt(2)``. (nianticlabs/spz
    ``src/cc/load-spz.cc``, ``splat-utils.h``.)

    Parameters
    ----------
    packed
        See :class:`Packed`; the widths of positions and rotations tell their encoding.
    step
        Scene units of one step of 24-bit positions; not used for float16.
    turn, out
        See :class:`Turn` and :class:`Outputs`. Quaternions come out as long as rounding left them.

    Raises
    ------
    ValueError
        If shapes disagree.

    Notes
    -----
    Runs on one thread and releases the GIL. Cost: up to ``17 + 3 K`` bytes read and ``44 + 12 K``
    written a splat.
    """
    count, terms = out.sh.shape[:2]
    widths = {
        "positions": (HALF_WIDTH, FIXED_WIDTH),
        "colors": (3,),
        "scales": (3,),
        "rotations": (FIRST_THREE, SMALLEST_THREE),
        "sh": (3 * (terms - 1),),
    }
    for name, allowed in widths.items():
        shape = tuple(getattr(packed, name).shape)
        if shape not in [(count, width) for width in allowed]:
            raise ValueError(f"{name} must be ({count}, {allowed[-1]}), got {shape}")
    if tuple(packed.alphas.shape) != (count,):
        raise ValueError(f"alphas must be ({count},), got {tuple(packed.alphas.shape)}")
    if tuple(turn.flips.shape) != (terms,):
        raise ValueError(f"flips must be ({terms},), got {tuple(turn.flips.shape)}")
    OPERATION(backend, packed, step, turn, out)
