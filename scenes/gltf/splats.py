"""The primitives of a glTF file that are Gaussian splats.

Attributes of ``KHR_gaussian_splatting`` (``KhronosGroup/glTF:extensions/2.0/Khronos/
KHR_gaussian_splatting/README.md``, release candidate): ``POSITION``, ``ROTATION`` (xyzw),
``SCALE`` (linear), ``OPACITY`` (linear), and ``SH_DEGREE_l_COEF_n``, whose order n is m from -l
to l. Its appendix lists the basis functions with the Condon-Shortley phase, sign by sign those of
the Inria program (:func:`scenes.sh.basis`), so coefficients are taken as they are.

The review draft before kept ``SCALE`` as logarithms, and files of splat-transform until mid-2026
do. Nothing marks them but negative values, which linear scales never are.

SPZ blobs replace the attributes under ``KHR_gaussian_splatting_compression_spz_2`` inside the
extension, and in older drafts under ``KHR_spz_gaussian_splats_compression`` and
``KHR_spz_compression`` on the primitive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from scenes.assembly import SplatArrays
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.gltf.accessors import Accessor, Cache, accessor
from scenes.gltf.container import LARGEST, Document
from scenes.paths.json_file import Value
from scenes.placement import Placement

EXTENSION = "KHR_gaussian_splatting"
PREFIX = f"{EXTENSION}:"

_NESTED = ("KHR_gaussian_splatting_compression_spz_2", "KHR_gaussian_splatting_compression_spz")
_DRAFTS = ("KHR_spz_gaussian_splats_compression", "KHR_spz_compression")
_KINDS = {
    "POSITION": (3, ("f4", "i1", "u1", "i2", "u2")),
    f"{PREFIX}ROTATION": (4, ("f4", "i1", "i2")),
    f"{PREFIX}SCALE": (3, ("f4", "i1", "u1", "i2", "u2")),
    f"{PREFIX}OPACITY": (1, ("f4", "u1", "u2")),
}
_COEFFICIENT = re.compile(rf"{PREFIX}SH_DEGREE_([0-9])_COEF_([0-9])")
_TYPE_WORDS = {"i1": "8 bits", "u1": "8 bits", "i2": "16 bits", "u2": "16 bits"}


@dataclass(frozen=True)
class PlainSplats:
    """Splats in accessors: position, rotation, scale, opacity, then the coefficients."""

    geometry: tuple[Accessor, Accessor, Accessor, Accessor]
    colour: tuple[Accessor, ...]
    log_scales: bool = False

    @property
    def count(self) -> int:
        """Number of splats."""
        return self.geometry[0].count

    @property
    def degree(self) -> int:
        """Degree of the view-dependent colour."""
        return SH_COEFFICIENTS.index(len(self.colour))

    @property
    def nbytes(self) -> int:
        """Bytes of the attributes, as if each had its own."""
        return self.count * sum(item.row_bytes for item in (*self.geometry, *self.colour))

    @property
    def quantisation(self) -> str:
        """The attributes that are no floats, in words."""
        names = ("position", "rotation", "scale", "opacity")
        return ", ".join(
            f"{name} in {_TYPE_WORDS[item.type]}"
            for name, item in zip(names, self.geometry, strict=True)
            if item.type in _TYPE_WORDS
        )

    def decode(
        self, first: int, last: int, arrays: SplatArrays, row: int, place: Placement
    ) -> None:
        """Rows ``first`` to ``last - 1``, put in place, into the arrays from ``row`` on."""
        here = slice(row, row + last - first)
        cache: Cache = {}
        position, rotation, scale, opacity = (
            item.rows(first, last, cache) for item in self.geometry
        )
        arrays.means[here] = position
        arrays.quats[here] = rotation[:, [3, 0, 1, 2]]
        with np.errstate(over="ignore", invalid="ignore"):
            arrays.scales[here] = np.exp(scale) if self.log_scales else scale
        arrays.opacities[here] = opacity[:, 0]
        for index, item in enumerate(self.colour):
            arrays.sh[here, index] = item.rows(first, last, cache)
        arrays.sh[here, len(self.colour) :] = 0
        place.apply(*_views(arrays, here))


@dataclass(frozen=True)
class PackedSplats:
    """Splats that stood in the file as an SPZ blob."""

    scene: GaussianScene

    @property
    def count(self) -> int:
        """Number of splats."""
        return self.scene.count

    @property
    def degree(self) -> int:
        """Degree of the view-dependent colour."""
        return self.scene.sh_degree

    @property
    def nbytes(self) -> int:
        """Bytes of the unpacked attributes."""
        return self.scene.nbytes

    @property
    def quantisation(self) -> str:
        """The steps of the blob, in words."""
        return str(self.scene.metadata.get("quantisation", ""))

    def decode(
        self, first: int, last: int, arrays: SplatArrays, row: int, place: Placement
    ) -> None:
        """Rows ``first`` to ``last - 1``, put in place, into the arrays from ``row`` on."""
        here, rows = slice(row, row + last - first), slice(first, last)
        arrays.means[here] = self.scene.means[rows]
        arrays.quats[here] = self.scene.quats[rows]
        arrays.scales[here] = self.scene.scales[rows]
        arrays.opacities[here] = self.scene.opacities[rows]
        kept = self.scene.sh.shape[1]
        arrays.sh[here, :kept] = self.scene.sh[rows]
        arrays.sh[here, kept:] = 0
        place.apply(*_views(arrays, here))


def _views(arrays: SplatArrays, here: slice) -> tuple[np.ndarray, ...]:
    return arrays.means[here], arrays.quats[here], arrays.scales[here], arrays.sh[here]


def is_splats(primitive: Value) -> bool:
    """Whether a primitive is one of Gaussian splats, of this or an older draft."""
    extensions = primitive.get("extensions", {})
    return any(name in extensions for name in (EXTENSION, *_DRAFTS))


def blob_view(primitive: Value) -> int | None:
    """The bufferView with the SPZ blob of a primitive; None for splats in attributes."""
    extensions = primitive["extensions"]
    nested = extensions.get(EXTENSION, {}).get("extensions", {})
    for holder, names in ((nested, _NESTED), (extensions, _DRAFTS)):
        for name in names:
            if name in holder:
                return holder[name]["bufferView"].integer(0, LARGEST)
    return None


def plain_splats(document: Document, primitive: Value) -> PlainSplats:
    """The splats of a primitive in attributes, whose counts agree.

    Raises
    ------
    SceneError
        For attributes that are missing, of older drafts, or do not fit each other or the file.
    """
    attributes = primitive["attributes"]
    if not isinstance(attributes.raw, dict):
        attributes.fail("an object")
    names = [*_KINDS, *_coefficients(attributes)]
    missing = [name for name in names if name not in attributes]
    if missing:
        older = [name for name in ("_ROTATION", "_SCALE") if name in attributes]
        found = f"names of an older draft ({', '.join(older)})" if older else "none"
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        attributes.fail(f"attributes {shown}", found)
    found_accessors = []
    for name in names:
        width, kinds = _KINDS.get(name, (3, ("f4", "i1", "i2")))
        index = attributes[name].integer(0, LARGEST)
        found_accessors.append(accessor(document, index, kinds, width))
    counts = {item.count for item in found_accessors}
    if len(counts) > 1:
        shown = ", ".join(f"{count:,}" for count in sorted(counts)[:5])
        attributes.fail("as many rows in all attributes", f"{shown}")
    position, rotation, scale, opacity, *colour = found_accessors
    if opacity.type != "f4" and not opacity.normalized:
        attributes.fail("an OPACITY of floats or normalised numbers", "whole numbers")
    return PlainSplats((position, rotation, scale, opacity), tuple(colour))


def _coefficients(attributes: Value) -> list[str]:
    """All coefficients up to the highest degree that is there, degree by degree."""
    matches = (_COEFFICIENT.fullmatch(name) for name in attributes.raw)
    degrees = [int(match[1]) for match in matches if match]
    highest = min(max(degrees, default=0), len(SH_COEFFICIENTS) - 1)
    return [
        f"{PREFIX}SH_DEGREE_{degree}_COEF_{n}"
        for degree in range(highest + 1)
        for n in range(2 * degree + 1)
    ]
