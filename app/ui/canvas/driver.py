"""Turns the document into pictures: asks the render session, shows what comes back, measures."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from app.ui.canvas.projection import unproject
from app.ui.canvas.view import Canvas, Picture, Shown
from render.request import Frame, RenderRequest
from scenes.camera import Camera
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from app.ui.shell import Shell
    from render.session import RenderSession, Ticket

    _Ready = tuple[type[RenderSession], dict[str, tuple[bool, str]], tuple[str, str]]

STARTING = "starting kernels…"
STOPPED = "kernels not started: move the camera to start them"
FIRST_WAY = ("gaussians", "")
"""Kernels of these scenes are made ready while nothing is open yet."""
QUICK_SECONDS = 0.25
"""Views that follow each other within this time are movement."""
_REMEMBERED = 64


class RenderDriver(QObject):
    """Between document, render session and canvas; lives on the UI thread.

    Requests follow every change of what is seen. While changes follow each other quickly, or a
    button is held, they count as movement, and the session may lower the resolution; it renders
    the last one in full once the view rests.

    ``seen`` is the camera of the newest picture, in the canvas's size, and None without one: what
    is drawn over the picture must move with it, not with the view that runs ahead of it.
    """

    arrived = pyqtSignal()
    """Another picture reached the screen."""
    state_changed = pyqtSignal(str)
    """What the person waits for ("starting kernels…"); empty when pictures come."""

    backends_known = pyqtSignal(dict)
    """For each backend, whether it runs here and why not."""

    _frame_came = pyqtSignal(object, object)
    _frame_failed = pyqtSignal(object)

    def __init__(self, shell: Shell, canvas: Canvas) -> None:
        super().__init__(shell)
        self._shell = shell
        self.canvas = canvas
        self.held = False
        self.state = ""
        self.backends: dict[str, tuple[bool, str]] = {}
        self.frame: Frame | None = None
        self.seen: Camera | None = None
        self.times: deque[float] = deque(maxlen=40)
        self._asked: dict[int, Camera] = {}
        self._last_change = 0.0
        self._failing = False
        self._warm: set[tuple[str, str]] = set()
        self._frame_came.connect(self._on_frame)
        self._frame_failed.connect(self._on_failure)
        canvas.shown.connect(self._on_shown)
        document = shell.document
        document.view_changed.connect(self.request)
        document.scenes_changed.connect(self._on_scene)
        document.render_settings_changed.connect(self._on_settings)
        document.orientation_changed.connect(self._on_settings)
        shell.settings_changed.connect(self._use_settings)

    # Starting and ending --------------------------------------------------------------------

    def start(self) -> None:
        """Import and warm the kernels on a worker; the window is usable meanwhile."""
        self._say(STARTING)
        backend = self._shell.document.render_settings.backend
        scene = self._shell.document.scene

        def work(progress: Progress, cancel: Cancel) -> _Ready:
            from kernels.backends import BACKENDS, available
            from render.render import warm_up, way_of
            from render.session import RenderSession

            way = FIRST_WAY if scene is None else way_of(scene)
            warm_up(backend, progress, cancel, *way)
            return RenderSession, {name: available(name) for name in BACKENDS}, way

        def done(ready: _Ready) -> None:
            self._warm.add(ready[2])
            self._begin(ready)

        self._shell.tasks.start(
            "Starting kernels", work, done, self._on_failure, lambda: self._say(STOPPED)
        )

    def _warm_up(self, way: tuple[str, str]) -> None:
        """Make the kernels that another scene needs ready, then show it."""
        self._say(STARTING)
        backend = self._shell.document.render_settings.backend

        def work(progress: Progress, cancel: Cancel) -> None:
            from render.render import warm_up

            warm_up(backend, progress, cancel, *way)

        def done(nothing: None) -> None:
            self._warm.add(way)
            self._say("first picture…")
            self.request()

        self._shell.tasks.start(
            "Starting kernels", work, done, self._on_failure, lambda: self._say(STOPPED)
        )

    @property
    def starting(self) -> bool:
        """Whether the kernels are still being loaded or compiled."""
        return self.state == STARTING

    def _begin(self, ready: _Ready) -> None:
        session_class, self.backends, _ = ready
        self.backends_known.emit(self.backends)
        fps = self._shell.settings.target_fps
        self.attach(session_class(self._frame_came.emit, self._frame_failed.emit, fps))

    def attach(self, session: RenderSession) -> None:
        """Use a session from now on."""
        self._shell.session = session
        self._say("" if self._shell.document.scene is None else "first picture…")
        self.request()

    def close(self) -> None:
        """Listen no more."""
        self.canvas.shown.disconnect(self._on_shown)

    def _say(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    # Asking ---------------------------------------------------------------------------------

    def show(self, camera: Camera) -> None:
        """Show the view of a camera in the canvas's size."""
        self._shell.document.set_view(camera.resized(*self.canvas.physical_size))

    def request(self) -> None:
        """Ask for the picture of the current view; it counts as movement when asked quickly."""
        now = time.monotonic()
        moving = self.held or now - self._last_change < QUICK_SECONDS
        self._last_change = now
        self._submit(moving)
        # With a picture, the next one redraws; painting the old one again would only delay it.
        if self.seen is None:
            self.canvas.redraw()

    def request_of(self, camera: Camera, **changes: Any) -> RenderRequest | None:
        """A request for the current scene as it is displayed; None without a scene."""
        document = self._shell.document
        if document.scene is None:
            return None
        return RenderRequest(
            document.scene,
            camera,
            document.render_settings,
            world_from_file=display_transform(document.orientation),
            **changes,
        )

    def _submit(self, moving: bool) -> None:
        session, view = self._shell.session, self._shell.document.view
        if session is None and self.state == STOPPED:
            self.start()
        if session is None or view is None:
            return
        request = self.request_of(view)
        if request is None:
            return
        from render.render import way_of

        way = way_of(request.scene)
        if way not in self._warm:
            if not self.starting:
                self._warm_up(way)
            return
        request = replace(request, on_device=self.canvas.handover.possible)
        number = session.submit(request, moving)
        self._asked[number] = view
        while len(self._asked) > _REMEMBERED:
            del self._asked[next(iter(self._asked))]

    def _on_scene(self) -> None:
        self._failing = False
        self.seen = None
        if self._shell.document.scene is None:
            self.frame = None
            self.canvas.clear()
            self._say("")
        else:
            # The pointer moves to the new scene, and that asks for its picture.
            self._shell.profile.mark()

    def _on_settings(self) -> None:
        self._failing = False
        self._shell.profile.mark()
        self.request()

    def _use_settings(self) -> None:
        if self._shell.session is not None:
            self._shell.session.control.target_fps = self._shell.settings.target_fps

    # Receiving ------------------------------------------------------------------------------

    def _on_frame(self, frame: Frame, ticket: Ticket) -> None:
        view = self._asked.get(ticket.number)
        if self._shell.document.scene is None or view is None:
            return
        self._failing = False
        self.frame, self.seen = frame, view
        self._say("")
        self.canvas.show_frame(Picture(frame, (view.width, view.height), ticket.waited_ns))

    def _on_failure(self, error: BaseException) -> None:
        self._say("no picture")
        self.seen = None
        # The same trouble repeats with every view; one dialog is enough until something changes.
        if not self._failing:
            self._failing = True
            self._shell.show_error(error)

    def _on_shown(self, shown: Shown) -> None:
        self.times.append(shown.at_ns / 1e9)
        frame, waited_ns = shown.picture.frame, shown.picture.waited_ns
        # Unfinished pictures carry no measurements.
        if frame.total_ns:
            self._shell.profile.add_shown(
                frame,
                upload_ns=shown.upload_ns,
                present_ns=shown.present_ns,
                waiting_ns=waited_ns,
                total_ns=shown.at_ns - frame.start_ns + waited_ns,
            )
        self.arrived.emit()

    @property
    def fps(self) -> float:
        """Pictures per second over the last second; 0 when nothing moves."""
        now = time.perf_counter_ns() / 1e9
        recent = [at for at in self.times if now - at < 1.0]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(recent[-1] - recent[0], 1e-6)

    # Depth ----------------------------------------------------------------------------------

    def find_point(self, x: float, y: float) -> None:
        """Turn around the point of the scene under pixel (x, y); found on a worker."""
        view = self._shell.document.view
        if view is None or self._shell.session is None:
            return
        request = self.request_of(view, outputs=("depth",), display=False)
        if request is None:
            return

        def work(progress: Progress, cancel: Cancel) -> NDArray[np.float64] | None:
            from render.render import render

            depth = depth_at(render(request).images["depth"], x, y)
            return None if depth is None else unproject(view, x, y, depth)

        self._shell.tasks.start("Finding the depth", work, self._on_point)

    def _on_point(self, point: NDArray[np.float64] | None) -> None:
        if point is None:
            self._shell.status("There is nothing under that pixel to turn around.")
        else:
            self._shell.pointer.set_pivot(point)
            self._shell.status("Turning around this point now.")
            self.canvas.redraw()


def depth_at(depth: NDArray[np.float32], x: float, y: float) -> float | None:
    """Median depth of the covered pixels within 2 px of (x, y); None where nothing is."""
    column, row = int(x), int(y)
    patch = depth[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
    covered = patch[patch > 0]
    return float(np.median(covered)) if covered.size else None


def display_transform(orientation: str) -> NDArray[np.float64] | None:
    """The (4, 4) rotation of a display orientation; None for the file's own frame."""
    if orientation == "none":
        return None
    from scenes.transforms import ORIENTATIONS

    return ORIENTATIONS[orientation].world_from_file
