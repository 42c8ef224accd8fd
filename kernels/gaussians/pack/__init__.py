"""Bring a scene's arrays into the layout that a backend renders from, once per scene."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.storage import STORAGES
from kernels.registry import Cost, Operation


def _cost(result: Any, means: Any, *rest: Any) -> Cost:
    moved = sum(array.nbytes for array in (means, *rest[:4]))
    return Cost(nbytes=2 * moved, counters={"splats": len(means)})


OPERATION = Operation(__name__, _cost)


def pack(
    backend: str,
    means: Any,
    quats: Any,
    scales: Any,
    opacities: Any,
    sh: Any,
    storage: str = "fp32",
) -> Any:
    """Pack Gaussians for a backend.

    Parameters
    ----------
    means, quats, scales, opacities, sh
        (N, 3), (N, 4) wxyz, (N, 3) linear, (N,) in 0..1, (N, K, 3); scene units. NumPy float32,
        or torch tensors of any float type for ``reference`` (kept as they are, so gradients flow).
    storage
        One of :data:`kernels.gaussians.storage.STORAGES`, for view-dependent colour: less memory,
        and less to read, on ``cuda``; the others draw what comes of it. Not for tensors.

    Returns
    -------
    The backend's own table, to be handed to :func:`kernels.gaussians.project.project`. ``cpu``
    sorts the splats along a Morton curve, so that what is near in space is near in memory.

    Raises
    ------
    ValueError
        If the shapes disagree, or there is no such storage.
    """
    count = len(means)
    wanted = {"means": (count, 3), "quats": (count, 4), "scales": (count, 3), "opacities": (count,)}
    for (name, shape), array in zip(wanted.items(), (means, quats, scales, opacities), strict=True):
        if tuple(array.shape) != shape:
            raise ValueError(f"{name} must be {shape}, got {tuple(array.shape)}")
    if tuple(sh.shape) not in {(count, k, 3) for k in (1, 4, 9, 16, 25)}:
        raise ValueError(f"sh must be ({count}, 1|4|9|16|25, 3), got {tuple(sh.shape)}")
    if storage not in STORAGES:
        raise ValueError(f"storage must be {', '.join(STORAGES)}, got {storage!r}")
    return OPERATION(backend, means, quats, scales, opacities, sh, storage)
