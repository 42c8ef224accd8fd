"""One way to compute with NumPy arrays and with tensors of a device.

What rays see is computed where their numbers are: in NumPy for the backends of the processor, in
torch for ``cuda``. The two libraries agree about most names; what they differ in is here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def library(values: Any) -> Any:
    """NumPy or torch, whichever made an array."""
    if isinstance(values, np.ndarray):
        return np
    import torch

    return torch


def nothing(backend: str) -> Any:
    """An empty array where a backend has its own."""
    empty = np.zeros(0, np.float32)
    if backend != "cuda":
        return empty
    from kernels.cuda.device import to_device

    return to_device(empty)


def zeros(like: Any, shape: int | tuple[int, ...], kind: str = "float32") -> Any:
    """An array of zeros where another one is."""
    if isinstance(like, np.ndarray):
        return np.zeros(shape, kind)
    return like.new_zeros(shape, dtype=getattr(library(like), kind))


def beside(values: NDArray[Any], like: Any) -> Any:
    """A NumPy array where another one is; a device keeps its copy as long as the array lives."""
    if isinstance(like, np.ndarray):
        return values
    from kernels.cuda.residents import resident

    return resident(values)


def host(values: Any) -> NDArray[np.float32]:
    """What any backend made, as NumPy float32; waits for a device."""
    if not isinstance(values, np.ndarray):
        values = values.detach().cpu()
    return np.asarray(values, np.float32)


def true_places(mask: Any) -> Any:
    """The indices at which (N,) booleans are true; waits for a device."""
    if isinstance(mask, np.ndarray):
        return np.flatnonzero(mask)
    return mask.nonzero()[:, 0]


def contiguous(values: Any) -> Any:
    """The same without gaps in memory."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(values)
    return values.contiguous()


def turned(vectors: Any, matrix: NDArray[np.float64]) -> Any:
    """Products (N, M) of vectors (N, 3) and the rows of a matrix (M, 3), in the vectors' type."""
    rows = matrix.astype(np.float32)
    if isinstance(vectors, np.ndarray):
        return vectors @ rows.T
    return (vectors[:, None] * beside(rows, vectors)).sum(2)


def dots(one: Any, other: Any) -> Any:
    """Products (N,) of each two vectors (N, 3)."""
    if isinstance(one, np.ndarray):
        return np.einsum("nd,nd->n", one, other)
    return (one * other).sum(1)
