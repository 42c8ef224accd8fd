"""From a PLY file to a scene."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.codec.splat_ply import compact_rows, unpack_rows
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.ply.header import Element, read_header
from scenes.ply.layout import Layout, find_layout
from scenes.ply.rows import BinaryRows, check_binary, check_text, text_blocks, vertex_start
from scenes.registry import Cancel, Progress

PART = 65_536
"""Splats between two reports of progress and two looks at cancel."""


@dataclass
class _Arrays:
    """The scene's arrays while they are filled, and what had to be repaired."""

    count: int
    coefficients: int
    means: NDArray[np.float32] = field(init=False)
    quats: NDArray[np.float32] = field(init=False)
    scales: NDArray[np.float32] = field(init=False)
    opacities: NDArray[np.float32] = field(init=False)
    sh: NDArray[np.float32] = field(init=False)
    keep: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.means = np.empty((self.count, 3), np.float32)
        self.quats = np.empty((self.count, 4), np.float32)
        self.scales = np.empty((self.count, 3), np.float32)
        self.opacities = np.empty(self.count, np.float32)
        self.sh = np.empty((self.count, 3 * self.coefficients), np.float32)
        self.keep = np.empty(self.count, np.uint8)

    def unpack(
        self, first: int, block: NDArray[np.float32], columns: NDArray[np.uint64], flat: bool
    ) -> NDArray[np.int64]:
        """Activate rows ``first`` onwards; returns (refused, identities)."""
        here = slice(first, first + len(block))
        return np.array(
            unpack_rows(
                block,
                columns,
                flat,
                self.means[here],
                self.quats[here],
                self.scales[here],
                self.opacities[here],
                self.sh[here],
                self.keep[here],
            )
        )

    def compact(self) -> None:
        """Close the gaps that refused rows leave."""
        kept = compact_rows(self.keep, self.means, self.quats, self.scales, self.opacities, self.sh)
        self.means, self.quats = self.means[:kept], self.quats[:kept]
        self.scales, self.opacities = self.scales[:kept], self.opacities[:kept]
        self.sh = self.sh[:kept]


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read a PLY file of Gaussians, any dialect.

    Splats with a value that cannot be drawn (see :func:`kernels.codec.splat_ply.unpack_rows`) are
    dropped, quaternions of length 0 become the identity; both are counted in ``warnings``.

    Raises
    ------
    SceneError, Cancelled
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file, path)
        layout = find_layout(header, path)
        vertex = header.element("vertex")
        assert vertex is not None  # find_layout has refused files without
        if header.encoding == "ascii":
            check_text(vertex, header.nbytes, size, path)
            arrays = _allocate(vertex.count, layout, path)
            columns = _columns(vertex, layout)
            blocks = text_blocks(file, header, vertex, path)
            counts = np.zeros(2, np.int64)
            for first, block in blocks:
                counts += arrays.unpack(first, block, columns, _is_flat(layout))
                _report(first + len(block), vertex.count, progress, cancel)
        else:
            start = vertex_start(file, header, path, size)
            check_binary(vertex, start, size, path)
            arrays = _allocate(vertex.count, layout, path)
            rows = BinaryRows(path, vertex, header.order, start, _wanted(layout))
            counts = _read_binary(rows, vertex, layout, arrays, progress, cancel)
    refused, identities = (int(value) for value in counts)
    if refused:
        arrays.compact()
    return GaussianScene(
        means=arrays.means,
        quats=arrays.quats,
        scales=arrays.scales,
        opacities=arrays.opacities,
        sh=arrays.sh.reshape(len(arrays.sh), layout.coefficients, 3),
        name=path.stem,
        source=path,
        format="ply",
        training=layout.training,
        metadata=layout.metadata,
        warnings=_warnings(vertex.count, refused, identities),
    )


def _allocate(count: int, layout: Layout, path: Path) -> _Arrays:
    try:
        return _Arrays(count, layout.coefficients)
    except MemoryError:
        need = count * (44 + 12 * layout.coefficients) / 2**30
        raise SceneError(
            path, "a scene that fits into memory", f"{count:,} splats that need {need:.1f} GiB"
        ) from None


def _report(done: int, total: int, progress: Progress, cancel: Cancel) -> None:
    if cancel():
        raise Cancelled
    progress(done, total, "splats")


def _is_flat(layout: Layout) -> bool:
    return None in layout.names


def _wanted(layout: Layout) -> tuple[str, ...]:
    """Property names in the kernel's order; an absent scale repeats another, which is ignored."""
    return tuple(name or "scale_0" for name in layout.names)


def _columns(vertex: Element, layout: Layout) -> NDArray[np.uint64]:
    """Where each wanted property stands in a row with all columns."""
    position = {item.name: index for index, item in enumerate(vertex.properties)}
    return np.array([position[name] for name in _wanted(layout)], np.uint64)


def _read_binary(
    rows: BinaryRows,
    vertex: Element,
    layout: Layout,
    arrays: _Arrays,
    progress: Progress,
    cancel: Cancel,
) -> NDArray[np.int64]:
    """Fill the arrays on all cores; progress and cancel are called on this thread."""
    wanted = _wanted(layout)
    columns = _columns(vertex, layout) if rows.direct else np.arange(len(wanted), dtype=np.uint64)
    stop = threading.Event()

    def part(first: int) -> NDArray[np.int64]:
        counts = np.zeros(2, np.int64)
        for row, block in rows.blocks(first, min(first + PART, rows.count)):
            if stop.is_set():
                break
            counts += arrays.unpack(row, block, columns, _is_flat(layout))
        return counts

    total = np.zeros(2, np.int64)
    with _workers(stop) as pool:
        parts: list[Future[NDArray[np.int64]]] = [
            pool.submit(part, first) for first in range(0, rows.count, PART)
        ]
        for index, future in enumerate(parts):
            total += future.result()
            _report(min((index + 1) * PART, rows.count), rows.count, progress, cancel)
    return total


@contextmanager
def _workers(stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """Threads that end soon, started or not, when the block is left by an exception."""
    threads = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="ply") as pool:
        try:
            yield pool
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _warnings(count: int, refused: int, identities: int) -> tuple[str, ...]:
    sentences = []
    if count == 0:
        sentences.append("The file holds no splats.")
    if refused:
        sentences.append(
            f"{refused:,} of {count:,} splats were dropped: a value is not a number, or a "
            "position, size, rotation or colour is infinite."
        )
    if identities:
        sentences.append(
            f"{identities:,} of {count:,} splats had a rotation of length zero and were left "
            "unrotated."
        )
    return tuple(sentences)
