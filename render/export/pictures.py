"""Picture files, written under a temporary name and renamed when complete."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.export.ffmpeg import part_of


def write_png(path: Path, picture: NDArray[np.generic]) -> None:
    """Write (H, W, 4), (H, W, 3) or (H, W) uint8, or (H, W) uint16."""
    part = part_of(path)
    Image.fromarray(np.ascontiguousarray(picture)).save(part, "PNG", compress_level=3)
    os.replace(part, path)
