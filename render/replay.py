"""Captured frames: one file that holds a picture and all that makes it, to be drawn again.

What a profiler of the vendor shows of a frame is worth as much as the frame can be had again: on
this machine, on another one, with other kernels. A capture is a zip archive without compression:

``capture.json``
    ``format`` is "plenoscope-capture", ``version`` 1; ``request`` (see
    :mod:`render.request_json`); ``backend``, the one that drew; ``scene``: ``file``, the entry
    that holds it, its ``sha256``, and its ``name``, ``kind``, ``count`` and ``source`` for people;
    ``machine``, what drew it.
``picture.png``
    the picture, straight alpha.
``scene.ply``, ``scene.mpi`` or ``scene.field.safetensors``
    the scene in the lossless format of its kind (:data:`scenes.open.LOSSLESS`).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kernels.backends import BACKENDS, interpreted
from kernels.image.psnr import psnr
from render.bench import bench
from render.profile.limits import LimitsOf, unmeasured
from render.render import render
from render.request import Frame, RenderRequest
from render.request_json import request_in, request_json
from scenes.bounded import CHUNK, Archive
from scenes.errors import Cancelled, SceneError
from scenes.mpi.pictures import decode
from scenes.mpi.source import Zip, look
from scenes.open import LOSSLESS, open_scene, save_scene
from scenes.paths.json_file import parse
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.scene import Scene
from scenes.writing import new_file

FORMAT_NAME = "plenoscope-capture"
VERSION = 1
DESCRIPTION, PICTURE = "capture.json", "picture.png"
SCENES = {kind: f"scene{extension}" for kind, extension in LOSSLESS.items()}
"""The entry of each kind of scene."""
MOST_JSON = 1 << 20
MOST_ENTRIES = 16
ALIKE = 50.0
"""Decibels that pictures of different backends have at least; below, something is not the same."""


@dataclass(frozen=True, eq=False)
class Captured:
    """A capture that was read.

    Attributes
    ----------
    request
        With its scene, for the backend that was asked for then.
    picture
        (H, W, 4) uint8, what was drawn.
    backend
        What drew it.
    sha256
        Of the scene as the file has it: two captures of one scene have the same.
    """

    request: RenderRequest
    picture: NDArray[np.uint8]
    backend: str
    sha256: str


def write_capture(
    request: RenderRequest,
    frame: Frame,
    machine: Mapping[str, Any],
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> None:
    """Write a frame with its picture, and what made it.

    While the scene is being written it takes its place on the disk twice.

    Raises
    ------
    SceneError
        Where the place cannot be written, and for a kind of scene without a lossless format.
    Cancelled
    """
    scene = request.scene
    if scene.kind not in SCENES:
        raise SceneError(path, f"a scene of {', '.join(SCENES)}", f"one of {scene.kind}")
    name = SCENES[scene.kind]
    with new_file(path) as file, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        stored = Path(folder) / name
        save_scene(scene, stored, progress, cancel)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            with (
                stored.open("rb") as source,
                archive.open(_entry(name), "w", force_zip64=True) as out,
            ):
                total = stored.stat().st_size
                sha256 = _copy(source, out, total, progress, cancel)
            about = {"file": name, "sha256": sha256, **_words(scene)}
            description = {
                "format": FORMAT_NAME,
                "version": VERSION,
                "request": request_json(request),
                "backend": frame.backend,
                "scene": about,
                "machine": machine,
            }
            archive.writestr(_entry(DESCRIPTION), json.dumps(description, indent=1))
            archive.writestr(_entry(PICTURE), _png(frame.rgba8))


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without a date, so that the same frame makes the same file."""
    return zipfile.ZipInfo(name)


def _words(scene: Scene) -> dict[str, Any]:
    return {
        "kind": scene.kind,
        "name": scene.name,
        "count": scene.count,
        "source": None if scene.source is None else str(scene.source),
    }


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _copy(source: IO[bytes], out: IO[bytes], total: int, progress: Progress, cancel: Cancel) -> str:
    """Copy a file in pieces; returns its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    while piece := source.read(CHUNK):
        if cancel():
            raise Cancelled
        digest.update(piece)
        out.write(piece)
        done += len(piece)
        progress(done, total, "bytes")
    return digest.hexdigest()


def read_capture(
    path: str | Path, progress: Progress = no_progress, cancel: Cancel = never
) -> Captured:
    """Read a capture; its scene goes through a temporary file.

    Raises
    ------
    SceneError
        For whatever is wrong with it. Nothing in the file is compressed, so nothing in it can
        claim more than it brings, but for the picture, which must have the size of the camera's.
    Cancelled
    """
    path = Path(path)
    try:
        limit = path.stat().st_size
        with Archive(path, limit, MOST_ENTRIES) as archive:
            return _read(archive, progress, cancel)
    except OSError as error:
        raise SceneError(path, "a captured frame", error.strerror or str(error)) from error


def _read(archive: Archive, progress: Progress, cancel: Cancel) -> Captured:
    path = archive.path
    if archive.size(DESCRIPTION) > MOST_JSON:
        found = f"{archive.size(DESCRIPTION):,}"
        raise SceneError(path, f"at most {MOST_JSON:,} bytes in {DESCRIPTION}", found)
    try:
        value = parse(path, archive.read(DESCRIPTION).decode("utf-8"), DESCRIPTION)
    except UnicodeDecodeError as error:
        raise SceneError(path, f"UTF-8 text in {DESCRIPTION}", "other bytes") from error
    value["format"].choice([FORMAT_NAME])
    value["version"].integer(VERSION, VERSION)
    name = value["scene"]["file"].choice(list(SCENES.values()))
    sha256 = value["scene"]["sha256"].text(64)
    with tempfile.TemporaryDirectory(prefix="plenoscope-") as folder:
        unpacked = Path(folder) / name
        with archive.stream(name) as source, unpacked.open("wb") as out:
            found = _copy(source, out, archive.size(name), progress, cancel)
        if found != sha256:
            raise SceneError(path, f"the {name} that was captured", "another one")
        scene: Any = open_scene(unpacked, progress, cancel)
    scene = replace(scene, name=value["scene"]["name"].text(), source=path)
    request = request_in(value["request"], scene)
    backend = value["backend"].choice(BACKENDS)
    return Captured(request, _picture(archive, request), backend, sha256)


def _picture(archive: Archive, request: RenderRequest) -> NDArray[np.uint8]:
    """The picture, decoded only if it has the size that the camera says."""
    source = Zip(archive)
    header = look(source, PICTURE)
    found, size = (header.width, header.height), (request.camera.width, request.camera.height)
    if found != size:
        expected = f"a picture of {size[0]} x {size[1]}"
        raise SceneError(archive.path, expected, f"{found[0]} x {found[1]}", PICTURE)
    return decode(source.read(PICTURE), header, archive.path)


def profiled(backend: str) -> AbstractContextManager[Any]:
    """What tells a profiler of CUDA to record inside the block, and only there.

    That is ``cudaProfilerStart`` and ``cudaProfilerStop``, to which
    ``nsys profile --capture-range=cudaProfilerApi`` and ``ncu --profile-from-start off`` listen.
    """
    if backend != "cuda" or interpreted():
        return nullcontext()
    import torch

    return torch.cuda.profiler.profile()


def replay(
    captured: Captured,
    backend: str,
    frames: int,
    warm_up: int,
    progress: Progress = no_progress,
    limits: LimitsOf = unmeasured,
) -> dict[str, Any]:
    """Draw a captured frame again and again, and compare the last picture with the one of then.

    Parameters
    ----------
    backend
        One that can run here, not "auto".
    frames, warm_up
        How many are measured, after how many that are not.

    Returns
    -------
    dict
        As of :func:`render.bench.bench`, and ``psnr`` of the pictures (decibels, alpha counts as
        a colour; infinite where they are equal).
    """
    last: list[Frame] = []

    def kept(request: RenderRequest) -> Frame:
        last[:] = [render(request)]
        return last[0]

    settings = replace(captured.request.settings, backend=backend)
    request = replace(captured.request, settings=settings)
    cameras = [("captured", request.camera)]
    figures = bench(
        request, cameras, frames, progress, kept, limits, warm_up, profiled(backend)
    )  # fmt: skip
    return figures | {"psnr": _likeness(last[0].rgba8, captured.picture)}


def _likeness(picture: NDArray[np.uint8], captured: NDArray[np.uint8]) -> float:
    if np.array_equal(picture, captured):
        return math.inf
    ours, theirs = (np.divide(each, 255, dtype=np.float32) for each in (picture, captured))
    return float(psnr("cpu", ours, theirs))
