"""The canvas widget: uploads the newest picture, draws it and the overlays, measures both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtOpenGLWidgets import QOpenGLWidget
from PyQt6.QtWidgets import QVBoxLayout, QWidget
from vispy import app as vispy_app
from vispy import gloo
from vispy.gloo import gl
from vispy.visuals import LineVisual, MarkersVisual

from app.ui import theme
from app.ui.canvas.handover import Handover
from app.ui.canvas.quad import ImageQuad
from app.ui.canvas.strokes import Strokes
from render.request import Frame

HALO = (0.0, 0.0, 0.0, 0.55)
"""Colour of the dark line under every overlay line: readable on any picture."""


@dataclass(frozen=True)
class Picture:
    """A frame to show: the canvas size it was asked for, and how long it had waited."""

    frame: Frame
    asked_size: tuple[int, int]
    waited_ns: int = 0


@dataclass(frozen=True)
class Shown:
    """A picture that reached the screen, and what that cost."""

    picture: Picture
    upload_ns: int
    present_ns: int
    at_ns: int


class Canvas(QWidget):
    """The picture. Pixels are physical; the widget around it is logical.

    ``overlay`` is asked at each paint for what to draw above the picture, in physical pixels of
    a canvas of the given size.
    """

    resized = pyqtSignal()
    """The size in physical pixels changed."""
    shown = pyqtSignal(object)
    """A :class:`Shown`: a new picture is on the screen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_box")
        self.overlay: Callable[[int, int], Strokes] | None = None
        # Qt itself brings a QOpenGLWidget to the screen; there are no buffers to swap.
        self.surface = vispy_app.Canvas(
            app="pyqt6", keys=None, size=(800, 600), parent=self, show=False, autoswap=False
        )
        self.surface.events.draw.connect(self._draw)
        # VisPy would print an error of drawing and go on; ours end in the log and a dialog.
        self.surface.events.draw.ignore_callback_errors = False
        native = self.native
        native.setObjectName("canvas")
        native.setAccessibleName("Picture of the scene")
        native.setAccessibleDescription(
            "Drag to turn around the scene, wheel to come closer, F to see all of it."
        )
        native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        native.setMouseTracking(False)
        native.installEventFilter(self)
        native.frameSwapped.connect(self._swapped)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(native)
        self._quad: ImageQuad | None = None
        self._lines: tuple[LineVisual, LineVisual] | None = None
        self._dots: MarkersVisual | None = None
        self._waiting: Picture | None = None
        self._drawn: tuple[Picture, int, int] | None = None
        self._empty = True
        self.graphics = ""
        self.handover = Handover()
        self._size = (0, 0)
        theme.notifier.changed.connect(self.redraw)

    @property
    def native(self) -> QOpenGLWidget:
        """The OpenGL widget itself, which gets mouse and keys."""
        return self.surface.native

    @property
    def physical_size(self) -> tuple[int, int]:
        """Width and height in physical pixels, each at least 1."""
        ratio = self.native.devicePixelRatioF()
        size = self.native.size()
        return max(1, round(size.width() * ratio)), max(1, round(size.height() * ratio))

    @property
    def quad(self) -> ImageQuad | None:
        """The picture's texture; None before the first paint."""
        return self._quad

    def show_frame(self, picture: Picture) -> None:
        """Show a picture at the next paint; one that was not painted yet is dropped."""
        self._waiting = picture
        self._empty = False
        self.redraw()

    def clear(self) -> None:
        """Show no picture."""
        self._waiting = None
        self._empty = True
        self.redraw()

    def redraw(self) -> None:
        """Paint soon."""
        self.native.update()

    def close_surface(self) -> None:
        """Give the GL context back."""
        theme.notifier.changed.disconnect(self.redraw)
        self.native.frameSwapped.disconnect(self._swapped)
        self.surface.set_current()
        self.handover.close()
        self.surface.close()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice changes of the size in physical pixels, by resizing or by another screen."""
        kinds = (QEvent.Type.Resize, QEvent.Type.DevicePixelRatioChange, QEvent.Type.Show)
        if event is not None and event.type() in kinds and self.physical_size != self._size:
            self._size = self.physical_size
            self.resized.emit()
        return False

    def _draw(self, event: object) -> None:
        width, height = self.physical_size
        gloo.set_viewport(0, 0, width, height)
        if self._quad is None:
            self._quad = ImageQuad()
            self._quad.reserve(*self._screen_size())
            self.graphics = (
                f"{gl.glGetParameter(gl.GL_RENDERER)}, {gl.glGetParameter(gl.GL_VERSION)}"
            )
        waiting, self._waiting = self._waiting, None
        begin = time.perf_counter_ns()
        if waiting is not None:
            self._take(self._quad, waiting)
        uploaded = time.perf_counter_ns()
        ground = theme.current().background
        around = (ground.redF(), ground.greenF(), ground.blueF())
        if self._empty:
            gloo.clear(color=(*around, 1.0))
        else:
            self._quad.draw((width, height), 8.0 * self.native.devicePixelRatioF(), around)
        if self.overlay is not None:
            self._draw_strokes(self.overlay(width, height), width, height)
        if waiting is not None:
            self._drawn = (waiting, uploaded - begin, uploaded)

    def _take(self, quad: ImageQuad, waiting: Picture) -> None:
        """Bring a picture into the texture, from the device itself where that is possible."""
        picture = waiting.frame.images["rgba8"]
        quad.reserve(picture.shape[1], picture.shape[0])
        on_host = isinstance(picture, np.ndarray)
        if on_host or not self.handover.bring(quad, picture, waiting.asked_size):
            quad.upload(waiting.frame.rgba8, waiting.asked_size)
        self.surface.context.flush_commands()
        self.handover.choose(waiting.frame.backend, self.graphics)

    def _screen_size(self) -> tuple[int, int]:
        """Physical pixels of the largest screen: the texture never grows after that."""
        sizes = [self.physical_size]
        for screen in _screens():
            ratio = screen.devicePixelRatio()
            sizes.append(
                (round(screen.size().width() * ratio), round(screen.size().height() * ratio))
            )
        return max(s[0] for s in sizes), max(s[1] for s in sizes)

    def _swapped(self) -> None:
        if self._drawn is None:
            return
        picture, upload_ns, uploaded = self._drawn
        self._drawn = None
        now = time.perf_counter_ns()
        self.shown.emit(Shown(picture, upload_ns, now - uploaded, now))

    def _draw_strokes(self, strokes: Strokes, width: int, height: int) -> None:
        ratio = self.native.devicePixelRatioF()
        if self._lines is None:
            self._lines = (
                LineVisual(method="gl", antialias=True),
                LineVisual(method="gl", antialias=True),
            )
            self._dots = MarkersVisual(alpha=1.0)
            # VisPy's preset tests depth; everything here lies in one plane, drawn in order.
            for visual in (*self._lines, self._dots):
                visual.set_gl_state("translucent", depth_test=False)
        assert self._dots is not None
        logical = np.float32(1.0 / ratio)
        viewport = (0, 0, width, height)
        if strokes.lines:
            places = np.concatenate(strokes.lines) * logical
            colors = np.concatenate(strokes.line_colors)
            halo = np.tile(np.asarray(HALO, np.float32), (len(places), 1))
            halo[:, 3] *= colors[:, 3]
            for visual, color, thick in (
                (self._lines[0], halo, 3.5),
                (self._lines[1], colors, 1.5),
            ):
                visual.set_data(pos=places, color=color, width=thick, connect="segments")
                visual.transforms.configure(canvas=self.surface, viewport=viewport)
                visual.draw()
        if strokes.dots:
            self._dots.set_data(
                pos=np.concatenate(strokes.dots) * logical,
                size=np.concatenate(strokes.dot_sizes),
                face_color=np.concatenate(strokes.dot_colors),
                edge_width=0.0,
                symbol="disc",
            )
            self._dots.transforms.configure(canvas=self.surface, viewport=viewport)
            self._dots.draw()


def _screens() -> list:
    from PyQt6.QtGui import QGuiApplication

    return QGuiApplication.screens()
