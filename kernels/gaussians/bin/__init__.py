"""Which splats each tile of the picture needs."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import Splats, TileLists, View
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace


def _cost(result: TileLists, splats: Splats, order: Any, *rest: Any) -> Cost:
    return Cost(
        nbytes=result.consumed * 68 + result.count * 40,
        flops=result.consumed * 40 + result.count * 30,
        counters={"tile keys": result.count},
    )


OPERATION = Operation(__name__, _cost)


KEYS_AT_ONCE = 1 << 24
"""Default limit of tile keys in one list: about 500 MB while they are made."""
KEY_BYTES = 40
"""Memory that a device needs for a key while it sorts."""


def keys_at_once(backend: str) -> int:
    """How many tile keys a list should have at most: those of a device take an eighth of it."""
    if backend == "cuda":
        import torch

        if torch.cuda.is_available():
            return int(torch.cuda.get_device_properties().total_memory // (8 * KEY_BYTES))
    return KEYS_AT_ONCE


def bin(
    backend: str,
    splats: Splats,
    order: Any,
    view: View,
    workspace: Workspace,
    limit: int = KEYS_AT_ONCE,
) -> TileLists:
    """List the splats of every 32 x 32 tile in depth order, with the 4 x 4 blocks they may touch.

    A block is marked where a pixel centre of its rows can lie inside the ellipse
    ``d^T conic d <= support``, by the ellipse's exact horizontal extent over the rows of the
    block (the refinement of Hanson et al. 2025, "Speedy-Splat", and Feng et al. 2025, "FlashGS",
    from tiles down to blocks). Tiles without any block get no entry.

    Parameters
    ----------
    order
        Rows of ``splats.records`` to list, nearest first; -1 is none.
    limit
        Only so many of them are listed that their boxes touch at most this many tiles (at least
        one): the caller blends, and comes back with the rest.

    Notes
    -----
    No marked block is missing (an entry too many costs time, never correctness). Cost: O(M + K).
    """
    return OPERATION(backend, splats, order, view, workspace, limit)
