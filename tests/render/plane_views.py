"""Planes seen from anywhere, by ray and plane, in plain NumPy: what makers are tested against."""

from __future__ import annotations

import numpy as np

from scenes.camera import Camera
from scenes.planes import PlaneScene


def seen(scene: PlaneScene, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) in 0..255 over black, and alpha (H, W), of a pinhole camera.

    Pictures are filtered bilinearly, premultiplied; pixels are ordered along each ray.
    """
    y, x = np.mgrid[: camera.height, : camera.width] + 0.5
    local = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], 2)
    rays = local @ camera.camera_from_world[:3, :3]
    depths = np.empty((len(scene.layers), *x.shape), np.float32)
    texels = np.empty((len(scene.layers), *x.shape, 4), np.float32)
    for i, layer in enumerate(scene.layers):
        normal = np.cross(layer.across, layer.down)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = ((layer.corner - camera.position) @ normal) / (rays @ normal)
        points = camera.position + t[..., None] * rays - layer.corner
        basis = np.linalg.pinv(np.stack([layer.across, layer.down], 1))
        u, v = np.moveaxis(points @ basis.T, 2, 0)
        height, width = layer.image.shape[:2]
        texels[i] = _bilinear(layer.image, u * width - 0.5, v * height - 0.5, t > 0)
        depths[i] = np.where(t > 0, t, np.inf)
    order = np.argsort(-depths, axis=0, kind="stable")
    colour, alpha = np.zeros((*x.shape, 3)), np.zeros(x.shape)
    for index in order:
        texel = np.take_along_axis(texels, index[None, ..., None], 0)[0]
        rest = 1 - texel[..., 3]
        colour = texel[..., :3] + rest[..., None] * colour
        alpha = texel[..., 3] + rest * alpha
    return colour, alpha


def _bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray, front: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    padded = np.zeros((height + 2, width + 2, 4), np.float32)
    alpha = image[..., 3:].astype(np.float32) / 255
    padded[1:-1, 1:-1] = np.concatenate([image[..., :3] * alpha, alpha], 2)
    inside = front & (x > -1) & (x < width) & (y > -1) & (y < height)
    x, y = np.where(inside, x + 1, 0), np.where(inside, y + 1, 0)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x0, y0 = np.minimum(x0, width), np.minimum(y0, height)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    top = padded[y0, x0] * (1 - fx) + padded[y0, x0 + 1] * fx
    bottom = padded[y0 + 1, x0] * (1 - fx) + padded[y0 + 1, x0 + 1] * fx
    return np.where(inside[..., None], top * (1 - fy) + bottom * fy, 0)


def moved(camera: Camera, offset: tuple[float, float, float]) -> Camera:
    """The camera ``offset`` away, along its own axes, looking the same way."""
    pose = np.array(camera.camera_from_world)
    pose[:3, 3] -= offset
    return Camera(pose, camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)


def decibels(image: np.ndarray, truth: np.ndarray) -> float:
    """PSNR of pictures in 0..255."""
    error = np.mean((image.astype(np.float64) - truth) ** 2)
    return float(-10 * np.log10(error / 255**2)) if error else np.inf
