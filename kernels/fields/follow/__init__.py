"""Rays followed through a field of density in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernels.fields.encode import reads_of
from kernels.fields.encodings import Composite, Encoding
from kernels.fields.model import Field, Weights
from kernels.fields.network.blocks import in_registers
from kernels.fields.networks import INPUT
from kernels.fields.types import Grid, Lattice, Light, Rays
from kernels.registry import Cost, Operation

WIDEST_ENCODING = 128
"""Results of an encoding of positions that go through one kernel with the network."""


def fusable(model: Field) -> bool:
    """Whether one kernel of the ``cuda`` backend holds all that a sample of a field needs.

    That is so for fields of density with layers of up to 64 columns and an encoding that is no sum
    or product of others.
    """
    return (
        model.form in ("radiance", "volume")
        and in_registers(model.network)
        and all(span.source != INPUT for span in model.network.results)
        and model.encoding.width <= WIDEST_ENCODING
        and _is_plain(model.encoding)
    )


def _is_plain(encoding: Encoding) -> bool:
    if isinstance(encoding, Composite):
        return encoding.reduce == "concatenate" and all(map(_is_plain, encoding.parts))
    return True


@dataclass(frozen=True, eq=False)
class Followed(Light):
    """Light of rays that have ended.

    Attributes
    ----------
    evaluated
        Samples of all rays; from ``cuda`` a tensor of the host that is right when the work of
        the device is done.
    """

    evaluated: Any = 0


def _cost(
    result: Followed, model: Field, weights: Weights, rays: Rays, lattice: Lattice,
    grid: Grid | None = None, stop: float = 0.0, transfer: Any = None,
) -> Cost:  # fmt: skip
    samples = int(result.evaluated)
    reads, network = reads_of(model.encoding), model.network
    products = sum(layer.inputs * layer.outputs for layer in network.layers)
    return Cost(
        nbytes=4 * (samples * reads + network.parameter_count) + len(rays) * 60,
        flops=samples * (2 * (reads + products) + 60),
        counters={"samples": samples, "rays": len(rays)},
    )


OPERATION = Operation(__name__, _cost)


def follow(
    backend: str,
    model: Field,
    weights: Weights,
    rays: Rays,
    lattice: Lattice,
    grid: Grid | None = None,
    stop: float = 0.0,
    transfer: Any = None,
) -> Followed:
    """What rays gather in a field of density: marched, encoded, evaluated and composited.

    The same as :func:`kernels.fields.march.march`, :func:`kernels.fields.encode.encode`,
    :func:`kernels.fields.network.network` and :func:`kernels.fields.composite.composite` in turn
    until no ray goes on, with samples at the same distances. ``cuda`` does it in one launch, whose
    threads take the next ray where one has ended (persistent threads: Aila and Laine 2009; one
    kernel for encoding and network: Mueller et al. 2021, section 3), for models that are
    :func:`fusable`.

    Parameters
    ----------
    model, weights
        A field of the form ``radiance`` or ``volume``, and its parameters.
    rays
        N rays; NumPy, or tensors on the device for ``cuda``.
    lattice
        Where samples lie.
    grid
        Where there may be density; None for everywhere.
    stop
        Transmittance at which a ray ends.
    transfer
        (256, 4) float32 as in ``composite``, for a network of one output.

    Returns
    -------
    Followed
        Of all rays in their order: tensors on the device from ``cuda``, where nothing is waited
        for; NumPy from the others, float64 from ``reference``.

    Raises
    ------
    ValueError
        If the model is no field of density, or cannot be fused on ``cuda``.

    Notes
    -----
    Cost: the features that samples read, 2 FLOPs each and for each weight of the network; of rays
    60 bytes. Looking for cells is not counted.
    """
    if model.form not in ("radiance", "volume"):
        raise ValueError(f"a {model.form} field has no density to follow rays through")
    if backend == "cuda" and not fusable(model):
        raise ValueError("this field does not fit into one kernel")
    return OPERATION(backend, model, weights, rays, lattice, grid, stop, transfer)
