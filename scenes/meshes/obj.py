"""Triangle meshes in Wavefront OBJ files: ``v``, ``vn`` and ``f`` lines; the rest is passed over.

Corners of a face count from 1, and from the last vertex so far where negative; after a slash come
texture and normal, which are another vertex's only where the file was written for them: normals
are kept where each vertex has its own of the same number.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.meshes.mesh import Mesh, fan
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file

_LINE_LIMIT = 1 << 20
_ROWS = 1 << 14


def write(mesh: Mesh, path: Path, progress: Progress, cancel: Cancel) -> None:
    """See :func:`scenes.meshes.write_mesh`."""
    count = len(mesh.vertices)
    with new_file(path) as file:
        for rows in blocks(count, progress, cancel, _ROWS, "vertices"):
            lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in mesh.vertices[rows].tolist()]
            if mesh.normals is not None:
                normals = mesh.normals[rows].tolist()
                lines += [f"vn {x:.6g} {y:.6g} {z:.6g}" for x, y, z in normals]
            file.write(("\n".join(lines) + "\n").encode())
        for rows in blocks(len(mesh.faces), progress, cancel, _ROWS, "triangles"):
            faces = (mesh.faces[rows].astype(np.int64) + 1).tolist()
            if mesh.normals is None:
                lines = [f"f {a} {b} {c}" for a, b, c in faces]
            else:
                lines = [f"f {a}//{a} {b}//{b} {c}//{c}" for a, b, c in faces]
            file.write(("\n".join(lines) + "\n").encode())


def read(path: Path, progress: Progress, cancel: Cancel) -> Mesh:
    """See :func:`scenes.meshes.read_mesh`."""
    reader = _Reader(path)
    with path.open("rb") as file:
        for _ in reader.take(file):
            if cancel():
                raise Cancelled
            progress(file.tell(), max(file.tell(), path.stat().st_size), "bytes")
    return reader.mesh()


class _Reader:
    """Takes the lines of a file; each keeps at most a few times its own bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 0
        self._vertices: list[NDArray[np.float32]] = []
        self._normals: list[NDArray[np.float32]] = []
        self._faces: list[NDArray[np.int32]] = []
        self._found: dict[str, list[list[float]]] = {"v": [], "vn": []}
        self._counts: list[int] = []
        self._corners: list[int] = []
        self._own_normals = True
        self._count = 0

    def _fail(self, expected: str, words: list[bytes]) -> SceneError:
        text = b" ".join(words)[:60].decode("latin-1")
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        return SceneError(self._path, expected, f"'{shown}'", f"line {self._line}")

    def take(self, file: BufferedReader) -> Iterator[None]:
        """Read all lines; gives way now and then."""
        while line := file.readline(_LINE_LIMIT):
            self._line += 1
            if len(line) == _LINE_LIMIT:
                raise self._fail(f"lines of at most {_LINE_LIMIT:,} bytes", [line])
            if b"\0" in line:
                raise self._fail("text", [line])
            words = line.split() or [b""]
            if words[0] == b"v":
                self._found["v"].append(self._numbers(words))
                self._count += 1
            elif words[0] == b"vn":
                self._found["vn"].append(self._numbers(words))
            elif words[0] == b"f":
                self._face(words)
            if self._line % _ROWS == 0:
                self._pack()
                yield
        self._pack()

    def _numbers(self, words: list[bytes]) -> list[float]:
        try:
            x, y, z = (float(word) for word in words[1:4])
        except ValueError:
            raise self._fail("three numbers", words) from None
        return [x, y, z]

    def _face(self, words: list[bytes]) -> None:
        for word in words[1:]:
            parts = word.split(b"/")
            try:
                number = int(parts[0])
                if len(parts) > 2 and parts[2] != parts[0]:
                    self._own_normals = False
            except ValueError:
                raise self._fail("corners such as 3, 3/1 or 3//2", words) from None
            index = number - 1 if number > 0 else self._count + number
            if not (number and 0 <= index < 2**31):
                raise self._fail("vertices from 1 on", words)
            self._corners.append(index)
        self._counts.append(len(words) - 1)

    def _pack(self) -> None:
        """Turn what was found since the last time into arrays."""
        for name, arrays in (("v", self._vertices), ("vn", self._normals)):
            if self._found[name]:
                with np.errstate(over="ignore"):
                    arrays.append(np.array(self._found[name], np.float32))
                self._found[name] = []
        if self._counts:
            self._faces.append(fan(np.array(self._counts), np.array(self._corners, np.int64)))
            self._counts, self._corners = [], []

    def mesh(self) -> Mesh:
        """What was read."""
        if not self._vertices:
            raise SceneError(self._path, "a mesh with vertices ('v x y z')", "none")
        vertices = np.concatenate(self._vertices)
        faces = np.concatenate([np.zeros((0, 3), np.int32), *self._faces])
        if faces.size and faces.max() >= len(vertices):
            found = f"vertex {int(faces.max()) + 1:,}"
            raise SceneError(self._path, f"faces of vertices 1 to {len(vertices):,}", found)
        normals = np.concatenate([np.zeros((0, 3), np.float32), *self._normals])
        kept = self._own_normals and len(normals) == len(vertices)
        return Mesh(vertices, faces, normals if kept else None)
