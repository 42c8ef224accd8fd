"""The ring of shown frames that the profiler, the CLI and the exporters read."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from render.profile.limits import LimitsOf, unmeasured
from render.profile.rows import FirstCall, History, Row, history, table
from render.profile.samples import Context, Key, Sample
from render.profile.words import title
from render.request import Frame


@dataclass(frozen=True)
class Burst:
    """A recording of consecutive frames: how many were wanted and those that came so far."""

    wanted: int
    frames: tuple[Sample, ...]

    @property
    def complete(self) -> bool:
        """Whether all frames came."""
        return len(self.frames) >= self.wanted


class ProfileStore:
    """Keeps what the last shown frames cost. Every method may be called from any thread.

    Numbers of the table are over the last ``window`` frames that are comparable with the newest
    one: same size, same backend, no :meth:`mark` in between. So a picture at half resolution
    while the camera moves never mixes with the full one that follows. Where that changes, the
    plot has a mark; nothing is thrown away.

    Parameters
    ----------
    capacity
        Frames kept for the plot.
    window
        Frames for medians, percentiles and sparklines.
    limits
        The ceilings that rows are held against; asked for the backends of the rows, when somebody
        looks. May be replaced.
    """

    def __init__(
        self, capacity: int = 240, window: int = 120, limits: LimitsOf = unmeasured
    ) -> None:
        self.capacity = capacity
        self.window = window
        self.limits = limits
        self._lock = threading.Lock()
        self._ring: deque[Sample] = deque(maxlen=capacity)
        self._frozen: tuple[tuple[Sample, ...], int | None] | None = None
        self._first: dict[Key, FirstCall] = {}
        self._burst: list[Sample] = []
        self._burst_wanted = 0
        self._next = 0
        self._epoch = 0

    # Recording ------------------------------------------------------------------------------

    def add_shown(
        self,
        frame: Frame,
        transfer_ns: int = 0,
        upload_ns: int = 0,
        present_ns: int = 0,
        waiting_ns: int = 0,
        total_ns: int | None = None,
    ) -> None:
        """Remember one shown frame.

        Parameters
        ----------
        frame
            The picture; only its measurements are kept.
        transfer_ns, upload_ns, present_ns
            From the device to memory, from memory to the screen's texture, drawing it.
        waiting_ns
            From the wish for a picture to the begin of rendering.
        total_ns
            From the wish to the picture on the screen, measured from outside. Without it the
            rendering and the four stages are the total.
        """
        stages = (transfer_ns, upload_ns, present_ns, waiting_ns)
        total = frame.total_ns + sum(stages) if total_ns is None else total_ns
        width, height = _size(frame)
        with self._lock:
            sample = Sample(
                self._next,
                frame.start_ns,
                frame.total_ns,
                frame.records,
                stages,
                total,
                Context(self._epoch, width, height, frame.backend),
            )
            self._next += 1
            self._ring.append(sample)
            if len(self._burst) < self._burst_wanted:
                self._burst.append(sample)
            for record in frame.records:
                if record.first_call:
                    key = Key(record.group, record.name, record.backend)
                    name = title(record.name)
                    self._first[key] = FirstCall(key, name, record.duration_ns / 1e6)

    def mark(self) -> None:
        """Frames from now on are not comparable with those before (another scene or setting)."""
        with self._lock:
            self._epoch += 1

    def reset(self) -> None:
        """Forget all frames, the burst and the freeze; first calls stay, they happen only once."""
        with self._lock:
            self._ring.clear()
            self._frozen = None
            self._burst = []
            self._burst_wanted = 0
            self._next = 0

    def burst(self, frames: int) -> None:
        """Record the next ``frames`` shown frames, also more than the ring holds."""
        with self._lock:
            self._burst = []
            self._burst_wanted = frames

    def end_burst(self) -> None:
        """End a burst early; what was recorded is complete, nothing recorded is no burst."""
        with self._lock:
            self._burst_wanted = len(self._burst)

    def recording(self) -> Burst | None:
        """The burst under way or the last complete one; None when there was none."""
        with self._lock:
            return Burst(self._burst_wanted, tuple(self._burst)) if self._burst_wanted else None

    @property
    def recording_now(self) -> bool:
        """Whether a burst is under way."""
        return len(self._burst) < self._burst_wanted

    # Freezing -------------------------------------------------------------------------------

    def freeze(self, index: int | None = None) -> None:
        """Hold what is shown still while recording goes on.

        With the ``index`` of a frame, :meth:`rows` shows that frame alone; an unknown index
        raises ``KeyError``.
        """
        with self._lock:
            samples = self._frozen[0] if self._frozen else tuple(self._ring)
            if index is not None and all(sample.index != index for sample in samples):
                raise KeyError(f"frame {index} is no longer kept")
            self._frozen = (samples, index)

    def unfreeze(self) -> None:
        """Follow the newest frames again."""
        with self._lock:
            self._frozen = None

    @property
    def frozen(self) -> bool:
        """Whether the numbers are held still."""
        return self._frozen is not None

    @property
    def frozen_index(self) -> int | None:
        """The single frame that is shown, or None."""
        frozen = self._frozen
        return frozen[1] if frozen else None

    # Reading --------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Frames shown since the start or the last reset; tells a reader whether to look."""
        return self._next

    def frames(self) -> tuple[Sample, ...]:
        """The kept frames, oldest first (the frozen ones while frozen)."""
        with self._lock:
            return self._frozen[0] if self._frozen else tuple(self._ring)

    def rows(self) -> list[Row]:
        """The table in frame order, grouped by stage, the total last; empty before a frame."""
        with self._lock:
            samples, index = self._frozen or (tuple(self._ring), None)
        if index is not None:
            alone = [s for s in samples if s.index == index]
            return table(alone, include_first=True, limits=self.limits)
        return table(self._comparable(samples), limits=self.limits)

    def history(self) -> History:
        """The last frames for the stacked plot."""
        return history(self.frames())

    def first_calls(self) -> list[FirstCall]:
        """First launches since the start, in the order they happened."""
        with self._lock:
            return list(self._first.values())

    def _comparable(self, samples: tuple[Sample, ...]) -> list[Sample]:
        same = [s for s in samples if s.context == samples[-1].context]
        return same[-self.window :]


def _size(frame: Frame) -> tuple[int, int]:
    """Width and height of a frame in pixels."""
    if frame.camera is not None:
        return frame.camera.width, frame.camera.height
    for image in frame.images.values():
        return image.shape[1], image.shape[0]
    return 0, 0
