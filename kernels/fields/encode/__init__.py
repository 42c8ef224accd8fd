"""Positions and directions, encoded for a small network."""

from __future__ import annotations

from typing import Any

from kernels.fields.encodings import Composite, Encoding, HashGrid, Simplex, TriPlane
from kernels.registry import Cost, Operation


def reads_of(encoding: Encoding) -> int:
    """Features that one sample reads from the parameters."""
    match encoding:
        case Composite():
            return sum(reads_of(part) for part in encoding.parts)
        case HashGrid():
            corners = 1 if encoding.interpolation == "nearest" else 2**encoding.dims
            return corners * encoding.width
        case Simplex():
            return (encoding.dims + 1) * encoding.width
        case TriPlane():
            return 12 * encoding.width
        case _:
            return 0


def _cost(result: Any, encoding: Encoding, positions: Any, parameters: Any) -> Cost:
    count, reads = positions.shape[0], reads_of(encoding)
    return Cost(
        nbytes=4 * count * (encoding.inputs + encoding.width + reads),
        flops=2 * count * (reads + encoding.width),
        counters={"samples": count},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def encode(backend: str, encoding: Encoding, positions: Any, parameters: Any) -> Any:
    """What an encoding makes of each row of ``positions``.

    The encodings and their formulas are those of :mod:`kernels.fields.encodings` (Mueller et al.
    2022, instant-ngp; tiny-cuda-nn; Chan et al. 2022, EG3D; Wen et al. 2023, arXiv 2311.15439).

    Parameters
    ----------
    encoding
        Which one, and its sizes.
    positions
        (N, at least encoding.inputs) floats, scene positions in 0..1; NumPy, or tensors for
        ``reference`` and ``cuda``. Further columns are not read.
    parameters
        (encoding.parameters,) floats in the order that ``encoding`` states; for ``cuda`` an array
        that is kept, so that it is copied to the device once.

    Returns
    -------
    (N, encoding.width): float32 from ``cpu``, and as a tensor on the device from ``cuda``; of the
    type of ``positions`` from ``reference``, where gradients flow to positions and parameters if
    those are tensors.

    Raises
    ------
    ValueError
        If the shapes do not fit the encoding.

    Notes
    -----
    Entries of grids are found as on a GPU: ``x = scale p + 0.5`` in one rounding, its floor to
    int32 with saturation, everything else in uint32; positions outside 0..1 wrap or are hashed.
    Positions that are no numbers give NaN, or any entry with ``nearest``. ``reference`` computes
    in the type of ``positions``; ``cpu`` and ``cuda`` in float32: their entries are the same for
    float32 positions, their results differ by rounding. Cost: every feature that is read counts 4
    bytes and 2 FLOPs.
    """
    if positions.ndim != 2 or positions.shape[1] < encoding.inputs:
        raise ValueError(f"positions must be (N, {encoding.inputs}), got {tuple(positions.shape)}")
    if tuple(parameters.shape) != (encoding.parameters,):
        raise ValueError(
            f"parameters must be ({encoding.parameters},), got {tuple(parameters.shape)}"
        )
    return OPERATION(backend, encoding, positions, parameters)
