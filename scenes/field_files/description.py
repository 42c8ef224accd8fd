"""A field as JSON, without its arrays; the specification stands in :mod:`scenes.formats.field`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from kernels.fields import encodings
from kernels.fields.encodings import Composite, Encoding
from kernels.fields.model import ACTIVATIONS, FORMS, Field
from kernels.fields.networks import Layer, Network, RadialBasis, Span
from scenes.paths.json_file import Value

MOST_LAYERS = 256
MOST_SPANS = 64
MOST_PARTS = 64
DEEPEST = 4
"""Composites inside composites."""
WIDEST = 1 << 16
"""Columns between encoding and network: each sample takes as much memory."""
LARGEST = 2**31 - 1
LARGEST_NUMBER = 1e30
"""Their products still fit into float64."""

ENCODINGS: dict[str, type[Any]] = {
    "grid": encodings.HashGrid,
    "simplex": encodings.Simplex,
    "tri-plane": encodings.TriPlane,
    "frequency": encodings.Frequency,
    "triangle-wave": encodings.TriangleWave,
    "one-blob": encodings.OneBlob,
    "identity": encodings.Identity,
    "spherical-harmonics": encodings.SphericalHarmonics,
    "composite": Composite,
}
_NAMES = {kind: name for name, kind in ENCODINGS.items()}


def field_json(model: Field) -> dict[str, Any]:
    """What :func:`field_of` reads."""
    return {
        "form": model.form,
        "encoding": _encoding_json(model.encoding),
        "direction": _encoding_json(model.direction) if model.direction else None,
        "network": _network_json(model.network),
        "lower": list(model.lower),
        "upper": list(model.upper),
        "toward": list(model.toward),
        "density": model.density,
        "color": model.color,
        "unit": model.unit,
    }


def _encoding_json(encoding: Encoding) -> dict[str, Any]:
    value: dict[str, Any] = {"type": _NAMES[type(encoding)]}
    for item in dataclasses.fields(encoding):
        value[item.name] = getattr(encoding, item.name)
    if isinstance(encoding, Composite):
        value["parts"] = [_encoding_json(part) for part in encoding.parts]
        value["firsts"] = list(encoding.firsts)
    return value


def _network_json(network: Network) -> dict[str, Any]:
    return {
        "inputs": network.inputs,
        "layers": [_layer_json(layer) for layer in network.layers],
        "results": _spans_json(network.results),
    }


def _layer_json(layer: Layer | RadialBasis) -> dict[str, Any]:
    value = {item.name: getattr(layer, item.name) for item in dataclasses.fields(layer)}
    kind = "radial-basis" if isinstance(layer, RadialBasis) else "linear"
    return {"type": kind, **value, "reads": _spans_json(layer.reads)}


def _spans_json(spans: tuple[Span, ...]) -> list[list[int]]:
    return [[span.source, span.first, span.last] for span in spans]


def field_of(value: Value) -> Field:
    """The field that a description states.

    Raises
    ------
    SceneError
    """
    try:
        model = Field(
            form=value["form"].choice(list(FORMS)),
            encoding=_encoding(value["encoding"], DEEPEST),
            network=_network(value["network"]),
            lower=_floats(value["lower"]),
            upper=_floats(value["upper"]),
            direction=(
                None
                if value.get("direction", None).raw is None
                else _encoding(value["direction"], DEEPEST)
            ),
            toward=_pair(value["toward"]),
            density=value["density"].choice(ACTIVATIONS),
            color=value["color"].choice(ACTIVATIONS),
            unit=value["unit"].number(0.0, LARGEST_NUMBER),
        )
    except ValueError as error:
        value.fail("a field whose parts fit", str(error))
    if model.width > WIDEST:
        value.fail(f"at most {WIDEST:,} columns", f"{model.width:,}")
    return model


def _pair(value: Value) -> tuple[float, float]:
    numbers = _floats(value)
    if len(numbers) != 2:
        value.fail("two numbers")
    return numbers[0], numbers[1]


def _floats(value: Value) -> tuple[float, ...]:
    return tuple(
        item.number(-LARGEST_NUMBER, LARGEST_NUMBER) for item in value.items("coordinate", 16)
    )


_PLAIN: dict[str, Callable[[Value], Any]] = {
    "int": lambda value: value.integer(0, LARGEST),
    "float": lambda value: value.number(-LARGEST_NUMBER, LARGEST_NUMBER),
    "str": lambda value: value.text(32),
    "bool": lambda value: value.flag(),
}
"""How members of a description are read, by their annotation."""


def _members(kind: type[Any], value: Value) -> dict[str, Any]:
    """The plain members of a dataclass."""
    plain = (item for item in dataclasses.fields(kind) if item.type in _PLAIN)
    return {item.name: _PLAIN[str(item.type)](value[item.name]) for item in plain}


def _encoding(value: Value, deeper: int) -> Encoding:
    kind = ENCODINGS[value["type"].choice(list(ENCODINGS))]
    given = _members(kind, value)
    if kind is Composite:
        if not deeper:
            value.fail(f"composites in at most {DEEPEST} levels", "more")
        parts = value["parts"].items("part", MOST_PARTS)
        firsts = value["firsts"].items("first", MOST_PARTS)
        given["parts"] = tuple(_encoding(part, deeper - 1) for part in parts)
        given["firsts"] = tuple(first.integer(0, 1024) for first in firsts)
    made: Encoding = kind(**given)
    return made


def _network(value: Value) -> Network:
    return Network(
        tuple(_layer(layer) for layer in value["layers"].items("layer", MOST_LAYERS)),
        value["inputs"].integer(1, WIDEST),
        _spans(value["results"]),
    )


def _layer(value: Value) -> Layer | RadialBasis:
    radial = value["type"].choice(["linear", "radial-basis"]) == "radial-basis"
    reads = _spans(value["reads"])
    if radial:
        return RadialBasis(**_members(RadialBasis, value), reads=reads)
    return Layer(**_members(Layer, value), reads=reads)


def _spans(value: Value) -> tuple[Span, ...]:
    found = []
    for item in value.items("span", MOST_SPANS):
        numbers = [number.integer(-1, LARGEST) for number in item.items("number", 3)]
        if len(numbers) != 3:
            item.fail("a source, its first column and its last")
        found.append(Span(*numbers))
    return tuple(found)
