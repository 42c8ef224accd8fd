"""Encodings as tiny-cuda-nn's JSON states them, and what it pads them with.

The outputs of an encoding are padded to a multiple of what the network behind it needs: grids with
zeros, the others with ones, spherical harmonics in front (``tiny-cuda-nn:include/tiny-cuda-nn/
encodings/*.h``). A nested encoding is padded to where the next one may begin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.fields.encodings import (
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    SphericalHarmonics,
    TriangleWave,
)
from scenes.paths.json_file import Value

FINEST = 2048.0
"""Vertices along the unit cube of the finest level, where a file does not say (NeRF, SDF)."""
MOST_PARTS = 64

_GRIDS = {"grid": "hash", "hashgrid": "hash", "tiledgrid": "tiled", "densegrid": "dense"}
_TYPES = {"hash": "hash", "tiled": "tiled", "dense": "dense"}
_INTERPOLATIONS = {"linear": "linear", "smoothstep": "smoothstep", "nearest": "nearest"}
_REDUCTIONS = {"concatenation": "concatenate", "sum": "sum", "product": "product"}


@dataclass(frozen=True)
class Coded:
    """An encoding and the columns that tiny-cuda-nn makes of it.

    Attributes
    ----------
    encoding
        None where all columns are constant.
    columns
        For each column the number of the encoding's output, or -1.
    constants
        As many: the values of columns that are -1.
    """

    encoding: Encoding | None
    columns: tuple[int, ...]
    constants: tuple[float, ...]
    pads: float
    """What further columns would hold."""
    pads_first: bool = False

    def padded(self, multiple: int, before: int = 0) -> Coded:
        """With as many constant columns as make the width, behind that of others, a multiple."""
        more = -(before + len(self.columns)) % multiple
        none, value = (-1,) * more, (self.pads,) * more
        if self.pads_first:
            columns, constants = none + self.columns, value + self.constants
        else:
            columns, constants = self.columns + none, self.constants + value
        return Coded(self.encoding, columns, constants, self.pads, self.pads_first)


def _coded(encoding: Encoding, pads: float, pads_first: bool = False) -> Coded:
    width = encoding.width
    return Coded(encoding, tuple(range(width)), (0.0,) * width, pads, pads_first)


def per_level_scale(finest: float, base: int, levels: int) -> float:
    """Growth from level to level such that the last one has ``finest`` vertices, in float32.

    ``exp(ln(finest / base) / (levels - 1))`` (Mueller et al. 2022, eq. 3).
    """
    ratio = np.float32(finest) / np.float32(base)
    return float(np.exp(np.log(ratio) / np.float32(levels - 1)))


def encoding_of(
    value: Value, dims: int, finest: float | None, latents: Sequence[float] = ()
) -> Coded:
    """The encoding of ``dims`` coordinates and of further ones, ``latents``, that never change.

    ``finest`` is how many vertices the finest level of a grid gets if the file does not say; None
    where that is not known.

    Raises
    ------
    SceneError
    """
    try:
        if _type(value) == "composite":
            return _composite(value, dims, latents)
        if latents:
            value.fail("an encoding that leaves latent numbers as they are")
        return _single(value, dims, finest)
    except ValueError as error:
        value.fail("an encoding", str(error))


def _type(value: Value) -> str:
    return value["otype"].text(64).lower()


def _single(value: Value, dims: int, finest: float | None, nested: bool = False) -> Coded:
    kind = _type(value)
    if kind in _GRIDS:
        return _coded(_grid(value, dims, _GRIDS[kind], finest, nested), 0.0)
    if kind == "sphericalharmonics":
        if dims != 3:
            raise ValueError(f"spherical harmonics of {dims} coordinates")
        return _coded(SphericalHarmonics(value.get("degree", 4).integer(1, 8)), 1.0, True)
    if kind == "identity":
        scale, offset = value.get("scale", 1.0).number(), value.get("offset", 0.0).number()
        return _coded(Identity(dims, scale, offset), 1.0)
    if kind == "frequency":
        return _coded(Frequency(dims, value.get("n_frequencies", 12).integer(1, 64)), 1.0)
    if kind == "trianglewave":
        return _coded(TriangleWave(dims, value.get("n_frequencies", 12).integer(1, 64)), 1.0)
    if kind == "oneblob":
        return _coded(OneBlob(dims, value.get("n_bins", 16).integer(1, 4096)), 1.0)
    known = "a grid, SphericalHarmonics, Identity, Frequency, TriangleWave, OneBlob or Composite"
    value["otype"].fail(known)


def _grid(value: Value, dims: int, usual: str, finest: float | None, nested: bool) -> HashGrid:
    """A grid; instant-ngp makes up for what is not said, but not inside composites."""
    features = value.get("n_features_per_level", 2).integer(1, 1024)
    levels = value.get("n_levels", 16).integer(1, 128)
    if "n_features" in value and value["n_features"].integer(0, 1 << 17):
        levels = value["n_features"].integer(features, 1 << 17) // features
    log2_size = value.get("log2_hashmap_size", 19).integer(3, 31)
    base = value.get("base_resolution", 16 if nested else 0).integer(0, 1 << 20)
    # instant-ngp has another default here than the grid itself.
    base = base or 1 << (value.get("log2_hashmap_size", 15).integer(3, 31) // dims)
    growth = value.get("per_level_scale", 2.0 if nested or levels == 1 else 0.0).number(-1e6, 1e6)
    if growth <= 0:
        if finest is None:
            value.fail("per_level_scale", "none, and nothing to find it from")
        growth = per_level_scale(finest, base, levels) if levels > 1 else 2.0
    if "hash" in value:
        name = value["hash"].text(64).lower()
        if name != "coherentprime":
            value["hash"].fail("the hash CoherentPrime")
    kind = value.get("type", usual).text(64).lower()
    interpolation = value.get("interpolation", "linear").text(64).lower()
    if kind not in _TYPES:
        value["type"].fail("Hash, Dense or Tiled")
    if interpolation not in _INTERPOLATIONS:
        value["interpolation"].fail("Linear, Smoothstep or Nearest")
    return HashGrid(
        dims, levels, features, log2_size, base, growth, _TYPES[kind],
        _INTERPOLATIONS[interpolation],
    )  # fmt: skip


def _composite(value: Value, dims: int, latents: Sequence[float]) -> Coded:
    nested = list(value["nested"].items("encoding", MOST_PARTS))
    parts = list(_parts(value, nested, dims + len(latents)))
    reduction = value.get("reduction", "Concatenation").text(64).lower()
    if reduction not in _REDUCTIONS:
        value["reduction"].fail("Concatenation, Sum or Product")
    made = [_part(item, first, count, dims, latents) for item, first, count in parts]
    encodings = [(part.encoding, first) for part, (_, first, _) in zip(made, parts, strict=True)]
    real = [(encoding, first) for encoding, first in encodings if encoding is not None]
    if not real:
        value.fail("an encoding of coordinates", "none")
    encoding, first = real[0]
    if len(real) > 1 or first:
        inner, firsts = zip(*real, strict=True)
        encoding = Composite(inner, _REDUCTIONS[reduction], firsts)
    if reduction != "concatenation":
        if len(real) != len(made):
            value.fail("latent numbers that are not summed")
        return _coded(encoding, made[-1].pads, made[-1].pads_first)
    columns: list[int] = []
    constants: list[float] = []
    start = 0
    for number, part in enumerate(made):
        if number + 1 < len(made):
            part = part.padded(_alignment(made[number + 1].encoding), len(columns))
        columns += [column if column < 0 else start + column for column in part.columns]
        constants += part.constants
        start += part.encoding.width if part.encoding else 0
    return Coded(encoding, tuple(columns), tuple(constants), made[-1].pads, made[-1].pads_first)


def _parts(value: Value, nested: list[Value], dims: int) -> Any:
    """Each nested encoding that has coordinates, its first one and how many."""
    placed = any("dims_to_encode_begin" in item for item in nested)
    told = [item.get("n_dims_to_encode", 0).integer(0, 1024) for item in nested]
    rest = None if placed else dims - sum(told)
    if rest is not None and rest < 0:
        value.fail(f"encodings of {dims} coordinates", f"{sum(told)}")
    first = 0
    for item, count in zip(nested, told, strict=True):
        if "n_dims_to_encode" not in item:
            if rest is None:
                item.fail("n_dims_to_encode", "none")
            count, rest = rest, None
        elif "dims_to_encode_begin" in item:
            first = item["dims_to_encode_begin"].integer(0, 1024)
        if count:
            if first + count > dims:
                item.fail(f"coordinates 0 to {dims - 1}", f"{first} to {first + count - 1}")
            yield item, first, count
        first += count


def _part(item: Value, first: int, count: int, dims: int, latents: Sequence[float]) -> Coded:
    if first + count <= dims:
        if _type(item) == "composite":
            item.fail("an encoding that is not a composite itself")
        return _single(item, count, None, nested=True)
    if first < dims or _type(item) != "identity":
        item.fail("latent numbers as they are")
    scale, offset = item.get("scale", 1.0).number(), item.get("offset", 0.0).number()
    values = [scale * number + offset for number in latents[first - dims : first - dims + count]]
    return Coded(None, (-1,) * count, tuple(values), 1.0)


def _alignment(encoding: Encoding | None) -> int:
    """Where an encoding may begin among the outputs."""
    if isinstance(encoding, Composite):
        return math.lcm(*(_alignment(part) for part in encoding.parts))
    return encoding.features if isinstance(encoding, HashGrid) else 1
