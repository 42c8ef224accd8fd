"""From a training checkpoint to a scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.checkpoint import StoredTensor, read_checkpoint
from kernels.codec.tensor_pickle import CheckpointError
from scenes.checkpoint.layout import find_layouts, tensor_names
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.raw_parameters import Tick, read_parameters, sh_of_logits
from scenes.registry import Cancel, Progress

CHUNK = 1 << 20
"""Bytes read together."""


@dataclass(frozen=True)
class _Parameter:
    """A tensor as :func:`~scenes.raw_parameters.read_parameters` takes it."""

    tensor: StoredTensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.tensor.dtype

    def into(self, out: NDArray[np.float32], tick: Tick) -> None:
        row = max(1, out[:1].size * self.dtype.itemsize)
        step = max(1, CHUNK // row)
        # Rows of a tensor that was transposed lie all over its storage, which is read once.
        whole = None if self.tensor.by_rows else np.asarray(self.tensor)
        for first in range(0, len(out), step):
            last = min(first + step, len(out))
            part = self.tensor.rows(first, last) if whole is None else whole[first:last]
            with np.errstate(over="ignore", invalid="ignore"):
                out[first:last] = part
            tick((last - first) * row)


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read the Gaussians of a checkpoint; nothing in it is run.

    Raises
    ------
    SceneError, Cancelled
    """
    with path.open("rb") as file, _told(path):
        checkpoint = read_checkpoint(file)
        layouts = find_layouts(checkpoint)
        if len(layouts) != 1:
            raise _unfit(path, checkpoint, len(layouts))
        layout = layouts[0]
        for tensor in layout.tensors.values():
            tensor.check()
        others = len(tensor_names(checkpoint)) - len(layout.tensors)
        ignored = [f"{others:,} other tensors"] if others > 0 else []
        return read_parameters(
            path,
            "checkpoint",
            {role: _Parameter(tensor) for role, tensor in layout.tensors.items()},
            progress,
            cancel,
            colours=sh_of_logits if layout.logit_colours else None,
            metadata={"dialect": layout.dialect, "ignored": ignored, **layout.metadata},
        )


def _unfit(path: Path, checkpoint: Any, count: int) -> SceneError:
    if count:
        return SceneError(path, "one set of Gaussian parameters", f"{count}")
    names = tensor_names(checkpoint)
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
    found = f"the tensors {shown}" if names else "no tensors"
    return SceneError(path, "the parameters of Gaussians", found)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever is wrong with the checkpoint, as the one error of this room."""
    try:
        yield
    except CheckpointError as error:
        raise SceneError(path, error.expected, error.found) from None
