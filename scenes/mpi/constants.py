"""Constants of a small JavaScript file: read, never run.

Understood are declarations of numbers, texts, lists of those, and products and sums of numbers and
of constants declared before (``const f = 500.5 * scale;``). What else a file does is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenes.errors import SceneError

MOST_BYTES = 4 << 20
DEEPEST = 8
"""Lists in lists, and signs before a number."""

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_$][\w$]*)
    |(?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    |(?P<sign>[][{}().,;:=+\-*/%<>!&|^~?])""",
    re.VERBOSE | re.ASCII,
)
_WORDS = {"true": True, "false": False, "True": True, "False": False,
          "null": None, "None": None, "undefined": None}  # fmt: skip
_DECLARES = ("const", "let", "var")


class _NotUnderstood(Exception):
    """An expression that is more than a constant."""


def constants(data: bytes, path: Path, name: str) -> dict[str, Any]:
    """The constants of a file by their names: numbers (float), texts, lists, True, False, None.

    Names whose values are not understood are left out; of several declarations the last counts.
    Time and memory are linear in the file, which may have at most :data:`MOST_BYTES`.

    Raises
    ------
    SceneError
        For a file that is too large, not text, or not made of JavaScript's tokens.
    """
    if len(data) > MOST_BYTES:
        raise SceneError(path, f"at most {MOST_BYTES:,} bytes", f"{len(data):,}", name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SceneError(path, "UTF-8 text", "other bytes", f"{name}, byte {error.start}") from None
    tokens = list(_tokens(text, path, name))
    found: dict[str, Any] = {}
    position = 0
    while position + 2 < len(tokens):
        declared = tokens[position] in _DECLARES or tokens[position] == ","
        if not (declared and tokens[position + 2] == "=" and _is_name(tokens[position + 1])):
            position += 1
            continue
        reader = _Reader(tokens, position + 3, found)
        try:
            found[tokens[position + 1]] = reader.expression(0)
        except _NotUnderstood:
            found.pop(tokens[position + 1], None)
        position = reader.position
    return found


def _tokens(text: str, path: Path, name: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        remark = text.startswith("/*", position)
        if remark and (end := text.find("*/", position + 2)) >= 0:
            position = end + 2
            continue
        match = None if remark else _TOKEN.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise SceneError(path, "constants of JavaScript", "other text", f"{name}, line {line}")
        if match.lastgroup != "space":
            yield match[0]
        position = match.end()


def _is_name(token: str) -> bool:
    return token[0].isalpha() or token[0] in "_$"


class _Reader:
    """Reads one value from tokens; ``position`` is behind what was read."""

    def __init__(self, tokens: list[str], position: int, known: dict[str, Any]) -> None:
        self.tokens, self.position, self.known = tokens, position, known

    def expression(self, depth: int) -> Any:
        """A sum of products of values, up to what ends it: ``; , ] )`` or a new statement."""
        value = self._product(depth)
        while self._next() in ("+", "-"):
            sign = 1.0 if self._take() == "+" else -1.0
            value = _number(value) + sign * _number(self._product(depth))
        token = self._next()
        # Without a semicolon, a statement ends where no operator follows.
        if token not in ("", ";", ",", "]", ")") and not _is_name(token):
            raise _NotUnderstood
        return value

    def _product(self, depth: int) -> Any:
        value = self._value(depth)
        while self._next() in ("*", "/"):
            divides = self._take() == "/"
            factor = _number(self._value(depth))
            if divides and factor == 0:
                raise _NotUnderstood
            value = _number(value) / factor if divides else _number(value) * factor
        return value

    def _value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise _NotUnderstood
        token = self._take()
        if token in ("-", "+"):
            number = _number(self._value(depth + 1))
            return -number if token == "-" else number
        if token == "[":
            return self._list(depth + 1)
        if token == "(":
            value = self.expression(depth + 1)
            if self._take() != ")":
                raise _NotUnderstood
            return value
        if token[:1] in ('"', "'") and token:
            return token[1:-1]
        if token in _WORDS:
            return _WORDS[token]
        if token in self.known:
            return self.known[token]
        if token[:1].isdigit() or (token[:1] == "." and len(token) > 1):
            return float(token)
        raise _NotUnderstood

    def _list(self, depth: int) -> list[Any]:
        values = []
        while self._next() != "]":
            values.append(self.expression(depth))
            if self._next() == ",":
                self._take()
            elif self._next() != "]":
                raise _NotUnderstood
        self._take()
        return values

    def _next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.position += 1
        return token


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, float):
        raise _NotUnderstood
    return value
