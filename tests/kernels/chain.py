"""The whole chain of Gaussian operations on one backend, and scenes to try it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.gaussians.bin import bin as bin_splats
from kernels.gaussians.blend import blend
from kernels.gaussians.display import display
from kernels.gaussians.pack import pack
from kernels.gaussians.project import project
from kernels.gaussians.resolve import resolve
from kernels.gaussians.shade import shade
from kernels.gaussians.sort import sort
from kernels.gaussians.types import Options, View
from kernels.workspace import Workspace


@dataclass(frozen=True)
class Result:
    """Float64 images of one chain and its intermediate tables."""

    color: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    rgba8: np.ndarray
    splats: Any
    lists: Any
    accumulation: Any


def run_chain(
    backend: str,
    arrays: tuple[Any, ...],
    view: View,
    options: Options | None = None,
    background: tuple[float, float, float] | None = (0.0, 0.0, 0.0),
    splat_scale: float = 1.0,
    limit: int = 1 << 24,
    storage: str = "fp32",
) -> Result:
    """Pack, project, shade, sort, bin, blend and resolve."""
    options = options or Options()
    workspace = Workspace()
    packed = pack(backend, *arrays, storage)
    splats = project(backend, packed, view, options, splat_scale, workspace)
    degree = int(np.sqrt(arrays[4].shape[1])) - 1
    splats = shade(backend, packed, splats, view, degree)
    order = sort(backend, splats, workspace)
    tiles = np.arange(view.tiles_x * view.tiles_y)
    accumulation, first = None, 0
    while accumulation is None or first < len(order):
        lists = bin_splats(backend, splats, order[first:], view, workspace, limit)
        first += lists.consumed
        accumulation = blend(
            backend, splats, lists, view, options, True, workspace, tiles, accumulation
        )
    color, alpha, depth = (
        np.asarray(image, dtype=np.float64) for image in resolve(backend, accumulation, background)
    )
    picture = display(backend, accumulation, background, workspace)
    return Result(color, alpha, depth, picture, splats, lists, accumulation)


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of images in 0..1, dB; infinite where they are equal."""
    error = float(np.mean((image - truth) ** 2))
    return float("inf") if error == 0 else -10 * np.log10(error)


def looking_at(
    eye: Any, target: Any, width: int, height: int, fov_y: float = 50.0, **changes: Any
) -> View:
    """A view at ``eye`` towards ``target``, y down."""
    eye, target = np.asarray(eye, float), np.asarray(target, float)
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    focal = 0.5 * height / np.tan(np.deg2rad(fov_y) / 2)
    return View(rotation, eye, focal, focal, width / 2, height / 2, width, height, **changes)


def random_splats(
    seed: int,
    count: int = 2000,
    degree: int = 3,
    scale: tuple[float, float] = (0.005, 0.2),
    opacity: tuple[float, float] = (0.0, 1.0),
    extent: float = 1.0,
) -> tuple[np.ndarray, ...]:
    """Gaussians in a cube: log-uniform scales, uniform opacities, mild view dependence."""
    rng = np.random.default_rng(seed)
    quats = rng.normal(size=(count, 4))
    sh = rng.normal(size=(count, (degree + 1) ** 2, 3)) * 0.15
    sh[:, 0] = rng.uniform(-1.5, 1.5, (count, 3))
    arrays = (
        rng.uniform(-extent, extent, (count, 3)),
        quats / np.linalg.norm(quats, axis=1, keepdims=True),
        np.exp(rng.uniform(*np.log(scale), (count, 3))),
        rng.uniform(*opacity, count),
        sh,
    )
    return tuple(np.ascontiguousarray(a, dtype=np.float32) for a in arrays)
