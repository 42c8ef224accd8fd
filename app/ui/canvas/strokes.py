"""What is drawn over the picture, as line segments and dots in pixels. No Qt, no GL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.ui.canvas.projection import project_points, project_segments
from scenes.camera import Camera

Color = tuple[float, float, float, float]

DOT_SIZE = 3.5
"""Diameter of the dots of frames, logical pixels."""

_LETTERS: dict[str, list[tuple[float, float, float, float]]] = {
    "X": [(-1, -1, 1, 1), (-1, 1, 1, -1)],
    "Y": [(-1, -1, 0, 0), (1, -1, 0, 0), (0, 0, 0, 1)],
    "Z": [(-1, -1, 1, -1), (1, -1, -1, 1), (-1, 1, 1, 1)],
}
"""Strokes (x0, y0, x1, y1) in a square of -1..1, y down: letters without a font."""


@dataclass
class Strokes:
    """Segments and dots that wait to be drawn, in pixels of the canvas."""

    lines: list[NDArray[np.float32]] = field(default_factory=list)
    line_colors: list[NDArray[np.float32]] = field(default_factory=list)
    dots: list[NDArray[np.float32]] = field(default_factory=list)
    dot_colors: list[NDArray[np.float32]] = field(default_factory=list)
    dot_sizes: list[NDArray[np.float32]] = field(default_factory=list)

    def add_lines(self, pixels: NDArray[np.float32], color: Color) -> None:
        """Add (M, 2, 2) segments of one colour."""
        if len(pixels):
            self.lines.append(pixels.reshape(-1, 2))
            self.line_colors.append(np.tile(_array(color), (2 * len(pixels), 1)))

    def add_dots(self, pixels: NDArray[np.float32], size: float, color: Color) -> None:
        """Add (M, 2) dots of one size and colour."""
        if len(pixels):
            self.dots.append(pixels)
            self.dot_colors.append(np.tile(_array(color), (len(pixels), 1)))
            self.dot_sizes.append(np.full(len(pixels), size, np.float32))


def add_path(
    strokes: Strokes,
    camera: Camera,
    positions: NDArray[np.float64],
    near: float,
    color: Color,
    dot_color: Color,
    least: float,
) -> None:
    """The way of the camera, (F, 3) positions frame by frame, with a dot per frame.

    Dots closer than ``least`` pixels to the frame before are left out: where the camera is slow
    the line stands alone, where it is fast its dots show how fast.
    """
    if len(positions) < 2:
        return
    pixels, visible = project_segments(camera, positions[:-1], positions[1:], near)
    strokes.add_lines(pixels[visible], color)
    places, before = project_points(camera, positions, near)
    steps = np.linalg.norm(np.diff(places, axis=0, prepend=places[:1] - least), axis=1)
    strokes.add_dots(places[before & (steps >= least)], DOT_SIZE, dot_color)


def frustum(
    world_from_camera: ArrayLike, fov_y: float, aspect: float, size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Starts and ends (11, 3) of a frustum of depth ``size``, with a roof that shows what is up."""
    pose = np.asarray(world_from_camera, dtype=np.float64)
    half = size * float(np.tan(0.5 * fov_y))
    wide = half * aspect
    corners = np.array(
        [
            (0, 0, 0),
            (-wide, -half, size),
            (wide, -half, size),
            (wide, half, size),
            (-wide, half, size),
            (-0.5 * wide, -1.15 * half, size),
            (0.5 * wide, -1.15 * half, size),
            (0, -1.75 * half, size),
        ]
    )
    world = corners @ pose[:3, :3].T + pose[:3, 3]
    edges = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (5, 6), (6, 7), (7, 5)]
    starts, ends = np.array(edges).T
    return world[starts], world[ends]


def add_frusta(
    strokes: Strokes,
    camera: Camera,
    keys: Sequence[tuple[NDArray[np.float64], float]],
    aspect: float,
    size: float,
    near: float,
    color: Color,
) -> None:
    """Draw cameras, given as ``(world_from_camera, fov_y)``, as frusta of depth ``size``."""
    if not keys:
        return
    parts = [frustum(pose, fov_y, aspect, size) for pose, fov_y in keys]
    starts = np.concatenate([start for start, _ in parts])
    ends = np.concatenate([end for _, end in parts])
    pixels, visible = project_segments(camera, starts, ends, near)
    strokes.add_lines(pixels[visible], color)


def add_gizmo(
    strokes: Strokes,
    camera: Camera,
    corner: tuple[float, float],
    length: float,
    colors: Sequence[Color],
) -> None:
    """The world's axes as seen now, around ``corner`` (pixels), each ``length`` pixels long.

    The axis that points at the person is drawn last; ends carry their letter, so that colour is
    not the only mark.
    """
    axes = camera.camera_from_world[:3, :3].T
    centre = _array(corner)
    for index in np.argsort(-axes[:, 2]):
        tip = centre + length * axes[index, :2]
        strokes.add_lines(np.stack([centre, _array(tip)])[None], colors[index])
        place = centre + (length + 0.38 * length) * axes[index, :2]
        if np.linalg.norm(axes[index, :2]) < 0.15:
            continue
        letter = _array(_LETTERS["XYZ"[index]]).reshape(-1, 2, 2)
        strokes.add_lines(place + 0.13 * length * letter, colors[index])


def add_safe_range(
    strokes: Strokes,
    offset: ArrayLike,
    centre: tuple[float, float],
    size: float,
    colors: tuple[Color, Color],
) -> None:
    """A small map of where the eye may go: a ring around ``centre`` (pixels), the eye as a dot.

    ``offset`` (3,) is the way from the reference camera to the eye in its axes (right, down,
    forward) over the radius of the safe range. Ring and dot have the first colour within it and
    the second one outside, where the dot stays at twice the radius and a stroke leads to it.
    """
    away = _array(offset)
    inside = float(np.linalg.norm(away)) <= 1.0
    color = colors[0] if inside else colors[1]
    middle = _array(centre)
    angles = np.linspace(0, 2 * np.pi, 49)
    ring = middle + size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    strokes.add_lines(np.stack([ring[:-1], ring[1:]], axis=1).astype(np.float32), color)
    # Forward and backward are seen in the size of the dot.
    place = away[:2] * min(1.0, 2.0 / max(float(np.linalg.norm(away[:2])), 1e-6))
    dot = (middle + size * place).astype(np.float32)
    if not inside:
        strokes.add_lines(np.stack([middle, dot])[None].astype(np.float32), color)
    nearer = float(np.clip(away[2], -1, 1))
    strokes.add_dots(dot[None], size * (0.45 + 0.2 * nearer), color)


def add_pivot(
    strokes: Strokes, camera: Camera, pivot: ArrayLike, near: float, size: float, color: Color
) -> None:
    """A ring and a cross of ``size`` pixels at the point that the camera turns around."""
    places, before = project_points(camera, np.asarray(pivot)[None], near)
    if not before[0]:
        return
    angles = np.linspace(0, 2 * np.pi, 25)
    ring = places[0] + size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    arms = [(-2, 0, -1, 0), (1, 0, 2, 0), (0, -2, 0, -1), (0, 1, 0, 2)]
    cross = size * np.array(arms).reshape(4, 2, 2)
    strokes.add_lines(_array(np.stack([ring[:-1], ring[1:]], axis=1)), color)
    strokes.add_lines(_array(places[0] + cross), color)


def export_border(width: float, height: float, aspect: float) -> tuple[float, float]:
    """Left and right edge, in pixels, of a video of this aspect with the canvas's vertical view.

    Videos keep the vertical field of view, so their frame is as high as the canvas; a wide video
    on a narrow canvas reaches beyond it.
    """
    half = 0.5 * height * aspect
    return 0.5 * width - half, 0.5 * width + half


def add_border(strokes: Strokes, width: float, height: float, aspect: float, color: Color) -> None:
    """The frame of the video that will be written."""
    left, right = export_border(width, height, aspect)
    inset = 1.0
    left, right = max(left, inset), min(right, width - inset)
    top, bottom = inset, height - inset
    corners = _array([(left, top), (right, top), (right, bottom), (left, bottom)])
    strokes.add_lines(np.stack([corners, np.roll(corners, -1, axis=0)], axis=1), color)


def _array(values: ArrayLike) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
