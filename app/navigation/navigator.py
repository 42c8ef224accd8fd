"""The camera under the hand: drags, wheel and keys in, a camera out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from app.navigation import moves
from app.navigation.moves import Vector
from app.navigation.presets import PRESETS, Action, Preset
from app.navigation.turntable import Turntable
from scenes.camera import Camera

ORBIT_PER_HEIGHT = 2.0 * np.pi
"""Radians that a drag over the canvas's height turns the camera about the pivot."""
LOOK_PER_HEIGHT = np.pi
"""Radians that the same drag turns the camera about itself while it flies."""
ZOOM_PER_NOTCH = 0.95
"""Factor on the distance to the pivot per notch of the wheel."""
NOTCHES_PER_HEIGHT = 40.0
"""Notches that a zoom drag over the canvas's height counts for."""
DRAG_DAMPING, ZOOM_DAMPING = 0.05, 0.2
"""Share of a pending move that is done in each 1/60 s."""
SECONDS_PER_SCENE = 5.0
"""Time to fly through the scene's diameter at the usual speed."""
FAST = 4.0
"""Factor on the speed while Shift is held."""
SPEED_PER_NOTCH, SPEED_LIMIT = 1.2, 100.0
"""Factor on the flying speed per notch of the wheel, and the most that notches multiply to."""
RESPONSE = 10.0
"""How fast the flying speed follows the keys, 1/s."""
NEAREST, FARTHEST = 1e-4, 1e4
"""Limits of the distance to the pivot, in scene radii."""

FLY_KEYS: dict[str, tuple[float, float, float]] = {
    "w": (0.0, 0.0, 1.0),
    "s": (0.0, 0.0, -1.0),
    "d": (1.0, 0.0, 0.0),
    "a": (-1.0, 0.0, 0.0),
    "e": (0.0, 1.0, 0.0),
    "q": (0.0, -1.0, 0.0),
}
"""Directions of the keys: image right, world up, forward."""


class Navigator:
    """A camera that orbits, pans and zooms about a pivot, and flies.

    Methods return whether the view changed. Positions are image pixels of :attr:`camera`.
    The keys W A S D Q E fly whenever they are held. While they are, drags that would orbit or pan
    turn the camera about itself, the pivot comes along in front of it, and the wheel changes the
    speed.

    Attributes
    ----------
    camera
        The view; its size is the canvas's.
    pivot
        (3,) what orbit and zoom turn about; a pan takes it along.
    up
        (3,) unit vector of the world that points up the image.
    center, radius
        The scene as a ball; speeds and limits are in its size.
    preset
        What the mouse buttons do.
    flat
        Whether the scene is a picture: what orbits others moves it along.
    damped
        Whether moves glide to rest (not where the person asked for less motion).
    turntable
        The idle turn; any input stops it.
    """

    def __init__(
        self, camera: Camera, preset: Preset = PRESETS["three.js"], damped: bool = True
    ) -> None:
        self.camera = camera
        self.up: Vector = np.array([0.0, -1.0, 0.0])
        self.center: Vector = np.zeros(3)
        self.radius = 1.0
        self.pivot = self.center
        self.preset = preset
        self.flat = False
        self.damped = damped
        self.turntable = Turntable()
        self._home = camera
        self._pinhole_focal = camera.fx, camera.fy
        self._action: Action | None = None
        self._button = ""
        self._last = (0.0, 0.0)
        self._pending: dict[str, Vector] = {}
        self._keys: set[str] = set()
        self._fast = False
        self._speed = 1.0
        self._velocity = np.zeros(3)
        self.set_camera(camera)

    # The scene and the view ------------------------------------------------------------------

    def set_scene(
        self,
        home: Camera,
        center: ArrayLike,
        radius: float,
        up: ArrayLike = (0.0, -1.0, 0.0),
        flat: bool = False,
    ) -> None:
        """A new scene: its ball, its up, and the view to start from and come home to."""
        self.flat = flat
        self.center = np.array(center, dtype=np.float64)
        self.radius = max(float(radius), 1e-9)
        direction = np.array(up, dtype=np.float64)
        self.up = direction / np.linalg.norm(direction)
        self._home = home
        self._speed = 1.0
        self.home()

    def set_camera(self, camera: Camera) -> None:
        """Take over a view as it is, with its roll, in the canvas's size.

        The pivot goes onto its axis, as deep as the scene's centre lies, or one radius deep where
        that is behind or beside the camera.
        """
        self.camera = camera.resized(self.camera.width, self.camera.height)
        if camera.projection == "pinhole":
            self._pinhole_focal = self.camera.fx, self.camera.fy
        depth = moves.depth_of(self.camera, self.center)
        depth = depth if depth > 0.05 * self.radius else self.radius
        self.pivot = self.camera.position + depth * moves.axes_of(self.camera)[:, 2]
        self.rest()

    def rest(self) -> None:
        """Stop everything that still glides, and the idle turn."""
        self._pending.clear()
        self._velocity = np.zeros(3)
        self.turntable.touch()

    def resize(self, width: int, height: int) -> bool:
        """The canvas has another size; the vertical field of view stays."""
        if (width, height) == (self.camera.width, self.camera.height):
            return False
        scale = height / self.camera.height
        self._pinhole_focal = self._pinhole_focal[0] * scale, self._pinhole_focal[1] * scale
        self.camera = self.camera.resized(width, height)
        return True

    def set_pivot(self, point: ArrayLike) -> None:
        """Orbit about another point from now on; the view stays."""
        self.pivot = np.array(point, dtype=np.float64)

    def home(self) -> bool:
        """Back to the view the scene began with."""
        self.set_camera(self._home)
        return True

    def frame(self, center: ArrayLike, radius: float) -> bool:
        """Show a ball as large as the canvas allows, from the same direction; it is the pivot."""
        self.rest()
        self.pivot = np.array(center, dtype=np.float64)
        self.camera = moves.framed(self.camera, self.pivot, max(float(radius), 1e-9))
        return True

    def axis_view(self, name: str) -> bool:
        """Look along an axis ("front", "back", "right", "left", "top", "bottom") at the pivot."""
        self.rest()
        forward, up = moves.axis_directions(self.up)[name]
        distance = float(np.linalg.norm(self.camera.position - self.pivot))
        self.camera = moves.looking(self.camera, self.pivot, distance, forward, up)
        return True

    def reset_roll(self) -> bool:
        """Make the horizon level."""
        self.rest()
        before, self.camera = self.camera, moves.levelled(self.camera, self.up)
        return self.camera is not before

    def toggle_projection(self) -> bool:
        """Perspective to orthographic and back; what lies at the pivot keeps its size and place.

        The orthographic camera stands back so far that it cuts nothing off the scene.
        """
        self.rest()
        depth = self._pivot_depth()
        if moves.depth_of(self.camera, self.pivot) <= 0.0:
            self.pivot = self.camera.position + depth * moves.axes_of(self.camera)[:, 2]
        if self.camera.projection == "pinhole":
            self._pinhole_focal = self.camera.fx, self.camera.fy
            fx, fy = self.camera.fx / depth, self.camera.fy / depth
            distance = max(depth, 3.0 * self.radius)
            changed = replace(self.camera, fx=fx, fy=fy, projection="orthographic")
        else:
            fx, fy = self._pinhole_focal
            distance = fy / self.camera.fy
            changed = replace(self.camera, fx=fx, fy=fy, projection="pinhole")
        # Where the pivot is off the axis, its pixel must be found again from its new depth.
        axes = moves.axes_of(self.camera)
        inside = axes.T @ (self.pivot - self.camera.position)
        shape = np.array([self.camera.fx / fx, self.camera.fy / fy])
        if self.camera.projection == "pinhole":
            shape = shape / depth
        else:
            shape = shape * distance
        eye = self.pivot - axes @ np.array([*(inside[:2] * shape), distance])
        self.camera = moves.placed(changed, axes, eye)
        return True

    # Input -----------------------------------------------------------------------------------

    @property
    def moving(self) -> bool:
        """Whether ``tick`` has anything to do, now or as long as keys are held."""
        gliding = bool(self._velocity.any()) or bool(self._pending)
        return gliding or self.flying or self.turntable.running

    @property
    def dragging(self) -> bool:
        """Whether a button holds the view."""
        return self._action is not None

    @property
    def flying(self) -> bool:
        """Whether a flying key is held."""
        return bool(self._keys)

    def pointer_press(self, x: float, y: float, button: str, modifiers: Iterable[str] = ()) -> bool:
        """A button went down at a pixel; the first one decides until it is released."""
        self.turntable.touch()
        if self._action is None:
            action = self.preset.action(button, frozenset(modifiers))
            self._action = "pan" if self.flat and action == "orbit" else action
            self._button = button
            self._last = x, y
        return False

    def pointer_move(self, x: float, y: float) -> bool:
        """The pointer went to a pixel."""
        step = np.array([x - self._last[0], y - self._last[1]])
        self._last = x, y
        if self._action is None or not step.any():
            return False
        if self._action == "zoom":
            notches = -step[1] / self.camera.height * NOTCHES_PER_HEIGHT
            return self._push("zoom", np.array([notches]))
        return self._push("look" if self.flying else self._action, step)

    def pointer_release(self, button: str) -> bool:
        """A button went up."""
        if button == self._button:
            self._action = None
        return False

    def wheel(self, notches: float) -> bool:
        """The wheel turned: away from the person (positive) comes nearer, or flies faster."""
        self.turntable.touch()
        if self.flying:
            speed = self._speed * SPEED_PER_NOTCH**notches
            self._speed = float(np.clip(speed, 1.0 / SPEED_LIMIT, SPEED_LIMIT))
            return False
        return self._push("zoom", np.array([float(notches)]))

    def key_down(self, key: str) -> bool:
        """A key went down ("w", "shift", ...); returns False, as time has to pass to move."""
        if key == "shift":
            self._fast = True
        elif key in FLY_KEYS:
            self.turntable.touch()
            self._keys.add(key)
        return False

    def key_up(self, key: str) -> bool:
        """A key went up."""
        if key == "shift":
            self._fast = False
        self._keys.discard(key)
        return False

    def release_all(self) -> None:
        """The window lost the keyboard: no release will come for what is held now."""
        self._keys.clear()
        self._fast = False
        self._action = None

    def tick(self, dt: float) -> bool:
        """``dt`` seconds passed: fly and glide on."""
        before = self.camera
        angle = self.turntable.angle(dt)
        if angle:
            self.camera = moves.turned(self.camera, self.pivot, self.up, angle, 0.0)
        self._fly(dt)
        for kind in list(self._pending):
            damping = ZOOM_DAMPING if kind == "zoom" else DRAG_DAMPING
            self._flow(kind, 1.0 - (1.0 - damping) ** (60.0 * dt))
        return self.camera is not before

    # How it moves ----------------------------------------------------------------------------

    def _push(self, kind: str, amount: Vector) -> bool:
        """Ask for a move: pixels right and down, or notches for ``zoom``."""
        self._pending[kind] = self._pending.get(kind, 0.0) + amount
        return False if self.damped else self._flow(kind, 1.0)

    def _flow(self, kind: str, share: float) -> bool:
        """Do a share of a pending move; the rest is done once it is too small to see."""
        pending = self._pending[kind]
        if np.abs(pending).max() * (1.0 - share) < (0.01 if kind == "zoom" else 0.25):
            share = 1.0
        amount = share * pending
        if share >= 1.0:
            del self._pending[kind]
        else:
            self._pending[kind] = pending - amount
        if kind == "zoom":
            return self._zoom(float(amount[0]))
        if kind == "pan":
            return self._pan(amount)
        return self._turn(amount, about_self=kind == "look")

    def _turn(self, pixels: Vector, about_self: bool) -> bool:
        height = LOOK_PER_HEIGHT if about_self else ORBIT_PER_HEIGHT
        yaw, pitch = -pixels * height / self.camera.height
        if about_self:
            self._carry_pivot(moves.turned(self.camera, self.camera.position, self.up, yaw, pitch))
        else:
            self.camera = moves.turned(self.camera, self.pivot, self.up, yaw, pitch)
        return True

    def _pan(self, pixels: Vector) -> bool:
        axes = moves.axes_of(self.camera)
        lengths = moves.pixel_lengths(self.camera, self._pivot_depth())
        offset = -axes[:, :2] @ (pixels * lengths)
        self.camera = moves.moved(self.camera, offset)
        self.pivot = self.pivot + offset
        return True

    def _zoom(self, notches: float) -> bool:
        scale = ZOOM_PER_NOTCH**notches
        if self.camera.projection == "pinhole":
            distance = float(np.linalg.norm(self.camera.position - self.pivot))
        else:
            # What a perspective camera would need to see the pivot at this size.
            distance = self._pinhole_focal[1] / self.camera.fy
        if distance <= 0.0:
            return False
        wanted = np.clip(distance * scale, NEAREST * self.radius, FARTHEST * self.radius)
        # A view already beyond a limit (set from outside) may come back, never go farther.
        wanted = min(wanted, distance) if scale < 1.0 else max(wanted, distance)
        if abs(wanted - distance) < 1e-9 * distance:
            return False
        self.camera = moves.approached(self.camera, self.pivot, float(wanted) / distance)
        return True

    def _fly(self, dt: float) -> None:
        """Move by the exact integral of a speed that follows the keys exponentially."""
        target = np.sum([FLY_KEYS[key] for key in self._keys], axis=0) if self._keys else 0.0
        usual = 2.0 * self.radius / SECONDS_PER_SCENE * self._speed
        target = np.zeros(3) + target * usual * (FAST if self._fast else 1.0)
        if not target.any() and not self._velocity.any():
            return
        lag = self._velocity - target
        keep = np.exp(-RESPONSE * dt) if self.damped else 0.0
        step = target * dt + (lag * (1.0 - keep) / RESPONSE if self.damped else 0.0)
        self._velocity = target + lag * keep
        if not target.any() and np.abs(self._velocity).max() < 1e-3 * usual:
            self._velocity = np.zeros(3)
        if self.camera.projection == "orthographic":
            step[2] = 0.0  # forward shows nothing there, and would cut off the foreground
        axes = moves.axes_of(self.camera)
        offset = step[0] * axes[:, 0] + step[1] * self.up + step[2] * axes[:, 2]
        if offset.any():
            self._carry_pivot(moves.moved(self.camera, offset))

    def _carry_pivot(self, camera: Camera) -> None:
        """Take another camera and keep the pivot where it stands in the view."""
        inside = moves.axes_of(self.camera).T @ (self.pivot - self.camera.position)
        self.pivot = camera.position + moves.axes_of(camera) @ inside
        self.camera = camera

    def _pivot_depth(self) -> float:
        """Depth of the pivot; one radius where it lies behind or on the camera."""
        depth = moves.depth_of(self.camera, self.pivot)
        return depth if depth > NEAREST * self.radius * 0.5 else self.radius
