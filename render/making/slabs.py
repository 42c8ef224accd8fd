"""A multiplane image from another scene, cut into slabs of depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.making.depths import disparity_of, plane_disparities
from render.making.layers import facing_crop
from render.making.photo import from_depth
from render.render import render
from render.request import RenderCancelled, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.planes import LARGEST_SIDE, MOST_LAYERS, Layer, PlaneScene
from scenes.registry import Cancel, Progress, never, no_progress

MARGIN = 0.15
"""How far planes go beyond the view on each side, as a part of its width and height."""


def from_scene(
    scene: object,
    camera: Camera,
    count: int = 32,
    settings: RenderSettings | None = None,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> PlaneScene:
    """Planes parallel to a view of any scene, at the depths where there is most to see.

    Splats are cut by the depths of their means into slabs, each of which is rendered by itself,
    transparent where it shows nothing: what the view hides is there too, and over each other the
    planes are the view itself, up to their 8 bits (and to what a wider view does to splats that
    reach far out of the picture: renderers bound their slant by its width). Other scenes are
    rendered once, as colour with depth, and become planes as a photo does.

    Parameters
    ----------
    scene
        Whatever :func:`render.render.render` draws.
    camera
        The reference: a pinhole. Planes go 15 % beyond its view on each side.
    count
        The most planes, 1 to 4096.
    settings
        How the scene is drawn; the background is left out of it.
    progress, cancel
        Count planes.

    Raises
    ------
    ValueError
        If the view shows nothing, is no pinhole, or ``count`` is out of range.
    Cancelled
        When ``cancel()`` became true.

    Notes
    -----
    Cost: a frame for the photo, one for the depth, and one of a part of the splats for each plane.
    """
    if camera.projection != "pinhole":
        raise ValueError("camera must be a pinhole")
    if not 1 <= count <= MOST_LAYERS:
        raise ValueError(f"count must be 1 to {MOST_LAYERS}, got {count}")
    wide = _widened(camera)
    settings = replace(settings or RenderSettings(), background=None, output="color")
    progress(0, count, "planes")
    photo = _photo(_drawn(scene, camera, settings, cancel))
    images = _drawn(scene, wide, settings, cancel)
    alpha, depth = images["alpha"], images["depth"]
    if not (alpha > 0.5).any():
        raise ValueError("the view of the reference camera shows nothing solid")
    name = str(getattr(scene, "name", "scene"))
    depth = np.where(alpha > 0.5, depth, np.nan)
    if isinstance(scene, GaussianScene):
        planes = plane_disparities(disparity_of(depth), alpha.astype(np.float64), count)
        layers: tuple[Layer, ...] = _slabs(scene, wide, planes, settings, progress, cancel)
    else:
        made = from_depth(_photo(images), depth, wide, count, progress=progress, cancel=cancel)
        layers = made.layers
    return PlaneScene(layers, camera, photo, name=name)


def _photo(images: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Over black."""
    return np.rint(255 * np.clip(images["color"], 0, 1)).astype(np.uint8)


def _widened(camera: Camera) -> Camera:
    """The camera with the margin around its view."""
    x, y = (
        min(round(MARGIN * side), (LARGEST_SIDE - side) // 2)
        for side in (camera.width, camera.height)
    )
    return replace(
        camera,
        width=camera.width + 2 * x,
        height=camera.height + 2 * y,
        cx=camera.cx + x,
        cy=camera.cy + y,
    )


def _drawn(
    scene: object, camera: Camera, settings: RenderSettings, cancel: Cancel
) -> dict[str, NDArray[np.float32]]:
    """Premultiplied colour, alpha and depth."""
    names = ("color", "alpha", "depth")
    request = RenderRequest(scene, camera, settings, names, display=False, cancelled=cancel)
    try:
        return dict(render(request).images)
    except RenderCancelled as stopped:
        raise Cancelled from stopped


def _slabs(
    scene: GaussianScene,
    camera: Camera,
    planes: NDArray[np.float64],
    settings: RenderSettings,
    progress: Progress,
    cancel: Cancel,
) -> tuple[Layer, ...]:
    """A plane for the splats nearer to it, in disparity, than to any other; the far ones first."""
    axis, offset = camera.camera_from_world[2, :3], camera.camera_from_world[2, 3]
    depths = scene.means @ axis.astype(np.float32) + np.float32(offset)
    borders = np.concatenate([[np.inf], 2 / (planes[:-1] + planes[1:]), [0.0]])
    layers: list[Layer] = []
    for index, disparity in enumerate(planes):
        inside = (depths > borders[index + 1]) & (depths <= borders[index])
        if cancel():
            raise Cancelled
        if inside.any():
            images = _drawn(_part(scene, inside), camera, settings, cancel)
            picture = _straight(images["color"], images["alpha"])
            layer = facing_crop(camera, 1 / disparity, picture, f"plane {index + 1}")
            if layer is not None:
                layers.append(layer)
        progress(index + 1, len(planes), "planes")
    return tuple(layers)


def _part(scene: GaussianScene, chosen: NDArray[np.bool_]) -> GaussianScene:
    """The splats that a mask names."""
    rows = np.flatnonzero(chosen)
    arrays = (scene.means, scene.quats, scene.scales, scene.opacities, scene.sh)
    means, quats, scales, opacities, sh = (array[rows] for array in arrays)
    return replace(scene, means=means, quats=quats, scales=scales, opacities=opacities, sh=sh)


def _straight(colour: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 with straight alpha from premultiplied floats."""
    straight = colour / np.maximum(alpha, np.float32(1e-6))[..., None]
    both = np.concatenate([straight, alpha[..., None]], 2)
    picture = np.rint(255 * np.clip(both, 0, 1)).astype(np.uint8)
    picture[picture[..., 3] == 0] = 0
    return picture
