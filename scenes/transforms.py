"""Orientation fixes: rotations that show a scene upright without touching its data.

The viewer's world has y pointing down, as captures have. A file that was made with another axis
upwards keeps its own frame; one of these rotations, ``world_from_file``, stands between the file
and the world while it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.scene import Scene


@dataclass(frozen=True, eq=False)
class Orientation:
    """A display rotation: what a person calls it, and ``world_from_file`` (4, 4) float64."""

    title: str
    world_from_file: NDArray[np.float64]


def _rotation(rows: list[list[int]]) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = rows
    matrix.setflags(write=False)
    return matrix


_HALF_TURN_X = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]

ORIENTATIONS: dict[str, Orientation] = {
    "none": Orientation("As in the file", _rotation([[1, 0, 0], [0, 1, 0], [0, 0, 1]])),
    "y-up": Orientation("Y is up", _rotation(_HALF_TURN_X)),
    "z-up": Orientation("Z is up", _rotation([[1, 0, 0], [0, 0, -1], [0, 1, 0]])),
    "x-180": Orientation("Half turn about X", _rotation(_HALF_TURN_X)),
    "z-180": Orientation("Half turn about Z", _rotation([[-1, 0, 0], [0, -1, 0], [0, 0, 1]])),
}
"""Every orientation by its name. ``"y-up"`` and ``"x-180"`` are the same rotation under the two
names people look for; ``"z-180"`` also turns y over, and keeps the direction of z instead of x."""

_BY_AXIS = {"z": "z-up", "y": "y-up", "-y": "none"}


def suggest_orientation(scene: Scene) -> str:
    """Name of the orientation that the file itself asks for; ``"none"`` where it does not.

    Only ``metadata["vertical_axis"]`` counts: guessing from the splats would be wrong too often
    to be done without being asked.
    """
    return _BY_AXIS.get(str(scene.metadata.get("vertical_axis")), "none")
