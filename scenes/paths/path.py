"""A camera path: keyframes and how to pass through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Interpolation = Literal["spline", "linear", "hold"]
Easing = Literal["none", "in", "out", "in-out"]


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A view at a time.

    Attributes
    ----------
    time
        Seconds from the start of the path, >= 0.
    world_from_camera
        (4, 4) float64, rigid, OpenCV axes, the scene file's frame after the display transform.
    fov_y
        Vertical field of view, radians.
    name
        What the person called it; may be empty.
    easing
        How the time runs from this key to the next one.
    """

    time: float
    world_from_camera: NDArray[np.float64]
    fov_y: float
    name: str = ""
    easing: Easing = "none"

    def __post_init__(self) -> None:
        pose = np.array(self.world_from_camera, dtype=np.float64)
        if pose.shape != (4, 4):
            raise ValueError(f"world_from_camera must be (4, 4), got {pose.shape}")
        if not (np.isfinite(pose).all() and np.isfinite(self.time) and np.isfinite(self.fov_y)):
            raise ValueError("a keyframe must be finite")
        pose.setflags(write=False)
        object.__setattr__(self, "world_from_camera", pose)


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Keyframes in order of time, and the settings of the clip.

    ``duration`` seconds at ``fps`` frames per second give ``round(duration * fps)`` frames at
    times ``i / fps`` (a loop closes without repeating its first frame), at least one.
    """

    keys: tuple[Keyframe, ...] = ()
    duration: float = 8.0
    fps: float = 30.0
    loop: bool = False
    interpolation: Interpolation = "spline"
    name: str = field(default="path")
