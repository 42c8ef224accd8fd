"""Warp all layers to the view and composite them, in one go."""

from __future__ import annotations

from kernels.gaussians.types import View
from kernels.planes.types import Coefficients, Composite, Geometry, Options, Textures, Wanted
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace

_FLOPS = 90
"""Of a sample: its place, four texels and their weights, the colour and what is left of the
light."""
_FLOPS_BASIS = 24
"""More for each function of a basis."""


def _cost(
    result: Composite,
    textures: Textures,
    geometry: Geometry,
    view: View,
    options: Options,
    wanted: Wanted,
    coefficients: Coefficients | None,
    workspace: Workspace,
) -> Cost:
    samples = result.counters["touched"]
    functions = 0 if coefficients is None else coefficients.values.shape[1]
    pixels = view.width * view.height
    images = (result.rgba8, result.color, result.depth, result.index)
    written = sum(0 if image is None else image.nbytes for image in images)
    return Cost(
        nbytes=samples * (4 + 3 * functions) + 4 * functions * pixels + written,
        flops=samples * (_FLOPS + _FLOPS_BASIS * functions),
        counters=result.counters,
    )


OPERATION = Operation(__name__, _cost)


def composite(
    backend: str,
    textures: Textures,
    geometry: Geometry,
    view: View,
    options: Options,
    wanted: Wanted,
    coefficients: Coefficients | None,
    workspace: Workspace,
) -> Composite:
    """The picture of a stack of textured planes and shells.

    Along the ray of each pixel centre every layer gives a premultiplied colour and alpha, the
    bilinear mean of four texels (of two levels where the picture appears smaller: the level is
    ``log2`` of :func:`~kernels.planes.geometry.magnification`, less
    :data:`~kernels.planes.types.SHARPER`). Texels outside of a plane are
    transparent. What is hit is ordered by depth, pixel by pixel, the later layer first among
    equals, and composited front to back::

        C = sum_i T_i c_i,  A = sum_i T_i a_i,  T_i = prod_{j < i} (1 - a_j)

    which is the over operator (Porter and Duff 1984) of Zhou et al. 2018, eq. 2. Shells are hit
    from within, at the far root of the ray.

    Parameters
    ----------
    textures
        As :func:`~kernels.planes.pack.pack` makes them; only levels that are filled are used.
    geometry
        As :func:`~kernels.planes.geometry.geometry_of` makes it for the same view.
    view, options, wanted
        Camera and choices.
    coefficients
        Colour that depends on the direction, or None. Levels but the first are not used then.
    workspace
        Lends memory to ``cpu``.

    Returns
    -------
    A :class:`~kernels.planes.types.Composite`. Colour and depth from ``cuda`` are tensors of the
    device; its counters are there when the picture is.

    Raises
    ------
    ValueError
        If textures and geometry disagree in the number of layers.

    Notes
    -----
    ``reference`` takes every sample in float64. ``cpu`` skips what shows nothing and stops where
    less than 1/4096 of the light is left, so it is at most that far off beside float32 rounding:
    72 dB. ``cuda`` does so for blocks of pixels; its coordinates are off by a few 1e-7 of
    themselves, and planes that are closer than 1e-7 of their inverse depth may swap where others
    cross them. Cost: 4 bytes and some 90 FLOPs a sample.
    """
    if textures.count != len(geometry.rows):
        raise ValueError(f"{textures.count} pictures do not fit {len(geometry.rows)} layers")
    return OPERATION(backend, textures, geometry, view, options, wanted, coefficients, workspace)
