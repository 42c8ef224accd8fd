"""When to show which time of the clip; a pure state machine with the clock handed in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from scenes.paths.path import CameraPath


def frame_count(path: CameraPath) -> int:
    """How many frames the clip has, at least one."""
    return max(round(path.duration * path.fps), 1)


def last_frame_time(path: CameraPath) -> float:
    """The time of the last frame of the clip, seconds."""
    return (frame_count(path) - 1) / path.fps


def frame_at(path: CameraPath, seconds: float) -> int:
    """The frame nearest to a time, within the clip."""
    return min(max(round(seconds * path.fps), 0), frame_count(path) - 1)


class Playback:
    """Playing a clip.

    In real time the clock decides which frame is due, so a slow renderer drops frames and the
    clip keeps its length. With ``every_frame`` the next frame is due once :meth:`frame_shown`
    told that the last one was seen, so none is dropped and the clip takes what it takes.

    Parameters
    ----------
    clock
        Seconds that only grow; ``time.monotonic`` outside tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._path = CameraPath()
        self._started = 0.0
        self._first = 0
        self._frame = 0
        self._shown = True
        self.playing = False
        self.every_frame = False

    def play(self, path: CameraPath, seconds: float) -> None:
        """Play from a time on; from the start where the clip has already ended."""
        self._path = path
        first = frame_at(path, seconds)
        if not path.loop and first >= frame_count(path) - 1:
            first = 0
        self.playing = True
        self._restart(first)

    def pause(self) -> None:
        """Stop where it is."""
        self.playing = False

    def seek(self, seconds: float) -> None:
        """Go on playing from another time (the person scrubbed meanwhile)."""
        self._restart(frame_at(self._path, seconds))

    def set_path(self, path: CameraPath) -> None:
        """The clip was edited while it plays: stay at the same time."""
        seconds = self._frame / self._path.fps
        self._path = path
        self._restart(frame_at(path, seconds))

    def set_every_frame(self, on: bool) -> None:
        """Choose between real time and every frame; works while playing."""
        if on != self.every_frame:
            self.every_frame = on
            self._restart(self._frame)

    def frame_shown(self) -> None:
        """The picture of the last time that was due is on the screen."""
        self._shown = True

    def tick(self) -> float | None:
        """The time to show now, seconds, or None while nothing new is due.

        Ends playing once the last frame of a clip that does not loop is due.
        """
        if not self.playing:
            return None
        if self.every_frame and not self._shown:
            return None
        due = self._frame + 1 if self.every_frame else self._first + self._elapsed_frames()
        count = frame_count(self._path)
        if due >= count - 1 and not self._path.loop:
            due = count - 1
            self.playing = False
        due %= count
        if due == self._frame and self.playing:
            return None
        self._frame = due
        self._shown = False
        return due / self._path.fps

    def _elapsed_frames(self) -> int:
        # The small addend keeps a clock that ran exactly n frames from being rounded to n - 1.
        return math.floor((self._clock() - self._started) * self._path.fps + 1e-6)

    def _restart(self, frame: int) -> None:
        self._started = self._clock()
        self._first = self._frame = frame
        self._shown = True
