"""Fitting a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.fields.model import Field
from render.fitting.architectures import architecture
from render.fitting.evaluate import evaluate
from render.fitting.fit import Fit
from render.making.depth_files import read_photo
from scenes.fields import FieldScene

BATCHES = {"small": 96, "base": 160}
"""Positions of a step lie in so many rows and columns of cells, one anywhere in each."""


def picture_box(width: int, height: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Corners of a picture in a scene: its longer side is 1."""
    longest = max(width, height)
    return (0.0, 0.0), (width / longest, height / longest)


def cells(side: int, generator: torch.Generator) -> torch.Tensor:
    """(side^2, 2) stratified positions in 0..1."""
    device = generator.device
    shift = torch.rand((side, side, 2), generator=generator, device=device)
    steps = torch.arange(side, device=device, dtype=torch.float32)
    corner = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    # What is rounded up to the next cell is still at most 1.
    return ((corner + shift) / side).reshape(-1, 2)


def bilinear(pixels: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """(N, 3) float32 in 0..1 of a (H, W, 3) uint8 picture at (N, 2) positions in 0..1.

    Pixel centres are at +0.5; beyond the outermost ones is their colour. instant-ngp fits the
    same (``src/testbed_image.cu``: eval_image_kernel_and_snap).
    """
    height, width = pixels.shape[:2]
    x = (positions[:, 0] * width - 0.5).clamp(0, width - 1)
    y = (positions[:, 1] * height - 0.5).clamp(0, height - 1)
    column, row = x.long().clamp_max(max(width - 2, 0)), y.long().clamp_max(max(height - 2, 0))
    s, t = (x - column)[:, None], (y - row)[:, None]
    right, below = (column + 1).clamp_max(width - 1), (row + 1).clamp_max(height - 1)
    flat = pixels.reshape(-1, 3)

    def at(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return flat[rows * width + columns].float()

    upper = at(row, column) * (1 - s) + at(row, right) * s
    lower = at(below, column) * (1 - s) + at(below, right) * s
    return (upper * (1 - t) + lower * t) / 255


class ImageFit(Fit):
    """A picture as a function of the place: squared error of sRGB-coded values in 0..1.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8.
    side
        Rows and columns of the cells of a step.
    """

    kind: ClassVar[str] = "image"

    def __init__(
        self, field: Field, pixels: NDArray[np.uint8], seed: int = 0, device: str = "cpu",
        side: int = BATCHES["base"], name: str = "untitled",
    ) -> None:  # fmt: skip
        super().__init__(field, seed, device)
        self.pixels = torch.from_numpy(pixels.copy()).to(self.device)
        self.side, self.name = side, name
        self._extent = torch.tensor(field.upper, dtype=torch.float32, device=self.device)

    @classmethod
    def of_file(
        cls, path: str | Path, encoding: str = "hash", size: str = "base", seed: int = 0,
        device: str = "cpu",
    ) -> ImageFit:  # fmt: skip
        """A fit of the picture in a file. Raises SceneError for what is none."""
        path = Path(path)
        pixels = read_photo(path)
        field = image_field(pixels.shape[1], pixels.shape[0], encoding, size)
        return cls(field, pixels, seed, device, BATCHES[size], path.stem)

    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        spots = cells(self.side, self.generator)
        colour = evaluate(self.field, self.weights, spots * self._extent)
        loss = (colour - bilinear(self.pixels, spots)).square().mean()
        return loss, loss

    def _facts(self) -> dict[str, Any]:
        return super()._facts() | {"size": list(self.pixels.shape), "side": self.side}

    def scene(self) -> FieldScene:
        """See :class:`Fit`."""
        height, width = self.pixels.shape[:2]
        return image_scene(self, (width, height), self.name)


def image_field(width: int, height: int, encoding: str, size: str) -> Field:
    """An architecture for a picture; grids go down to two pixels (instant-ngp's choice)."""
    lower, upper = picture_box(width, height)
    finest = max(32.0, max(width, height) / 2)
    return architecture("image", encoding, size, lower, upper, finest)


def image_scene(fit: Fit, size: tuple[int, int], name: str) -> FieldScene:
    """A fitted picture as a scene."""
    upper = np.array([*fit.field.upper, 0.0])
    return FieldScene(fit.field, fit.arrays(), np.zeros(3), upper, size=size, name=name)


def picture_of(fit: Fit, width: int, height: int) -> NDArray[np.float32]:
    """(H, W, 3) float32, what the field says at the centres of pixels."""
    rows = max(1, (1 << 16) // width)
    across = (torch.arange(width, dtype=torch.float32) + 0.5) / width
    extent = torch.tensor(fit.field.upper, dtype=torch.float32)
    out = np.empty((height, width, 3), np.float32)
    with torch.no_grad():
        for first in range(0, height, rows):
            down = torch.arange(first, min(first + rows, height), dtype=torch.float32) + 0.5
            grid = torch.meshgrid(across, down / height, indexing="xy")
            spots = (torch.stack(grid, -1).reshape(-1, 2) * extent).to(fit.device)
            found = evaluate(fit.field, fit.weights, spots).cpu().numpy()
            out[first : first + rows] = found.reshape(-1, width, 3)
    return out


def psnr_of(fit: ImageFit) -> float:
    """Of the whole picture, dB, as it would be drawn: between 0 and 1."""
    height, width = fit.pixels.shape[:2]
    found = np.clip(picture_of(fit, width, height), 0, 1)
    error = np.square(found - fit.pixels.cpu().numpy() / np.float32(255)).mean(dtype=np.float64)
    return -10 * math.log10(max(error, 1e-12))
