"""Moves the playhead and the view together: playing, scrubbing, jumping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from app.ui.timeline import editing
from app.ui.timeline.playback import Playback, last_frame_time

if TYPE_CHECKING:
    from app.ui.shell import Shell


class Player(QObject):
    """Shows the path's view at the playhead, whoever moves it here.

    The timer asks faster than the clip's frames come, and :class:`Playback` decides what is due.
    """

    changed = pyqtSignal()
    """Playing began or ended, or its mode changed."""

    def __init__(
        self, shell: Shell, parent: QObject, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._shell = shell
        self._document = shell.document
        self.playback = Playback(clock)
        self._ticking = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._document.path_changed.connect(self._on_path)
        self._document.time_changed.connect(self._on_time)
        shell.driver.arrived.connect(self._on_frame)

    @property
    def playing(self) -> bool:
        """Whether the clip runs."""
        return self.playback.playing

    @property
    def every_frame(self) -> bool:
        """Whether playing waits for each picture."""
        return self.playback.every_frame

    def toggle(self) -> None:
        """Play or pause."""
        if self.playing:
            self.pause()
        elif self._document.path.keys:
            self.playback.play(self._document.path, self._document.time)
            self._timer.start(max(round(250 / self._document.path.fps), 2))
            self.changed.emit()

    def pause(self) -> None:
        """Stop where it is."""
        if self._timer.isActive():
            self.playback.pause()
            self._timer.stop()
            self.changed.emit()

    def set_every_frame(self, on: bool) -> None:
        """Wait for each picture, or keep real time."""
        self.playback.set_every_frame(on)
        self.changed.emit()

    def go_to(self, seconds: float) -> None:
        """Move the playhead and show the view there."""
        self._document.set_time(seconds)
        self._show()

    def go_to_key(self, index: int) -> None:
        """Move the playhead to a key and show its view."""
        self.pause()
        self.go_to(self._document.path.keys[index].time)

    def step(self, frames: int) -> None:
        """Move by frames."""
        self.pause()
        self.go_to(editing.stepped(self._document.path, self._document.time, frames))

    def jump_to_end(self) -> None:
        """Go to the last frame of the clip."""
        self.pause()
        self.go_to(last_frame_time(self._document.path))

    def jump_to_start(self) -> None:
        """Go to the first frame."""
        self.pause()
        self.go_to(0.0)

    def jump_key(self, direction: int) -> None:
        """Go to the key before (-1) or after (+1) the playhead and select it."""
        document = self._document
        index = editing.neighbour_key(document.path, document.time, direction)
        if index is not None:
            document.select_keys({index})
            self.go_to_key(index)

    def tick(self) -> None:
        """Show what is due now; called by the timer."""
        due = self.playback.tick()
        if due is not None:
            self._ticking = True
            try:
                self.go_to(due)
            finally:
                self._ticking = False
            # Without a renderer no picture will ever arrive; the playhead still moves.
            if self._shell.session is None:
                self.playback.frame_shown()
        if not self.playback.playing:
            self._timer.stop()
            self.changed.emit()

    def _show(self) -> None:
        camera = editing.view_at(self._document, self._document.time)
        if camera is not None:
            # A view that still glides or turns by itself would pull against the path.
            self._shell.pointer.stop()
            self._shell.show_view(camera)

    def _on_path(self) -> None:
        if not self._document.path.keys:
            self.pause()
        elif self.playing:
            self.playback.set_path(self._document.path)

    def _on_time(self, seconds: float) -> None:
        if self.playing and not self._ticking:
            self.playback.seek(seconds)

    def _on_frame(self) -> None:
        """A picture is on the screen; it counts when it is of the view that was asked for."""
        frame, view = self._shell.driver.frame, self._document.view
        if frame is None or frame.camera is None or view is None:
            return
        if np.array_equal(frame.camera.camera_from_world, view.camera_from_world):
            self.playback.frame_shown()
