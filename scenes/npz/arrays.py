"""Arrays in a NumPy archive, looked at before they are read.

An ``.npz`` file is a zip archive of ``.npy`` files: a magic, the length of a header, a header that
is a Python dictionary of ``descr``, ``fortran_order`` and ``shape``, then the values (NumPy
enhancement proposal 1). Arrays of objects, which are pickles, and of records are refused.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import Archive
from scenes.errors import SceneError
from scenes.raw_parameters import Tick

CHUNK = 1 << 20
"""Bytes read together."""

_LONGEST_HEADER = 10_000
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class StoredArray:
    """One array of an archive; its values have the size that its header says."""

    archive: Archive
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_columns: bool
    start: int

    def into(self, out: NDArray[np.float32], tick: Tick) -> None:
        """Stream the values into ``out`` of this shape; ``tick`` hears of every chunk.

        Raises
        ------
        SceneError
            For an entry that is damaged or ends early.
        """
        # Transposed, values that were stored by columns follow each other like all others.
        target = out.T if self.by_columns else out
        with self.archive.stream(self.name) as file:
            file.read(self.start)
            self._fill(file, target, tick)

    def _fill(self, file: IO[bytes], out: NDArray[np.float32], tick: Tick) -> None:
        """Values of ``out`` in its order; splits along the first axis until chunks are small."""
        nbytes = out.size * self.dtype.itemsize
        if nbytes > CHUNK and len(out) > 1:
            step = max(1, len(out) * CHUNK // nbytes)
            for first in range(0, len(out), step):
                self._fill(file, out[first : first + step], tick)
        elif nbytes > CHUNK and out.ndim > 1:
            self._fill(file, out[0], tick)
        else:
            raw = file.read(nbytes)
            if len(raw) < nbytes:
                found = "the end of its data"
                raise SceneError(self.archive.path, f"the whole array {self.name}", found)
            with np.errstate(over="ignore", invalid="ignore"):
                out[...] = np.frombuffer(raw, self.dtype).reshape(out.shape)
            tick(nbytes)


def stored_arrays(archive: Archive) -> dict[str, StoredArray]:
    """The arrays of an archive by name, without ``.npy``; other entries are passed over.

    Raises
    ------
    SceneError
        For a header that is damaged or does not agree with the size of its entry.
    """
    names = [name for name in archive.names if name.endswith(".npy")]
    return {name.removesuffix(".npy"): _looked_at(archive, name) for name in names}


def _looked_at(archive: Archive, name: str) -> StoredArray:
    with archive.stream(name) as file:
        head = io.BytesIO(file.read(_LONGEST_HEADER + 12))
    try:
        read_header = _HEADERS[np.lib.format.read_magic(head)]
        shape, by_columns, dtype = read_header(head, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # whatever a parser of Python literals makes of a stranger's bytes
        shown = " ".join(str(error).split())[:100]
        raise SceneError(archive.path, f"a NumPy array {name}", shown or "another") from None
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise SceneError(archive.path, f"plain numbers in {name}", "objects or records")
    start = head.tell()
    # Python's integers: a shape may claim more than 64 bits can count.
    need = start + dtype.itemsize
    for length in shape:
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise SceneError(archive.path, f"a shape of {name}", f"{shape}"[:60])
    need = start + dtype.itemsize * _product(shape)
    if need != archive.size(name):
        raise SceneError(
            archive.path,
            f"{need:,} bytes in {name}" if need < 1 << 63 else f"an honest shape of {name}",
            f"{archive.size(name):,} bytes",
        )
    return StoredArray(archive, name, tuple(shape), dtype, bool(by_columns), start)


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product
