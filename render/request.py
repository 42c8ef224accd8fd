"""What to render and what came out: the two records between scenes and whoever shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.timing import KernelRecord
from scenes.camera import Camera

OUTPUTS = ("color", "alpha", "depth")
"""What every renderer makes."""
VIEWS_OF = {"planes": ("layer",), "field": ("normal", "cost")}
"""What there is besides :data:`OUTPUTS`, by the kind of scene."""
VIEWS = (*OUTPUTS, *(name for names in VIEWS_OF.values() for name in names))
"""What the screen can show; what a scene does not have is shown as colour."""
SURFACES = ("trace", "neus")
"""How a distance field is drawn: by sphere tracing, or as a volume by NeuS weights."""


class RenderCancelled(Exception):
    """A newer request or a person made this frame pointless."""


@dataclass(frozen=True)
class RenderSettings:
    """How a scene is drawn; everything that changes pixels and is not the camera.

    Attributes
    ----------
    preset
        Name of a renderer's set of choices (see :mod:`render.presets`).
    sh_degree
        Highest degree of view-dependent colour to use; None for all the scene has.
    splat_scale
        Factor on every standard deviation, 0.01..4.
    background
        RGB in 0..1, display-referred; None keeps the picture transparent.
    output
        What the screen shows: ``"color"``, ``"alpha"`` or ``"depth"``, ``"layer"`` of planes,
        ``"normal"`` or ``"cost"`` of a field; what a renderer does not know it shows as colour.
    backend
        ``"auto"``, ``"reference"``, ``"cpu"`` or ``"cuda"``.
    back_faces
        Whether planes are seen from behind.
    skip_empty
        Whether a march through a field skips what its occupancy grid says is empty.
    surface
        ``"trace"`` or ``"neus"``, see :data:`SURFACES`.
    sh_storage
        ``"fp32"``, ``"fp16"`` or ``"uint8"``, see :mod:`kernels.gaussians.storage`.
    """

    preset: str = "gsplat"
    sh_degree: int | None = None
    splat_scale: float = 1.0
    background: tuple[float, float, float] | None = (0.0, 0.0, 0.0)
    output: str = "color"
    backend: str = "auto"
    back_faces: bool = False
    skip_empty: bool = True
    surface: str = "trace"
    sh_storage: str = "fp32"


@dataclass(frozen=True)
class RenderRequest:
    """One picture of one scene.

    ``world_from_file`` is the display transform (orientation fix) of the scene, a (4, 4) rotation
    that moves the scene, never its data. ``outputs`` are float images to return besides the 8-bit
    picture ``rgba8`` that is made when ``display`` is set. ``supersample`` renders N x N samples a
    pixel and averages. ``effort`` below 1 allows longer steps through a field, while a camera
    moves. ``cancelled`` is polled between stages; ``partial`` receives unfinished ``rgba8``
    pictures of frames that take long. With ``on_device``, ``rgba8`` may be a
    :class:`kernels.cuda.interop.DevicePicture`.
    """

    scene: Any
    camera: Camera
    settings: RenderSettings = RenderSettings()
    outputs: tuple[str, ...] = ()
    display: bool = True
    supersample: int = 1
    effort: float = 1.0
    world_from_file: NDArray[np.float64] | None = None
    cancelled: Callable[[], bool] | None = None
    partial: Callable[[NDArray[np.uint8]], None] | None = None
    on_device: bool = False


@dataclass(frozen=True)
class Frame:
    """A finished picture.

    Attributes
    ----------
    images
        ``rgba8`` (H, W, 4) uint8, straight alpha, opaque where a background was given;
        ``color`` (H, W, 3) float32 over the background (premultiplied when it is None);
        ``alpha`` (H, W) float32; ``depth`` (H, W) float32, expected depth along the optical axis
        in scene units, 0 where alpha is 0; ``normal`` (H, W, 3) float32 in camera axes, 0 where
        there is no surface; ``cost`` (H, W) float32, samples of the pixel; ``layer`` (H, W) int32.
    records
        The kernels and stages of this frame, in order.
    start_ns, total_ns
        Begin and length of the frame measured from outside, ``time.perf_counter_ns``.
    camera
        The camera that was rendered.
    backend
        The backend that ran.
    """

    images: Mapping[str, NDArray[Any]]
    records: tuple[KernelRecord, ...] = ()
    start_ns: int = 0
    total_ns: int = 0
    camera: Camera | None = None
    backend: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rgba8(self) -> NDArray[np.uint8]:
        """The picture for the screen, (H, W, 4) uint8; from the device, where it was left there."""
        return np.asarray(self.images["rgba8"])
