"""An encoding as a list of steps that a kernel takes for each block of samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encode.harmonics import constants
from kernels.fields.encodings import (
    HIGHEST_DEGREE,
    INTERPOLATIONS,
    MOST_DIMS,
    PLANES,
    PRIMES,
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)

GRID, SIMPLEX, PLANES_SUM, PLANES_PRODUCT, FREQUENCY, TRIANGLE, BLOB, IDENTITY, HARMONICS = range(9)
ADD, MULTIPLY = 9, 10
"""Kinds of steps; the last two join what a step wrote aside to what stands in its place."""

KIND, COORDINATE, DIMS, START, WIDTH, COLUMN, COUNT, FEATURES, FIRST, LEVEL, LAST_LEVEL = range(11)
"""Columns of the table of steps.

A step writes from COLUMN on of rows of WIDTH, which begin START floats per sample into the memory
of a block or are those of the RESULT. COUNT is the number of frequencies or bins, the degree, the
resolution or the interpolation; FIRST the first parameter.
"""
RESULT = -1
FROM = COUNT
"""Where rows of DIMS columns, the second operand of ADD and MULTIPLY, begin in the memory."""

ENTRIES, SIZE, HASHED, FACTORS = 0, 1, 2, 3
"""Columns of the table of levels; one factor of each coordinate is the last."""


@dataclass(frozen=True)
class Plan:
    """Tables for the kernel, which depend on the encoding alone.

    ``numbers`` holds two floats of a step, ``scales`` those of levels; ``aside`` floats per sample
    are needed beside the result, ``corners`` is the most that a sample reads of a level,
    ``features`` the most of a tri-plane and ``columns`` the widest encoding without parameters.
    """

    steps: NDArray[np.int64]
    numbers: NDArray[np.float32]
    levels: NDArray[np.int64]
    scales: NDArray[np.float32]
    harmonics: NDArray[np.float32]
    aside: int
    corners: int
    features: int
    columns: int


class _Planner:
    """Collects the steps of an encoding, parts first to last."""

    def __init__(self) -> None:
        self.steps: list[list[int]] = []
        self.numbers: list[tuple[float, float]] = []
        self.levels: list[list[int]] = []
        self.scales: list[float] = []
        self.aside = self.corners = self.columns = self.features = 0

    def add(self, encoding: Encoding, coordinate: int, first: int, place: _Place) -> None:
        """Steps that write an encoding's columns to a place."""
        if isinstance(encoding, Composite):
            return self._join(encoding, coordinate, first, place)
        kind, count, features, numbers = _described(encoding)
        level = len(self.levels)
        if isinstance(encoding, HashGrid | Simplex):
            self._add_levels(encoding)
            simplex = isinstance(encoding, Simplex)
            self.corners = max(self.corners, encoding.dims + 1 if simplex else 2**encoding.dims)
        elif isinstance(encoding, TriPlane):
            self.corners = max(self.corners, 4 * len(PLANES))
            self.features = max(self.features, encoding.features)
        else:
            self.columns = max(self.columns, encoding.width)
        self._step(
            kind, coordinate, encoding.inputs, place, [count, features, first, level,
            len(self.levels)], numbers,
        )  # fmt: skip
        return None

    def _step(
        self,
        kind: int,
        coordinate: int,
        dims: int,
        place: _Place,
        rest: list[int],
        numbers: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        row = [kind, coordinate, dims, place.start, place.width, place.column, *rest]
        self.steps.append(row)
        self.numbers.append(numbers)

    def _join(self, whole: Composite, coordinate: int, first: int, place: _Place) -> None:
        depth = place.depth
        for number, (part, begin) in enumerate(zip(whole.parts, whole.begins, strict=True)):
            if whole.reduce == "concatenate":
                self.add(part, coordinate + begin, first, place)
                place = place.moved(part.width)
            elif number == 0:
                self.add(part, coordinate + begin, first, place)
            else:
                other = _Place(depth, part.width, 0, depth + part.width)
                self.aside = max(self.aside, other.depth)
                self.add(part, coordinate + begin, first, other)
                kind = ADD if whole.reduce == "sum" else MULTIPLY
                self._step(kind, 0, part.width, place, [other.start, 0, 0, 0, 0])
            first += part.parameters

    def _add_levels(self, grid: HashGrid | Simplex) -> None:
        for level in grid.tables:
            factors = PRIMES[: grid.dims] if level.hashed else level.strides
            padding = [0] * (MOST_DIMS - grid.dims)
            entries = level.first * grid.features
            self.levels.append([entries, level.size, int(level.hashed), *factors, *padding])
            self.scales.append(level.scale)


@dataclass(frozen=True)
class _Place:
    """Where columns go (see START), and how many floats per sample of the memory are taken."""

    start: int
    width: int
    column: int
    depth: int

    def moved(self, columns: int) -> _Place:
        """The place after some columns."""
        return _Place(self.start, self.width, self.column + columns, self.depth)


def _described(encoding: Encoding) -> tuple[int, int, int, tuple[float, float]]:
    """Kind, count, features and numbers of an encoding that is no composite."""
    match encoding:
        case HashGrid():
            count = INTERPOLATIONS.index(encoding.interpolation)
            return GRID, count, encoding.features, (0.0, 0.0)
        case Simplex():
            return SIMPLEX, 0, encoding.features, (encoding.skew, 0.0)
        case TriPlane():
            kind = PLANES_SUM if encoding.reduce == "sum" else PLANES_PRODUCT
            return kind, encoding.resolution, encoding.features, (0.0, 0.0)
        case Frequency():
            return FREQUENCY, encoding.count, 0, (0.0, 0.0)
        case TriangleWave():
            return TRIANGLE, encoding.count, 0, (0.0, 0.0)
        case OneBlob():
            return BLOB, encoding.bins, 0, (0.0, 0.0)
        case Identity():
            return IDENTITY, 0, 0, (encoding.scale, encoding.offset)
        case SphericalHarmonics():
            return HARMONICS, encoding.degree, 0, (0.0, 0.0)
    raise TypeError(f"no encoding: {encoding!r}")


@lru_cache(maxsize=64)
def plan_of(encoding: Encoding) -> Plan:
    """The tables of an encoding."""
    planner = _Planner()
    planner.add(encoding, 0, 0, _Place(RESULT, encoding.width, 0, 0))
    return Plan(
        np.array(planner.steps, np.int64),
        np.array(planner.numbers, np.float32),
        np.array(planner.levels, np.int64).reshape(-1, FACTORS + MOST_DIMS),
        np.array(planner.scales, np.float32),
        np.stack(constants(HIGHEST_DEGREE)).astype(np.float32),
        planner.aside,
        planner.corners,
        planner.features,
        planner.columns,
    )
