"""Splats from the pictures of a SOG scene."""

from __future__ import annotations

from typing import Any, NamedTuple

from kernels.codec.outputs import Outputs
from kernels.registry import Cost, Operation

IDENTITY_BELOW = 252
"""Fourth byte of a rotation: this plus the index of the largest component; less is no rotation."""


class Pixels(NamedTuple):
    """One row per splat of each picture, uint8, C-contiguous: (R, 3 or more), or (R, 4)."""

    means_low: Any
    means_high: Any
    scales: Any
    quats: Any
    base: Any
    labels: Any


class Tables(NamedTuple):
    """What the bytes mean, float32: activated values, so that dialects differ in tables alone.

    ``means`` (3, 65536), ``scales`` (256, 3) linear, ``base`` (256, 4) first coefficients red,
    green, blue and opacity 0..1, ``palette`` (P, 3 (K - 1)) the other coefficients.
    """

    means: Any
    scales: Any
    base: Any
    palette: Any


def _cost(result: Any, pixels: Pixels, tables: Tables, out: Outputs) -> Cost:
    count, terms = out.sh.shape[:2]
    return Cost(nbytes=count * (64 + 16 * terms), flops=14 * count)


OPERATION = Operation(__name__, _cost)


def unpack_sog(backend: str, pixels: Pixels, tables: Tables, out: Outputs) -> int:
    """Look up R splats of a SOG scene in its tables, into ``out``.

    A mean is ``means[axis, low + 256 high]``; scale, first coefficient and opacity are entries of
    their tables, channel by channel; the other coefficients are the row ``red + 256 green`` of
    the palette. A rotation holds in its fourth byte 252 plus the index of its largest component
    in the order wxyz, and in red, green, blue the three others in that order, each
    ``(2 byte / 255 - 1) / sqrt(2)``; the largest follows from the length 1 and is not negative.
    Other fourth bytes give the identity. (playcanvas/splat-transform ``src/lib/readers/
    read-sog.ts``, PlayCanvas developer site ``formats/sog.md``.)

    Parameters
    ----------
    pixels, tables, out
        See :class:`Pixels`, :class:`Tables` and :class:`~kernels.codec.outputs.Outputs`.
        ``out.sh`` with K = 1 needs neither ``labels`` nor ``palette``: they may be None.

    Returns
    -------
    How many labels point behind the palette; those splats get zeros.

    Raises
    ------
    ValueError
        If shapes disagree.

    Notes
    -----
    Runs on one thread and releases the GIL. Cost: 19 bytes read and ``44 + 12 K`` written a splat
    plus a row of the palette, 14 FLOPs for the rotation.
    """
    count, terms = out.sh.shape[:2]
    for name, need in (("means_low", 3), ("means_high", 3), ("scales", 3), ("quats", 4),
                       ("base", 4), ("labels", 2)):  # fmt: skip
        picture = getattr(pixels, name)
        if name == "labels" and terms == 1:
            continue
        if len(picture.shape) != 2 or picture.shape[0] != count or picture.shape[1] < need:
            raise ValueError(f"{name} must be ({count}, {need}), got {tuple(picture.shape)}")
    shapes = {"means": (3, 65536), "scales": (256, 3), "base": (256, 4)}
    for name, shape in shapes.items():
        if tuple(getattr(tables, name).shape) != shape:
            raise ValueError(f"table {name} must be {shape}")
    if terms > 1 and tuple(tables.palette.shape[1:]) != (3 * (terms - 1),):
        raise ValueError(f"palette must be (P, {3 * (terms - 1)})")
    return OPERATION(backend, pixels, tables, out)
