"""Buffers that live from frame to frame, so that no frame pays for fresh memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
"""Bytes of a cache line: a vector that straddles two costs twice."""


def aligned_empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Like ``numpy.empty``, beginning at a cache line."""
    shape = (shape,) if isinstance(shape, int) else shape
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes].view(dtype).reshape(shape)


class Workspace:
    """Named arrays that grow on demand and are handed out again, contents undefined.

    One workspace belongs to one renderer: an array is valid until the next frame.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[Any]] = {}

    def take(self, name: str, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """A C-contiguous array of that shape; memory is reused where it is large enough."""
        shape = (shape,) if isinstance(shape, int) else shape
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size or buffer.dtype != np.dtype(dtype):
            buffer = aligned_empty(max(size + size // 8, 64), dtype)
            self._buffers[name] = buffer
        return buffer[:size].reshape(shape)

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return sum(buffer.nbytes for buffer in self._buffers.values())
