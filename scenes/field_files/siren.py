"""Images as SIREN networks (Sitzmann et al. 2020): sines of matrices, from pixel to colour.

Two families of names:

- ``dalmia/siren:siren/siren.py`` with ``train_inpainting_siren.py``: ``network.0``, ``network.2``
  and so on; frequency 30 in the first layer, 1 in the others; reads ``(row / rows, column /
  columns)`` and gives colours of 0 to 255. The example is trained on every tenth pixel, drawn by
  chance: between those the picture is a guess.
- ``vsitzmann/siren:modules.py, dataio.py``: ``net.net.0.0``, ``net.net.1.0`` and so on; frequency
  30 in all layers; reads rows and columns in -1 to 1, border pixel to border pixel, and gives
  colours of -1 to 1.

Neither says how large the picture was, which matters by half a pixel, and for the shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import Identity
from kernels.fields.model import Field, Weights
from scenes.errors import SceneError
from scenes.field_files.build import Stack
from scenes.field_files.checkpoints import Matrices, Tensors, member, nbytes, opened, state_of
from scenes.field_files.picture import picture_size
from scenes.field_files.tell import Tell
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress

_PLACES = ("network", "model", "state_dict", "model_state_dict")
FIRST_OMEGA = 30.0


@dataclass(frozen=True)
class _Family:
    """A trainer's names and conventions.

    Attributes
    ----------
    pattern, stride
        Names of the layers, numbered from 0 in steps of ``stride``.
    omega
        Frequency of all sines but the first.
    around_zero
        Whether coordinates and colours lie in -1 to 1.
    color_scale, color_offset
        Take the output to colours of 0 to 1.
    """

    dialect: str
    pattern: str
    stride: int
    omega: float
    around_zero: bool
    color_scale: float
    color_offset: float

    def names(self, tensors: Tensors) -> list[str]:
        """The layers among the tensors, in their order."""
        found: list[str] = []
        while f"{self.pattern.format(len(found) * self.stride)}.weight" in tensors:
            found.append(self.pattern.format(len(found) * self.stride))
        return found

    def places(self, side: int) -> tuple[float, float]:
        """Factor and offset from 0..1 over all pixels of a side to coordinates of their centres."""
        if not self.around_zero:
            return 1.0, -0.5 / side
        between = max(side - 1, 1)
        return 2.0 * side / between, -1.0 - 1.0 / between


_FAMILIES = (
    _Family("dalmia/siren", "network.{}", 2, 1.0, False, 1 / 255, 0.0),
    _Family("vsitzmann/siren", "net.net.{}.0", 1, 30.0, True, 0.5, 0.5),
)


def _network_in(checkpoint: Any) -> tuple[_Family, Tensors] | None:
    """The first set of tensors that goes from two coordinates to one or three colours."""
    for value in (checkpoint, *(member(checkpoint, place) for place in _PLACES)):
        tensors = state_of(value)
        for family in _FAMILIES:
            names = family.names(tensors)
            if len(names) < 2:
                continue
            first, last = (tensors[f"{name}.weight"].shape for name in (names[0], names[-1]))
            if len(first) == len(last) == 2 and first[1] == 2 and last[0] in (1, 3):
                return family, tensors
    return None


def found_in(checkpoint: Any) -> bool:
    """Whether there is such a network."""
    return _network_in(checkpoint) is not None


def read_scene(
    path: Path, width: int | None, height: int | None, progress: Progress, cancel: Cancel
) -> FieldScene:
    """Read a picture; its size is that of the only picture in the folder, where none is given.

    Raises
    ------
    SceneError, Cancelled
    """
    size, warnings = picture_size(path, width, height)
    with opened(path) as checkpoint:
        found = _network_in(checkpoint)
        if found is None:
            raise SceneError(path, "a SIREN network", "none")
        family, tensors = found
        tell = Tell(nbytes(tensors), progress, cancel)
        tell.done(0)
        model, flat = _model(Matrices(path, tensors, tell), family, size)
    tell.done(tell.total)
    return FieldScene(
        model=model,
        weights=Weights(flat, np.empty(0, np.float32), np.empty(0, np.float32)),
        lower=np.zeros(3),
        upper=np.array([*model.upper, 0.0]),
        size=size,
        name=path.parent.name or path.stem,
        source=path,
        format="siren",
        metadata={"dialect": family.dialect},
        warnings=warnings,
    )


def _model(
    matrices: Matrices, family: _Family, size: tuple[int, int]
) -> tuple[Field, NDArray[np.float32]]:
    """The field, which sees 0..1 over the picture, and the parameters of its network."""
    stack = Stack(2)
    *hidden, last = family.names(dict(matrices.tensors))
    for number, name in enumerate(hidden):
        layer = matrices.linear(name)
        if number == 0:
            stack.add(*_from_picture(*layer, family, size), "sine", FIRST_OMEGA)
        else:
            stack.add(*layer, "sine", family.omega)
    weights, bias = matrices.linear(last)
    bias = np.zeros(len(weights), np.float32) if bias is None else bias
    stack.add(weights * family.color_scale, bias * family.color_scale + family.color_offset)
    network, flat = stack.done()
    longest = max(size)
    upper = (size[0] / longest, size[1] / longest)
    model = Field("image", Identity(2), network, (0.0, 0.0), upper, color="none")
    return model, flat


def _from_picture(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    family: _Family,
    size: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first layer, of x and y over the picture in place of row and column."""
    factors, offsets = np.transpose([family.places(side) for side in size])
    columns = weights[:, ::-1].astype(np.float64)
    return columns * factors, columns @ offsets + (0.0 if bias is None else bias)
