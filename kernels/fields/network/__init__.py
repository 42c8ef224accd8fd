"""A small network for many samples."""

from __future__ import annotations

from typing import Any

from kernels.fields.networks import Network, RadialBasis
from kernels.registry import Cost, Operation


def _cost(result: Any, description: Network, inputs: Any, parameters: Any) -> Cost:
    products = sum(
        layer.inputs * layer.outputs * (3 if isinstance(layer, RadialBasis) else 2)
        for layer in description.layers
    )
    count = inputs.shape[0]
    columns = description.inputs + description.outputs
    return Cost(
        nbytes=4 * (count * columns + description.parameter_count),
        flops=count * products,
        counters={"samples": count},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def network(backend: str, description: Network, inputs: Any, parameters: Any) -> Any:
    """``x_(i+1) = activation_i(W_i x_i + b_i)`` for each row of ``inputs``, all layers in one go.

    The layers, their activations and their sources are those of
    :mod:`kernels.fields.networks` (Mueller 2021, tiny-cuda-nn; Sitzmann et al. 2020, SIREN;
    Park et al. 2019, DeepSDF; Mildenhall et al. 2020, NeRF, figure 7).

    Parameters
    ----------
    description
        Layers and what they read.
    inputs
        (N, description.inputs) floats; NumPy, or tensors for ``reference`` and ``cuda``.
    parameters
        (description.parameter_count,) floats in the order that ``description`` states; for ``cuda``
        an array that is kept, so that it is packed on the device once.

    Returns
    -------
    (N, description.outputs): float32 from ``cpu``, and as a tensor on the device from ``cuda``; of
    the type of ``inputs`` from ``reference``, where gradients flow to inputs and parameters if
    those are tensors.

    Raises
    ------
    ValueError
        If the shapes do not fit the description.

    Notes
    -----
    ``reference`` computes in the type of ``inputs``. ``cpu`` computes in float32, sums in the
    order of the inputs with fused multiplication, and its activations are within 4e-7 of the
    larger of 1 and the result. A sine turns rounding of its argument into error: ``omega |v|
    2^-24``; beyond an argument of 4 million ``cpu`` gives any number in -1..1. Finite ``v`` give
    no NaN, and NaN in the inputs stays NaN. ``cuda`` multiplies on tensor cores, three products of
    11 bits for one of float32, so that errors are 2^-21 of the sum of magnitudes; what is infinite
    becomes NaN in the next layer. Cost: 2 FLOPs a weight and sample (3 in a radial
    basis), inputs and results once through memory; the weights are packed once per call.
    """
    if inputs.ndim != 2 or inputs.shape[1] != description.inputs:
        raise ValueError(f"inputs must be (N, {description.inputs}), got {tuple(inputs.shape)}")
    if tuple(parameters.shape) != (description.parameter_count,):
        raise ValueError(
            f"parameters must be ({description.parameter_count},), got {tuple(parameters.shape)}"
        )
    return OPERATION(backend, description, inputs, parameters)
