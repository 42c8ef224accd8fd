"""Fields to be fitted: an encoding, a network and what its outputs mean."""

from __future__ import annotations

import math

from kernels.fields.encodings import (
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    Simplex,
    SphericalHarmonics,
    TriPlane,
)
from kernels.fields.model import FORMS, Field
from kernels.fields.networks import INPUT, Layer, Network, RadialBasis, Span, chain

ENCODINGS = ("hash", "dense", "triplane", "simplex", "rbf", "siren", "frequency")
SIZES = ("small", "base")
HARMONICS = SphericalHarmonics(4)
DENSITY_OUTPUTS = 16
"""Of the density network: density, and what the colour network is told (instant-ngp)."""
FIRST_OMEGA = HIDDEN_OMEGA = 30.0
"""Frequencies of SIREN (Sitzmann et al. 2020, section 3.2)."""
FREQUENCIES = 10
"""Of NeRF's positional encoding (Mildenhall et al. 2020, section 5.1)."""


def architecture(
    form: str,
    encoding: str,
    size: str,
    lower: tuple[float, ...],
    upper: tuple[float, ...],
    finest: float = 2048.0,
    unit: float = 1.0,
) -> Field:
    """A field that can be fitted.

    Parameters
    ----------
    form
        ``image``, ``distance`` or ``radiance``.
    encoding
        One of :data:`ENCODINGS`. ``hash`` is that of instant-ngp (Mueller et al. 2022), with its
        networks; ``simplex`` the same on simplices (arXiv 2311.15439); ``dense`` has few levels
        and no hash; ``triplane`` multiplies features of three planes (K-Planes), and sums them
        for distances; ``rbf`` reads a dense grid by one layer of Gaussians (arXiv 2503.06762);
        ``siren`` and ``frequency`` are networks alone (Sitzmann et al. 2020; Mildenhall et al.
        2020, with the input concatenated again in the middle).
    size
        ``small`` or ``base``.
    lower, upper
        Corners of what is encoded, scene units.
    finest
        Vertices along an axis that the finest level should have.
    unit
        Scene units of a distance of 1.

    Raises
    ------
    ValueError
        For a name that is not known.
    """
    for name, value, known in (
        ("form", form, ("image", "distance", "radiance")),
        ("encoding", encoding, ENCODINGS),
        ("size", size, SIZES),
    ):
        if value not in known:
            raise ValueError(f"{name} must be {', '.join(known)}, got {value!r}")
    dims = FORMS[form][0]
    positions = _positions(form, encoding, size, dims, finest)
    if form == "radiance":
        network = _radiance(encoding, size, positions.width)
        return Field(
            form, positions, network, lower, upper, HARMONICS, density="exponential",
            color="sigmoid",
        )  # fmt: skip
    outputs = 3 if form == "image" else 1
    color = "none" if form == "image" else "sigmoid"
    network = _plain(encoding, size, positions.width, outputs)
    return Field(form, positions, network, lower, upper, color=color, unit=unit)


def growth(base: int, finest: float, levels: int) -> float:
    """Factor from level to level so that the last has ``finest`` vertices; at least 1."""
    return max(1.0, math.exp(math.log(finest / base) / (levels - 1)))


def _positions(form: str, encoding: str, size: str, dims: int, finest: float) -> Encoding:
    small = size == "small"
    match encoding:
        case "hash" | "simplex":
            grid = HashGrid if encoding == "hash" else Simplex
            # Radiance reads few wide levels where it is small (instant-ngp's base_14.json).
            levels, features, log2 = (8, 4, 14) if small else (16, 2, 15)
            if form == "radiance" and not small:
                log2 = 17
            return grid(dims, levels, features, log2, 16, growth(16, finest, levels))
        case "dense" | "rbf":
            return _dense(form, encoding, small, dims, finest)
        case "triplane":
            side, features = (64, 16) if small else (128, 32)
            reduce = "sum" if form == "distance" else "product"
            # Of a picture there is one plane, and that is a dense grid of one level.
            if dims == 3:
                return TriPlane(side, features, reduce)
            return HashGrid(dims, 1, features, 19, side, 2.0, kind="dense")
        case "siren":
            return Identity(dims, 2.0, -1.0)
        case _:
            return Composite((Identity(dims), Frequency(dims, FREQUENCIES)), firsts=(0, 0))


def _dense(form: str, encoding: str, small: bool, dims: int, finest: float) -> Encoding:
    """Few levels with entries for all vertices."""
    levels, features = (4, 4) if small else (8, 4)
    most = (192 if small else 384) if dims == 2 else (40 if small else 80)
    if encoding == "rbf":
        # Gaussians in few dimensions overlap; what they cannot tell apart they cannot learn.
        levels, features = 4, 4
    least = min(8, most)
    return HashGrid(
        dims, levels, features, 24, least, growth(least, min(finest, most), levels), kind="dense"
    )


def _plain(encoding: str, size: str, inputs: int, outputs: int) -> Network:
    """The network of pictures and distances."""
    small = size == "small"
    match encoding:
        case "siren":
            width = 64 if small else 128
            hidden = [Layer(inputs, width, "sine", FIRST_OMEGA)]
            hidden += [Layer(width, width, "sine", HIDDEN_OMEGA) for _ in range(2 if small else 3)]
            return Network((*hidden, Layer(width, outputs)))
        case "frequency":
            return Network(_skipping(inputs, 64 if small else 128, outputs))
        case "rbf":
            kernels = 64 if small else 128
            return Network((RadialBasis(inputs, kernels), Layer(kernels, outputs)))
        case _:
            # Nothing is added after the last product in instant-ngp, nor before it.
            return chain([inputs, 64, 64, outputs], "relu", bias=False)


def _skipping(inputs: int, width: int, outputs: int) -> tuple[Layer, ...]:
    """Four layers, the input once more before the third."""
    again = (Span(INPUT, 0, inputs), Span(1, 0, width))
    return (
        Layer(inputs, width, "relu", reads=(Span(INPUT, 0, inputs),)),
        Layer(width, width, "relu"),
        Layer(inputs + width, width, "relu", reads=again),
        Layer(width, width, "relu"),
        Layer(width, outputs),
    )


def _radiance(encoding: str, size: str, inputs: int) -> Network:
    """Density from the position, colour from the density network and the direction.

    instant-ngp's ``configs/nerf/base.json``: one hidden layer to 16 outputs of which the first is
    density, then two hidden layers that read all 16 and spherical harmonics; no biases in either.
    """
    small = size == "small"
    directions = Span(INPUT, inputs, inputs + HARMONICS.width)
    source = (Span(INPUT, 0, inputs),)
    with_bias = encoding in ("siren", "frequency", "rbf")
    layers: list[Layer | RadialBasis]
    match encoding:
        case "siren":
            width = 64 if small else 128
            layers = [Layer(inputs, width, "sine", FIRST_OMEGA, reads=source)]
            layers += [Layer(width, width, "sine", HIDDEN_OMEGA) for _ in range(2)]
            layers.append(Layer(width, DENSITY_OUTPUTS))
        case "frequency":
            layers = list(_skipping(inputs, 64 if small else 128, DENSITY_OUTPUTS))
        case "rbf":
            kernels = 64 if small else 128
            layers = [RadialBasis(inputs, kernels, source), Layer(kernels, DENSITY_OUTPUTS)]
        case _:
            layers = [
                Layer(inputs, 64, "relu", bias=False, reads=source),
                Layer(64, DENSITY_OUTPUTS, bias=False),
            ]
    density = len(layers) - 1
    told = (Span(density, 0, DENSITY_OUTPUTS), directions)
    layers += [
        Layer(DENSITY_OUTPUTS + HARMONICS.width, 64, "relu", bias=with_bias, reads=told),
        Layer(64, 64, "relu", bias=with_bias),
        Layer(64, 3, bias=with_bias),
    ]
    results = (Span(density, 0, 1), Span(len(layers) - 1, 0, 3))
    return Network(tuple(layers), inputs + HARMONICS.width, results)
