"""What flows back to the entries of a grid."""

from __future__ import annotations

from typing import Any

from kernels.fields.encode import reads_of
from kernels.fields.gather import Leveled, check_known, check_shapes, levels_of
from kernels.registry import Cost, Operation


def _cost(
    result: Any, encoding: Leveled, positions: Any, gradients: Any, level: int, out: Any
) -> Cost:
    count, features = len(positions), encoding.features
    writes = reads_of(encoding) // levels_of(encoding)
    return Cost(
        nbytes=4 * count * (encoding.inputs + features + 2 * writes),
        flops=2 * count * writes,
        counters={"samples": count},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def scatter(
    backend: str, encoding: Leveled, positions: Any, gradients: Any, level: int, out: Any
) -> None:
    """Add to the entries of one level what gradients of features mean for them.

    The transpose of :func:`kernels.fields.gather.gather`: entry e gets ``sum_n share_n(e) g_n``
    over the samples n that have it as a corner (reverse mode of the interpolation, Mueller et al.
    2022, section 3).

    Parameters
    ----------
    encoding
        One that :func:`kernels.fields.gather.knows`.
    positions
        (N, encoding.inputs) float32, scene positions in 0..1.
    gradients
        (N, levels * features) float32, of what ``gather`` writes; columns of other levels are not
        read.
    level
        Which level (or plane).
    out
        (encoding.parameters,) float32: added to, within the entries of the level. NumPy, as all
        of them.

    Raises
    ------
    ValueError
        If the shapes do not fit, for another encoding, or where there is no such level.

    Notes
    -----
    A position that is no number makes NaN of the entries of its corners (those around 0).
    ``reference`` differentiates that of ``gather`` in the type of ``positions``. ``cpu`` adds in
    the order of rows, on the caller's thread, and releases the GIL: threads of a caller's own may
    take a level each, and sums do not depend on how many there are. Cost: an entry is read and
    written and takes 2 FLOPs for each feature of a corner.
    """
    check_known(encoding)
    count, levels = len(positions), levels_of(encoding)
    check_shapes(
        positions=(positions, (count, encoding.inputs)),
        gradients=(gradients, (count, levels * encoding.features)),
        out=(out, (encoding.parameters,)),
    )
    if not 0 <= level < levels:
        raise ValueError(f"level must be 0 to {levels - 1}, got {level}")
    OPERATION(backend, encoding, positions, gradients, level, out)
