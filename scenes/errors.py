"""The one error that a bad file ends in."""

from __future__ import annotations

from pathlib import Path


class SceneError(Exception):
    """A file that cannot be used: which file, what was expected, what was found, and where.

    Parameters
    ----------
    path
        The file as the person named it.
    expected
        What a good file would have here, in plain words.
    found
        What stands there instead.
    where
        Place in the file (``"line 3"``, ``"byte 1024"``), if known.
    """

    def __init__(self, path: str | Path, expected: str, found: str, where: str = "") -> None:
        self.path = Path(path)
        self.expected = expected
        self.found = found
        self.where = where
        place = f" ({where})" if where else ""
        name = self.path.name or str(self.path)
        super().__init__(f"{name}{place}: expected {expected}, found {found}")


class Cancelled(Exception):
    """Raised inside long work when the person pressed cancel; never shown as an error."""
