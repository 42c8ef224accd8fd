"""What a held mouse button does on the track, from press to release."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

from PyQt6.QtCore import QPointF, QRectF, Qt

from app.ui.timeline import editing, layout
from app.ui.timeline.scale import snapped

if TYPE_CHECKING:
    from app.ui.timeline.track import Track

DRAG_PIXELS = 4.0
"""A press that moves less than this is a click."""

_drags = itertools.count()

Modifiers = Qt.KeyboardModifier


def adding(modifiers: Modifiers) -> bool:
    """Whether a click adds to the selection (Ctrl or Shift)."""
    return bool(modifiers & (Modifiers.ControlModifier | Modifiers.ShiftModifier))


def free(modifiers: Modifiers) -> bool:
    """Whether snapping to frames is off (Shift)."""
    return bool(modifiers & Modifiers.ShiftModifier)


class Gesture(Protocol):
    """One press; exactly one of ``release`` and ``cancel`` ends it."""

    def move(self, at: QPointF, modifiers: Modifiers) -> None:
        """The pointer moved."""

    def release(self, at: QPointF, modifiers: Modifiers) -> None:
        """The button came up."""

    def cancel(self) -> None:
        """Escape: as if the press had never been."""


class Scrub:
    """Drag the playhead."""

    def __init__(self, track: Track, at: QPointF, modifiers: Modifiers) -> None:
        self._track = track
        self._before = track.document.time
        self.move(at, modifiers)

    def move(self, at: QPointF, modifiers: Modifiers) -> None:
        seconds = self._track.scale.time_at(at.x())
        if not free(modifiers):
            seconds = snapped(seconds, self._track.document.path.fps)
        self._track.scrubbed.emit(seconds)

    def release(self, at: QPointF, modifiers: Modifiers) -> None:
        self._track.keep_in_sight(self._track.document.time)

    def cancel(self) -> None:
        self._track.scrubbed.emit(self._before)


class Pan:
    """Drag the time axis."""

    def __init__(self, track: Track, at: QPointF) -> None:
        self._track = track
        self._x = at.x()

    def move(self, at: QPointF, modifiers: Modifiers) -> None:
        self._track.pan(at.x() - self._x)
        self._x = at.x()

    def release(self, at: QPointF, modifiers: Modifiers) -> None:
        pass

    def cancel(self) -> None:
        pass


class RubberBand:
    """Select all keys in a rectangle; a click on nothing selects nothing."""

    def __init__(self, track: Track, at: QPointF, modifiers: Modifiers) -> None:
        self._track = track
        self._from = at
        self._before = track.document.selection
        self._kept = self._before if adding(modifiers) else frozenset[int]()
        track.document.select_keys(self._kept)

    def move(self, at: QPointF, modifiers: Modifiers) -> None:
        track = self._track
        inside = layout.keys_between(
            track.document.path,
            track.scale,
            (self._from.x(), self._from.y()),
            (at.x(), at.y()),
        )
        track.document.select_keys(self._kept | inside)
        track.set_band(QRectF(self._from, at).normalized())

    def release(self, at: QPointF, modifiers: Modifiers) -> None:
        self._track.set_band(None)

    def cancel(self) -> None:
        self._track.set_band(None)
        self._track.document.select_keys(self._before)


class DragKeys:
    """Press on a key: a click selects and shows it, a drag moves all selected (Alt: copies).

    Every move starts again from the path as it was at the press, so nothing adds up, and all of
    it is one step of undo.
    """

    def __init__(self, track: Track, index: int, at: QPointF, modifiers: Modifiers) -> None:
        self._track = track
        self._index = index
        self._from = at
        self._before = track.document.selection
        self._path = track.document.path
        self._moved = False
        self._merge_key = f"drag keyframes {next(_drags)}"
        if index not in self._before and not adding(modifiers):
            track.document.select_keys({index})

    def move(self, at: QPointF, modifiers: Modifiers) -> None:
        if not self._moved and (at - self._from).manhattanLength() < DRAG_PIXELS:
            return
        document, scale = self._track.document, self._track.scale
        if not self._moved:
            self._moved = True
            chosen = document.selection
            self._chosen = chosen if self._index in chosen else frozenset({self._index})
        begin = self._path.keys[self._index].time
        target = begin + (at.x() - self._from.x()) / scale.pixels_per_second
        if not free(modifiers):
            target = snapped(target, self._path.fps)
        copy = bool(modifiers & Modifiers.AltModifier)
        self._apply(target - begin, copy)

    def _apply(self, delta: float, copy: bool) -> None:
        if delta == 0:
            path, selection = self._path, self._chosen
        else:
            change = editing.copy_keys if copy else editing.move_keys
            path, selection = change(self._path, self._chosen, delta)
        many = "keyframes" if len(self._chosen) > 1 else "keyframe"
        label = f"{'Copy' if copy else 'Move'} {many}"
        editing.commit(self._track.document, path, label, selection, self._merge_key)

    def hold_open(self) -> None:
        """Keep the step of undo open while the pointer rests in the middle of the drag."""
        if self._moved:
            document = self._track.document
            document.edit_path(document.path, document.undo_label, self._merge_key)

    def release(self, at: QPointF, modifiers: Modifiers) -> None:
        if self._moved:
            if self._track.document.path is self._path:
                self._take_back()
        elif adding(modifiers):
            self._track.document.select_keys(self._before ^ {self._index})
        else:
            self._track.document.select_keys({self._index})
            self._track.key_clicked.emit(self._index)

    def cancel(self) -> None:
        if self._moved:
            self._take_back()
        self._track.document.select_keys(self._before)

    def _take_back(self) -> None:
        self._track.document.undo()
