"""JSON from strangers: read within bounds, checked value by value; written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError

LARGEST_FILE = 100 * 2**20
"""Bytes of JSON that are read at most."""
LONGEST_TEXT = 4096
"""Characters of a name at most."""
LARGEST_LENGTH = 1e9
"""Farthest a camera may be from the origin, scene units."""
RIGID_WITHIN = 1e-3
"""How far the product of a rotation with its transpose may be from the identity."""


class Value:
    """One value of a JSON file that knows where it stands; every look inside is a check.

    Failing checks end in :class:`SceneError` with the file, the place ("key 3, fov"; counted from
    1), what was expected and what was found.
    """

    def __init__(self, file: Path, raw: Any, where: str = "") -> None:
        self.file = file
        self.raw = raw
        self.where = where

    def fail(self, expected: str, found: str = "") -> NoReturn:
        """Raise the error for this place; ``found`` defaults to a description of the value."""
        raise SceneError(self.file, expected, found or _describe(self.raw), self.where)

    def __contains__(self, name: str) -> bool:
        return isinstance(self.raw, dict) and name in self.raw

    def __getitem__(self, name: str) -> Value:
        """A member that must be there."""
        if not isinstance(self.raw, dict):
            self.fail("an object")
        if name not in self.raw:
            self.fail(f'a member "{name}"', "none")
        return self._inside(name, self.raw[name])

    def get(self, name: str, default: Any) -> Value:
        """A member, or ``default`` in its place."""
        if not isinstance(self.raw, dict):
            self.fail("an object")
        return self._inside(name, self.raw.get(name, default))

    def items(self, one: str, most: int = 1_000_000) -> Iterator[Value]:
        """The elements of a list, each called ``one`` ("key") and its number."""
        if not isinstance(self.raw, list):
            self.fail("a list")
        if len(self.raw) > most:
            self.fail(f"at most {most} entries", f"{len(self.raw)}")
        prefix = self.where.rpartition(", ")[0]
        for number, raw in enumerate(self.raw, start=1):
            where = ", ".join(part for part in (prefix, f"{one} {number}") if part)
            yield Value(self.file, raw, where)

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number within ``low``..``high``."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, int | float):
            self.fail("a number")
        try:
            value = float(self.raw)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            self.fail("a finite number")
        if not low <= value <= high:
            self.fail(f"a number from {low:g} to {high:g}", f"{value:g}")
        return value

    def integer(self, low: int, high: int) -> int:
        """A whole number within ``low``..``high``."""
        value = self.number(low, high)
        if value != int(value):
            self.fail("a whole number")
        return int(value)

    def text(self, longest: int = LONGEST_TEXT) -> str:
        """A string of bounded length."""
        if not isinstance(self.raw, str):
            self.fail("text")
        if len(self.raw) > longest:
            self.fail(f"at most {longest} characters", f"{len(self.raw)}")
        return self.raw

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.raw, bool):
            self.fail("true or false")
        return self.raw

    def choice(self, options: Sequence[str]) -> str:
        """One of several words."""
        value = self.text()
        if value not in options:
            self.fail(f"one of {', '.join(options)}", _describe(value))
        return value

    def numbers(self, count: int) -> NDArray[np.float64]:
        """A list of ``count`` finite numbers, (count,)."""
        if not isinstance(self.raw, list) or len(self.raw) != count:
            self.fail(f"a list of {count} numbers")
        return np.array([Value(self.file, raw, self.where).number() for raw in self.raw])

    def rows(self, count: int) -> NDArray[np.float64]:
        """A list of ``count`` lists of ``count`` numbers, (count, count)."""
        if not isinstance(self.raw, list) or len(self.raw) != count:
            self.fail(f"{count} rows of {count} numbers")
        return np.stack([Value(self.file, row, self.where).numbers(count) for row in self.raw])

    def rigid(self, pose: NDArray[np.float64]) -> NDArray[np.float64]:
        """A (4, 4) pose found here, made exactly rigid; not one that scales, mirrors or shears."""
        rotation, position = pose[:3, :3], pose[:3, 3]
        if np.abs(pose[3] - [0, 0, 0, 1]).max() > RIGID_WITHIN:
            self.fail("a rigid pose", "a last row other than 0 0 0 1")
        if np.abs(position).max() > LARGEST_LENGTH:
            self.fail("a camera near the scene", f"a position at {np.abs(position).max():g}")
        # Bounded before it is squared, so that hostile sizes do not overflow.
        bounded = np.abs(rotation).max() <= 2.0
        if not bounded or np.abs(rotation @ rotation.T - np.eye(3)).max() > RIGID_WITHIN:
            self.fail("a rigid pose", "a matrix that scales or shears")
        if np.linalg.det(rotation) < 0:
            self.fail("a rigid pose", "a mirroring matrix")
        # The nearest rotation, by the polar decomposition.
        left, _, right = np.linalg.svd(rotation)
        exact = np.eye(4)
        exact[:3, :3], exact[:3, 3] = left @ right, position
        return exact

    def _inside(self, name: str, raw: Any) -> Value:
        return Value(self.file, raw, ", ".join(part for part in (self.where, name) if part))


def parse(file: Path, text: str, where: str = "") -> Value:
    """The value of a JSON text; NaN and infinities, which JSON does not have, are refused."""

    def refuse(constant: str) -> NoReturn:
        raise SceneError(file, "finite numbers", constant, where)

    try:
        return Value(file, json.loads(text, parse_constant=refuse), where)
    except json.JSONDecodeError as error:
        place = where or f"line {error.lineno}"
        raise SceneError(file, "JSON", error.msg.lower(), place) from error
    except RecursionError:
        raise SceneError(file, "JSON of reasonable depth", "endless nesting", where) from None
    except ValueError as error:  # a number with thousands of digits
        raise SceneError(
            file, "JSON with numbers of reasonable length", str(error), where
        ) from None


def read_json(file: str | Path) -> Value:
    """Read a JSON file of at most 100 MiB; whatever is wrong with it ends in SceneError."""
    file = Path(file)
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise SceneError(file, "a file", "nothing of that name") from error
    except OSError as error:
        raise SceneError(file, "a readable file", error.strerror or str(error)) from error
    if len(data) > LARGEST_FILE:
        raise SceneError(file, "at most 100 MiB of JSON", "a larger file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SceneError(file, "UTF-8 text", "other bytes", f"byte {error.start}") from error
    return parse(file, text)


def write_json(file: str | Path, value: Any) -> None:
    """Write JSON beside the file and rename it when complete, so that no half file is ever seen.

    Raises SceneError where the folder does not let itself be written to.
    """
    file = Path(file)
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=True)
    part = file.with_name(file.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise SceneError(file, "a place to write to", error.strerror or str(error)) from error


def _describe(raw: Any) -> str:
    if raw is None:
        return "nothing"
    if isinstance(raw, dict):
        return "an object"
    if isinstance(raw, list):
        return f"a list of {len(raw)}"
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) >= 1e18:
        return "a huge number"
    words = json.dumps(raw, ensure_ascii=True)
    return words if len(words) <= 40 else f"{words[:40]}..."
