"""From a field to a snapshot of instant-ngp, where its structure is one that instant-ngp has.

That is a grid, networks of ReLU without biases, 16 to 128 neurons wide, and spherical harmonics
of degree 4 for the direction. What is not is refused with a word on what does not fit: nothing is
trained anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import HashGrid, SphericalHarmonics
from kernels.fields.model import Field, Occupancy
from kernels.fields.networks import INPUT, Layer, Network, Span, split
from scenes.errors import SceneError
from scenes.field_files.ngp import grid
from scenes.field_files.ngp.cameras import lens_json, pose_json
from scenes.field_files.ngp.container import write_snapshot
from scenes.field_files.ngp.networks import DENSITY_OUTPUTS, up
from scenes.field_files.ngp.reader import CONE, LARGEST_SCALE, STEP
from scenes.field_files.tell import Tell
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress

WIDTHS = (16, 32, 64, 128)
"""Neurons of a layer of the fully fused networks of tiny-cuda-nn."""
PADDING = 16
DIRECTION = SphericalHarmonics(4)
_HALF_MAX = float(np.finfo(np.float16).max)
_MODES = {"radiance": "nerf", "distance": "sdf", "image": "image"}
_KINDS = {"hash": "Hash", "dense": "Dense", "tiled": "Tiled"}


@dataclass
class _Refusal:
    """Says what does not fit."""

    path: Path

    def __call__(self, expected: str, found: str) -> NoReturn:
        raise SceneError(self.path, f"a field as instant-ngp has them: {expected}", found)


def write_scene(
    scene: FieldScene, path: Path, weights: str, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write a field; returns what the file does not keep.

    Raises
    ------
    SceneError
        Also where the field has a structure that instant-ngp does not have.
    Cancelled
    """
    tell = Tell(estimate(scene, weights), progress, cancel)
    tell.done(0)
    refuse = _Refusal(path)
    model = scene.model
    if model.form not in _MODES:
        refuse("radiance, distance or image", model.form)
    placed = _in_unit_cube(scene)
    moved = placed is not scene
    scene, model = placed, placed.model
    encoding = model.encoding
    if not isinstance(encoding, HashGrid):
        refuse("a grid as encoding", type(encoding).__name__)
    chains = _chains(model, scene, refuse)
    matrices = [matrix for chain in chains for matrix in chain]
    parts = [*(matrix.reshape(-1) for matrix in matrices), np.asarray(scene.weights.encoding)]
    values = np.concatenate(parts)
    clamped = 0
    if weights == "float16":
        clamped = int(np.count_nonzero(np.abs(values) >= _HALF_MAX + 16))
        values = np.clip(values, -_HALF_MAX, _HALF_MAX)
    tell.done(0)
    dtype = np.dtype("<f2" if weights == "float16" else "<f4")
    root = _configuration(encoding, chains)
    root["snapshot"] = _snapshot(scene, refuse, tell) | {
        "n_params": len(values),
        "params_type": "__half" if weights == "float16" else "float",
        "params_binary": values.astype(dtype).tobytes(),
    }
    tell.done(0)
    write_snapshot(path, root, path.suffix.lower() != ".msgpack", tell)
    said = _lost(scene, clamped)
    if moved:
        said.append("Places and distances are those of instant-ngp's unit cube.")
    return tuple(said)


def _in_unit_cube(scene: FieldScene) -> FieldScene:
    """A distance field whose encoding covers another cube, moved and scaled into 0..1.

    Distances shrink with it: the last layer takes their factor, as it has neither a bias nor an
    activation where the field can be written at all.
    """
    model = scene.model
    lower, upper = np.array(model.lower), np.array(model.upper)
    side = float(upper[0] - lower[0])
    network = model.network
    plain = (0.0,) * 3, (1.0,) * 3, 1.0
    if (
        model.form != "distance"
        or (model.lower, model.upper, model.unit) == plain
        or side <= 0
        or not np.allclose(upper - lower, side, rtol=1e-6)
        or network.layers[-1].shapes != (network.layers[-1].shapes[0],)
    ):
        return scene
    weights = np.array(scene.weights.network, np.float32)
    split(network, weights)[-1][0][...] *= np.float32(model.unit / side)
    return replace(
        scene,
        model=replace(model, lower=plain[0], upper=plain[1], unit=1.0),
        weights=replace(scene.weights, network=weights),
        lower=(scene.lower - lower) / side,
        upper=(scene.upper - lower) / side,
        occupancy=None,
        cameras=(),
        step=0.0,
    )


def estimate(scene: FieldScene, weights: str = "float32") -> int:
    """Bytes of the file, about: parameters hardly shrink, and the density grid nearly vanishes."""
    cells = scene.occupancy.cells.size // 16 if scene.occupancy else 0
    return 2000 + scene.count * np.dtype(weights).itemsize + cells + 400 * len(scene.cameras)


def _lost(scene: FieldScene, clamped: int) -> list[str]:
    said = []
    if clamped:
        said.append(f"{clamped:,} parameters beyond {_HALF_MAX:g} were set to that.")
    if scene.model.form == "radiance":
        cone = CONE if _scale(scene.model) > 1 else 0.0
        if (scene.step or STEP, scene.cone) != (STEP, cone):
            said.append("instant-ngp takes steps of its own through the field.")
        if any(camera.projection != "pinhole" for camera in scene.cameras):
            said.append("Cameras that are not pinholes are left out.")
    elif scene.cameras:
        said.append("The file does not keep the cameras.")
    if scene.sharpness:
        said.append("The file does not keep the sharpness of the surface.")
    return said


def _chains(model: Field, scene: FieldScene, refuse: _Refusal) -> list[list[NDArray[np.float32]]]:
    """The matrices of each network, padded as tiny-cuda-nn does."""
    network = model.network
    width = model.encoding.width
    views = split(network, np.asarray(scene.weights.network, np.float32))
    for layer in network.layers:
        if not isinstance(layer, Layer) or layer.bias:
            refuse("layers without bias", "one with bias or a radial basis")
    if model.form == "radiance":
        if model.direction != DIRECTION or model.toward != (-1.0, 1.0):
            refuse("directions as spherical harmonics of degree 4", "another encoding")
        if model.density != "exponential" or model.color not in ("sigmoid", "exponential"):
            refuse("exponential density, sigmoid colour", f"{model.density}, {model.color}")
        first = network.results[0].source
        if network.results != (Span(first, 0, 1), Span(len(views) - 1, 0, 3)):
            refuse("density, then colour of the last layer", "other results")
        middle = network.layers[first].outputs
        if middle % DENSITY_OUTPUTS:
            refuse(f"a multiple of {DENSITY_OUTPUTS} outputs of density", f"{middle}")
        both = (Span(first, 0, middle), Span(INPUT, width, network.inputs))
        reads = [(Span(INPUT, 0, width),), both]
        ranges = [range(first + 1), range(first + 1, len(views))]
    else:
        if model.form == "image" and network.outputs != 3:
            refuse("an image of three colours", "one of one")
        last = len(views) - 1
        if network.results != (Span(last, 0, network.layers[last].outputs),):
            refuse("results of the last layer", "others")
        if model.color != "none" and model.form == "image":
            refuse("colours as they are", model.color)
        if model.unit != 1.0:
            refuse("distances in scene units", f"ones of {model.unit:g}")
        reads, ranges = [(Span(INPUT, 0, width),)], [range(len(views))]
    chains = []
    for first_reads, layers in zip(reads, ranges, strict=True):
        _check_chain(network, layers, first_reads, refuse)
        chain = [views[index][0] for index in layers]
        chain[0] = _padded(chain[0], 0, up(chain[0].shape[1], PADDING))
        chain[-1] = _padded(chain[-1], up(chain[-1].shape[0], PADDING), 0)
        chains.append(chain)
    return chains


def _check_chain(
    network: Network, indices: range, reads: tuple[Span, ...], refuse: _Refusal
) -> None:
    """That layers follow each other, as wide as each other, ReLU but for the last."""
    if not indices:
        refuse("two networks", "one")
    widths = {network.layers[index].outputs for index in indices[:-1]}
    if len(widths) > 1 or not widths <= set(WIDTHS):
        words = ", ".join(map(str, sorted(widths)))
        refuse("layers of one width, 16, 32, 64 or 128", words)
    for index in indices:
        layer = network.layers[index]
        assert isinstance(layer, Layer)
        wanted = reads if index == indices[0] else (Span(index - 1, 0, layer.inputs),)
        if network.reads(index) != wanted:
            refuse("layers that read the one before", f"layer {index + 1} reads others")
        activation = "none" if index == indices[-1] else "relu"
        if layer.activation != activation:
            refuse("ReLU between layers, nothing behind the last", layer.activation)


def _padded(matrix: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """With zeros up to at least that many rows and columns."""
    more = (max(0, rows - matrix.shape[0]), max(0, columns - matrix.shape[1]))
    return np.pad(matrix, ((0, more[0]), (0, more[1])))


def _configuration(encoding: HashGrid, chains: list[list[NDArray[np.float32]]]) -> dict[str, Any]:
    """All but the snapshot."""
    networks = [
        {
            "otype": "FullyFusedMLP",
            "activation": "ReLU",
            "output_activation": "None",
            "n_neurons": len(chain[0]) if len(chain) > 1 else 64,
            "n_hidden_layers": len(chain) - 1,
        }
        for chain in chains
    ]
    root: dict[str, Any] = {
        "loss": {"otype": "L2"},
        "optimizer": {"otype": "Adam", "learning_rate": 1e-2},
        "encoding": {
            "otype": "HashGrid" if encoding.kind == "hash" else "Grid",
            "type": _KINDS[encoding.kind],
            "n_levels": encoding.levels,
            "n_features_per_level": encoding.features,
            "log2_hashmap_size": encoding.log2_size,
            "base_resolution": encoding.base,
            "per_level_scale": encoding.per_level_scale,
            "interpolation": encoding.interpolation.capitalize(),
        },
        "network": networks[0],
    }
    if len(networks) == 2:
        networks[0]["n_output_dims"] = len(chains[0][-1])
        root["rgb_network"] = networks[1]
        root["dir_encoding"] = {
            "otype": "Composite",
            "nested": [{"n_dims_to_encode": 3, "otype": "SphericalHarmonics", "degree": 4}],
        }
    return root


def _scale(model: Field) -> int:
    """The ``aabb_scale`` of what the encoding covers; 0 where there is none."""
    side = model.upper[0] - model.lower[0]
    scale = round(side)
    fits = all(
        low == 0.5 - scale / 2 and high == 0.5 + scale / 2
        for low, high in zip(model.lower, model.upper, strict=True)
    )
    return scale if fits and 1 <= scale <= LARGEST_SCALE and not scale & (scale - 1) else 0


def _snapshot(scene: FieldScene, refuse: _Refusal, tell: Tell) -> dict[str, Any]:
    """All but the parameters."""
    model = scene.model
    box = {"min": scene.lower.tolist(), "max": scene.upper.tolist()}
    background = scene.background or (0.0, 0.0, 0.0)
    step = scene.metadata.get("step")
    told: dict[str, Any] = {
        "version": 1,
        "mode": _MODES[model.form],
        "training_step": step if type(step) is int else 0,
        "loss": 0.0,
        "aabb": {"min": [0.0] * 3, "max": [1.0] * 3},
        "render_aabb": box,
        "render_aabb_to_local": np.eye(3).tolist(),
        "bounding_radius": 1.0,
        "up_dir": list(scene.upward),
        "sun_dir": [0.577, 0.577, 0.577],
        "exposure": 0.0,
        "background_color": [*map(float, background), 1.0],
        "camera": _view(scene),
    }
    if model.form == "radiance":
        scale = _scale(model)
        if not scale:
            refuse("an encoding that covers a cube of a power of two around 0.5", "another box")
        corners = {"min": list(model.lower), "max": list(model.upper)}
        told |= {"aabb": corners} | _radiance(scene, scale, refuse, tell)
    elif model.form == "image":
        assert scene.size is not None
        if (*model.lower, *model.upper) != (*scene.lower[:2], *scene.upper[:2]):
            refuse("an encoding that covers the picture", "another box")
        told["image"] = {"resolution": list(scene.size)}
    elif (*model.lower, *model.upper) != (0.0,) * 3 + (1.0,) * 3:
        refuse("an encoding that covers 0 to 1", "another box")
    return told


def _radiance(scene: FieldScene, scale: int, refuse: _Refusal, tell: Tell) -> dict[str, Any]:
    """What only radiance fields have."""
    density = b""
    if scene.occupancy is not None:
        levels = scale.bit_length()
        occupancy = _finer(scene.occupancy)
        found = occupancy.cells.shape
        if found != (levels, grid.SIDE, grid.SIDE, grid.SIDE):
            refuse(f"an occupancy of {levels} levels of 128³", " x ".join(map(str, found)))
        if occupancy.lower.any() or (occupancy.upper != 1).any():
            refuse("an occupancy of the unit cube", "another box")
        density = grid.values_of(occupancy, tell).astype("<f2").tobytes()
    cameras = [camera for camera in scene.cameras if camera.projection == "pinhole"]
    box = {"min": scene.lower.tolist(), "max": scene.upper.tolist()}
    dataset = {
        "n_images": len(cameras),
        "paths": [""] * len(cameras),
        "metadata": [lens_json(camera) for camera in cameras],
        "xforms": [pose_json(camera) for camera in cameras],
        "render_aabb": box,
        "render_aabb_to_local": np.eye(3).tolist(),
        "up": list(scene.upward),
        "offset": [0.5, 0.5, 0.5],
        "envmap_resolution": [0, 0],
        "scale": 0.33,
        "aabb_scale": scale,
        "from_mitsuba": False,
        "is_hdr": scene.model.color == "exponential",
        "wants_importance_sampling": True,
        "n_extra_learnable_dims": 0,
    }
    return {
        "density_grid_size": grid.SIDE,
        "density_grid_binary": density,
        "nerf": {
            "aabb_scale": scale,
            "rgb": {
                "rays_per_batch": 4096,
                "measured_batch_size": 0,
                "measured_batch_size_before_compaction": 0,
            },
            "cam_pos_offset": [],
            "cam_rot_offset": [],
            "extra_dims_opt": [],
            "dataset": dataset,
        },
    }


def _finer(occupancy: Occupancy) -> Occupancy:
    """With the cells that instant-ngp has, where each is a part of a larger one."""
    side = occupancy.cells.shape[1]
    if side >= grid.SIDE or grid.SIDE % side:
        return occupancy
    cells = occupancy.cells
    for axis in (1, 2, 3):
        cells = cells.repeat(grid.SIDE // side, axis)
    return replace(occupancy, cells=cells)


def _view(scene: FieldScene) -> dict[str, Any]:
    """The first view, as instant-ngp keeps its camera."""
    camera = scene.default_camera()
    return {
        "matrix": camera.world_from_camera[:3].tolist(),
        "fov_axis": 1,
        "relative_focal_length": [camera.fx / camera.height, camera.fy / camera.height],
        "screen_center": [0.5, 0.5],
        "zoom": 1.0,
        "scale": 1.0,
        "aperture_size": 0.0,
        "autofocus": False,
        "autofocus_target": [0.5, 0.5, 0.5],
        "autofocus_depth": 1.0,
    }
