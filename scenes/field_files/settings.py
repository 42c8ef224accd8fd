"""What a trainer's ``config.yml`` says: nested ``key: value`` lines, nothing else of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LARGEST = 1 << 16
"""Bytes that are looked at."""


@dataclass(frozen=True)
class Settings:
    """Values as texts, by their keys joined with dots."""

    values: Mapping[str, str]

    def text(self, key: str) -> str:
        """A value in lower case; empty where there is none."""
        return self.values.get(key, "").lower()

    def number(self, key: str, default: float) -> float:
        """A number from -1e6 to 1e6; ``default`` for what is none."""
        try:
            value = float(self.values.get(key, ""))
        except ValueError:
            return default
        return value if abs(value) <= 1e6 else default


def settings_beside(path: Path, name: str) -> Settings:
    """The settings in the file of that name in the same folder; none where that cannot be read."""
    try:
        with (path.parent / name).open("rb") as file:
            text = file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return Settings({})
    return Settings(parse(text))


def parse(text: str) -> dict[str, str]:
    """The values of nested lines, by their keys joined with dots; lists and the like are left out.

    A line belongs to the last one before it that is indented less.
    """
    values: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        indent = len(key) - len(key.lstrip(" "))
        key, value = key.strip(), value.partition(" #")[0].strip().strip("'\"")
        if not colon or not key or key[0] in "#-":
            continue
        while above and above[-1][0] >= indent:
            above.pop()
        if value:
            values[".".join([*(name for _, name in above), key])] = value
        elif len(above) < 16:
            above.append((indent, key))
    return values
