"""WebP pictures whose pixels are numbers: looked at before they are decoded, kept to the byte."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError

LONGEST_SIDE = 16_384
"""What the header of a WebP can say."""
MOST_PIXELS = 80_000_000
"""Largest picture that is decoded; Pillow warns above 89 million."""

Pixels = NDArray[np.uint8]
Size = tuple[int, int]


def picture_size(data: bytes, path: Path, name: str) -> Size:
    """Width and height of a lossless still WebP from its header, without decoding.

    A WebP is a RIFF file; ``VP8L`` is the lossless picture, ``VP8X`` a header before it (RFC 9649).

    Raises
    ------
    SceneError
        For anything else, lossy pictures and animations among it.
    """
    if len(data) < 20 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise SceneError(path, "a WebP picture", f"{len(data):,} other bytes", name)
    canvas: Size | None = None
    position = 12
    while position + 8 <= len(data):
        kind, length = (
            data[position : position + 4],
            struct.unpack_from("<I", data, position + 4)[0],
        )
        body = position + 8
        if kind == b"VP8L":
            size = _lossless_size(data[body : body + 5], path, name)
            if canvas not in (None, size):
                raise SceneError(path, "one size of the picture", f"{canvas} and {size}", name)
            return size
        if kind in (b"VP8 ", b"ALPH"):
            raise SceneError(path, "a lossless WebP", "a lossy one, whose numbers are lost", name)
        if kind in (b"ANIM", b"ANMF"):
            raise SceneError(path, "a still picture", "an animation", name)
        if kind == b"VP8X" and len(data) >= body + 10:
            width, height = (
                int.from_bytes(data[body + i : body + i + 3], "little") for i in (4, 7)
            )
            canvas = width + 1, height + 1
        position = body + length + (length & 1)
    raise SceneError(path, "a WebP with a lossless picture", "none in the file", name)


def _lossless_size(head: bytes, path: Path, name: str) -> Size:
    """14 bits each of width - 1 and height - 1 behind the signature 0x2f (RFC 9649, 3.4)."""
    if len(head) < 5 or head[0] != 0x2F:
        raise SceneError(path, "a whole lossless WebP", "a damaged or cut one", name)
    bits = int.from_bytes(head[1:5], "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def decode(data: bytes, path: Path, name: str, channels: int) -> Pixels:
    """The pixels of a picture, row by row from the top: (W H, 3 or 4) uint8.

    ``channels`` is how many the caller needs; a picture without transparency has a fourth of 255.
    Callers have looked at :func:`picture_size`. Memory: about four times the result for a moment.

    Raises
    ------
    SceneError
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
            if channels == 4 and picture.mode != "RGBA":
                pixels = np.asarray(picture.convert("RGBA"))
            else:
                pixels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error) as error:
        raise SceneError(path, "a whole WebP picture", str(error)[:200], name) from None
    except (Image.DecompressionBombError, MemoryError):
        raise SceneError(path, "a picture that fits into memory", "a larger one", name) from None
    if pixels.ndim != 3 or pixels.shape[2] < channels:
        raise SceneError(path, "a coloured picture", f"an array {pixels.shape}", name)
    return pixels.reshape(-1, pixels.shape[2])


def encode(pixels: Pixels, method: int, quality: int) -> bytes:
    """A lossless WebP of (H, W, 3 or 4) uint8, transparent pixels as they are.

    ``method`` 0 to 6 and ``quality`` 0 to 100 trade time for size alone. Releases the GIL.
    """
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(
        out, "WEBP", lossless=True, exact=True, method=method, quality=quality
    )
    return out.getvalue()
