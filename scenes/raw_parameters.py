"""Raw parameters as trainers keep them: tensors under one of several families of names.

A trainer optimises positions, quaternions of any length, logarithms of scales, logits of
opacities and coefficients of spherical harmonics, and dumps them as they are
(``graphdeco-inria/gaussian-splatting:scene/gaussian_model.py``,
``nerfstudio:nerfstudio/models/splatfacto.py``, ``gsplat:examples/simple_trainer.py``,
``spla-tam/SplaTAM:scripts/splatam.py``). Scales above 0 together with opacities in 0..1 could be
activated values just as well; no file says so, so the definition holds for them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.shade.basis import C0
from scenes.assembly import SplatArrays
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.registry import Cancel, Progress

Tick = Callable[[int], None]
"""Called with the bytes that were read since the last call; raises Cancelled."""

Colours = Callable[[NDArray[Any]], NDArray[Any]]
"""Makes coefficients of degree 0 of what a file keeps in their place."""

NAMES = {
    "means": ("means", "means3d", "xyz"),
    "quats": ("quats", "rotation", "rotations", "unnorm_rotations"),
    "scales": ("scales", "scaling", "log_scales"),
    "opacities": ("opacities", "opacity", "logit_opacities"),
    "sh0": ("sh0", "features_dc", "colors"),
    "rgb": ("rgb_colors",),
    "shN": ("shn", "features_rest"),
}
"""What a parameter is called in the wild, in lower case and without leading underscores."""

_ROLES = {name: role for role, names in NAMES.items() for name in names}
_NEEDED = ("means", "quats", "scales", "opacities")


class Values(Protocol):
    """One parameter of all splats that has not been read yet."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Splats first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Any type of floating-point number."""

    def into(self, out: NDArray[np.float32], tick: Tick) -> None:
        """Fill ``out``, which has this shape."""


def parameter_sets(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Whole sets of parameters among names: prefix -> role of :data:`NAMES` -> name.

    What stands before the last dot of a name is its prefix ("_model.gauss_params.means"). A set
    is whole with everything but the view-dependent coefficients.
    """
    sets: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, _, last = name.rpartition(".")
        role = _ROLES.get(last.lstrip("_").lower())
        if role:
            sets.setdefault(prefix, {}).setdefault(role, name)
    return {
        prefix: roles
        for prefix, roles in sets.items()
        if all(role in roles for role in _NEEDED) and ("sh0" in roles or "rgb" in roles)
    }


def sh_of_rgb(rgb: NDArray[Any]) -> NDArray[Any]:
    """Coefficients of degree 0 that show as the colours ``rgb``."""
    return (rgb - np.float32(0.5)) / np.float32(C0)


def sh_of_logits(values: NDArray[Any]) -> NDArray[Any]:
    """Coefficients of degree 0 for colours that a trainer keeps as logits."""
    with np.errstate(over="ignore"):
        return sh_of_rgb(1 / (1 + np.exp(-values)))


def read_parameters(
    path: Path,
    format: str,
    parameters: Mapping[str, Values],
    progress: Progress,
    cancel: Cancel,
    *,
    colours: Colours | None = None,
    metadata: Mapping[str, Any],
    warnings: tuple[str, ...] = (),
) -> GaussianScene:
    """Read raw parameters (role -> values, of :func:`parameter_sets`) and activate them.

    Scales of two columns are those of 2D Gaussians, of one column those of balls.

    Raises
    ------
    SceneError
        For shapes and types that do not fit; before memory is taken.
    Cancelled
    """
    means = parameters["means"]
    count = means.shape[0] if means.shape else 0
    base = "sh0" if "sh0" in parameters else "rgb"
    widths = _checked(path, parameters, count, base)
    coefficients = widths[base] + widths["shN"]
    arrays = SplatArrays(path, count, SH_COEFFICIENTS.index(coefficients))
    places = {
        "means": arrays.means,
        "quats": arrays.quats,
        "scales": arrays.scales[:, : widths["scales"]],
        "opacities": arrays.opacities,
        base: arrays.sh[:, : widths[base]],
        "shN": arrays.sh[:, widths[base] :],
    }
    total = sum(
        values.dtype.itemsize * int(np.prod(values.shape)) for values in parameters.values()
    )
    done = 0

    def tick(nbytes: int) -> None:
        nonlocal done
        if cancel():
            raise Cancelled
        done += nbytes
        progress(min(done, total), total, "bytes")

    for role, values in parameters.items():
        if role in places:
            values.into(places[role].reshape(values.shape), tick)

    colours = sh_of_rgb if base == "rgb" else colours
    _activate(arrays, widths["scales"], colours, progress, cancel)
    flat = widths["scales"] == 2
    if flat:
        warnings = (*warnings, "The file holds 2D Gaussians, which are shown as flat splats.")
    return arrays.scene(
        format, training="2dgs" if flat else "3dgs", metadata=metadata, warnings=warnings
    )


def _checked(path: Path, parameters: Mapping[str, Values], count: int, base: str) -> dict[str, int]:
    """Columns of the scales and coefficients of the colours, once all shapes are found good."""
    for role, values in parameters.items():
        if values.dtype.kind != "f":
            raise SceneError(path, f"{role} as floating-point numbers", f"{values.dtype}")
    wanted: dict[str, list[tuple[int, ...]]] = {
        "means": [(count, 3)],
        "quats": [(count, 4)],
        "scales": [(count, 3), (count, 2), (count, 1)],
        "opacities": [(count,), (count, 1)],
        base: [(count, 3), *((count, n, 3) for n in SH_COEFFICIENTS)],
        "shN": [(count, n - 1, 3) for n in SH_COEFFICIENTS],
    }
    for role, shapes in wanted.items():
        if role in parameters and parameters[role].shape not in shapes:
            allowed = " or ".join(str(shape) for shape in shapes)
            raise SceneError(path, f"{role} of shape {allowed}", f"{parameters[role].shape}")
    widths = {
        "scales": parameters["scales"].shape[1],
        base: parameters[base].shape[1] if len(parameters[base].shape) == 3 else 1,
        "shN": parameters["shN"].shape[1] if "shN" in parameters else 0,
    }
    if widths[base] + widths["shN"] not in SH_COEFFICIENTS:
        known = ", ".join(map(str, SH_COEFFICIENTS))
        found = f"{widths[base]} and {widths['shN']}"
        raise SceneError(path, f"{known} coefficients per colour", found)
    return widths


def _activate(
    arrays: SplatArrays,
    axes: int,
    colours: Colours | None,
    progress: Progress,
    cancel: Cancel,
) -> None:
    """scale = exp(s), opacity = 1 / (1 + exp(-o)), in place; quaternions become unit."""

    def part(first: int, last: int) -> None:
        here = slice(first, last)
        scales, opacities = arrays.scales[here], arrays.opacities[here]
        if axes == 2:
            scales[:, 2] = -np.inf
        elif axes == 1:
            scales[:, 1:] = scales[:, :1]
        with np.errstate(over="ignore", invalid="ignore"):
            np.exp(scales, out=scales)
            np.exp(-opacities, out=opacities)
            opacities += 1
            np.reciprocal(opacities, out=opacities)
        if colours:
            arrays.sh[here, 0] = colours(arrays.sh[here, 0])

    arrays.fill(part, progress, cancel)
