"""Photos and depth maps from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import Archive
from scenes.errors import SceneError
from scenes.npz.arrays import stored_arrays
from scenes.planes import LARGEST_SIDE

NAMES = ("depth", "disparity", "disp", "arr_0")
"""Arrays of an archive that are looked for; any other if it is the only one."""
ENDINGS = (".png", ".pfm", ".npy", ".npz", ".exr")


def read_photo(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of any picture that Pillow reads, upright; transparency is laid over black.

    Raises
    ------
    SceneError
        For what is no picture or has a side above 16,384 pixels.
    """
    from PIL import Image, ImageOps

    with _opened(path) as image:
        picture = ImageOps.exif_transpose(image).convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(black, picture).convert("RGB"))


def read_depth(path: Path) -> NDArray[np.float64]:
    """(H, W) values as a file has them: PNG of 8 or 16 bits, PFM, npy, npz, EXR.

    What they mean, depth or disparity, the file does not say.

    Raises
    ------
    SceneError
        For another kind of file, a damaged one, or one without a single (H, W) array.
    """
    ending = path.suffix.lower()
    readers = {".pfm": _pfm, ".npy": _npy, ".npz": _npz, ".exr": _exr}
    if not path.is_file():
        raise SceneError(path, "a depth map", "no file of that name")
    values = readers.get(ending, _picture)(path)
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim != 2 or not values.size or max(values.shape) > LARGEST_SIDE:
        raise SceneError(path, "rows and columns of depth", f"values of shape {values.shape}")
    if values.dtype.kind not in "fiu":
        raise SceneError(path, "plain numbers", str(values.dtype))
    return values.astype(np.float64)


def _opened(path: Path) -> Any:
    from PIL import Image

    try:
        image = Image.open(path)
        if max(image.size) > LARGEST_SIDE:
            raise SceneError(path, f"sides of at most {LARGEST_SIDE} pixels", f"{image.size}")
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        found = "nothing of that name" if isinstance(error, FileNotFoundError) else str(error)
        raise SceneError(path, "a picture", found[:100]) from None
    return image


def _picture(path: Path) -> NDArray[Any]:
    with _opened(path) as image:
        if image.mode not in ("L", "I", "F") and not image.mode.startswith("I;16"):
            expected = f"one channel, or one of {', '.join(ENDINGS[1:])}"
            raise SceneError(path, expected, f"a picture of mode {image.mode}")
        return np.asarray(image)


def _pfm(path: Path) -> NDArray[Any]:
    """Portable float map: ``Pf``, width, height, a scale whose sign is the byte order; rows go up.

    Source: Debevec's description at pauldebevec.com/Research/HDR/PFM. Middlebury writes infinity
    where nothing is known, which is read as not-a-number.
    """
    with path.open("rb") as file:
        words = b"".join(file.readline(64) for _ in range(3)).split()
        try:
            kind, width, height, scale = words
            columns, rows, sign = int(width), int(height), float(scale)
        except ValueError:
            raise SceneError(path, "a PFM header", f"{words[:4]}"[:100]) from None
        if kind != b"Pf" or not (0 < columns <= LARGEST_SIDE and 0 < rows <= LARGEST_SIDE):
            raise SceneError(path, "a PFM of one channel", f"{kind!r}, {columns} by {rows}"[:100])
        data = file.read(4 * rows * columns + 1)
    if len(data) != 4 * rows * columns:
        raise SceneError(path, f"{4 * rows * columns:,} bytes of values", "another number")
    values = np.frombuffer(data, "<f4" if sign < 0 else ">f4").reshape(rows, columns)[::-1]
    return np.where(np.isfinite(values), values, np.nan)


def _npy(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # whatever a parser of Python literals makes of a stranger's bytes
        raise SceneError(path, "a NumPy array", " ".join(str(error).split())[:100]) from None


def _npz(path: Path) -> NDArray[Any]:
    with Archive(path, 64 * path.stat().st_size + (64 << 20)) as archive:
        arrays = stored_arrays(archive)
        chosen = next((name for name in NAMES if name in arrays), None)
        if chosen is None and len(arrays) == 1:
            chosen = next(iter(arrays))
        if chosen is None:
            raise SceneError(path, "an array named depth", ", ".join(sorted(arrays))[:100])
        stored = arrays[chosen]
        values = np.empty(stored.shape, np.float32)
        stored.into(values, lambda nbytes: None)
    return values


def _exr(path: Path) -> NDArray[Any]:
    import imageio.v3 as imageio

    try:
        return np.asarray(imageio.imread(path))
    except Exception as error:  # each of its plugins has its own
        found = " ".join(str(error).split())[:100]
        raise SceneError(path, "an EXR that imageio can read here", found) from None


def as_depth(
    values: NDArray[np.float64], near: float | None, far: float | None, inverse: bool
) -> NDArray[np.float64]:
    """Depth from what a file has.

    Parameters
    ----------
    values
        (H, W); not-a-number is a hole, and 0 is one in a map of depth.
    near, far
        The depths that the range of the values is stretched to, both or neither.
    inverse
        Whether large is near (disparity). Then ``1 / depth`` is affine in the values, and
        without ``near`` and ``far`` it is stretched to 1 and 100.
    """
    if inverse and near is None:
        near, far = 1.0, 100.0
    if near is None or far is None:
        return values
    known = np.isfinite(values) if inverse else np.isfinite(values) & (values > 0)
    if not known.any():
        raise ValueError("the depth map has no values")
    low, high = float(values[known].min()), float(values[known].max())
    part = (values - low) / max(high - low, 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (
            1 / (1 / far + part * (1 / near - 1 / far)) if inverse else near + part * (far - near)
        )
    return np.where(known, depth, np.nan)
