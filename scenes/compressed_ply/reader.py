"""From a compressed PLY to a scene."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_compressed_ply import CHUNK, Packed, unpack_compressed_ply
from scenes.assembly import SplatArrays
from scenes.compressed_ply.layout import OLD_RANGES, Table, find_tables
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.ply.first_view import view_of
from scenes.ply.header import read_header
from scenes.ply.layout import training_of, vertical_axis_of
from scenes.registry import Cancel, Progress


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read a scene.

    Raises
    ------
    SceneError, Cancelled
    """
    with path.open("rb") as file:
        header = read_header(file, path)
        tables = find_tables(header, os.fstat(file.fileno()).st_size, path)
        arrays = SplatArrays(path, tables.count, tables.degree)
        ranges = np.tile(
            np.repeat(np.array([0, 1], np.float32), 3), (tables.chunks.element.count, 3)
        )
        ranges[:, : len(tables.chunks.columns)] = _rows(
            file, tables.chunks, 0, len(ranges), np.float32, path
        )

    def part(first: int, last: int) -> None:
        here = slice(first, last)
        with path.open("rb") as file:
            words = _rows(file, tables.words, first, last, np.uint32, path)
            rest = np.zeros((last - first, 0), np.uint8)
            if tables.rest is not None:
                rest = _rows(file, tables.rest, first, last, np.uint8, path)
        chunks = slice(first // CHUNK, -(-last // CHUNK))
        unpack_compressed_ply("cpu", Packed(words, ranges[chunks], rest), Outputs(
            arrays.means[here], arrays.quats[here], arrays.scales[here], arrays.opacities[here],
            arrays.sh[here],
        ))  # fmt: skip

    arrays.fill(part, progress, cancel)
    old = len(tables.chunks.columns) == len(OLD_RANGES)
    training = training_of(header.comments)
    metadata = {
        "dialect": f"chunks of {len(tables.chunks.columns)} ranges"
        + (", without ranges of colours" if old else ""),
        "quantisation": "positions and scales 11, 10 and 11 bits in chunks of 256, rotations 10 "
        "bits, colours and opacities 8 bits, harmonics 1/32",
        "comments": list(header.comments),
        "vertical_axis": vertical_axis_of(header.comments),
        "default_view": view_of(header.comments),
        "ignored": list(tables.ignored),
    }
    return arrays.scene(
        "compressed-ply",
        training=training,
        metadata={name: value for name, value in metadata.items() if value},
        name=path.name.removesuffix(".ply").removesuffix(".compressed"),
    )


def _rows(
    file: BinaryIO, table: Table, first: int, last: int, kind: Any, path: Path
) -> NDArray[Any]:
    """Rows ``first`` to ``last - 1`` of the wanted columns, native, (R, columns)."""
    width = table.row.itemsize
    file.seek(table.start + first * width)
    raw = file.read((last - first) * width)
    if len(raw) < (last - first) * width:
        raise SceneError(
            path, f"{table.element.count:,} rows of element {table.element.name}",
            "the end of the file before",
        )  # fmt: skip
    rows = np.frombuffer(raw, table.row)
    if table.row.names == table.columns and table.row[0].isnative:
        return rows.view(kind).reshape(len(rows), len(table.columns))
    return np.stack([rows[name] for name in table.columns], 1).astype(kind)
