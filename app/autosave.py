"""Automatic copies of unsaved work, found again after a crash.

Every run has a name of its own and holds a lock on a small file of that name. The system lets go
of the lock however the run ends, so a copy whose lock is free belongs to a run that died.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.document import Document
from app.project import SUFFIX, to_json
from app.settings import state_folder
from scenes.errors import SceneError
from scenes.paths.json_file import read_json, write_json


def autosave_folder() -> Path:
    """Where automatic copies lie."""
    return state_folder() / "autosave"


@dataclass(frozen=True)
class Recovery:
    """A copy that a crashed run left behind; open it with :func:`app.project.load_project`.

    ``saved`` is when it was written, seconds since 1970; ``origin`` the project it belongs to.
    """

    file: Path
    saved: float
    origin: Path | None

    def discard(self) -> None:
        """Delete the copy: it was recovered, or is not wanted."""
        for file in (self.file, _lock_file(self.file)):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


class Autosave:
    """Writes a copy of a changed document at most every ``seconds`` (0: never).

    A changed path is copied at the next poll: keyframes are placed by hand, and none may be lost.

    Attributes
    ----------
    origin
        The project file of the document, kept with the copy so that a person knows it again.
    """

    def __init__(
        self,
        document: Document,
        seconds: float = 60.0,
        folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.origin: Path | None = None
        self._document = document
        self._seconds = seconds
        self._clock = clock
        self._file = (folder or autosave_folder()) / f"{uuid.uuid4().hex}{SUFFIX}"
        self._lock: IO[bytes] | None = None
        self._changed = False
        self._urgent = False
        self._written_at = clock()
        document.path_changed.connect(self._note_path)
        self._signals = (
            document.bookmarks_changed,
            document.render_settings_changed,
            document.orientation_changed,
            document.scenes_changed,
        )
        for signal in self._signals:
            signal.connect(self._note_change)

    @property
    def file(self) -> Path:
        """The copy of this run, whether it exists or not."""
        return self._file

    def poll(self) -> bool:
        """Write the copy if it is time, or drop it once the document is saved.

        Returns whether it was written. Raises SceneError where it cannot be; the next try is
        made after another interval.
        """
        if not self._document.modified:
            self._remove_copy()
            return False
        now = self._clock()
        due = self._urgent or now - self._written_at >= self._seconds
        if not (self._changed and self._seconds > 0 and due):
            return False
        self._written_at = now
        # Before the document is read: what changes while it is written needs another copy.
        self._changed = self._urgent = False
        try:
            self._hold_lock()
            write_json(self._file, to_json(self._document, origin=self.origin))
        except SceneError:
            self._changed = True
            raise
        return True

    def set_interval(self, seconds: float) -> None:
        """Choose another interval; 0 stops writing."""
        self._seconds = seconds

    def close(self) -> None:
        """A clean exit: nothing to recover."""
        self._document.path_changed.disconnect(self._note_path)
        for signal in self._signals:
            signal.disconnect(self._note_change)
        self._remove_copy()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            with contextlib.suppress(OSError):
                _lock_file(self._file).unlink(missing_ok=True)

    def _note_change(self) -> None:
        self._changed = True

    def _note_path(self) -> None:
        self._changed = self._urgent = True

    def _remove_copy(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _hold_lock(self) -> None:
        if self._lock is not None:
            return
        file = _lock_file(self._file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            stream = file.open("wb")
        except OSError as error:
            raise SceneError(self._file, "a place to write to", error.strerror or "none") from error
        _try_lock(stream)
        self._lock = stream


def recoverable(folder: Path | None = None) -> list[Recovery]:
    """Copies of runs that ended without a clean exit, the latest first."""
    found = []
    for file in (folder or autosave_folder()).glob(f"*{SUFFIX}"):
        if not _abandoned(file):
            continue
        try:
            origin = read_json(file).get("origin", None)
            known = Path(origin.text()) if origin.raw is not None else None
            found.append(Recovery(file, file.stat().st_mtime, known))
        except (SceneError, OSError):
            continue  # half a disk's worth of bad luck; not worth keeping anyone from starting
    return sorted(found, key=lambda item: item.saved, reverse=True)


def _lock_file(file: Path) -> Path:
    return file.with_suffix(".lock")


def _abandoned(file: Path) -> bool:
    try:
        with _lock_file(file).open("rb+") as stream:
            return _try_lock(stream)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _try_lock(stream: IO[bytes]) -> bool:
    """Lock an open file until it is closed; False when another one holds it."""
    try:
        import fcntl
    except ImportError:
        return _try_lock_windows(stream)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_lock_windows(stream: IO[bytes]) -> bool:
    import msvcrt

    try:
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True
