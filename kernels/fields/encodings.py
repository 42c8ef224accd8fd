"""What turns positions and directions into the inputs of a small network: descriptions only.

Positions of a scene lie in 0..1. Each description knows how many ``inputs`` it reads of a row, the
``width`` of what it writes (nothing is padded) and how many ``parameters`` it has; what is
computed stands in :mod:`kernels.fields.encode`. Formulas are those of tiny-cuda-nn
(``include/tiny-cuda-nn/encodings/*.h``, ``common_device.h``) where nothing else is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

KINDS = ("hash", "dense", "tiled")
INTERPOLATIONS = ("linear", "smoothstep", "nearest")
REDUCTIONS = ("sum", "product")

PRIMES = (1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737)
"""Factors of the spatial hash: XOR over d of ``g_d PRIMES[d]`` in uint32 (Teschner et al. 2003)."""

MOST_DIMS = len(PRIMES)
MOST_LEVELS = 128
MOST_ENTRIES = (2**32 - 1) // 2
"""Where a level's number of vertices is cut off, before it is rounded up to a multiple of 8."""

HIGHEST_DEGREE = 8
PLANES = ((0, 1), (0, 2), (1, 2))
"""Coordinates that each plane of a tri-plane reads: across and down."""


@dataclass(frozen=True)
class Level:
    """One level of a grid: ``x = scale p + 0.5``, and where its entries lie.

    ``resolution`` counts vertices along an axis, ``size`` entries and ``first`` the entries of
    levels before it. A vertex g is entry ``i mod size``, where i is its hash if ``hashed``, and
    otherwise ``sum(g_d strides[d])``, all in uint32.
    """

    scale: float
    resolution: int
    size: int
    first: int
    hashed: bool
    strides: tuple[int, ...]


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be {', '.join(known)}, got {value!r}")


def _check_range(name: str, value: int, least: int, most: int | None = None) -> None:
    if value < least or (most is not None and value > most):
        wanted = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} must be {wanted}, got {value}")


@dataclass(frozen=True)
class _Levels:
    """What grids of cubes and of simplices have in common: entries of several levels in a row."""

    dims: int
    levels: int
    features: int
    log2_size: int
    base: int
    per_level_scale: float

    def __post_init__(self) -> None:
        _check_range("dims", self.dims, 1, MOST_DIMS)
        _check_range("levels", self.levels, 1, MOST_LEVELS)
        _check_range("features", self.features, 1)
        _check_range("log2_size", self.log2_size, 3, 31)
        _check_range("base", self.base, 1)
        if not (math.isfinite(self.per_level_scale) and self.per_level_scale > 0):
            raise ValueError(f"per_level_scale must be positive, got {self.per_level_scale}")
        if not self._scales[-1] < 2**31:
            raise ValueError(f"the last level has {self._scales[-1]:g} cells, 2^31 are too many")

    @property
    def inputs(self) -> int:
        """Coordinates."""
        return self.dims

    @property
    def width(self) -> int:
        """Outputs: the features of all levels, levels first to last."""
        return self.levels * self.features

    @property
    def parameters(self) -> int:
        """Levels first to last; in each the entries, in each of those its features."""
        return sum(level.size for level in self.tables) * self.features

    @property
    def _scales(self) -> list[float]:
        """``2^(l log2 b) base - 1`` with every step rounded to float32."""
        growth = np.float32(math.log2(np.float32(self.per_level_scale)))
        exponents = [float(np.float32(level) * growth) for level in range(self.levels)]
        powers = [np.float32(2.0 ** min(exponent, 64.0)) for exponent in exponents]
        return [float(power * np.float32(self.base) - np.float32(1)) for power in powers]

    def _resolution(self, scale: float) -> int:
        return math.ceil(scale) + 1

    def _size(self, vertices: int) -> int:
        return min(vertices, 1 << self.log2_size)

    @property
    def _can_hash(self) -> bool:
        return True

    @cached_property
    def tables(self) -> tuple[Level, ...]:
        """The levels, coarse to fine."""
        resolutions = [self._resolution(scale) for scale in self._scales]
        vertices = [min(resolution**self.dims, MOST_ENTRIES) for resolution in resolutions]
        sizes = [self._size(-(-count // 8) * 8) for count in vertices]
        firsts = accumulate(sizes, initial=0)
        found = []
        for scale, resolution, size, first in zip(
            self._scales, resolutions, sizes, firsts, strict=False
        ):
            # Where strides would not fit 32 bits there are none, and all vertices are entry 0.
            fits = resolution**self.dims < 2**32
            strides = tuple(resolution**d if fits else 0 for d in range(self.dims))
            stride = resolution**self.dims if fits else 2**32 - 1
            hashed = self._can_hash and size < stride
            found.append(Level(scale, resolution, size, first, hashed, strides))
        return tuple(found)


@dataclass(frozen=True)
class HashGrid(_Levels):
    """Features at the vertices of grids, interpolated (Mueller et al. 2022, section 3).

    ``kind`` says what happens to levels with more vertices than ``2^log2_size``: ``hash`` shares
    entries by a spatial hash, ``dense`` has entries for all of them, and ``tiled`` repeats after
    ``base^dims`` entries. Level l has ``scale = 2^(l log2 b) base - 1`` for ``b =
    per_level_scale``.
    """

    kind: str = "hash"
    interpolation: str = "linear"

    def __post_init__(self) -> None:
        _check_one_of("kind", self.kind, KINDS)
        _check_one_of("interpolation", self.interpolation, INTERPOLATIONS)
        super().__post_init__()

    def _size(self, vertices: int) -> int:
        if self.kind == "hash":
            return super()._size(vertices)
        return vertices if self.kind == "dense" else min(vertices, self.base**self.dims)

    @property
    def _can_hash(self) -> bool:
        return self.kind == "hash"


@dataclass(frozen=True)
class Simplex(_Levels):
    """Features at the corners of simplices: dims + 1 reads, not 2^dims (Wen et al. 2023).

    The position ``x = scale p + 0.5`` is skewed by ``x + sum(x) (sqrt(dims + 1) - 1) / dims``, so
    that the simplices of an integer grid become equal in all directions (arXiv 2311.15439,
    section 3). A level counts the vertices of the skewed cube; more than ``2^log2_size`` share
    entries by the hash.
    """

    @property
    def skew(self) -> float:
        """What is added per unit of the sum of coordinates."""
        return (math.sqrt(self.dims + 1) - 1) / self.dims

    def _resolution(self, scale: float) -> int:
        # Skewed coordinates reach sqrt(dims + 1) times as far, and 0.5 lies before the first.
        return math.ceil((scale + 0.5) * math.sqrt(self.dims + 1)) + 2


@dataclass(frozen=True)
class TriPlane:
    """Features on the planes xy, xz and yz, bilinear, summed (EG3D) or multiplied (K-Planes).

    Vertices of a plane lie from border to border of 0..1, positions beyond take the border.
    Parameters: plane, row, column, feature; the first coordinate of :data:`PLANES` is the column.
    """

    resolution: int
    features: int
    reduce: str = "sum"

    def __post_init__(self) -> None:
        _check_range("resolution", self.resolution, 2, 2**14)
        _check_range("features", self.features, 1)
        _check_one_of("reduce", self.reduce, REDUCTIONS)

    @property
    def inputs(self) -> int:
        """Coordinates."""
        return 3

    @property
    def width(self) -> int:
        """Outputs."""
        return self.features

    @property
    def parameters(self) -> int:
        """Of all three planes."""
        return len(PLANES) * self.resolution**2 * self.features


class _Fixed:
    """An encoding without parameters."""

    @property
    def parameters(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True)
class _OfEach(_Fixed):
    """An encoding of each of ``dims`` coordinates by itself."""

    dims: int

    def __post_init__(self) -> None:
        _check_range("dims", self.dims, 1)

    @property
    def inputs(self) -> int:
        """Coordinates."""
        return self.dims


@dataclass(frozen=True)
class _Waves(_OfEach):
    """Waves of which each is twice as fast as the one before."""

    count: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("count", self.count, 1, 64)


@dataclass(frozen=True)
class Frequency(_Waves):
    """``sin(pi 2^k x), cos(pi 2^k x)`` for k below ``count``, for each coordinate in turn."""

    @property
    def width(self) -> int:
        """Outputs."""
        return 2 * self.dims * self.count


@dataclass(frozen=True)
class TriangleWave(_Waves):
    """``4 |frac(2^(k-1) x + k/4) - 1/2| - 1`` for k below ``count``, for each coordinate."""

    @property
    def width(self) -> int:
        """Outputs."""
        return self.dims * self.count


@dataclass(frozen=True)
class OneBlob(_OfEach):
    """How much of a quartic bump around each coordinate falls into each of ``bins`` bins.

    The bump reaches one bin's width to either side, and what leaves 0..1 comes in from the other
    end (Mueller et al. 2019, Neural Importance Sampling, section 4.3; tiny-cuda-nn takes the
    quartic kernel for the Gaussian one).
    """

    bins: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_range("bins", self.bins, 1)

    @property
    def width(self) -> int:
        """Outputs."""
        return self.dims * self.bins


@dataclass(frozen=True)
class Identity(_OfEach):
    """``scale x + offset``."""

    scale: float = 1.0
    offset: float = 0.0

    @property
    def width(self) -> int:
        """Outputs."""
        return self.dims


@dataclass(frozen=True)
class SphericalHarmonics(_Fixed):
    """The first ``degree`` bands of real spherical harmonics of a direction given as (v + 1) / 2.

    Value ``l (l + 1) + m`` of band l has the sign (-1)^m, as everywhere in this field (Sloan
    2013).
    """

    degree: int

    def __post_init__(self) -> None:
        _check_range("degree", self.degree, 1, HIGHEST_DEGREE)

    @property
    def inputs(self) -> int:
        """Coordinates."""
        return 3

    @property
    def width(self) -> int:
        """Outputs."""
        return self.degree**2


@dataclass(frozen=True)
class Composite:
    """Several encodings of one row, their outputs one after the other, summed or multiplied.

    Parameters are those of the parts in their order. ``firsts`` are the coordinates at which the
    parts begin; empty means that each goes on where the one before ended.
    """

    parts: tuple[Encoding, ...]
    reduce: str = "concatenate"
    firsts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_one_of("reduce", self.reduce, ("concatenate", *REDUCTIONS))
        if not self.parts:
            raise ValueError("a composite needs parts")
        if self.firsts and (len(self.firsts) != len(self.parts) or min(self.firsts) < 0):
            raise ValueError(f"{len(self.parts)} parts begin somewhere each, got {self.firsts}")
        widths = {part.width for part in self.parts}
        if self.reduce != "concatenate" and len(widths) > 1:
            raise ValueError(f"parts of a {self.reduce} must have one width, got {sorted(widths)}")

    @property
    def begins(self) -> tuple[int, ...]:
        """First coordinate of each part."""
        return self.firsts or tuple(accumulate([0, *[part.inputs for part in self.parts[:-1]]]))

    @property
    def inputs(self) -> int:
        """Coordinates, up to the last that a part reads."""
        return max(first + part.inputs for first, part in zip(self.begins, self.parts, strict=True))

    @property
    def width(self) -> int:
        """Outputs."""
        widths = [part.width for part in self.parts]
        return sum(widths) if self.reduce == "concatenate" else widths[0]

    @property
    def parameters(self) -> int:
        """Of all parts."""
        return sum(part.parameters for part in self.parts)


Encoding = (
    HashGrid
    | Simplex
    | TriPlane
    | Frequency
    | TriangleWave
    | OneBlob
    | Identity
    | SphericalHarmonics
    | Composite
)
