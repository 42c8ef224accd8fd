"""What the command line says: progress on a terminal, aligned tables, JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, TextIO

_BAR = 24
_REFRESH_SECONDS = 0.1


class UsageError(Exception):
    """The arguments do not fit together: one sentence, exit code 2."""


class ProgressBar:
    """A line on stderr that is rewritten, only where stderr is a terminal.

    Call it like a :data:`scenes.registry.Progress`.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._started = time.monotonic()
        self._last = 0.0
        self._width = 0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()

    def __call__(self, done: int, total: int, unit: str) -> None:
        """Show that ``done`` of ``total`` are finished."""
        now = time.monotonic()
        if not self._shown or (now - self._last < _REFRESH_SECONDS and done < total):
            return
        self._last = now
        share = min(done / total, 1.0) if total else 0.0
        filled = round(share * _BAR)
        seconds = now - self._started
        left = f", {duration(seconds / share - seconds)} left" if 0 < share < 1 else ""
        line = f"{self._title} [{'#' * filled}{'.' * (_BAR - filled)}] {share:4.0%}"
        line += f" {done:,} of {total:,} {unit}{left}"
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = max(self._width, len(line))


def duration(seconds: float) -> str:
    """Seconds as ``4 s`` or ``2 min 05 s``."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def size(nbytes: float) -> str:
    """Bytes with a decimal unit, ``24.8 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if nbytes < 1000 or unit == "GB":
            break
        nbytes /= 1000
    return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Names and values in two columns."""
    rows = [(name, str(value)) for name, value in facts]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def _is_number(text: str) -> bool:
    return text.rstrip("%").replace(".", "", 1).isdigit()


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns; the first is left-aligned, columns of numbers are right-aligned."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    numeric = [all(_is_number(row[i]) or row[i] in ("", "-") for row in rows)
               for i in range(len(head))]  # fmt: skip
    for row in (head, *rows):
        cells = (
            cell.rjust(width) if number and i else cell.ljust(width)
            for i, (cell, width, number) in enumerate(zip(row, widths, numeric, strict=True))
        )
        print("  ".join(cells).rstrip())
