"""Features of the corners around positions, level after level of a grid."""

from __future__ import annotations

from typing import Any

from kernels.fields.encode import reads_of
from kernels.fields.encodings import PLANES, Encoding, HashGrid, Simplex, TriPlane
from kernels.registry import Cost, Operation

Leveled = HashGrid | Simplex | TriPlane
"""Encodings whose features lie in entries of levels; each plane of a tri-plane is a level."""


def knows(encoding: Encoding) -> bool:
    """Whether :func:`gather` can: 2 or 3 coordinates, between which features are linear."""
    if isinstance(encoding, TriPlane):
        return True
    if isinstance(encoding, HashGrid) and encoding.interpolation != "linear":
        return False
    return isinstance(encoding, HashGrid | Simplex) and encoding.dims in (2, 3)


def levels_of(encoding: Leveled) -> int:
    """How many levels (or planes) an encoding has."""
    return len(PLANES) if isinstance(encoding, TriPlane) else encoding.levels


def check_known(encoding: Encoding) -> None:
    """ValueError for an encoding that is not known."""
    if not knows(encoding):
        raise ValueError(f"cannot look up the corners of {encoding}")


def check_shapes(**given: tuple[Any, tuple[int, ...]]) -> None:
    """ValueError where an array, by its name, is of another shape."""
    for name, (array, shape) in given.items():
        if tuple(array.shape) != shape:
            raise ValueError(f"{name} must be {shape}, got {tuple(array.shape)}")


def _cost(result: Any, encoding: Leveled, positions: Any, parameters: Any, out: Any) -> Cost:
    count, reads = len(positions), reads_of(encoding)
    columns = levels_of(encoding) * encoding.features
    return Cost(
        nbytes=4 * count * (encoding.inputs + columns + reads),
        flops=2 * count * reads,
        counters={"samples": count},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def gather(backend: str, encoding: Leveled, positions: Any, parameters: Any, out: Any) -> None:
    """Write the features of all levels of an encoding at some positions into ``out``.

    The entries and shares of corners are those of :func:`kernels.fields.encode.encode` (Mueller et
    al. 2022, section 3; Wen et al. 2023, section 3), and so is the result, except that the planes
    of a tri-plane stand side by side: what learns takes their sum or product itself. It is linear
    in ``parameters``; :func:`kernels.fields.scatter.scatter` is the way back.

    Parameters
    ----------
    encoding
        One that it :func:`knows`.
    positions
        (N, encoding.inputs) float32, scene positions in 0..1.
    parameters
        (encoding.parameters,) float32.
    out
        (N, levels * features) float32: set. NumPy, as all of them.

    Raises
    ------
    ValueError
        If the shapes do not fit, or for another encoding.

    Notes
    -----
    What is no number makes NaN of the features that it is read for, in its row alone. The corners
    of simplices millions of cells away may be others than those of ``encode``, for a position is
    rounded once more. ``reference`` computes in the type of ``positions``. ``cpu`` runs on the
    caller's thread and releases the GIL, so that threads of a caller's own can share the rows, and
    no parallel region of Numba is entered while a renderer may be inside one. Cost: 4 bytes and 2
    FLOPs a feature of a corner.
    """
    check_known(encoding)
    count, columns = len(positions), levels_of(encoding) * encoding.features
    check_shapes(
        positions=(positions, (count, encoding.inputs)),
        parameters=(parameters, (encoding.parameters,)),
        out=(out, (count, columns)),
    )
    OPERATION(backend, encoding, positions, parameters, out)
