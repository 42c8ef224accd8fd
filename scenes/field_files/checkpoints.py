"""Neural fields among the checkpoints of PyTorch: which kind, and their matrices."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.checkpoint import OLD_MAGIC, StoredTensor, read_checkpoint
from kernels.codec.tensor_pickle import CheckpointError
from scenes.errors import SceneError
from scenes.field_files.tell import Tell, finite

Tensors = dict[str, StoredTensor]
"""The tensors of one network, by name."""

MOST_TENSORS = 512
MOST_LAYERS = 128
LARGEST_MATRIX = 1 << 16
"""Columns and rows."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """What a checkpoint holds, see ``kernels.codec.checkpoint.read_checkpoint``.

    Whatever is wrong with it, also later inside the block, ends in SceneError; so do parts that
    do not fit each other.
    """
    with path.open("rb") as file:
        try:
            yield read_checkpoint(file)
        except CheckpointError as error:
            raise SceneError(path, error.expected, error.found) from None
        except ValueError as error:
            raise SceneError(path, "a network whose parts fit", str(error)) from None


def kind_of(path: Path, head: bytes) -> str:
    """The field that a checkpoint holds: "nerf", "siren", "deepsdf", or nothing.

    Only names and shapes of the tensors are looked at.
    """
    if not head.startswith((b"PK\x03\x04", OLD_MAGIC)):
        return ""
    told = path.stat()
    return _kind_of(path, told.st_size, told.st_mtime_ns)


@functools.lru_cache(1)
def _kind_of(path: Path, size: int, changed: int) -> str:
    """The last answer is kept: the instructions of a hostile checkpoint take a second."""
    try:
        with opened(path) as checkpoint:
            for name in ("nerf", "siren", "deepsdf"):
                if import_module(f"scenes.field_files.{name}").found_in(checkpoint):
                    return name
    except (SceneError, OSError):
        pass
    return ""


def state_of(value: Any) -> Tensors:
    """The tensors of a state dictionary; the prefix of ``DataParallel`` is taken off."""
    if not isinstance(value, dict):
        return {}
    tensors = {
        str(name).removeprefix("module."): item
        for name, item in value.items()
        if isinstance(item, StoredTensor)
    }
    return tensors if len(tensors) <= MOST_TENSORS else {}


def member(value: Any, name: str) -> Any:
    """A member of a dictionary, or None."""
    return value.get(name) if isinstance(value, dict) else None


class Matrices:
    """The tensors of one network, read as float32."""

    def __init__(self, path: Path, tensors: Mapping[str, StoredTensor], tell: Tell) -> None:
        self.path = path
        self.tensors = tensors
        self.tell = tell

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor that must be there."""
        if name not in self.tensors:
            raise SceneError(self.path, f"a tensor {name}", "none")
        return self.tensors[name].shape

    def read(self, name: str, axes: int) -> NDArray[np.float32]:
        """A tensor that must be there, finite, with this many axes.

        Raises
        ------
        SceneError, Cancelled
        """
        shape = self.shape(name)
        tensor = self.tensors[name]
        words = " x ".join(map(str, shape)) or "one number"
        if len(shape) != axes or 0 in shape or max(shape) > LARGEST_MATRIX:
            raise SceneError(self.path, f"{axes} axes of {name}", words)
        if tensor.dtype.kind != "f":
            raise SceneError(self.path, f"floating-point numbers in {name}", str(tensor.dtype))
        tensor.check()
        values = np.asarray(tensor)
        self.tell.done(values.nbytes)
        return finite(self.path, name, values)

    def linear(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Matrix (outputs, inputs) and bias, where there is one, of ``torch.nn.Linear``.

        A matrix kept as lengths g and directions v of its rows is ``g v / |v|`` (Salimans and
        Kingma 2016, eq. 2; ``torch.nn.utils.weight_norm`` and its parametrization).
        """
        bias = self.read(f"{name}.bias", 1) if f"{name}.bias" in self else None
        lengths, directions = self._names(name)[-2:]
        if directions not in self:
            return self.read(f"{name}.weight", 2), bias
        v, g = self.read(directions, 2).astype(np.float64), self.read(lengths, 2)
        if g.shape != (len(v), 1):
            found = " x ".join(map(str, g.shape))
            raise SceneError(self.path, f"{len(v)} x 1 numbers in {lengths}", found)
        norms = np.linalg.norm(v, axis=1, keepdims=True)
        return finite(self.path, name, g * v / np.maximum(norms, 1e-30)), bias

    def linear_shape(self, name: str) -> tuple[int, int]:
        """Outputs and inputs of a layer that must be there; zeros for what is no matrix."""
        known = [item for item in self._names(name)[::2] if item in self]
        shape = self.shape(known[0] if known else f"{name}.weight")
        return (shape[0], shape[1]) if len(shape) == 2 else (0, 0)

    def has_linear(self, name: str) -> bool:
        """Whether there is a layer of that name."""
        return any(item in self for item in self._names(name)[::2])

    def _names(self, name: str) -> tuple[str, str, str]:
        """Of the matrix, or of lengths and directions of its rows."""
        new = f"{name}.parametrizations.weight.original"
        if f"{new}1" in self:
            return f"{name}.weight", f"{new}0", f"{new}1"
        return f"{name}.weight", f"{name}.weight_g", f"{name}.weight_v"

    def numbered(self, pattern: str) -> list[str]:
        """The layers whose names are the pattern with 0, 1, ... for ``{}``, as far as they go."""
        names = map(pattern.format, range(MOST_LAYERS))
        return list(itertools.takewhile(self.has_linear, names))


def nbytes(tensors: Mapping[str, StoredTensor]) -> int:
    """What reading all of them comes to."""
    return sum(int(np.prod(t.shape, dtype=object)) * t.dtype.itemsize for t in tensors.values())
