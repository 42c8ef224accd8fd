"""Where the arrays of large scenes live: in memory, or in files that nobody else sees."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scenes.errors import SceneError

LEAST_BYTES = 8 << 20
"""Smaller arrays stay in memory: a file each would cost more than it saves."""

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """Inside the block, :func:`empty` maps files of ``folder`` instead of taking memory.

    The files have no name, so they vanish with the last array on them, however the program ends.
    Pages that were written are the system's to keep or to put away, so a scene of any size can be
    converted with little memory.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of undefined values, where :func:`on_disk` says.

    Raises
    ------
    SceneError
        Where the disk cannot hold it.
    MemoryError
        Where the memory cannot.
    """
    folder = _folder.get()
    shape = (shape,) if isinstance(shape, int) else shape
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    if folder is None or nbytes < LEAST_BYTES:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # Space is taken now: a disk that fills up later would end the program.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, nbytes)
            else:
                file.truncate(nbytes)
            return np.memmap(file, dtype, "r+", shape=shape).view(np.ndarray)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SceneError(folder, f"{nbytes / 1e9:.1f} GB of free space", reason) from error
