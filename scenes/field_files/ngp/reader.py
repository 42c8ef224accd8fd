"""From a snapshot of instant-ngp to a field; everything stays in the space of its unit cube.

``snapshot`` holds the parameters and, as the other members of the root do, how to take them:
``instant-ngp:src/testbed.cu`` (``save_snapshot``, ``load_snapshot``, ``reset_network``). Positions
reach the encoding as they are, or, in a radiance field, relative to the cube of side
``aabb_scale`` around (0.5, 0.5, 0.5). Density is ``exp``, colour the logistic function, or ``exp``
of high-dynamic-range data. A volume gives colour, then density, which counts 100 times
(``inv_distance_scale``). Distances are negative inside.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.model import Field, Occupancy, Weights
from kernels.fields.networks import Network, split
from scenes.errors import SceneError
from scenes.field_files.ngp import grid
from scenes.field_files.ngp.cameras import cameras_of, pose_of
from scenes.field_files.ngp.container import blob, read_snapshot
from scenes.field_files.ngp.encodings import FINEST, Coded, encoding_of
from scenes.field_files.ngp.networks import (
    DENSITY_OUTPUTS,
    PADDINGS,
    Radiance,
    Single,
    plan_of,
)
from scenes.field_files.picture import picture_size
from scenes.field_files.tell import Tell, finite
from scenes.fields import FieldScene
from scenes.paths.json_file import Value
from scenes.registry import Cancel, Progress

MODES = ("nerf", "sdf", "image", "volume")
TYPES: dict[str, np.dtype[Any]] = {
    "__half": np.dtype("<f2"),
    "half": np.dtype("<f2"),
    "float": np.dtype("<f4"),
}
LARGEST_SCALE = 128
STEP = math.sqrt(3) / 1024
"""The shortest step of a march, sides of the unit cube (``nerf_device.cuh``)."""
CONE = 1 / 256
INVERSE_DISTANCE = 100.0
"""Extinction per unit length of a volume's density of 1, as instant-ngp starts with."""
MOST_PARAMETERS = 1 << 31
_NEUS = ("hyperparams", "variance", "variance_network")


def read_scene(
    path: Path, width: int | None, height: int | None, progress: Progress, cancel: Cancel
) -> FieldScene:
    """Read a field. ``width`` and ``height`` are those of the picture, of an image field.

    Raises
    ------
    SceneError, Cancelled
    """
    # What is unpacked weighs more than reading it.
    tell = Tell(2 * path.stat().st_size, progress, cancel)
    tell.done(0)
    root = read_snapshot(path, tell)
    snapshot = root["snapshot"]
    _refuse_others(root, snapshot)
    mode = snapshot.get("mode", "nerf" if "nerf" in snapshot else "").text(32).lower()
    if mode not in MODES:
        snapshot["mode"].fail(f"one of {', '.join(MODES)}")
    values = _values(snapshot, tell)
    try:
        if mode == "nerf":
            scene = _radiance(root, snapshot, values, path, tell)
        else:
            scene = _other(root, snapshot, values, mode, path, width, height)
    except ValueError as error:
        raise SceneError(path, "a field whose parts fit", str(error)) from None
    tell.done(tell.total)
    return scene


def _refuse_others(root: Value, snapshot: Value) -> None:
    neus = [name for name in _NEUS if name in root or name in snapshot]
    if neus or "valid_level_scale" in root.get("encoding", {}):
        root.fail("a snapshot of instant-ngp", "one of NeuS2, whose parameters lie otherwise")
    if snapshot.get("version", 0).integer(0, 2**31) < 1:
        snapshot.fail("a version of at least 1", "none; older files lack what is needed")


def _values(snapshot: Value, tell: Tell) -> NDArray[np.float32]:
    """All parameters."""
    count = snapshot["n_params"].integer(1, MOST_PARAMETERS)
    dtype = TYPES[snapshot.get("params_type", "__half").choice(list(TYPES))]
    data = blob(snapshot["params_binary"])
    if len(data) != count * dtype.itemsize:
        snapshot["params_binary"].fail(f"{count * dtype.itemsize:,} bytes", f"{len(data):,}")
    tell.done(0)
    values = finite(snapshot.file, "the parameters", np.frombuffer(data, dtype))
    tell.done(0)
    return values


def _fitting(networks: Radiance | Single, rest: int, found: int, root: Value) -> tuple[int, int]:
    """The paddings with which the file has as many parameters as it says."""
    for padding in PADDINGS:
        if networks.count(padding) + rest == found:
            return padding
    wanted = sorted({networks.count(padding) + rest for padding in PADDINGS})
    words = " or ".join(f"{number:,}" for number in wanted)
    root["snapshot"]["n_params"].fail(f"{words} parameters for this configuration", f"{found:,}")


def _parameters(coded: Coded) -> int:
    return coded.encoding.parameters if coded.encoding else 0


def _radiance(
    root: Value, snapshot: Value, values: NDArray[np.float32], path: Path, tell: Tell
) -> FieldScene:
    nerf = snapshot.get("nerf", {})
    dataset = nerf.get("dataset", {})
    scale = nerf.get("aabb_scale", dataset.get("aabb_scale", 1).raw).integer(1, LARGEST_SCALE)
    if scale & (scale - 1):
        nerf.fail("an aabb_scale that is a power of two", f"{scale}")
    position = encoding_of(root["encoding"], 3, FINEST * scale)
    direction = encoding_of(root["dir_encoding"], 3, None, _latents(nerf, dataset))
    density = root["network"]
    networks = Radiance(
        plan_of(density),
        plan_of(root["rgb_network"]),
        density.get("n_output_dims", DENSITY_OUTPUTS).integer(1, 1 << 12),
        position,
        direction,
    )
    rest = _parameters(position) + _parameters(direction)
    padding = _fitting(networks, rest, len(values), root)
    network, flat = networks.network(values[: len(values) - rest], padding)
    encoded = np.split(values[len(values) - rest :], [_parameters(position)])
    hdr = dataset.get("is_hdr", False).flag()
    assert position.encoding is not None
    model = Field(
        form="radiance",
        encoding=position.encoding,
        network=network,
        lower=(0.5 - scale / 2,) * 3,
        upper=(0.5 + scale / 2,) * 3,
        direction=direction.encoding,
        density="exponential",
        color="exponential" if hdr else "sigmoid",
    )
    cameras, said = cameras_of(dataset)
    lower, upper, turned = _box(snapshot, model.lower, model.upper)
    return FieldScene(
        model=model,
        weights=Weights(flat, *encoded),
        lower=lower,
        upper=upper,
        occupancy=_occupancy(snapshot, scale, tell),
        step=STEP,
        cone=CONE if scale > 1 else 0.0,
        background=_background(snapshot),
        cameras=cameras,
        **_about(root, snapshot, path, "nerf", (*said, *turned)),
    )


def _latents(nerf: Value, dataset: Value) -> list[float]:
    """Further coordinates of the direction: what was learned for the first picture."""
    count = dataset.get("n_extra_learnable_dims", 0).integer(0, 256)
    learned = nerf.get("extra_dims_opt", []).raw
    if count and isinstance(learned, list) and learned:
        first = Value(nerf.file, learned[0], "nerf, extra_dims_opt")
        values = first.get("variable", None)
        if isinstance(values.raw, list) and len(values.raw) == count:
            return values.numbers(count).tolist()
    return [0.0] * count


def _occupancy(snapshot: Value, scale: int, tell: Tell) -> Occupancy | None:
    if "density_grid_binary" not in snapshot:
        return None
    if snapshot.get("density_grid_size", grid.SIDE).integer(1, 1 << 16) != grid.SIDE:
        snapshot["density_grid_size"].fail(f"a density grid of {grid.SIDE}")
    data = blob(snapshot["density_grid_binary"])
    levels = scale.bit_length()
    if not data:
        return None
    if len(data) != 2 * levels * grid.SIDE**3:
        wanted = f"{2 * levels * grid.SIDE**3:,} bytes for an aabb_scale of {scale}"
        snapshot["density_grid_binary"].fail(wanted, f"{len(data):,}")
    return grid.occupancy_of(np.frombuffer(data, "<f2"), tell)


def _other(
    root: Value,
    snapshot: Value,
    values: NDArray[np.float32],
    mode: str,
    path: Path,
    width: int | None,
    height: int | None,
) -> FieldScene:
    said: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    finest: float | None = None if mode == "volume" else FINEST
    if mode == "image":
        told = snapshot.get("image", {}).get("resolution", None)
        if told.raw is not None:
            width, height = (item.integer(1, 1 << 16) for item in told.items("number", 2))
        size, said = picture_size(path, width, height)
        finest = max(size) / 2
    position = encoding_of(root["encoding"], 2 if mode == "image" else 3, finest)
    outputs = {"sdf": (0,), "image": (0, 1, 2), "volume": (3, 0, 1, 2)}[mode]
    networks = Single(plan_of(root["network"]), position, outputs)
    rest = _parameters(position)
    padding = _fitting(networks, rest, len(values), root)
    network, flat = networks.network(values[: len(values) - rest], padding)
    if mode == "volume":
        _scale_density(network, flat)
    assert position.encoding is not None
    dims = position.encoding.inputs
    upper = (1.0,) * dims
    if size is not None:
        upper = (size[0] / max(size), size[1] / max(size))
    model = Field(
        form={"sdf": "distance"}.get(mode, mode),
        encoding=position.encoding,
        network=network,
        lower=(0.0,) * dims,
        upper=upper,
        density="relu" if mode == "volume" else "exponential",
        color="sigmoid" if mode == "sdf" else "none",
    )
    box = (np.zeros(3), np.array([*upper, 0.0])) if size else _box(snapshot, (0.0,) * 3, upper)[:2]
    return FieldScene(
        model=model,
        weights=Weights(flat, values[len(values) - rest :], np.empty(0, np.float32)),
        lower=box[0],
        upper=box[1],
        size=size,
        background=_background(snapshot) if mode == "volume" else None,
        **_about(root, snapshot, path, mode, said),
    )


def _scale_density(network: Network, flat: NDArray[np.float32]) -> None:
    """Make density that of extinction."""
    split(network, flat)[-1][0][3] *= np.float32(INVERSE_DISTANCE)


def _box(
    snapshot: Value, lower: tuple[float, ...], upper: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """The part of the scene that is shown, within what the encoding covers, and what to tell."""
    low, high = np.array(lower), np.array(upper)
    value = snapshot.get("render_aabb", snapshot.get("aabb", None).raw)
    if value.raw is None:
        return low, high, ()
    inner = (np.maximum(low, value["min"].numbers(3)), np.minimum(high, value["max"].numbers(3)))
    if not (inner[0] < inner[1]).all():
        return low, high, ("The box of what is shown is empty; all is shown.",)
    turn = snapshot.get("render_aabb_to_local", np.eye(3).tolist()).rows(3)
    # Numbers in files are float32.
    if np.abs(turn - np.eye(3)).max() > 1e-6:
        return low, high, ("The box of what is shown is turned, and not read.",)
    return *inner, ()


def _background(snapshot: Value) -> tuple[float, float, float] | None:
    if "background_color" not in snapshot:
        return None
    numbers = snapshot["background_color"].items("number", 4)
    color = [min(max(item.number(), 0.0), 1.0) for item in numbers][:3]
    return (color[0], color[1], color[2]) if len(color) == 3 else None


def _about(
    root: Value, snapshot: Value, path: Path, mode: str, said: tuple[str, ...]
) -> dict[str, Any]:
    """What all forms say in the same way."""
    metadata: dict[str, Any] = {"dialect": f"instant-ngp, {mode}"}
    if "training_step" in snapshot:
        metadata["step"] = snapshot["training_step"].integer(0, 2**53)
    if mode != "image" and "matrix" in snapshot.get("camera", {}):
        pose = pose_of(snapshot["camera"]["matrix"])
        eye = pose[:3, 3]
        metadata["default_view"] = {
            "eye": eye.tolist(),
            "target": (eye + pose[:3, 2] * max(float(np.linalg.norm(eye - 0.5)), 1e-3)).tolist(),
            "up": (-pose[:3, 1]).tolist(),
        }
    up = snapshot.get("up_dir", [0.0, 1.0, 0.0]).numbers(3)
    length = float(np.linalg.norm(up))
    if not 1e-6 <= length <= 1e6:
        snapshot["up_dir"].fail("a direction", f"one of length {length:g}")
    return {
        "upward": tuple((up / length).tolist()) if mode != "image" else (0.0, -1.0, 0.0),
        "name": path.stem,
        "source": path,
        "format": "ngp",
        "metadata": metadata,
        "warnings": said,
    }
