"""What the window shows, as a model without a window.

Every change goes through a method here and ends in one signal; widgets listen and never call each
other. Scenes, paths and settings are immutable, so undo is a list of what was there before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from render.request import RenderSettings
from scenes.camera import Camera
from scenes.paths.edit import turned
from scenes.paths.path import CameraPath
from scenes.scene import Scene
from scenes.transforms import ORIENTATIONS

MERGE_SECONDS = 1.0
"""Edits with the same merge key within this time become one step of undo (a drag, a slider)."""
HISTORY_BYTES = 2 << 30
"""Scenes that only undo remembers may take this much memory; beyond it the oldest steps go."""


@dataclass(frozen=True, eq=False)
class Bookmark:
    """A still view with a name: a camera of a capture, or one that the person kept.

    Attributes
    ----------
    name
        What the person calls it.
    camera
        In the frame in which the scene is displayed.
    capture
        Name of the set of cameras that it came with; empty for a view that the person kept.
    picture
        File of the photo that the camera took, where there is one.
    """

    name: str
    camera: Camera
    capture: str = ""
    picture: Path | None = None


@dataclass(frozen=True, eq=False)
class Replacement:
    """A scene that took another's place; ``keep_view``: the canvas goes on looking from there."""

    gone: Scene
    came: Scene
    keep_view: bool

    @property
    def reversed(self) -> Replacement:
        """The way back."""
        return Replacement(self.came, self.gone, self.keep_view)


@dataclass(frozen=True)
class Step:
    """One step of undo: what it is called and the state of the edited data before and after."""

    label: str
    before: dict[str, Any]
    after: dict[str, Any]
    merge_key: str = ""
    at: float = 0.0


class Document:
    """The open scenes, the camera path, bookmarks, render settings and the playhead.

    ``view`` is the camera of the canvas (its size is the canvas's); ``orientation`` names the
    display transform of the current scene (see :mod:`scenes.transforms`). Path, bookmarks and
    replaced scenes are undoable, the rest is not.
    """

    scenes_changed = Signal()
    """Scenes were opened or closed, or another one became current."""
    path_changed = Signal()
    bookmarks_changed = Signal()
    selection_changed = Signal()
    """Which keys of the path are selected."""
    time_changed = Signal(float)
    """The playhead moved to a time, seconds."""
    view_changed = Signal()
    """The camera of the canvas moved, for whatever reason."""
    render_settings_changed = Signal()
    orientation_changed = Signal()
    history_changed = Signal()
    """What undo and redo would do changed."""
    modified_changed = Signal(bool)

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.scenes: list[Scene] = []
        self.current = -1
        self.path = CameraPath()
        self.bookmarks: tuple[Bookmark, ...] = ()
        self.selection: frozenset[int] = frozenset()
        self.time = 0.0
        self.view: Camera | None = None
        self.render_settings = RenderSettings()
        self.orientation = "none"
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._modified = False
        self._stored: tuple[Scene, Path] | None = None

    # Scenes ---------------------------------------------------------------------------------

    @property
    def scene(self) -> Scene | None:
        """The current scene, or None."""
        return self.scenes[self.current] if 0 <= self.current < len(self.scenes) else None

    @property
    def stored(self) -> Path | None:
        """The file that the current scene was stored in, which came from none; else None."""
        if self._stored is None or self._stored[0] is not self.scene:
            return None
        return self._stored[1]

    def store(self, scene: Scene, file: Path) -> None:
        """A scene that came from no file is in this one now."""
        self._stored = scene, file

    def add_scene(self, scene: Scene) -> None:
        """Append a scene and make it the current one."""
        self.scenes.append(scene)
        self.current = len(self.scenes) - 1
        self.scenes_changed.emit()

    def select_scene(self, index: int) -> None:
        """Make another open scene the current one."""
        if index != self.current and 0 <= index < len(self.scenes):
            self.current = index
            self.scenes_changed.emit()

    def close_scene(self, index: int) -> None:
        """Close a scene; where it was the current one, the one before it becomes current.

        The history forgets how the scene was changed.
        """
        closed = self.scenes.pop(index)
        if index <= self.current:
            first = 0 if self.scenes else -1
            self.current = max(self.current - 1, first)
        self._forget(closed)
        self.scenes_changed.emit()

    def replace_scene(self, index: int, scene: Scene, label: str, keep_view: bool = False) -> None:
        """Put another scene in the place of one, as one step of undo ("Read axes as RDF").

        With ``keep_view`` the canvas keeps looking from where it looks (another level of detail of
        the same); without, it goes home to the scene.
        """
        change = Replacement(self.scenes[index], scene, keep_view)
        self._edit({"replaced": change}, label, "", before={"replaced": change.reversed})
        self._bound_history()

    # Things that are not undone -------------------------------------------------------------

    def set_view(self, camera: Camera) -> None:
        """Move the canvas's camera."""
        self.view = camera
        self.view_changed.emit()

    def set_time(self, seconds: float) -> None:
        """Move the playhead, clamped to the clip."""
        seconds = min(max(seconds, 0.0), self.path.duration)
        if seconds != self.time:
            self.time = seconds
            self.time_changed.emit(seconds)

    def select_keys(self, indices: frozenset[int] | set[int]) -> None:
        """Select keys of the path by index."""
        kept = frozenset(i for i in indices if 0 <= i < len(self.path.keys))
        if kept != self.selection:
            self.selection = kept
            self.selection_changed.emit()

    def set_render_settings(self, **changes: Any) -> None:
        """Change fields of :class:`RenderSettings`."""
        changed = replace(self.render_settings, **changes)
        if changed != self.render_settings:
            self.render_settings = changed
            self.render_settings_changed.emit()
            self._set_modified(True)

    def set_orientation(self, name: str) -> None:
        """Choose the display transform by its name.

        Keys and bookmarks look at the scene, so they turn with it, as one step of undo.
        """
        if name == self.orientation:
            return
        if not self.path.keys and not self.bookmarks:
            self.orientation = name
            self.orientation_changed.emit()
            self._set_modified(True)
            return
        before, after = ORIENTATIONS[self.orientation], ORIENTATIONS[name]
        turn = after.world_from_file @ before.world_from_file.T
        bookmarks = tuple(
            replace(bookmark, camera=bookmark.camera.transformed(turn))
            for bookmark in self.bookmarks
        )
        state = {"orientation": name, "path": turned(self.path, turn), "bookmarks": bookmarks}
        self._edit(state, "Turn the scene", "")

    # Things that are undone -----------------------------------------------------------------

    def edit_path(self, path: CameraPath, label: str, merge_key: str = "") -> None:
        """Replace the path as one step of undo called ``label`` ("Move keyframe").

        Steps with the same non-empty ``merge_key`` close in time become one (a drag).
        """
        self._edit({"path": path}, label, merge_key)

    def edit_bookmarks(self, bookmarks: tuple[Bookmark, ...], label: str) -> None:
        """Replace the bookmarks as one step of undo."""
        self._edit({"bookmarks": bookmarks}, label, "")

    def undo(self) -> None:
        """Take the last step back."""
        if self._undo:
            step = self._undo.pop()
            self._redo.append(step)
            self._apply(step.before)

    def redo(self) -> None:
        """Do the step again that was taken back last."""
        if self._redo:
            step = self._redo.pop()
            self._undo.append(step)
            self._apply(step.after)

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty when there is nothing."""
        return self._undo[-1].label if self._undo else ""

    @property
    def redo_label(self) -> str:
        """What redo would do; empty when there is nothing."""
        return self._redo[-1].label if self._redo else ""

    @property
    def modified(self) -> bool:
        """Whether something worth saving changed since :meth:`mark_saved`."""
        return self._modified

    def mark_saved(self) -> None:
        """The project file now holds this state."""
        self._set_modified(False)

    def mark_changed(self) -> None:
        """Something came that no file holds yet."""
        self._set_modified(True)

    def restore(
        self,
        path: CameraPath,
        bookmarks: tuple[Bookmark, ...],
        render_settings: RenderSettings,
        orientation: str,
    ) -> None:
        """Take the state of a project file; forgets the history."""
        self._undo.clear()
        self._redo.clear()
        self.render_settings = render_settings
        self.orientation = orientation
        self._apply({"path": path, "bookmarks": bookmarks})
        self.render_settings_changed.emit()
        self.orientation_changed.emit()
        self._set_modified(False)

    def _edit(
        self,
        after: dict[str, Any],
        label: str,
        merge_key: str,
        before: dict[str, Any] | None = None,
    ) -> None:
        before = before or {name: getattr(self, name) for name in after}
        now = self._clock()
        last = self._undo[-1] if self._undo else None
        fresh = last is not None and not self._redo and now - last.at < MERGE_SECONDS
        if last and fresh and merge_key and last.merge_key == merge_key:
            before = last.before
            self._undo.pop()
        self._undo.append(Step(label, before, after, merge_key, now))
        self._redo.clear()
        self._apply(after)

    def _apply(self, state: dict[str, Any]) -> None:
        state = dict(state)
        replaced = state.pop("replaced", None)
        for name, value in state.items():
            setattr(self, name, value)
        if replaced is not None:
            self._replace(replaced)
        if "path" in state:
            self.path_changed.emit()
            self.select_keys(self.selection)
            self.set_time(self.time)
        if "bookmarks" in state:
            self.bookmarks_changed.emit()
        if "orientation" in state:
            self.orientation_changed.emit()
        self.history_changed.emit()
        self._set_modified(True)

    def _replace(self, change: Replacement) -> None:
        view = self.view
        self.scenes = [change.came if each is change.gone else each for each in self.scenes]
        self.scenes_changed.emit()
        if change.keep_view and view is not None:
            self.set_view(view)

    def _forget(self, scene: Scene) -> None:
        """Drop the steps that replaced a scene, its forerunners and its successors."""
        known = {id(scene)}

        def is_its_own(way: dict[str, Any]) -> bool:
            change = way.get("replaced")
            if change is None or id(change.gone) not in known:
                return False
            known.add(id(change.came))
            return True

        # Both lists end with the step nearest to now, which the chain starts from.
        self._undo = [s for s in self._undo[::-1] if not is_its_own(s.before)][::-1]
        self._redo = [s for s in self._redo[::-1] if not is_its_own(s.after)][::-1]
        self.history_changed.emit()

    def _bound_history(self) -> None:
        while len(self._undo) > 1 and self._remembered_bytes() > HISTORY_BYTES:
            del self._undo[0]

    def _remembered_bytes(self) -> int:
        """Memory of the scenes that are not open and that undo would bring back."""
        changes = [step.before["replaced"] for step in self._undo if "replaced" in step.before]
        kept = {id(change.came): change.came for change in changes}
        return sum(scene.nbytes for scene in kept.values() if scene not in self.scenes)

    def _set_modified(self, modified: bool) -> None:
        if modified != self._modified:
            self._modified = modified
            self.modified_changed.emit(modified)
