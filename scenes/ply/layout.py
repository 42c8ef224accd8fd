"""Which property of a PLY row is which parameter of a Gaussian.

Properties are found by name, never by position: programs write them in different orders, with and
without normals. The raw values are a logarithm of the scale, a logit of the opacity and a
quaternion of any length; ``f_rest`` is channel-major (all red coefficients, then green, then
blue). (Facts: graphdeco-inria/gaussian-splatting ``scene/gaussian_model.py``.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenes.errors import SceneError
from scenes.ply.first_view import view_of
from scenes.ply.header import Element, Header

REST_COUNTS = {0: 0, 9: 1, 24: 2, 45: 3, 72: 4}
"""Number of ``f_rest`` properties and the spherical-harmonic degree that it means."""

_GEOMETRY = ("x", "y", "z", "rot_0", "rot_1", "rot_2", "rot_3", "scale_0", "scale_1", "scale_2")
_REST = re.compile(r"f_rest_(0|[1-9][0-9]*)")


@dataclass(frozen=True)
class Layout:
    """Names of the properties in the order in which the unpacking kernel wants them.

    Attributes
    ----------
    names
        x y z, rot_0..3, scale_0..2 (``None`` for an absent third scale), opacity, then the
        spherical-harmonic coefficients coefficient-major (dc r g b, first r g b, ...).
    degree
        Of the spherical harmonics, 0 to 4.
    training
        ``"3dgs"``, ``"mip"`` or ``"2dgs"``.
    metadata
        What else the header told, JSON-serialisable.
    """

    names: tuple[str | None, ...]
    degree: int
    training: str
    metadata: dict[str, Any]


def is_compressed(header: Header) -> bool:
    """Whether this is the packed dialect (16 bytes a splat, quantised in chunks of 256)."""
    vertex = header.element("vertex")
    return (
        header.element("chunk") is not None
        and vertex is not None
        and any(item.name == "packed_position" for item in vertex.properties)
    )


def find_layout(header: Header, path: Path) -> Layout:
    """Make sense of the ``vertex`` element. Raises SceneError where it holds no Gaussians."""
    vertex = header.element("vertex")
    if vertex is None:
        others = ", ".join(item.name for item in header.elements) or "no element"
        raise SceneError(path, "an element named vertex", others[:200], "header")
    if is_compressed(header):
        raise SceneError(
            path,
            "Gaussians with one property for each parameter",
            "a compressed PLY (packed_position in chunks), which is another format",
            "header",
        )
    if vertex.has_lists:
        lists = next(item.name for item in vertex.properties if item.count_type)
        raise SceneError(path, "scalar properties in element vertex", f"list {lists}", "header")
    present = {item.name for item in vertex.properties}
    _require(header, present, path)
    rest = _rest_count(present, path)
    planar = "scale_2" not in present
    names: list[str | None] = [name if name in present else None for name in _GEOMETRY]
    names += ["opacity", "f_dc_0", "f_dc_1", "f_dc_2"]
    per_channel = rest // 3
    names += [
        f"f_rest_{channel * per_channel + index}"
        for index in range(per_channel)
        for channel in range(3)
    ]
    training = "2dgs" if planar else training_of(header.comments)
    return Layout(tuple(names), REST_COUNTS[rest], training, _metadata(header, vertex, set(names)))


def _require(header: Header, present: set[str], path: Path) -> None:
    """Name what is missing; say what the file is instead where that is plain."""
    required = [name for name in _GEOMETRY if name != "scale_2"]
    required += ["opacity", "f_dc_0", "f_dc_1", "f_dc_2"]
    missing = [name for name in required if name not in present]
    if not missing:
        return
    expected = "3D Gaussians (x y z, f_dc_0..2, opacity, scale_0..2, rot_0..3)"
    if not any(name in present for name in ("f_dc_0", "opacity", "scale_0", "rot_0")):
        what = "a mesh" if header.element("face") else "a point cloud"
        colour = " with red, green, blue" if {"red", "green", "blue"} <= present else ""
        raise SceneError(path, expected, f"{what}{colour}, not Gaussians", "header")
    raise SceneError(path, expected, f"no property {', '.join(missing)}", "header")


def _rest_count(present: set[str], path: Path) -> int:
    rest = sum(1 for name in present if _REST.fullmatch(name))
    gaps = [f"f_rest_{i}" for i in range(rest) if f"f_rest_{i}" not in present]
    if gaps:
        raise SceneError(
            path, f"f_rest_0 to f_rest_{rest - 1} without a gap", f"no {gaps[0]}", "header"
        )
    if rest not in REST_COUNTS:
        allowed = "0, 9, 24, 45 or 72 properties f_rest_0, f_rest_1, ..."
        raise SceneError(path, allowed, f"{rest} of them", "header")
    return rest


def training_of(comments: tuple[str, ...]) -> str:
    """How the splats were trained, from the comments; the last one that says so wins.

    Brush writes ``SplatRenderMode: default|mip|2dgs``, Postshot ``antialiased 0|1``.
    """
    modes = {"default": "3dgs", "mip": "mip", "2dgs": "2dgs"}
    training = "3dgs"
    for comment in comments:
        text = comment.lower()
        mode = re.fullmatch(r"splatrendermode\s*:\s*(\w+)", text)
        smooth = re.fullmatch(r"antialiased\s*:?\s*([01])", text)
        if mode:
            training = modes.get(mode[1], training)
        elif smooth:
            training = "mip" if smooth[1] == "1" else "3dgs"
    return training


def vertical_axis_of(comments: tuple[str, ...]) -> str | None:
    """The axis that points up, as a comment ``Vertical Axis: z`` says; None when none does."""
    axis = None
    for comment in comments:
        match = re.fullmatch(r"vertical axis\s*:\s*\+?(-?[xyz])", comment.lower())
        if match:
            axis = match[1]
    return axis


def _metadata(header: Header, vertex: Element, used: set[str | None]) -> dict[str, Any]:
    """What the header said beyond the splats."""
    unused = [item.name for item in vertex.properties if item.name not in used]
    extra = [
        {
            "name": item.name,
            "count": item.count,
            "properties": [column.name for column in item.properties],
        }
        for item in header.elements
        if item is not vertex
    ]
    metadata: dict[str, Any] = {
        "encoding": header.encoding,
        "comments": list(header.comments),
        "obj_info": list(header.information),
        "unused_properties": unused,
        "extra_elements": extra,
        "vertical_axis": vertical_axis_of(header.comments),
        "default_view": view_of(header.comments),
    }
    return {key: value for key, value in metadata.items() if value}
