"""Value and gradient of one output of a field."""

from __future__ import annotations

from typing import Any

from kernels.fields.encodings import Encoding
from kernels.fields.networks import Network
from kernels.registry import Cost, Operation


def _cost(
    result: Any,
    encoding: Encoding,
    description: Network,
    positions: Any,
    encoding_parameters: Any,
    network_parameters: Any,
    column: int = 0,
    extra: Any = None,
) -> Cost:
    count, dims, width = positions.shape[0], encoding.inputs, encoding.width
    products = sum(layer.inputs * layer.outputs for layer in description.layers)
    return Cost(
        nbytes=4 * (count * (2 * dims + 1) + encoding.parameters + description.parameter_count),
        flops=count * (4 * products + 2 * dims * width),
        counters={"samples": count},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def slope(
    backend: str,
    encoding: Encoding,
    description: Network,
    positions: Any,
    encoding_parameters: Any,
    network_parameters: Any,
    column: int = 0,
    extra: Any = None,
) -> tuple[Any, Any]:
    """``y = network([encoding(p) | extra])[column]`` and ``dy / dp`` for each row of positions.

    The gradient is analytic: reverse mode through the network (Griewank and Walther 2008, section
    3.2), then the derivatives of the encoding, whose formulas are those of
    :mod:`kernels.fields.encodings`; on ``cuda`` forward mode (section 3.1), from the encoding on.

    Parameters
    ----------
    encoding, description
        Of the positions; of the network, of which layers that ``column`` does not need are left
        out.
    positions
        (N, at least encoding.inputs) floats in units of the encoding; NumPy, or tensors for
        ``reference`` and ``cuda``. Further columns are not read.
    encoding_parameters, network_parameters
        (encoding.parameters,) and (description.parameter_count,) floats.
    column
        Which result of the network.
    extra
        (N, E) floats: what the network reads beyond the encoded position; None for nothing.

    Returns
    -------
    Values (N,) and gradients (N, encoding.inputs): float32 from ``cpu``, and as tensors on the
    device from ``cuda``; of the type of ``positions`` from ``reference``, NumPy where those are.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or there is no such column.

    Notes
    -----
    At a kink the derivative is that of one side: 0 for a ReLU, and for grids that of the cell in
    which the position was found. Entries that are not interpolated have none, and neither has a
    position beyond the planes of a tri-plane across its border. ``cpu`` and ``cuda`` round as
    ``encode`` and ``network`` do. Cost: 4 FLOPs a weight and sample, and encoded positions with
    their derivatives stay in the caches.
    """
    if positions.ndim != 2 or positions.shape[1] < encoding.inputs:
        raise ValueError(f"positions must be (N, {encoding.inputs}), got {tuple(positions.shape)}")
    for name, given, count in (
        ("encoding_parameters", encoding_parameters, encoding.parameters),
        ("network_parameters", network_parameters, description.parameter_count),
    ):
        if tuple(given.shape) != (count,):
            raise ValueError(f"{name} must be ({count},), got {tuple(given.shape)}")
    more = description.inputs - encoding.width
    shape = (positions.shape[0], 0) if extra is None else tuple(extra.shape)
    if shape != (positions.shape[0], more):
        raise ValueError(f"extra must be ({positions.shape[0]}, {more}), got {shape}")
    if not 0 <= column < description.outputs:
        raise ValueError(f"column must be 0 to {description.outputs - 1}, got {column}")
    return OPERATION(
        backend, encoding, description, positions, encoding_parameters, network_parameters, column,
        extra,
    )  # fmt: skip
