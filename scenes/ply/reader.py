"""From a PLY file to a scene."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.codec.splat_ply import unpack_rows
from scenes.assembly import SplatArrays, in_parts
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.ply.header import Element, read_header
from scenes.ply.layout import Layout, find_layout
from scenes.ply.rows import BinaryRows, check_binary, check_text, text_blocks, vertex_start
from scenes.registry import Cancel, Progress

Columns = NDArray[np.uint64]


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
            arrays = SplatArrays(path, vertex.count, layout.degree)
            columns = _columns(vertex, layout)
            for first, block in text_blocks(file, header, vertex, path):
                arrays.note(_unpack(arrays, first, block, columns, _is_flat(layout)))
                _report(first + len(block), vertex.count, progress, cancel)
        else:
            start = vertex_start(file, header, path, size)
            check_binary(vertex, start, size, path)
            arrays = SplatArrays(path, vertex.count, layout.degree)
            rows = BinaryRows(path, vertex, header.order, start, _wanted(layout))
            _read_binary(rows, vertex, layout, arrays, progress, cancel)
    return arrays.scene("ply", training=layout.training, metadata=layout.metadata)


def _report(done: int, total: int, progress: Progress, cancel: Cancel) -> None:
    if cancel():
        raise Cancelled
    progress(done, total, "splats")


def _is_flat(layout: Layout) -> bool:
    return None in layout.names


def _wanted(layout: Layout) -> tuple[str, ...]:
    """Property names in the kernel's order; an absent scale repeats another, which is ignored."""
    return tuple(name or "scale_0" for name in layout.names)


def _columns(vertex: Element, layout: Layout) -> Columns:
    """Where each wanted property stands in a row with all columns."""
    position = {item.name: index for index, item in enumerate(vertex.properties)}
    return np.array([position[name] for name in _wanted(layout)], np.uint64)


def _unpack(
    arrays: SplatArrays, first: int, block: NDArray[np.float32], columns: Columns, flat: bool
) -> tuple[int, int]:
    """Activate rows ``first`` onwards; returns (refused, identities)."""
    here = slice(first, first + len(block))
    return unpack_rows(
        block,
        columns,
        flat,
        arrays.means[here],
        arrays.quats[here],
        arrays.scales[here],
        arrays.opacities[here],
        arrays.sh[here].reshape(len(block), arrays.sh.shape[1] * 3),
        arrays.keep[here],
    )


def _read_binary(
    rows: BinaryRows,
    vertex: Element,
    layout: Layout,
    arrays: SplatArrays,
    progress: Progress,
    cancel: Cancel,
) -> None:
    """Fill the arrays on all cores; progress and cancel are called on this thread."""
    wanted = _wanted(layout)
    columns = _columns(vertex, layout) if rows.direct else np.arange(len(wanted), dtype=np.uint64)

    def part(first: int, last: int) -> tuple[int, int]:
        refused = identities = 0
        for row, block in rows.blocks(first, last):
            counts = _unpack(arrays, row, block, columns, _is_flat(layout))
            refused, identities = refused + counts[0], identities + counts[1]
        return refused, identities

    in_parts(rows.count, part, arrays.note, progress, cancel)
