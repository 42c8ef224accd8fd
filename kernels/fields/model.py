"""A neural field as data: what is encoded how, by which network, and what its outputs mean.

``y = network([encoding(p) | direction(d)])``: p is a position in units of the encoding, ``(x -
lower) / (upper - lower)`` for a position x of the scene; d is a unit direction v in the same
manner, ``(v - toward[0]) / (toward[1] - toward[0])``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import Encoding
from kernels.fields.networks import Network

FORMS = {
    "radiance": (3, (4,)),
    "volume": (3, (1, 4)),
    "distance": (3, (1,)),
    "image": (2, (1, 3)),
    "light": (6, (3, 4)),
}
"""Coordinates of a position and possible numbers of outputs of each form of field.

radiance
    Density, then red, green and blue. Density is that of extinction per scene unit (Mildenhall et
    al. 2020, eq. 1); it depends on the position alone.
volume
    The same without a direction; of one output, density, colour comes from a transfer function.
distance
    Signed distance, scene units divided by ``unit``, negative inside.
image
    Colour; the position is x to the right and y down, like all in the units of the scene.
light
    Colour of a whole ray, behind its opacity where there are four outputs. Its six coordinates are
    those of the point at which it enters the box of the scene, then those at which it leaves.
"""

ACTIVATIONS = ("none", "relu", "exponential", "sigmoid", "softplus")
"""
``v``; ``max(v, 0)``; ``exp(min(v, 15))``; ``1 / (1 + exp(-v))``; ``log(1 + exp(v))``.
"""


@dataclass(frozen=True)
class Field:
    """A field, without its parameters.

    Attributes
    ----------
    form
        A key of :data:`FORMS`.
    encoding, direction
        Of positions, and of directions of view (away from the eye); None where colour does not
        depend on them.
    network
        Reads the encoded position, then the encoded direction.
    lower, upper
        Positions of the scene at which the encoding sees 0 and 1, one number for each coordinate.
    toward
        Values of a direction's coordinates that its encoding sees as 0 and as 1.
    density, color
        Activations (:data:`ACTIVATIONS`) of those outputs.
    unit
        Scene units of a distance of 1.
    """

    form: str
    encoding: Encoding
    network: Network
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    direction: Encoding | None = None
    toward: tuple[float, float] = (-1.0, 1.0)
    density: str = "exponential"
    color: str = "sigmoid"
    unit: float = 1.0

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form must be {', '.join(FORMS)}, got {self.form!r}")
        dims, outputs = FORMS[self.form]
        if self.encoding.inputs != dims:
            raise ValueError(f"a {self.form} field encodes {dims} coordinates, "
                             f"got {self.encoding.inputs}")  # fmt: skip
        if self.direction is not None and (self.form != "radiance" or self.direction.inputs != 3):
            raise ValueError("only a radiance field has a direction, of 3 coordinates")
        if self.network.inputs != self.width:
            raise ValueError(f"encodings have {self.width} outputs, the network has "
                             f"{self.network.inputs} inputs")  # fmt: skip
        if self.network.outputs not in outputs:
            wanted = " or ".join(map(str, outputs))
            raise ValueError(f"a {self.form} field has {wanted} outputs, got "
                             f"{self.network.outputs}")  # fmt: skip
        if len(self.lower) != dims or len(self.upper) != dims:
            raise ValueError(f"lower and upper must have {dims} numbers")
        spans = [b - a for a, b in zip(self.lower, self.upper, strict=True)]
        spans.append(self.toward[1] - self.toward[0])
        if not all(math.isfinite(span) and span != 0 for span in spans):
            raise ValueError("lower and upper must differ in each coordinate")
        for name, value in (("density", self.density), ("color", self.color)):
            if value not in ACTIVATIONS:
                raise ValueError(f"{name} must be {', '.join(ACTIVATIONS)}, got {value!r}")
        if not (math.isfinite(self.unit) and self.unit > 0):
            raise ValueError(f"unit must be positive, got {self.unit}")

    @property
    def width(self) -> int:
        """Outputs of the encodings together."""
        return self.encoding.width + (self.direction.width if self.direction else 0)

    @property
    def parameters(self) -> int:
        """Of the network and the encodings together."""
        count = self.network.parameter_count + self.encoding.parameters
        return count + (self.direction.parameters if self.direction else 0)


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters of a field: flat arrays, float32 (tensors while it is fitted).

    Raises ValueError from :meth:`check` where a length is not that of the field.
    """

    network: Any
    encoding: Any
    direction: Any

    @classmethod
    def empty(cls, field: Field) -> Weights:
        """All zeros."""
        return cls(*(np.zeros(count, np.float32) for count in _lengths(field)))

    def check(self, field: Field) -> None:
        """See the class."""
        names = ("network", "encoding", "direction")
        for name, wanted in zip(names, _lengths(field), strict=True):
            found = tuple(getattr(self, name).shape)
            if found != (wanted,):
                raise ValueError(f"the {name} has {wanted:,} parameters, got {found}")


def _lengths(field: Field) -> tuple[int, int, int]:
    direction = field.direction.parameters if field.direction else 0
    return field.network.parameter_count, field.encoding.parameters, direction


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Where a field may have density: boxes around one middle, each twice as large as the last.

    Attributes
    ----------
    cells
        (levels, R, R, R) bool, the axes z, y, x; the first level is the innermost.
    lower, upper
        (3,) float64 corners of the innermost box, scene units.
    """

    cells: NDArray[np.bool_]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    @property
    def outer(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Corners of the outermost box."""
        middle, half = (self.lower + self.upper) / 2, (self.upper - self.lower) / 2
        reach = half * 2.0 ** (len(self.cells) - 1)
        return middle - reach, middle + reach
