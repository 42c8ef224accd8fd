"""Pictures of layers: measured by their headers, bounded together, then decoded in two threads.

A picture may claim any size in a few bytes, so nothing is decoded until all headers of a scene
have been read and their sum is one that its files can be honest about.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.planes import LARGEST_SIDE
from scenes.registry import Cancel, Progress

HEAD = 1 << 16
"""Bytes of a file that its header is looked for in."""
MOST_BYTES = 8 << 30
"""Decoded pictures of a scene together."""
FREE_BYTES = 256 << 20
"""Decoded pictures that no file size is asked for: transparent layers pack to next to nothing."""
MOST_RATIO = 1000
"""Decoded to packed bytes beyond :data:`FREE_BYTES`; what deflate reaches with zeros."""
THREADS = 2

Pixels = NDArray[np.uint8]
Mode = Literal["RGBA", "RGB", "L"]
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Picture:
    """A picture that was looked at, not yet decoded.

    Attributes
    ----------
    name
        What errors call it.
    width, height
        As the header says; at most :data:`scenes.planes.LARGEST_SIDE`.
    nbytes
        Of the file.
    """

    name: str
    width: int
    height: int
    nbytes: int

    @property
    def most(self) -> int:
        """Bytes that an honest file of this picture has at most: 16 bits a value, unpacked."""
        return 16 * self.width * self.height + (1 << 20)


def looked_at(head: bytes, nbytes: int, path: Path, name: str) -> Picture:
    """The size of a PNG, JPEG or WebP from the first :data:`HEAD` bytes of its file.

    Sources: PNG specification 11.2.2 (IHDR), ITU-T T.81 B.2.2 (frame header), RFC 9649.

    Raises
    ------
    SceneError
        For anything else, and for a size that no picture may have.
    """
    size = None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        size = _png_size(head, nbytes)
    elif head.startswith(b"\xff\xd8"):
        size = _jpeg_size(head)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        size = _webp_size(head)
    else:
        raise SceneError(path, "a PNG, JPEG or WebP picture", f"{nbytes:,} other bytes", name)
    if size is None:
        raise SceneError(path, "a whole picture", "a damaged or cut header", name)
    width, height = size
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        found = f"{width:,} x {height:,}"
        raise SceneError(path, f"a picture of at most {LARGEST_SIDE:,} pixels a side", found, name)
    picture = Picture(name, width, height, nbytes)
    if nbytes > picture.most:
        raise SceneError(path, f"at most {picture.most:,} bytes", f"{nbytes:,}", name)
    return picture


def _png_size(head: bytes, nbytes: int) -> tuple[int, int] | None:
    """None also for more pixels than deflate could have packed into the file (RFC 1951: 1032)."""
    if head[12:16] != b"IHDR" or len(head) < 26:
        return None
    width, height, depth, kind = struct.unpack_from(">IIBB", head, 16)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(kind, 1)
    small_enough = width * height * depth * channels // 8 <= 1032 * nbytes
    return (width, height) if small_enough or max(width, height) > LARGEST_SIDE else None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, position + 5)
            return width, height
        position += 2 + int.from_bytes(head[position + 2 : position + 4], "big")
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind, body = head[12:16], head[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def check_total(pictures: Iterable[Picture], path: Path) -> None:
    """Refuse pictures that would together take more memory than their files can be honest about.

    Raises
    ------
    SceneError
    """
    pictures = list(pictures)
    total = sum(4 * picture.width * picture.height for picture in pictures)
    packed = sum(picture.nbytes for picture in pictures)
    most = min(MOST_BYTES, FREE_BYTES + MOST_RATIO * packed)
    if total > most:
        raise SceneError(path, f"at most {most:,} bytes of pictures", f"a claim of {total:,}")


def decode(data: bytes, picture: Picture, path: Path, mode: Mode = "RGBA") -> Pixels:
    """The pixels of a picture: (h, w, 4), (h, w, 3) or (h, w) uint8, read-only.

    A picture without transparency has an alpha of 255; ``"L"`` of a coloured picture is its first
    channel. Memory: at most three times the result for a moment. Releases the GIL.

    Raises
    ------
    SceneError
        For a damaged file, an animation, and one whose pixels are not as many as its header says.
    """
    try:
        with _opened(data) as image:
            if image.size != (picture.width, picture.height):
                raise ValueError("another size than in its header")
            if getattr(image, "n_frames", 1) != 1:
                raise ValueError("an animation")
            return np.asarray(_in_mode(image, mode))
    except Exception as error:  # whatever a decoder makes of a stranger's bytes
        shown = " ".join(str(error).split())[:100] or "a damaged one"
        raise SceneError(path, "a whole still picture", shown, picture.name) from None


def _opened(data: bytes) -> Any:
    """The decoder for the bytes, without Pillow's own limit: the caller has looked."""
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    file = io.BytesIO(data)
    if data.startswith(b"\x89PNG"):
        return PngImagePlugin.PngImageFile(file)
    if data.startswith(b"\xff\xd8"):
        return JpegImagePlugin.JpegImageFile(file)
    return WebPImagePlugin.WebPImageFile(file)


def _in_mode(image: Any, mode: Mode) -> Any:
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey; Pillow would clip them
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if mode != "L":
        return image if image.mode == mode else image.convert(mode)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    return image if image.mode == "L" else image.getchannel(0)


def in_two_threads(
    jobs: Iterable[U],
    total: int,
    work: Callable[[U], T],
    progress: Progress,
    cancel: Cancel,
    unit: str = "pictures",
) -> Iterator[T]:
    """``work`` of each job, in their order; few are in memory at a time.

    The jobs themselves are made in the thread of the caller. A cancel is heard within 0.1 s;
    decoders that run then end on their own.

    Raises
    ------
    Cancelled
        And whatever ``work`` raises.
    """
    pool = ThreadPoolExecutor(THREADS)
    pending: list[Future[T]] = []
    try:
        done = 0
        progress(0, total, unit)
        for job in jobs:
            pending.append(pool.submit(work, job))
            while len(pending) > THREADS:
                yield _first(pending, cancel)
                done += 1
                progress(done, total, unit)
        while pending:
            yield _first(pending, cancel)
            done += 1
            progress(done, total, unit)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _first(pending: list[Future[T]], cancel: Cancel) -> T:
    while True:
        if cancel():
            raise Cancelled
        if wait(pending[:1], 0.1, FIRST_COMPLETED).done:
            return pending.pop(0).result()
