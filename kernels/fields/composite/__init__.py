"""Samples of a field become light."""

from __future__ import annotations

from typing import Any

from kernels.fields.model import Field
from kernels.fields.types import Light, Samples
from kernels.registry import Cost, Operation


def _cost(
    result: Any, model: Field, outputs: Any, samples: Samples, live: Any, light: Light,
    stop: float, transfer: Any,
) -> Cost:  # fmt: skip
    count = len(samples.distances)
    return Cost(
        nbytes=count * 24 + len(live) * 56,
        flops=count * 40,
        counters={"samples": count, "rays": len(live)},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def composite(
    backend: str,
    model: Field,
    outputs: Any,
    samples: Samples,
    live: Any,
    light: Light,
    stop: float = 0.0,
    transfer: Any = None,
) -> Any:
    """Volume rendering of the samples of each ray behind what it has gathered.

    ``alpha_i = 1 - exp(-sigma_i length_i)``, ``w_i = alpha_i prod_(j<i) (1 - alpha_j)`` (Max 1995;
    Mildenhall et al. 2020, eq. 3). A ray whose transmittance falls below ``stop`` takes no further
    sample.

    Parameters
    ----------
    model
        Of which the activations of density and colour are used.
    outputs
        (M, 4) of the network: density, then colour; (M, 1) with ``transfer``.
    samples, live
        As :func:`kernels.fields.march.march` made them of ``live``.
    light
        What rays have gathered; float32 NumPy, or tensors on the device for ``cuda``; changed in
        place.
    stop
        Transmittance at which a ray ends.
    transfer
        (256, 4) float32: colour, and extinction per scene unit, for densities of 0 to 1, linear
        between them; None where the outputs are what they say.

    Returns
    -------
    (K,) int32 NumPy, the rays of ``live`` that gave as many samples as the fullest and are not
    ended, in their order. From ``cuda``, which waits for nothing and so does not know K, a tensor
    on the device in which -1 follows behind them.

    Notes
    -----
    Outputs that are no numbers count as no density. Cost: 24 bytes a sample.
    """
    wanted = 4 if transfer is None else 1
    if outputs.ndim != 2 or tuple(outputs.shape) != (len(samples.distances), wanted):
        raise ValueError(
            f"outputs must be ({len(samples.distances)}, {wanted}), got {tuple(outputs.shape)}"
        )
    return OPERATION(backend, model, outputs, samples, live, light, stop, transfer)
