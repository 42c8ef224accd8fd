"""From Gaussians in space to the ellipses that a view sees."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import Options, Splats, View
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace

LARGEST_SIDE = 32767
_FLOPS_PER_SPLAT = 170
_BYTES_IN, _BYTES_OUT = 13 * 4, 16 * 4 + 8 * 4 + 8


def _cost(result: Splats, packed: Any, *rest: Any) -> Cost:
    return Cost(
        nbytes=_BYTES_IN * result.total + _BYTES_OUT * result.count,
        flops=_FLOPS_PER_SPLAT * result.total,
        counters={"splats": result.total, "visible splats": result.count},
    )


OPERATION = Operation(__name__, _cost)


def project(
    backend: str,
    packed: Any,
    view: View,
    options: Options,
    splat_scale: float,
    workspace: Workspace,
) -> Splats:
    """Project Gaussians to the screen and drop what cannot be seen.

    EWA splatting (Zwicker et al. 2001, eq. 31; Kerbl et al. 2023, eq. 5): the screen covariance is
    ``J W Sigma W^T J^T`` plus ``options.blur`` on the diagonal, with J the Jacobian of the
    projection at the mean, whose x/z and y/z are clamped to the frustum widened by
    ``options.clamp``. Its determinant is the sum of the squared 2 x 2 minors of ``J W R S``
    (Cauchy-Binet) plus the terms of the blur, which are all positive: nothing cancels.

    A splat is kept where its alpha reaches ``options.alpha_min`` at some pixel: mean between
    ``near`` and ``far``, opacity high enough, and the box of the ellipse
    ``d^T conic d <= 2 ln(opacity / alpha_min)`` inside the picture.

    Parameters
    ----------
    packed
        From :func:`kernels.gaussians.pack.pack` of the same backend.
    splat_scale
        Factor on every standard deviation.

    Returns
    -------
    Splats
        Records without colour (see :mod:`kernels.gaussians.types`); rows in the order of the
        packed table. Those of ``cuda`` have a tail of rows -1, for their number is known when the
        picture is; whoever draws asks ``settled`` then.

    Raises
    ------
    ValueError
        If ``splat_scale`` is not positive, or the picture is more than 32767 pixels a side.

    Notes
    -----
    Error of ``cpu`` against ``reference`` in float64: positions below 1e-3 px where |x| < 1e4 px,
    extents and factors below 1e-4 relative. Cost: O(N), 52 bytes in and 104 out per splat.
    """
    if not splat_scale > 0:
        raise ValueError(f"splat_scale must be positive, got {splat_scale}")
    if max(view.width, view.height) > LARGEST_SIDE:
        raise ValueError(
            f"pictures are at most {LARGEST_SIDE} pixels a side, supersampling included, "
            f"got {view.width}x{view.height}"
        )
    return OPERATION(backend, packed, view, options, splat_scale, workspace)
