"""Buffers that live from frame to frame, so that no frame pays for fresh memory."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

Kept = TypeVar("Kept")

POOLED = 5
"""Pictures kept for reuse: shown, remembered, ready, in the making, and one to spare."""
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
        self._pools: dict[str, list[NDArray[Any]]] = {}
        self._kept: dict[str, Any] = {}

    def keep(self, name: str, make: Callable[[], Kept]) -> Kept:
        """What was made under that name, or is made now; for what a device's frames share."""
        if name not in self._kept:
            self._kept[name] = make()
        return cast(Kept, self._kept[name])

    def take(self, name: str, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """A C-contiguous array of that shape; memory is reused where it is large enough."""
        shape = (shape,) if isinstance(shape, int) else shape
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size or buffer.dtype != np.dtype(dtype):
            buffer = aligned_empty(max(size + size // 8, 64), dtype)
            self._buffers[name] = buffer
        return buffer[:size].reshape(shape)

    def take_free(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array that its receiver may keep: one handed out before is reused once let go of.

        A picture lives on in queues and on the screen, so it cannot come from :meth:`take`; fresh
        memory for each would cost a page fault every 4096 bytes.
        """
        pool = self._pools.setdefault(name, [])
        wanted = (shape, np.dtype(dtype))
        pool[:] = [kept for kept in pool if (kept.shape, kept.dtype) == wanted]
        for kept in pool:
            # The list, the loop's name and the argument of getrefcount: nobody else holds it.
            if sys.getrefcount(kept) == 3:
                return kept.view()
        pool.append(np.empty(shape, dtype))
        if len(pool) > POOLED:
            del pool[0]
        return pool[-1].view()

    @property
    def nbytes(self) -> int:
        """Memory held, bytes."""
        return sum(buffer.nbytes for buffer in self._buffers.values())
