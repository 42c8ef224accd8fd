"""Where the rows of the ``vertex`` element stand, and reading them as blocks of float32.

Nothing is taken on trust: the count in the header is held against the bytes that are there before
any memory is asked for. Rows are read into small buffers rather than mapped, because a mapped
file that another program shortens meanwhile kills the process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BufferedReader
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError
from scenes.ply.header import Element, Header

WINDOW = 1 << 22
"""Bytes looked at together while rows of varying length are skipped."""

LINE_LIMIT = 1 << 22
"""Longest line of a text file, bytes."""

BUFFER = 1 << 19
"""Bytes of rows read together; small enough to stay in a core's own cache."""


def vertex_start(file: BufferedReader, header: Header, path: Path, size: int) -> int:
    """Byte at which the first row of a binary ``vertex`` element begins."""
    position = header.nbytes
    for element in header.elements:
        if element.name == "vertex":
            break
        if element.has_lists:
            position = _skip_lists(file, header, element, position, path)
        else:
            position += element.count * element.row_bytes
        if position > size:
            raise SceneError(
                path,
                f"{element.count:,} rows of element {element.name}",
                f"the end of the file at byte {size:,}",
                f"byte {header.nbytes}",
            )
    return position


def check_binary(vertex: Element, start: int, size: int, path: Path) -> None:
    """Refuse a count that the file cannot hold."""
    need = vertex.count * vertex.row_bytes
    if need > size - start:
        raise SceneError(
            path,
            f"{vertex.count:,} splats of {vertex.row_bytes} bytes ({need:,} bytes)",
            f"{size - start:,} bytes, enough for {(size - start) // vertex.row_bytes:,} splats",
            f"byte {start}",
        )


def check_text(vertex: Element, start: int, size: int, path: Path) -> None:
    """Refuse a count that the text cannot hold: a value takes a digit and a separator."""
    need = vertex.count * 2 * len(vertex.properties) - 1
    if need > size - start:
        raise SceneError(
            path,
            f"{vertex.count:,} splats of {len(vertex.properties)} numbers",
            f"{size - start:,} bytes of text",
            f"byte {start}",
        )


def _skip_lists(
    file: BufferedReader, header: Header, element: Element, start: int, path: Path
) -> int:
    from kernels.codec.splat_ply import skip_list_rows

    lists = [bool(item.count_type) for item in element.properties]
    counts = [int(item.count_type[1]) if item.count_type else 0 for item in element.properties]
    signed = [(item.count_type or "u")[0] == "i" for item in element.properties]
    sizes = [item.nbytes for item in element.properties]
    fixed = np.array([0 if many else n for many, n in zip(lists, sizes, strict=True)], np.int64)
    items = np.array(sizes, np.int64)
    done = 0
    while done < element.count:
        file.seek(start)
        window = np.frombuffer(file.read(WINDOW), np.uint8)
        passed, position = skip_list_rows(
            window,
            0,
            element.count - done,
            fixed,
            np.array(counts, np.int64),
            items,
            header.order == ">",
            np.array(signed, np.bool_),
        )
        if position < 0 or passed == 0:
            raise SceneError(
                path,
                f"row {done + passed + 1:,} of {element.count:,} of element {element.name}",
                "a list of negative length" if position < 0 else "a row that does not end",
                f"byte {start}",
            )
        done += passed
        start += position
    return start


class BinaryRows:
    """Blocks of a binary ``vertex`` element as float32 matrices.

    ``columns`` are the properties wanted, in order. Rows that are float32 in this machine's byte
    order throughout are handed out as they stand (with all their columns); other rows are
    converted, column by column. Each thread has its own instance, because of file and buffer.
    """

    def __init__(
        self, path: Path, vertex: Element, order: str, start: int, columns: tuple[str, ...]
    ) -> None:
        self.path, self.start, self.count = path, start, vertex.count
        self.columns = columns
        self.row_bytes = vertex.row_bytes
        self.block = max(1, BUFFER // self.row_bytes)
        self.direct = is_direct(vertex, order)
        self.type = vertex.row_type(order)
        self.width = len(vertex.properties)

    def blocks(self, first: int, last: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Rows ``first`` to ``last``: pairs of the first row's index and (R, W) float32."""
        buffer = np.empty(self.block * self.row_bytes, np.uint8)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.start + first * self.row_bytes)
            for row in range(first, last, self.block):
                count = min(self.block, last - row)
                raw = buffer[: count * self.row_bytes]
                self._fill(file, raw, row)
                if self.direct:
                    yield row, raw.view(np.float32).reshape(count, self.width)
                else:
                    yield row, self._converted(raw.view(self.type))

    def _fill(self, file, raw: NDArray[np.uint8], row: int) -> None:
        view = raw.data
        done = 0
        while done < len(raw):
            got = file.readinto(view[done:])
            if not got:
                at = self.start + row * self.row_bytes + done
                raise SceneError(
                    self.path, f"{self.count:,} splats", "the end of the file", f"byte {at}"
                )
            done += got

    def _converted(self, table: NDArray) -> NDArray[np.float32]:
        block = np.empty((len(table), len(self.columns)), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for index, name in enumerate(self.columns):
                block[:, index] = table[name]
        return block


def is_direct(vertex: Element, order: str) -> bool:
    """Whether rows are float32 in this machine's byte order throughout."""
    native = "<" if sys.byteorder == "little" else ">"
    return order == native and all(item.type == "f4" for item in vertex.properties)


def text_blocks(
    file: BufferedReader, header: Header, vertex: Element, path: Path
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Rows of a text file, one per line, as pairs of first index and (R, P) float32.

    Blank lines are passed over. ``file`` stands behind the header.
    """
    lines = _lines(file, header.lines, path)
    for element in header.elements:
        if element.name == "vertex":
            break
        if element.properties:
            passed = sum(1 for _ in islice(lines, element.count))
            if passed < element.count:
                raise SceneError(
                    path,
                    f"{element.count:,} lines of element {element.name}",
                    f"the end of the file after {passed:,}",
                )
    width = len(vertex.properties)
    step = max(1, min(4096, (1 << 18) // width))
    for first in range(0, vertex.count, step):
        count = min(step, vertex.count - first)
        taken = list(islice(lines, count))
        if len(taken) < count:
            raise SceneError(
                path,
                f"{vertex.count:,} splats",
                f"the end of the file after {first + len(taken):,}",
            )
        yield first, _numbers(taken, width, path)


def _lines(file: BufferedReader, line: int, path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Line number and words of every line that is not blank."""
    while raw := file.readline(LINE_LIMIT):
        line += 1
        if len(raw) == LINE_LIMIT:
            raise SceneError(
                path, "lines of numbers", f"a line above {LINE_LIMIT:,} bytes", f"line {line}"
            )
        words = raw.split()
        if words:
            yield line, words


def _numbers(lines: list[tuple[int, list[bytes]]], width: int, path: Path) -> NDArray[np.float32]:
    for line, words in lines:
        if len(words) != width:
            raise SceneError(path, f"{width} numbers", f"{len(words)}", f"line {line}")
    try:
        table = np.array([words for _, words in lines], dtype=np.float64)
    except ValueError:
        raise _bad_number(lines, path) from None
    with np.errstate(over="ignore", invalid="ignore"):
        return table.astype(np.float32)


def _bad_number(lines: list[tuple[int, list[bytes]]], path: Path) -> SceneError:
    for line, words in lines:
        for word in words:
            try:
                np.array([word], dtype=np.float64)
            except ValueError:
                shown = word[:40].decode("ascii", errors="replace")
                return SceneError(path, "a number", f"'{shown}'", f"line {line}")
    return SceneError(path, "numbers", "something else")
