"""Qt's mouse, wheel and keys on the canvas, handed to the navigator; its camera to the document."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PyQt6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from app.navigation import FLY_KEYS, PRESETS, Navigator
from app.ui.canvas.driver import display_transform
from app.ui.canvas.view import Canvas
from scenes.camera import Camera
from scenes.fields import FieldScene
from scenes.gaussians import overview
from scenes.scene import Scene
from scenes.transforms import suggest_orientation

if TYPE_CHECKING:
    from app.ui.shell import Shell

TICK_MS = 16
LONGEST_TICK = 0.1
"""A stall of the window must not become a jump of the camera, seconds."""
ROOM = 1.4
"""A scene reaches beyond its robust radius; the first view leaves as much room around it."""
NOTCH = 120.0
"""Qt's angle of one notch of a wheel, eighths of a degree."""

_BUTTONS = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.MiddleButton: "middle",
    Qt.MouseButton.RightButton: "right",
}
_MODIFIERS = {
    Qt.KeyboardModifier.ShiftModifier: "shift",
    Qt.KeyboardModifier.ControlModifier: "ctrl",
    Qt.KeyboardModifier.AltModifier: "alt",
    Qt.KeyboardModifier.MetaModifier: "meta",
}


class Pointer(QObject):
    """Everything that moves the canvas's camera by hand.

    The timer runs only while something glides, flies or turns.
    """

    def __init__(self, shell: Shell, canvas: Canvas) -> None:
        super().__init__(shell)
        self._shell = shell
        self._canvas = canvas
        width, height = canvas.physical_size
        start = Camera.look_at((0, 0, -3), (0, 0, 0), width=width, height=height)
        self.navigator = Navigator(start)
        self._last_tick = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        canvas.native.installEventFilter(self)
        canvas.resized.connect(self._resize)
        shell.document.view_changed.connect(self._follow)
        shell.document.scenes_changed.connect(self._new_scene)
        shell.document.orientation_changed.connect(self._turned)
        shell.settings_changed.connect(self._use_settings)
        self._scene: Scene | None = None
        self._use_settings()

    # What commands ask for ------------------------------------------------------------------

    @property
    def pivot(self) -> NDArray[np.float64]:
        """(3,) the point that the view turns around."""
        return self.navigator.pivot

    def set_pivot(self, point: ArrayLike) -> None:
        """Turn around another point from now on."""
        self.navigator.set_pivot(point)

    def home(self) -> None:
        """The view the scene began with."""
        self._show(self.navigator.home())

    def frame(self) -> None:
        """All of the scene, from the same direction."""
        self._show(self.navigator.frame(self.navigator.center, ROOM * self.navigator.radius))

    def axis_view(self, name: str) -> None:
        """Look along an axis of the world."""
        self._show(self.navigator.axis_view(name))

    def reset_roll(self) -> None:
        """Make the horizon level."""
        self._show(self.navigator.reset_roll())

    def toggle_projection(self) -> None:
        """Perspective or orthographic."""
        self._show(self.navigator.toggle_projection())

    def turn(self, on: bool) -> None:
        """Start or stop turning slowly; any touch stops it."""
        if on:
            self.navigator.turntable.start()
            self._wake()
        else:
            self.stop()

    @property
    def turning(self) -> bool:
        """Whether the view turns by itself."""
        return self.navigator.turntable.running

    def stop(self) -> None:
        """Stop everything that glides or turns."""
        self.navigator.rest()
        self._timer.stop()
        self._shell.driver.held = False

    def presets(self) -> dict[str, str]:
        """Name and title of every set of mouse moves."""
        return {preset.name: preset.title for preset in PRESETS.values()}

    def help(self) -> list[tuple[str, str]]:
        """What the mouse and the held keys do, for the list of keys."""
        drags = [
            (
                binding.action.capitalize(),
                f"{' + '.join([*sorted(binding.modifiers), binding.button])} drag".capitalize(),
            )
            for binding in self.navigator.preset.bindings
        ]
        return [
            *drags,
            ("Come closer, or fly faster", "Wheel"),
            ("Turn around the point under the pointer", "Double click"),
            ("Look through a camera of the capture", "Click on it"),
            ("Fly", "W A S D, up and down E Q"),
            ("Fly fast", "Shift"),
        ]

    # The document ---------------------------------------------------------------------------

    def _use_settings(self) -> None:
        settings = self._shell.settings
        self.navigator.preset = PRESETS.get(settings.navigation, self.navigator.preset)
        self.navigator.damped = not settings.reduced_motion

    def _resize(self) -> None:
        self.navigator.resize(*self._canvas.physical_size)
        if self._shell.document.view is not None:
            self._show(True)

    def _follow(self) -> None:
        view = self._shell.document.view
        if view is not None and view is not self.navigator.camera:
            self.navigator.set_camera(view)

    def _new_scene(self) -> None:
        scene = self._shell.document.scene
        if scene is None or scene is self._scene:
            self._scene = scene
            return
        self._scene = scene
        self.stop()
        self._place(scene)
        self._show(True)

    def _turned(self) -> None:
        """The scene stands another way up: come home to it."""
        scene = self._shell.document.scene
        if scene is not None:
            self._place(scene)
            self._show(True)

    def _place(self, scene: Scene) -> None:
        """Tell the navigator where the scene is on the screen, and go to its first view."""
        centre, radius = scene.focus
        home, up = scene.default_camera(*self._canvas.physical_size), scene.up
        orientation = self._shell.document.orientation
        turn = display_transform(orientation)
        if turn is not None:
            centre = turn[:3, :3] @ centre
        if orientation != suggest_orientation(scene):
            # The scene is to be seen the other way up: from where any scene is seen first.
            up = np.array([0.0, -1.0, 0.0])
            home = overview(centre, radius, home.width, home.height)
        elif turn is not None:
            home, up = home.transformed(turn), turn[:3, :3] @ up
        flat = isinstance(scene, FieldScene) and scene.model.form == "image"
        self.navigator.set_scene(home, centre, radius, up, flat)

    def _show(self, changed: bool) -> None:
        if changed:
            self._shell.document.set_view(self.navigator.camera)
        self._wake()

    def _wake(self) -> None:
        self._shell.driver.held = self.navigator.dragging or self.navigator.moving
        if self.navigator.moving and not self._timer.isActive():
            self._last_tick = time.perf_counter()
            self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        step, self._last_tick = min(now - self._last_tick, LONGEST_TICK), now
        if self.navigator.tick(step):
            self._shell.document.set_view(self.navigator.camera)
        if not self.navigator.moving:
            self._timer.stop()
            self._shell.driver.held = self.navigator.dragging

    # Events ---------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take what moves the camera; leave everything else to Qt."""
        if event is None or self._shell.document.view is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.FocusOut:
            self.navigator.release_all()
            return False
        if isinstance(event, QMouseEvent):
            return self._mouse(event)
        if kind == QEvent.Type.Wheel and isinstance(event, QWheelEvent):
            self._show(self.navigator.wheel(event.angleDelta().y() / NOTCH))
            return True
        if isinstance(event, QKeyEvent):
            return self._key(event)
        return False

    def _mouse(self, event: QMouseEvent) -> bool:
        kind = event.type()
        x, y = self._pixel(event.position())
        button = _BUTTONS.get(event.button(), "")
        if kind == QEvent.Type.MouseButtonDblClick and button == "left":
            self._shell.driver.find_point(x, y)
        elif kind == QEvent.Type.MouseButtonPress and button:
            held = [name for flag, name in _MODIFIERS.items() if event.modifiers() & flag]
            self._show(self.navigator.pointer_press(x, y, button, held))
        elif kind == QEvent.Type.MouseMove:
            self._show(self.navigator.pointer_move(x, y))
        elif kind == QEvent.Type.MouseButtonRelease and button:
            self._show(self.navigator.pointer_release(button))
        else:
            return False
        return True

    def _key(self, event: QKeyEvent) -> bool:
        name = "shift" if event.key() == Qt.Key.Key_Shift else chr(event.key() & 0xFF).lower()
        if name not in FLY_KEYS and name != "shift":
            return False
        command = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        if event.type() == QEvent.Type.KeyPress and not event.modifiers() & command:
            if not event.isAutoRepeat():
                self._show(self.navigator.key_down(name))
            return name != "shift"
        if event.type() == QEvent.Type.KeyRelease:
            if not event.isAutoRepeat():
                self._show(self.navigator.key_up(name))
            return name != "shift"
        return False

    def _pixel(self, place: QPointF) -> tuple[float, float]:
        ratio = self._canvas.native.devicePixelRatioF()
        return place.x() * ratio, place.y() * ratio
