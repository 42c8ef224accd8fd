"""NeRF networks of nerf-pytorch and of what follows the first implementation.

Two families of names, in checkpoints with a coarse and a fine network:

- ``krrish94/nerf-pytorch:nerf/models.py`` (``FlexibleNeRFModel``): ``layer1`` (without an
  activation), ``layers_xyz.0`` and so on (ReLU; some read the encoded position again, behind what
  came before), ``fc_alpha`` reads the last of them, ``fc_feat`` (ReLU), ``layers_dir.0`` (ReLU)
  reads that and the encoded direction, then ``fc_rgb``; or ``fc_out`` for all.
- ``yenchenlin/nerf-pytorch:run_nerf_helpers.py`` (``NeRF``, as bmild/nerf): ``pts_linears.0`` and
  so on (ReLU; some read the encoded position again, before what came before), ``alpha_linear``
  reads the last of them, ``feature_linear``, ``views_linears.0`` (ReLU), then ``rgb_linear``; or
  ``output_linear`` for all.

Both encode x as ``[x, sin(x), cos(x), sin(2 x), cos(2 x), sin(4 x), ...]``, three coordinates each
(Mildenhall et al. 2020, eq. 4, without its pi); whether x itself is there tells the width. Density
goes through a ReLU and is per scene unit, colours through a sigmoid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import Composite, Encoding, Frequency, Identity
from kernels.fields.model import Field, Weights
from kernels.fields.networks import INPUT, Span
from scenes.errors import SceneError
from scenes.field_files.build import Stack
from scenes.field_files.checkpoints import Matrices, Tensors, member, nbytes, opened, state_of
from scenes.field_files.settings import settings_beside
from scenes.field_files.tell import Tell
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress

PLACES = {
    "fine": ("model_fine_state_dict", "network_fine_state_dict"),
    "coarse": ("model_coarse_state_dict", "network_fn_state_dict"),
}
"""Where the two networks stand."""
NEAR, FAR = 2.0, 6.0
REACH = 1.5
"""Depths of the synthetic scenes, whose cameras are 4 units from the middle, and half the side of
the box that all of them fit into."""
_BACKGROUNDS = {"true": (1.0, 1.0, 1.0), "false": (0.0, 0.0, 0.0)}


def networks_in(checkpoint: Any) -> dict[str, Tensors]:
    """The networks of a checkpoint, by their names in :data:`PLACES`."""
    found = {}
    for network, places in PLACES.items():
        for place in places:
            state = state_of(member(checkpoint, place))
            if "layer1.weight" in state or "pts_linears.0.weight" in state:
                found[network] = state
    return found


def found_in(checkpoint: Any) -> bool:
    """Whether there is one."""
    return bool(networks_in(checkpoint))


def read_scene(path: Path, network: str, progress: Progress, cancel: Cancel) -> FieldScene:
    """Read one of the networks; the other one where that is not there.

    Raises
    ------
    SceneError, Cancelled
    """
    settings = settings_beside(path, "config.yml")
    with opened(path) as checkpoint:
        found = networks_in(checkpoint)
        if not found:
            raise SceneError(path, "a NeRF network", "none")
        chosen = network if network in found else next(iter(found))
        state = found[chosen]
        tell = Tell(nbytes(state), progress, cancel)
        tell.done(0)
        model, flat = _model(Matrices(path, state, tell))
        iteration = next(
            (member(checkpoint, name) for name in ("iter", "global_step")
             if type(member(checkpoint, name)) is int), None
        )  # fmt: skip
    tell.done(tell.total)
    if settings.text(f"models.{chosen}.log_sampling_xyz") == "false":
        raise SceneError(path, "frequencies that double", "others (log_sampling_xyz)")
    near, far = settings.number("dataset.near", NEAR), settings.number("dataset.far", FAR)
    # What is between these depths of cameras all around.
    reach = REACH if (near, far) == (NEAR, FAR) or not near < far else (far - near) / 2
    warnings = []
    if chosen != network:
        warnings.append(f"The file has no {network} network; this is the {chosen} one.")
    if settings.text("dataset.no_ndc") == "false":
        warnings.append("The network was trained in normalised device coordinates, not in space.")
    background = _BACKGROUNDS.get(settings.text("nerf.validation.white_background"))
    metadata: dict[str, Any] = {"dialect": f"nerf-pytorch, {chosen} network"}
    return FieldScene(
        model=model,
        weights=Weights(flat, np.empty(0, np.float32), np.empty(0, np.float32)),
        lower=np.full(3, -reach),
        upper=np.full(3, reach),
        background=background,
        upward=(0.0, 0.0, 1.0),
        name=path.parent.name or path.stem,
        source=path,
        format="nerf",
        metadata=metadata if iteration is None else metadata | {"step": iteration},
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class _Names:
    """What a family calls its layers; ``{}`` counts from 0."""

    trunk: str
    density: str
    feature: str
    direction: str
    color: str
    everything: str
    before: str = ""
    """A layer without activation before the trunk."""
    position_first: bool = True
    """Whether the encoded position stands before what it is joined with."""
    feature_activation: str = "none"


_FLEXIBLE = _Names(
    "layers_xyz.{}", "fc_alpha", "fc_feat", "layers_dir.{}", "fc_rgb", "fc_out",
    "layer1", False, "relu",
)  # fmt: skip
_CLASSIC = _Names(
    "pts_linears.{}", "alpha_linear", "feature_linear", "views_linears.{}", "rgb_linear",
    "output_linear",
)  # fmt: skip


def _model(matrices: Matrices) -> tuple[Field, NDArray[np.float32]]:
    """The field and the parameters of its network."""
    names = _FLEXIBLE if "layer1.weight" in matrices else _CLASSIC
    trunk = [names.before] if names.before else []
    trunk += matrices.numbered(names.trunk)
    looks = f"{names.everything}.weight" not in matrices
    width, views = matrices.linear_shape(trunk[0])[1], 0
    if looks:
        joined = matrices.linear_shape(names.direction.format(0))[1]
        views = joined - matrices.linear_shape(names.feature)[0]
    encoding, order = _encoding(matrices.path, width)
    direction, view_order = _encoding(matrices.path, views) if looks else (None, np.arange(0))
    stack = Stack(width + views)
    place, last = Span(INPUT, 0, width), INPUT
    for name in trunk:
        weights, bias = matrices.linear(name)
        reads: tuple[Span, ...] = (place,) if last == INPUT else (stack.of(last),)
        if last == INPUT:
            weights = weights[:, order]
        elif weights.shape[1] != stack.of(last).width:
            reads = (place, *reads) if names.position_first else (*reads, place)
            weights = _ordered(weights, order, 0 if names.position_first else -width)
        activation = "none" if name == names.before else "relu"
        last = stack.add(weights, bias, activation, reads=reads)
    if not looks:
        end = stack.add(*matrices.linear(names.everything))
        results = (Span(end, 3, 4), Span(end, 0, 3))
    else:
        density = stack.add(*matrices.linear(names.density))
        feature = stack.add(
            *matrices.linear(names.feature), names.feature_activation, reads=(stack.of(last),)
        )
        end = feature
        for name in matrices.numbered(names.direction):
            weights, bias = matrices.linear(name)
            reads = (stack.of(end),)
            if end == feature:
                weights = _ordered(weights, view_order, -views)
                reads = (*reads, Span(INPUT, width, width + views))
            end = stack.add(weights, bias, "relu", reads=reads)
        end = stack.add(*matrices.linear(names.color))
        results = (Span(density, 0, 1), Span(end, 0, 3))
    network, flat = stack.done(results)
    model = Field(
        form="radiance",
        encoding=encoding,
        network=network,
        lower=(0.0,) * 3,
        upper=(math.pi,) * 3,
        direction=direction,
        toward=(0.0, math.pi),
        density="relu",
        color="sigmoid",
    )
    return model, flat


def _encoding(path: Path, width: int) -> tuple[Encoding, NDArray[np.intp]]:
    """The encoding of that width for coordinates divided by pi, and which of the file's columns
    each of its columns is."""
    count, rest = divmod(width, 6)
    if rest not in (0, 3) or not 3 <= width <= 6 * 64 + 3:
        raise SceneError(path, "an encoding of 3, 6, 9, 12, ... columns", f"{width}")
    columns = np.arange(width)
    waves = columns[rest:].reshape(count, 2, 3).transpose(2, 0, 1)
    order = np.concatenate([columns[:rest], waves.reshape(-1)])
    parts: list[Encoding] = [Identity(3, math.pi)] if rest else []
    parts += [Frequency(3, count)] if count else []
    return Composite(tuple(parts), firsts=(0,) * len(parts)), order


def _ordered(
    weights: NDArray[np.float32], order: NDArray[np.intp], first: int
) -> NDArray[np.float32]:
    """The matrix with some columns, from ``first`` on (negative: from the end), in that order."""
    columns = np.arange(weights.shape[1])
    start = first % weights.shape[1] if first else 0
    if start + len(order) > len(columns):
        raise ValueError(f"a layer has {len(columns)} inputs")
    columns[start : start + len(order)] = start + order
    return weights[:, columns]
