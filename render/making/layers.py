"""Pixels with depth become pictures of planes: shared, covered, and grown where hidden."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from render.making.edges import Samples
from render.making.fill import distance_to, neighbourhood, push_pull
from scenes.camera import Camera
from scenes.planes import Plane

PIXELS_A_STEP = 2.0
"""How far planes that follow each other come apart at the moves that hidden parts are made for.

The limit of :attr:`scenes.planes.PlaneScene.safe_radius`, at planes that lie evenly.
"""
SKIRT = 2
"""Transparent pixels around content that carry its colour, for whoever filters the picture."""


def slices(
    samples: Samples, planes: NDArray[np.float64], chosen: NDArray[np.bool_] | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The picture (H, W, 4) uint8 of each plane, for disparities that ascend.

    A pixel between two planes shows on both: wholly on the farther one, and on the nearer one
    with an alpha that grows from 0 to 1 between them. Over each other they give the pixel back.
    Behind what is nearer, a plane goes on with the colours of its surroundings as far as a small
    move of the eye uncovers it; nothing of that shows from the reference camera.
    """
    step = (planes[-1] - planes[0]) / max(len(planes) - 1, 1)
    borders = np.concatenate([[-np.inf], planes, [np.inf]])
    for index in range(len(planes)):
        before, own, after = borders[index : index + 3]
        image, alpha = _content(samples, before, own, after)
        if chosen is not None:
            alpha = np.where(chosen, alpha, np.float32(0))
        hidden = samples.disparity >= after
        farther = samples.disparity < before
        yield grown(image, alpha, hidden, farther, samples.disparity - own, step)


def share(
    disparity: NDArray[np.float64], before: float, own: float, after: float
) -> NDArray[np.float64]:
    """How much a plane shows of what lies at a disparity, if the planes around it show the rest."""
    rising = np.ones(disparity.shape)
    if np.isfinite(before):
        rising = np.clip((disparity - before) / (own - before), 0, 1)
    return np.where(disparity < after, rising, 0.0)


def _content(
    samples: Samples, before: float, own: float, after: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour (H, W, 3) and alpha (H, W) of what lies at a plane."""
    image = samples.colour
    alpha = share(samples.disparity, before, own, after).astype(np.float32)
    part = share(samples.near_disparity, before, own, after)
    if not part.any():
        return image, alpha
    # Of a pair of planes that cover a pixel by c together, the nearer has w c and the farther
    # what is missing: (c - w c) / (1 - w c).
    coverage, rest = samples.coverage, np.zeros(part.shape)
    if np.isfinite(after):
        rest = np.clip((samples.near_disparity - own) / (after - own), 0, 1) * coverage
    falling = samples.near_disparity > own
    near_alpha = np.where(falling, (coverage - rest) / (1 - rest), part * coverage)
    near_alpha = np.where(part > 0, near_alpha, 0).astype(np.float32)
    chosen = near_alpha > 0
    place = samples.rows[chosen], samples.columns[chosen]
    near_alpha = near_alpha[chosen]
    image = image.copy()
    under = alpha[place] * (1 - near_alpha)
    total = near_alpha + under
    colour = near_alpha[:, None] * samples.near_colour[chosen] + under[:, None] * image[place]
    image[place] = colour / total[:, None]
    alpha[place] = total
    return image, alpha


def grown(
    image: NDArray[np.float32],
    alpha: NDArray[np.float32],
    hidden: NDArray[np.bool_],
    farther: NDArray[np.bool_],
    nearness: NDArray[np.float64],
    step: float,
) -> NDArray[np.uint8]:
    """A picture (H, W, 4) uint8 that goes on where it is hidden, as far as small moves uncover it.

    Parameters
    ----------
    image, alpha
        (H, W, 3) in 0..255 and (H, W) in 0..1: what is seen of the plane.
    hidden, farther
        (H, W) where something nearer is seen, and something farther.
    nearness
        (H, W) the disparity of what is seen less that of the plane.
    step
        The difference in disparity that is uncovered by :data:`PIXELS_A_STEP`.
    """
    window = _window(alpha > 0, int(PIXELS_A_STEP * np.ptp(nearness) / max(step, 1e-300)) + 4)
    result = np.zeros((*alpha.shape, 4), np.uint8)
    if window is None:
        return result
    image, alpha, nearness = image[window], alpha[window], nearness[window]
    hidden, farther = hidden[window], farther[window]
    distance = distance_to(alpha >= 0.5)
    # Diagonals count double in these distances: 1.5 is about the mean of both ways.
    reach = 1.5 * PIXELS_A_STEP * nearness / max(step, 1e-300) + 2
    more = hidden & (distance <= reach) & (distance <= distance_to(farther) + 1)
    beside_hidden = neighbourhood(hidden.astype(np.float32), largest=True) > 0
    # Pixels beside something nearer may carry some of its colour: used where nothing else is.
    trust = alpha * np.where(beside_hidden, np.float32(1 / 256), np.float32(1))
    colour = push_pull(image, trust)
    shown = alpha > 0
    colour[shown] = image[shown]
    alpha = np.where(more, np.float32(1), alpha)
    near = neighbourhood((alpha > 0).astype(np.float32), largest=True, radius=SKIRT) > 0
    colour[~near] = 0
    result[window] = np.rint(np.concatenate([colour, 255 * alpha[..., None]], 2))
    return result


def _window(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice] | None:
    """The rectangle around a mask, with a margin."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis))
        if not len(places):
            return None
        length = mask.shape[1 - axis]
        found.append(slice(max(0, places[0] - margin), min(length, places[-1] + margin + 1)))
    return found[0], found[1]


def facing_crop(camera: Camera, depth: float, image: NDArray[np.uint8], name: str) -> Plane | None:
    """The plane of a picture as large as the camera's, cut to what is not empty; None if all is."""
    window = _window((image != 0).any(2), 0)
    if window is None:
        return None
    y, x = (part.start for part in window)
    cut = np.ascontiguousarray(image[window])
    part_camera = Camera(
        camera.camera_from_world,
        cut.shape[1],
        cut.shape[0],
        camera.fx,
        camera.fy,
        camera.cx - x,
        camera.cy - y,
        camera.projection,
    )
    return Plane.facing(part_camera, depth, cut, name)
