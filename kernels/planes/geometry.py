"""From planes in space to the numbers that a pixel is multiplied with.

A point of a plane is ``C + s A + t D`` in camera axes, with A and D the sides of its picture. The
ray of a pixel is ``z d``, ``d = K^-1 (x, y, 1)``. From ``z d = [A D C] (s, t, 1)`` follows
``(s, t, 1) / z = [A D C]^-1 K^-1 (x, y, 1)``: three numbers that are affine in the pixel. The
first two over the third are the place in the picture; the third is the inverse depth. (The inverse
of the homography of Tucker and Snavely 2020, section 3, without its normal form.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.planes.types import Geometry

U, V, W, KEY = 0, 3, 6, 9
"""Where the coefficients of x, y and 1 begin in a row: place in texels times W, W, and the key
of the order: what is nearer has a larger one."""
ROW = 12
EDGE_ON = 1e-12
"""Of the volume that sides and centre span, relative to their lengths: below, nothing is seen."""

Array = NDArray[np.float64]


def plane_rows(
    corners: Array, across: Array, down: Array, sizes: NDArray[np.int64], view: View
) -> tuple[Array, NDArray[np.bool_]]:
    """What a view makes of planes.

    Parameters
    ----------
    corners, across, down
        (N, 3) float64, scene units: top left corner and sides of each picture.
    sizes
        (N, 2) width and height of the pictures, texels.
    view
        The camera.

    Returns
    -------
    (rows, front)
        (N, 12) float64: ``(U, V, W, KEY) . (x, y, 1)`` each, x and y in pixels; ``U / W`` and
        ``V / W`` are coordinates of texels (their centres at whole numbers). Depth along the
        optical axis is ``1 / KEY`` for a pinhole and ``-KEY`` for an orthographic view, where W
        is 1. Planes seen edge-on get zeros. (N,) bool whether the front is seen.
    """
    c = (corners - view.position) @ view.rotation.T
    a, d = across @ view.rotation.T, down @ view.rotation.T
    rows = np.zeros((len(c), ROW))
    pixel = _pixel_matrix(view)
    if view.orthographic:
        # The ray of a pixel runs along z: (s, t) from x and y, then z from (s, t).
        sides = np.stack([a[:, :2], d[:, :2]], axis=2)
        volume = np.linalg.det(sides)
        seen = np.abs(volume) > EDGE_ON * _lengths(a) * _lengths(d)
        inverse = np.linalg.inv(np.where(seen[:, None, None], sides, np.eye(2)))
        place = inverse @ (pixel[:2] - np.concatenate([np.zeros((len(c), 2, 2)),
                                                       c[:, :2, None]], axis=2))  # fmt: skip
        ones = np.broadcast_to([0.0, 0, 1], (len(c), 3))
        depth = a[:, 2:] * place[:, 0] + d[:, 2:] * place[:, 1] + c[:, 2:] * ones
        s, t, w, key = place[:, 0], place[:, 1], ones, -depth
    else:
        spanned = np.stack([a, d, c], axis=2)
        volume = np.linalg.det(spanned)
        seen = np.abs(volume) > EDGE_ON * _lengths(a) * _lengths(d) * _lengths(c)
        inverse = np.linalg.inv(np.where(seen[:, None, None], spanned, np.eye(3)))
        s, t, w = np.moveaxis(inverse @ pixel, 1, 0)
        key = w
    width, height = sizes.T[:, :, None].astype(np.float64)
    rows[:, U : U + 3] = width * s - 0.5 * w
    rows[:, V : V + 3] = height * t - 0.5 * w
    rows[:, W : W + 3] = w
    rows[:, KEY : KEY + 3] = key
    return np.where(seen[:, None], rows, 0.0), volume > 0


def _pixel_matrix(view: View) -> Array:
    """(3, 3) from a pixel (x, y, 1) to the direction of its ray with z = 1."""
    return np.array(
        [
            [1 / view.fx, 0, -view.cx / view.fx],
            [0, 1 / view.fy, -view.cy / view.fy],
            [0, 0, 1],
        ]
    )


def _lengths(vectors: Array) -> Array:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def shell_rows(centres: Array, radii: Array, rotations: Array, view: View) -> Array:
    """What a view makes of spheres.

    Parameters
    ----------
    centres, radii, rotations
        (N, 3) and (N,) in scene units, and (N, 3, 3) from the axes of the shell to the scene's.

    Returns
    -------
    (N, 13) float64: centre in camera axes, radius, and the nine numbers, row by row, of the
    rotation from camera axes to those of the shell.
    """
    centre = (centres - view.position) @ view.rotation.T
    turn = np.swapaxes(rotations, 1, 2) @ view.rotation.T
    return np.concatenate([centre, radii[:, None], turn.reshape(-1, 9)], axis=1)


def magnification(rows: Array, x: Any, y: Any) -> Any:
    """Texels per pixel along a side, on average over directions, at a pixel; (N,) or as x.

    The root of the determinant of the derivative of ``(U / W, V / W)``, which for a homography H
    is ``det(H) / W^3``.
    """
    homography = rows[..., : W + 3].reshape(*rows.shape[:-1], 3, 3)
    w = rows[..., W] * x + rows[..., W + 1] * y + rows[..., W + 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.abs(np.linalg.det(homography) / w**3))


def geometry_of(
    planes: tuple[Array, Array, Array],
    sizes: NDArray[np.int64],
    shells: tuple[Array, Array, Array],
    is_shell: NDArray[np.bool_],
    view: View,
    back_faces: bool,
) -> Geometry:
    """Rows of all layers for a view.

    Parameters
    ----------
    planes
        ``corners, across, down`` of the P planes, as of :func:`plane_rows`.
    sizes
        (P, 2) of their pictures.
    shells
        ``centres, radii, rotations`` of the S shells, as of :func:`shell_rows`.
    is_shell
        (P + S,) which layers are shells.
    back_faces
        Whether planes are seen from behind.
    """
    rows = np.zeros((len(is_shell), ROW + 1))
    shown = np.ones(len(is_shell), np.bool_)
    if not is_shell.all():
        flat, front = plane_rows(*planes, sizes, view)
        rows[~is_shell, :ROW] = flat
        shown[~is_shell] = flat.any(axis=1) & (front | back_faces)
    if is_shell.any():
        rows[is_shell] = shell_rows(*shells, view)
    return Geometry(rows, shown, bool(is_shell.all()) and _are_nested(*shells[:2], view))


def _are_nested(centres: Array, radii: Array, view: View) -> bool:
    """Whether the eye is within the smallest sphere, and each within the next."""
    order = np.argsort(radii, kind="stable")
    centres, radii = centres[order], radii[order]
    gaps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    eye = len(radii) > 0 and np.linalg.norm(view.position - centres[0]) < radii[0]
    return bool(not view.orthographic and eye and (gaps <= np.diff(radii)).all())
