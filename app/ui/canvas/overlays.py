"""Decides what lies over the picture now: cameras, path, keys, axes, pivot, border of the video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QColor

from app.ui import theme
from app.ui.canvas import strokes as draw
from app.ui.canvas.driver import display_transform
from app.ui.canvas.projection import NEAR_SHARE
from app.ui.canvas.strokes import Color, Strokes
from scenes.camera import Camera
from scenes.paths.interpolate import frame_times, pose_at
from scenes.paths.path import CameraPath
from scenes.planes import PlaneScene

if TYPE_CHECKING:
    from app.ui.shell import Shell

MOST_DOTS = 2000
"""Long paths get a dot for every n-th frame, so that drawing them stays cheap."""
DOT_COLOR: Color = (1.0, 1.0, 1.0, 0.9)
KEY_COLOR: Color = (0.95, 0.95, 0.95, 0.95)
CAMERA_COLOR: Color = (0.66, 0.66, 0.66, 0.8)
FAINT_COLOR: Color = (0.66, 0.66, 0.66, 0.35)
"""Of the other cameras while the picture is seen as one of them saw it."""
AXIS_COLORS: tuple[Color, ...] = (
    (0.96, 0.45, 0.42, 1.0),
    (0.55, 0.83, 0.40, 1.0),
    (0.47, 0.68, 0.98, 1.0),
)


class OverlayPainter:
    """Makes the strokes of a paint from the shell's document; kept by the canvas."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._positions: NDArray[np.float64] = np.zeros((0, 3))
        self._positions_of: CameraPath | None = None

    def __call__(self, width: int, height: int) -> Strokes:
        """The strokes for a canvas of physical pixels."""
        strokes = Strokes()
        shell = self._shell
        view = shell.driver.seen or shell.document.view
        if view is None:
            return strokes
        if (view.width, view.height) != (width, height):
            view = view.resized(width, height)
        shown = shell.overlays
        ratio = shell.driver.canvas.native.devicePixelRatioF()
        size = self._size()
        near = size * NEAR_SHARE
        accent = _color(theme.DARK.accent)
        if shell.capture.shown:
            self._add_cameras(strokes, view, near, 6 * ratio)
        path = shell.document.path
        if shown.path and path.keys:
            draw.add_path(
                strokes, view, self._path_positions(path), near, accent, DOT_COLOR, 5 * ratio
            )
        if shown.keys and path.keys:
            self._add_keys(strokes, view, path, key_size(path, size), near)
        if shown.pivot:
            pivot = shell.pointer.pivot
            draw.add_pivot(strokes, view, pivot, near, 5 * ratio, (1.0, 1.0, 1.0, 0.9))
        if shown.safe_range:
            self._add_safe_range(strokes, view, width, height, ratio)
        if shown.export_frame and shown.export_aspect:
            draw.add_border(strokes, width, height, shown.export_aspect, (1.0, 1.0, 1.0, 0.85))
        if shown.axes:
            length = 24 * ratio
            corner = (1.9 * length, height - 1.9 * length)
            draw.add_gizmo(strokes, view, corner, length, AXIS_COLORS)
        return strokes

    def _add_cameras(self, strokes: Strokes, view: Camera, near: float, dot: float) -> None:
        """The cameras of a capture; the one looked through is the border of its photo.

        Only small ones are drawn beside that: its neighbours would be lines across the picture.
        """
        capture = self._shell.capture
        numbers = capture.frusta.numbers
        hovered = numbers == capture.hovered
        others = ~(hovered | np.isin(numbers, capture.marked.numbers))
        color = CAMERA_COLOR
        if capture.at is not None:
            others &= capture.frusta.small(view, near)
            color = FAINT_COLOR
        pixels, visible = capture.frusta.project(view, near)
        strokes.add_lines(pixels[others][visible[others]], color)
        for frusta, group, color in (
            (capture.marked, capture.marked.numbers >= 0, _color(theme.DARK.accent)),
            (capture.frusta, hovered, _color(theme.DARK.text)),
        ):
            pixels, visible = frusta.project(view, near)
            eyes, before = frusta.eyes(view, near)
            strokes.add_lines(pixels[group][visible[group]], color)
            # From afar a frustum is too small for its colour to be seen.
            strokes.add_dots(eyes[group & before], dot, color)

    def _size(self) -> float:
        scene = self._shell.document.scene
        return scene.focus[1] if scene is not None else 1.0

    def _add_safe_range(
        self, strokes: Strokes, view: Camera, width: int, height: int, ratio: float
    ) -> None:
        """Where the eye is relative to where a multiplane image is right, in the lower right."""
        scene = self._shell.document.scene
        if not isinstance(scene, PlaneScene) or scene.reference is None or not scene.safe_radius:
            return
        reference = scene.reference
        turn = display_transform(self._shell.document.orientation)
        if turn is not None:
            reference = reference.transformed(turn)
        offset = reference.camera_from_world @ [*view.position, 1.0]
        size = 22 * ratio
        centre = (width - 2.4 * size, height - 2.4 * size)
        colors = (DOT_COLOR, _color(theme.DARK.warn))
        draw.add_safe_range(strokes, offset[:3] / scene.safe_radius, centre, size, colors)

    def _add_keys(
        self, strokes: Strokes, view: Camera, path: CameraPath, size: float, near: float
    ) -> None:
        aspect = self._shell.overlays.export_aspect or view.width / view.height
        chosen = self._shell.document.selection
        for selected in (False, True):
            keys = [
                (key.world_from_camera, key.fov_y)
                for index, key in enumerate(path.keys)
                if (index in chosen) == selected
            ]
            color = _color(theme.DARK.accent) if selected else KEY_COLOR
            draw.add_frusta(strokes, view, keys, aspect, size, near, color)

    def _path_positions(self, path: CameraPath) -> NDArray[np.float64]:
        if path is not self._positions_of:
            times = frame_times(path)
            times = times[:: max(1, -(-len(times) // MOST_DOTS))]
            self._positions = pose_at(path, times)[0][:, :3, 3]
            self._positions_of = path
        return self._positions


def key_size(path: CameraPath, size: float) -> float:
    """Depth of the frusta, scene units: a fifth of the way between keys, within what is visible."""
    places = np.array([key.world_from_camera[:3, 3] for key in path.keys])
    if len(places) < 2:
        return 0.06 * size
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    return float(np.clip(0.2 * np.median(steps), 0.02 * size, 0.15 * size))


def _color(color: QColor) -> Color:
    return color.redF(), color.greenF(), color.blueF(), 1.0
