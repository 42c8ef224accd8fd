"""Order of visible splats, front to back."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import Splats
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace


def _cost(result: Any, splats: Splats, *rest: Any) -> Cost:
    return Cost(nbytes=splats.count * (8 + 3 * 16 + 4), counters={"sorted splats": splats.count})


OPERATION = Operation(__name__, _cost)


def sort(backend: str, splats: Splats, workspace: Workspace) -> Any:
    """Sort visible splats by key (depth or distance), exactly, ties by index in the scene.

    Returns
    -------
    (M,) integer rows of ``splats.records``, nearest first; those of ``cuda`` end in rows -1.

    Notes
    -----
    ``cpu`` is a parallel radix sort over the bits in which the keys differ: the order of float32
    depths is exact, never quantised. Cost: O(M), about 60 bytes per splat.
    """
    return OPERATION(backend, splats, workspace)
