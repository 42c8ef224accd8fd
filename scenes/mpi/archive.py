"""Plenoscope's own multiplane images: reading and writing ``.mpi``.

The format is described in :mod:`scenes.formats.mpi`; this module moves scenes in and out of the
archive, :mod:`scenes.mpi.document` their geometry in and out of its JSON.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import Archive
from scenes.errors import SceneError
from scenes.mpi.document import DESCRIPTION, Names, described, document_of, scene_in
from scenes.mpi.pictures import Mode, Pixels, check_total, in_two_threads
from scenes.mpi.source import Zip, decoded, look
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress
from scenes.sog.images import encode
from scenes.writing import new_file

MOST_ENTRIES = 1 << 16
"""Pictures and maps of a scene; a set of forty images of a hundred layers has 4,000."""
MOST_JSON = 64 << 20
LONGEST_WEBP = 16_383
MOST_WEBP = 178_000_000
"""Pixels of a WebP that Pillow decodes."""
_METHOD, _QUALITY = 2, 20
"""Of lossless WebP: a second for 32 layers of 512 pixels; the most effort, a minute, gains 7 %."""


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> PlaneScene:
    """Read a scene; pixels, poses and maps are exactly those that were written.

    Raises
    ------
    SceneError, Cancelled
    """
    # Pictures are compressed already and stored as they are; only the description may shrink.
    limit = MOST_JSON + 2 * path.stat().st_size
    with Archive(path, limit, MOST_ENTRIES) as archive:
        if archive.size(DESCRIPTION) > MOST_JSON:
            expected = f"at most {MOST_JSON:,} bytes in {DESCRIPTION}"
            raise SceneError(path, expected, f"{archive.size(DESCRIPTION):,}")
        document = document_of(archive.read(DESCRIPTION), path)
        source = Zip(archive)
        wanted = document.pictures
        pictures = [look(source, name) for name in wanted]
        check_total(pictures, path)
        modes: list[Mode] = list(wanted.values())
        images = decoded(source, list(zip(pictures, modes, strict=True)), progress, cancel)
        pixels = dict(zip(wanted, images, strict=True))
        maps = {name: archive.read(name) for name in document.maps}
    return scene_in(document, pixels, maps)


@dataclass(frozen=True)
class _Entry:
    """A file of the archive that is to be made: pixels to be packed, or bytes as they are."""

    name: str
    pixels: Pixels | None = None
    data: bytes = b""

    def packed(self) -> tuple[str, bytes]:
        if self.pixels is None:
            return self.name, self.data
        return self.name, _encoded(self.pixels, self.name.endswith(".webp"))


def write_scene(
    scene: PlaneScene, path: Path, layer_images: str, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write a scene; returns a sentence on metadata that JSON has no words for.

    Pictures are packed in two threads and written one after another, so that few are in memory.

    Raises
    ------
    SceneError, Cancelled
    """
    names = _NamesOf(layer_images)
    value, lost = described(scene, names)
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    if len(names.entries) >= MOST_ENTRIES or len(text) > MOST_JSON:
        raise SceneError(path, f"at most {MOST_ENTRIES:,} pictures", f"{len(names.entries):,}")
    with new_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, DESCRIPTION, text, zipfile.ZIP_DEFLATED)
        packed = in_two_threads(
            iter(names.entries), len(names.entries), _Entry.packed, progress, cancel
        )
        for name, data in packed:
            _add(archive, name, data)
    if not lost:
        return ()
    keys = ", ".join(lost[:5]) + (" and others" if len(lost) > 5 else "")
    return (f"The file does not keep the metadata {keys}.",)


def estimate(scene: PlaneScene, layer_images: str) -> int:
    """Bytes of the file, from small pieces of some of its pictures packed as the whole will be."""
    names = _NamesOf(layer_images)
    value, _ = described(scene, names)
    total = len(json.dumps(value, allow_nan=False)) // 3 + 1000
    total += sum(150 + len(entry.data) for entry in names.entries)
    pictures = [(entry.name, entry.pixels) for entry in names.entries if entry.pixels is not None]
    step = max(1, len(pictures) // 6)
    packed = looked_at = 0
    for name, pixels in pictures[step // 2 :: step]:
        piece = _middle(pixels)
        packed += len(_encoded(piece, name.endswith(".webp")))
        looked_at += piece.shape[0] * piece.shape[1]
    area = sum(pixels.shape[0] * pixels.shape[1] for _, pixels in pictures)
    return total + (area * packed // looked_at if looked_at else 0)


def _middle(pixels: Pixels, side: int = 192) -> Pixels:
    top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


class _NamesOf(Names):
    """Gives files their names, and remembers what goes into them."""

    def __init__(self, layer_images: str) -> None:
        self.entries: list[_Entry] = []
        self._webp = layer_images == "webp"

    def picture(self, stem: str, pixels: Pixels) -> str:
        height, width = pixels.shape[:2]
        fits = max(width, height) <= LONGEST_WEBP and width * height <= MOST_WEBP
        name = f"{stem}.{'webp' if self._webp and fits else 'png'}"
        self.entries.append(_Entry(name, pixels=pixels))
        return name

    def map(self, stem: str, values: NDArray[np.float32]) -> str:
        name = f"{stem}.f32"
        self.entries.append(_Entry(name, data=values.astype("<f4").tobytes()))
        return name


def _encoded(pixels: Pixels, webp: bool) -> bytes:
    if webp:
        return encode(pixels, _METHOD, _QUALITY)
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def _add(
    archive: zipfile.ZipFile, name: str, data: bytes, compression: int = zipfile.ZIP_STORED
) -> None:
    """An entry without a date, so that the same scene makes the same file."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = compression
    archive.writestr(entry, data)
