"""``meta.json`` of a SOG scene: what the bytes of its pictures mean.

Version 2 has codebooks of 256 values; the older description without a version has a smallest and
a largest value for each channel. Both end as tables here, so that nothing else has to know.
(Facts: PlayCanvas developer site ``formats/sog.md``; playcanvas/splat-transform
``src/lib/readers/read-sog.ts`` and ``read-sog-v1.ts``.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import is_inside
from scenes.paths.json_file import Value

Array = NDArray[np.float64]

MOST_BYTES = 4 << 20
"""Longest description; real ones have some 15,000 bytes."""
MOST_PALETTE = 65_536
"""Labels have 16 bits."""
DEGREES = {192: 1, 512: 2, 960: 3}
"""Width of the centroid picture, 64 entries of 3, 8 or 15 coefficients, and the degree."""

_KNOWN = {"version", "asset", "count", "model", "antialias", "means", "scales", "quats", "sh0",
          "shN"}  # fmt: skip
_TRAINING = {"antialiased": "mip", "2dgs": "2dgs"}


@dataclass(frozen=True)
class Rest:
    """Where the view-dependent colour is: ``shN``.

    ``degree`` and ``count`` are None where only the picture of the centroids tells them.
    ``codebook`` (256,) are the values of its bytes.
    """

    centroids: str
    labels: str
    codebook: Array
    degree: int | None
    count: int | None


@dataclass(frozen=True)
class Meta:
    """A checked description.

    Attributes
    ----------
    version, count, training, generator
        1 or 2; number of splats; ``"3dgs"``, ``"mip"`` or ``"2dgs"``; who wrote it, or "".
    lowest, highest
        (3,) range of the squeezed positions ``sign(x) log(1 + |x|)``.
    scales
        (256, 3) log scales of the bytes.
    base
        (256, 4) first coefficients of red, green, blue and opacity 0..1 of the bytes.
    files
        Names of the pictures ``means_low``, ``means_high``, ``scales``, ``quats``, ``base``.
    rest
        None for degree 0.
    repaired, ignored
        What had to be guessed (sentences), and what is there beyond the splats (phrases).
    """

    version: int
    count: int
    training: str
    generator: str
    lowest: Array
    highest: Array
    scales: Array
    base: Array
    files: dict[str, str]
    rest: Rest | None
    repaired: tuple[str, ...]
    ignored: tuple[str, ...]


def is_meta(raw: Any) -> bool:
    """Whether a JSON value looks like the description of a SOG scene."""
    return isinstance(raw, dict) and "means" in raw and ("scales" in raw or "sh0" in raw)


@np.errstate(over="ignore", invalid="ignore")
def read_meta(value: Value) -> Meta:
    """Check a description; values too large for a float become infinite, never a warning.

    Raises
    ------
    SceneError
        With the place, for what is no SOG scene.
    """
    version = value["version"].integer(0, 2**31 - 1) if "version" in value else 1
    if "version" in value and version != 2:
        value["version"].fail("version 2, or none for the older kind", f"{version}")
    repaired: list[str] = []
    ignored = [name for name in value.raw if name not in _KNOWN]
    means = value["means"]
    low, high = _files(means, 2)
    files = {"means_low": low, "means_high": high, "scales": _files(value["scales"], 1)[0],
             "quats": _files(value["quats"], 1)[0], "base": _files(value["sh0"], 1)[0]}  # fmt: skip
    tables = _codebook_tables(value, repaired) if version == 2 else _ranged_tables(value)
    return Meta(
        version=version,
        count=_count(value, version),
        training=_training(value),
        generator=_generator(value),
        lowest=means["mins"].numbers(3),
        highest=means["maxs"].numbers(3),
        scales=tables[0],
        base=tables[1],
        files=files,
        rest=_rest(value, version, repaired),
        repaired=tuple(repaired),
        ignored=tuple(f'"{name[:60]}" in the description' for name in ignored),
    )


def _count(value: Value, version: int) -> int:
    if version == 2:
        return value["count"].integer(0, 2**31 - 1)
    shape = value["means"]["shape"]
    for entry in shape.items("dimension", 3):
        return entry.integer(0, 2**31 - 1)
    shape.fail("a number of splats")


def _training(value: Value) -> str:
    model = value.get("model", None).raw
    if model is not None:
        return _TRAINING.get(value["model"].text(), "3dgs")
    return "mip" if value.get("antialias", False).raw is True else "3dgs"


def _generator(value: Value) -> str:
    asset = value.raw.get("asset")
    name = asset.get("generator") if isinstance(asset, dict) else None
    return name[:200] if isinstance(name, str) else ""


def _files(value: Value, count: int) -> list[str]:
    names = value["files"]
    found = [entry.text(255) for entry in names.items("file", 16)]
    if len(found) != count:
        names.fail(f"{count} names of files")
    for name in found:
        if not name or not is_inside(name):
            names.fail("names of files beside the description", f"'{name[:100]}'")
    return found


def _codebook_tables(value: Value, repaired: list[str]) -> tuple[Array, Array]:
    scales = _codebook(value["scales"], repaired)
    colours = _codebook(value["sh0"], repaired)
    opacity = np.arange(256) / 255.0
    return np.repeat(scales[:, None], 3, 1), np.stack([colours] * 3 + [opacity], 1)


def _codebook(value: Value, repaired: list[str]) -> Array:
    book = value["codebook"]
    raw = book.raw
    if isinstance(raw, list) and len(raw) == 256 and raw[0] is None:
        # Some writers left the first entry empty; PlayCanvas' engine continues the others.
        rest = Value(book.file, raw[1:], book.where).numbers(255)
        repaired.append(
            f"The first entry of the codebook of {value.where} is missing and was extrapolated."
        )
        return np.concatenate([[rest[0] + (rest[0] - rest[254]) / 255], rest])
    return book.numbers(256)


def _ranged_tables(value: Value) -> tuple[Array, Array]:
    encoding = value["quats"].get("encoding", "quaternion_packed")
    encoding.choice(["quaternion_packed"])
    scales = _ramp(value["scales"], 3)
    base = _ramp(value["sh0"], 4)
    base[:, 3] = 1 / (1 + np.exp(-base[:, 3]))
    return scales, base


def _ramp(value: Value, channels: int) -> Array:
    """(256, channels) from the smallest to the largest value of each."""
    low, high = value["mins"].numbers(channels), value["maxs"].numbers(channels)
    return low + (high - low) * (np.arange(256) / 255.0)[:, None]


def _rest(value: Value, version: int, repaired: list[str]) -> Rest | None:
    if value.get("shN", None).raw is None:
        return None
    rest = value["shN"]
    centroids, labels = _files(rest, 2)
    if version == 1:
        low, high = rest["mins"].number(), rest["maxs"].number()
        ramp = np.linspace(low, high, 256)
        return Rest(centroids, labels, ramp, None, None)
    return Rest(
        centroids,
        labels,
        _codebook(rest, repaired),
        rest["bands"].integer(1, 3),
        rest["count"].integer(1, MOST_PALETTE),
    )
