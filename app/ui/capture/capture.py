"""Which camera of a capture is pointed at, chosen or looked through, and going to another.

The cameras themselves are bookmarks of the document, so undo, projects and the display transform
know them; see :class:`app.document.Bookmark`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from app.document import Bookmark
from app.ui.capture.frusta import Frusta, frustum_size, thinned
from scenes.camera import Camera

if TYPE_CHECKING:
    from app.ui.shell import Shell

SAME_TURN = 1e-6
"""Entries of two rotations that differ less are the same view (a project keeps 16 digits)."""
SAME_PLACE = 1e-6
"""Largest distance of two eyes that are the same view, of their distance from the origin."""


class Capture(QObject):
    """The cameras of captures among the bookmarks; all numbers are places in that tuple.

    Attributes
    ----------
    frusta
        What is drawn of them; of very many, some.
    marked
        The chosen one and the one looked through, drawn in any case.
    hovered
        The one under the pointer, or None.
    chosen
        The view that the person went to or selected last, a camera of a capture or not, or None.
    at
        The camera of a capture that the canvas looks through, or None.
    """

    changed = pyqtSignal()
    """What is drawn of the cameras changed."""
    chosen_changed = pyqtSignal()

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._shell = shell
        self.hovered: int | None = None
        self.chosen: int | None = None
        self.at: int | None = None
        self.frusta = self.marked = Frusta({}, 1.0)
        self._size = 1.0
        # A document that changes tells of its path before its bookmarks: until that is told,
        # these are the ones that the numbers mean.
        self._marks: tuple[Bookmark, ...] = ()
        self._numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        self._poses: NDArray[np.float64] = np.zeros((0, 4, 4))
        self._eyes: NDArray[np.float64] = np.zeros((0, 3))
        document = shell.document
        document.bookmarks_changed.connect(self._rebuild)
        document.scenes_changed.connect(self._rebuild)
        document.view_changed.connect(self._follow)

    # What is known --------------------------------------------------------------------------

    @property
    def shown(self) -> bool:
        """Whether frusta are drawn."""
        return self._shell.overlays.cameras and len(self.frusta) > 0

    @property
    def photographed(self) -> Bookmark | None:
        """The camera that the canvas looks through, if its photo is known."""
        mark = None if self.at is None else self._marks[self.at]
        return mark if mark is not None and mark.picture is not None else None

    @property
    def members(self) -> list[int]:
        """The cameras of the set that is gone through: the present one's, or the newest."""
        names = [mark.capture for mark in self._marks]
        for number in (self.at, self.chosen):
            if number is not None and names[number]:
                return [i for i, name in enumerate(names) if name == names[number]]
        newest = next((name for name in reversed(names) if name), None)
        return [i for i, name in enumerate(names) if name and name == newest]

    # What commands and panels ask for -------------------------------------------------------

    def hover(self, number: int | None) -> None:
        """The pointer is over a camera, or over none."""
        if number != self.hovered:
            self.hovered = number
            self.changed.emit()

    def choose(self, number: int | None) -> None:
        """Select a view without going there."""
        if number != self.chosen:
            self.chosen = number
            self._mark()
            self.chosen_changed.emit()
            self.changed.emit()

    def go(self, number: int) -> None:
        """Look through a camera."""
        mark = self._marks[number]
        self.choose(number)
        self._shell.show_view(mark.camera)
        members = self.members
        if number in members:
            place = f"{members.index(number) + 1} of {len(members)} in {mark.capture}"
            self._shell.status(f"{mark.name}, {place}")

    def step(self, by: int) -> None:
        """Go on to the next (1) or previous (-1) camera of the set, around its end."""
        members = self.members
        if not members:
            return
        present = next((n for n in (self.at, self.chosen) if n in members), None)
        if present is None:
            self.go(members[0 if by > 0 else -1])
        else:
            self.go(members[(members.index(present) + by) % len(members)])

    # Keeping up -----------------------------------------------------------------------------

    def _rebuild(self) -> None:
        self._marks = marks = self._shell.document.bookmarks
        cameras = {i: mark.camera for i, mark in enumerate(marks) if mark.capture}
        scene = self._shell.document.scene
        shown = thinned(cameras)
        eyes = np.array([camera.position for camera in shown.values()]).reshape(-1, 3)
        self._size = frustum_size(eyes, 1.0 if scene is None else scene.focus[1])
        self.frusta = Frusta(shown, self._size)
        self._numbers = np.array(list(cameras), np.int64)
        poses = [camera.camera_from_world for camera in cameras.values()]
        self._poses = np.array(poses, np.float64).reshape(-1, 4, 4)
        self._eyes = np.array([c.position for c in cameras.values()], np.float64).reshape(-1, 3)
        self.hovered = None
        if self.chosen is not None and self.chosen >= len(marks):
            self.chosen = None
        self.at = self._found(self._shell.document.view)
        self._mark()
        self.changed.emit()

    def _follow(self) -> None:
        at = self._found(self._shell.document.view)
        if at != self.at:
            self.at = at
            self._mark()
            self.changed.emit()
            self._shell.refresh_actions()

    def _mark(self) -> None:
        marks = self._marks
        numbers = {n for n in (self.at, self.chosen) if n is not None and marks[n].capture}
        self.marked = Frusta({n: marks[n].camera for n in numbers}, self._size)

    def _found(self, view: Camera | None) -> int | None:
        """The camera that a view looks through; the chosen one where several stand there."""
        if view is None or view.projection != "pinhole" or not len(self._numbers):
            return None
        turns = np.abs(self._poses[:, :3, :3] - view.camera_from_world[:3, :3]).max(axis=(1, 2))
        places = np.linalg.norm(self._eyes - view.position, axis=1)
        near = places <= SAME_PLACE * (1.0 + np.linalg.norm(self._eyes, axis=1))
        found = self._numbers[near & (turns <= SAME_TURN)].tolist()
        return self.chosen if self.chosen in found else next(iter(found), None)
