"""Front-to-back blending of splats in tiles: where most of a frame's time goes."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import TILE, Accumulation, Options, Splats, TileLists, View
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace

_FLOPS_EVALUATED, _FLOPS_CONTRIBUTING = 20, 9


def _cost(
    result: Accumulation,
    splats: Splats,
    lists: TileLists,
    view: View,
    options: Options,
    depth: bool,
    workspace: Workspace,
    tiles: Any,
    onto: Accumulation | None,
) -> Cost:
    planes = 5 if depth else 4
    evaluated, contributing = result.evaluated, result.contributing
    pixels = min(len(tiles) * TILE * TILE, view.width * view.height)
    return Cost(
        nbytes=lists.count * (12 + 64) + 4 * planes * pixels,
        flops=_FLOPS_EVALUATED * evaluated + _FLOPS_CONTRIBUTING * contributing,
        counters={
            "tiles": len(tiles),
            "stopped tiles": result.stopped_tiles,
            "evaluated pairs": evaluated,
            "contributing pairs": contributing,
            "pixels": pixels,
        },
    )


OPERATION = Operation(__name__, _cost)


def blend(
    backend: str,
    splats: Splats,
    lists: TileLists,
    view: View,
    options: Options,
    depth: bool,
    workspace: Workspace,
    tiles: Any,
    onto: Accumulation | None = None,
) -> Accumulation:
    """Blend each pixel's splats front to back (Kerbl et al. 2023, eq. 3).

    With ``alpha = min(alpha_cap, opacity 2^(-FALLOFF (u^2 + v^2)) - offset)`` and transmittance T
    from 1, a splat contributes where its exponent reaches its floor; then ``C += alpha T c`` and
    ``T *= 1 - alpha``. A pixel ends before the splat that would bring T to ``options.stop``.

    Parameters
    ----------
    depth
        Whether to sum weight x depth too.
    tiles
        (n,) int64 indices of the tiles to blend, in the order wished.
    onto
        Continue this accumulation: with other tiles, or with splats that lie behind all of its.

    Returns
    -------
    Accumulation
        Lives in ``workspace`` until the next frame.

    Notes
    -----
    Error of ``cpu`` against ``reference`` in float64: 2^x is off by at most 5e-6 of itself, and a
    splat whose alpha lies within that of the cut may fall on the other side (1/255 at most).
    Cost: 20 FLOPs per pair of splat and pixel that is evaluated, 9 more where it contributes.
    """
    return OPERATION(backend, splats, lists, view, options, depth, workspace, tiles, onto)
