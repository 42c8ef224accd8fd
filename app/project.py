"""Project files (``.plenoscope``): what a person made of a scene, with a reference to the scene.

Versioned JSON: the scene's file (relative to the project's folder where possible) and how it was
read, or the recipe of a sample; orientation, camera path, bookmarks (those of a capture with the
files of their photos), render settings, view and playhead. Poses are ``world_from_camera`` with
OpenCV axes, focal lengths are pixels, angles in the path degrees.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from app.document import Bookmark, Document
from render.request import RenderSettings
from render.request_json import settings_in
from scenes.camera import Camera, Projection
from scenes.frames import FRAMES
from scenes.open import OPENED_WITH
from scenes.paths.edit import LONGEST
from scenes.paths.formats import plenoscope
from scenes.paths.json_file import Value, read_json, write_json
from scenes.paths.path import CameraPath
from scenes.scene import Scene

NAME = "plenoscope-project"
VERSION = 1
SUFFIX = ".plenoscope"
LARGEST_IMAGE = 65_536
"""Pixels a side of a stored camera."""
MOST_LEVELS = 1000
MOST_OPTIONS = 100
"""Levels of detail of a file."""


@dataclass(frozen=True)
class SampleReference:
    """The arguments with which :func:`scenes.samples.make_sample` makes the scene again."""

    name: str
    count: int
    seed: int


@dataclass(frozen=True)
class SceneReference:
    """Which scene a project is about.

    ``file`` is absolute, and None for a sample or a scene that was never in a file. ``format``
    and ``count`` (number of Gaussians) tell whether the file is still the one it was. ``axes`` is
    the frame that a person chose for the file, empty where nobody did; ``level`` the level of
    detail that was open, None for a file that has none. ``options`` are other choices that were
    made when the file was read.
    """

    file: Path | None
    sample: SampleReference | None
    name: str
    format: str
    count: int
    axes: str = ""
    level: int | None = None
    options: Mapping[str, float | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Project:
    """A read project file; its scene is not opened yet."""

    scene: SceneReference | None
    path: CameraPath
    bookmarks: tuple[Bookmark, ...]
    render_settings: RenderSettings
    orientation: str
    view: Camera | None
    time: float
    origin: Path | None = None
    """For an automatic copy: the project file that it is a copy of, if there was one."""


def save_project(document: Document, file: str | Path) -> None:
    """Write a document's project, whole or not at all, and mark the document as saved.

    Raises SceneError where it cannot be written.
    """
    file = Path(file).absolute()
    write_json(file, to_json(document, base=file.parent))
    document.mark_saved()


def load_project(file: str | Path) -> Project:
    """Read a project file.

    Raises SceneError for whatever is wrong with it, and for a version newer than this program.
    """
    file = Path(file).absolute()
    value = read_json(file)
    if value.get("format", None).raw != NAME:
        value.fail("a Plenoscope project", "JSON of another kind")
    version = value["version"].integer(1, 1_000_000)
    if version > VERSION:
        value.fail(f"version {VERSION} or older", f"version {version}, from a newer Plenoscope")
    origin = value.get("origin", None)
    view = value.get("view", None)
    path = plenoscope.from_json(value["path"])
    return Project(
        scene=_scene_from(value.get("scene", None), file.parent),
        path=path,
        bookmarks=tuple(
            _bookmark_from(item, file.parent)
            for item in value.get("bookmarks", []).items("bookmark", most=100_000)
        ),
        render_settings=settings_in(value.get("render", {})),
        orientation=value.get("orientation", "none").text(),
        view=None if view.raw is None else _camera_from(view),
        time=value.get("time", 0.0).number(0.0, LONGEST),
        origin=None if origin.raw is None else Path(origin.text()),
    )


def apply_project(document: Document, project: Project) -> None:
    """Give a document the state of a project; its history is forgotten, its scenes stay."""
    document.restore(project.path, project.bookmarks, project.render_settings, project.orientation)
    if project.view is not None:
        document.set_view(project.view)
    document.set_time(project.time)


def to_json(
    document: Document,
    base: Path | None = None,
    origin: Path | None = None,
    stored: Path | None = None,
) -> dict[str, Any]:
    """A document as plain JSON values.

    Files are named relative to ``base``, or absolutely without one; ``origin`` is kept for
    automatic copies. ``stored`` is where a scene that came from no file is about to be stored; by
    default, where it was.
    """
    record: dict[str, Any] = {
        "format": NAME,
        "version": VERSION,
        "scene": None
        if document.scene is None
        else _scene_record(document.scene, base, stored or document.stored),
        "orientation": document.orientation,
        "path": plenoscope.to_json(document.path),
        "bookmarks": [_bookmark_record(mark, base) for mark in document.bookmarks],
        "render": asdict(document.render_settings),
        "view": None if document.view is None else _camera_record(document.view),
        "time": document.time,
    }
    if origin is not None:
        record["origin"] = str(origin)
    return record


def can_refer_to(scene: Scene) -> bool:
    """Whether a project can say where the scene comes from: a file, or how a sample is made."""
    return scene.source is not None or isinstance(scene.metadata.get("sample"), str)


def _scene_record(scene: Scene, base: Path | None, stored: Path | None) -> dict[str, Any]:
    record: dict[str, Any] = {"name": scene.name, "format": scene.format, "count": scene.count}
    sample = scene.metadata.get("sample")
    if isinstance(sample, str):
        seed = int(scene.metadata.get("seed", 0))
        record["sample"] = {"sample": sample, "count": scene.count, "seed": seed}
    elif stored is not None:
        record["file"] = _reference(stored.absolute(), base)
    elif scene.source is not None:
        record["file"] = _reference(Path(scene.source).absolute(), base)
        if scene.metadata.get("frame_source") == "chosen":
            record["axes"] = scene.metadata["stored_frame"]
        if isinstance(scene.metadata.get("level"), int):
            record["level"] = scene.metadata["level"]
        options = _plain(scene.metadata.get(OPENED_WITH, {}))
        if options:
            record["options"] = options
    return record


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that JSON can hold, but for those that have keys of their own."""
    return {
        name: value
        for name, value in options.items()
        if name not in ("lod", "stored_frame") and isinstance(value, float | int | str)
    }


def _options_from(value: Value) -> dict[str, float | str | bool]:
    if not isinstance(value.raw, dict) or len(value.raw) > MOST_OPTIONS:
        value.fail(f"an object of at most {MOST_OPTIONS} options")
    options: dict[str, float | str | bool] = {}
    for name, raw in value.raw.items():
        if isinstance(raw, bool | int | str):
            options[name] = raw
        else:
            options[name] = value[name].number()
    return options


def _reference(file: Path, base: Path | None) -> str:
    """How a project names a file: with slashes, relative to its own folder where it can be."""
    if base is None:
        return str(file)
    try:
        return Path(os.path.relpath(file, base)).as_posix()
    except ValueError:  # another drive
        return str(file)


def _scene_from(value: Value, base: Path) -> SceneReference | None:
    if value.raw is None:
        return None
    file, sample = value.get("file", None), value.get("sample", None)
    level = value.get("level", None)
    reference = None
    if sample.raw is not None:
        reference = SampleReference(
            sample["sample"].text(),
            sample["count"].integer(1, 2**31),
            sample["seed"].integer(0, 2**53),
        )
    return SceneReference(
        file=None if file.raw is None else Path(os.path.normpath(base / file.text())),
        sample=reference,
        name=value.get("name", "").text(),
        format=value.get("format", "").text(),
        count=value.get("count", 0).integer(0, 2**40),
        axes=value.get("axes", "").choice(["", *FRAMES]),
        level=None if level.raw is None else level.integer(0, MOST_LEVELS),
        options=_options_from(value.get("options", {})),
    )


def _bookmark_record(mark: Bookmark, base: Path | None) -> dict[str, Any]:
    record: dict[str, Any] = {"name": mark.name, "camera": _camera_record(mark.camera)}
    if mark.capture:
        record["capture"] = mark.capture
    if mark.picture is not None:
        record["picture"] = _reference(mark.picture.absolute(), base)
    return record


def _bookmark_from(value: Value, base: Path) -> Bookmark:
    picture = value.get("picture", None)
    return Bookmark(
        value["name"].text(),
        _camera_from(value["camera"]),
        value.get("capture", "").text(),
        None if picture.raw is None else Path(os.path.normpath(base / picture.text())),
    )


def _camera_record(camera: Camera) -> dict[str, Any]:
    return {
        "world_from_camera": camera.world_from_camera.tolist(),
        "projection": camera.projection,
        "width": camera.width,
        "height": camera.height,
        "fx": float(camera.fx),
        "fy": float(camera.fy),
        "cx": float(camera.cx),
        "cy": float(camera.cy),
    }


def _camera_from(value: Value) -> Camera:
    pose = value["world_from_camera"]
    return Camera(
        np.linalg.inv(pose.rigid(pose.rows(4))).astype(np.float64),
        value["width"].integer(1, LARGEST_IMAGE),
        value["height"].integer(1, LARGEST_IMAGE),
        value["fx"].number(1e-9, 1e12),
        value["fy"].number(1e-9, 1e12),
        value["cx"].number(-1e6, 1e6),
        value["cy"].number(-1e6, 1e6),
        cast(Projection, value.get("projection", "pinhole").choice(get_args(Projection))),
    )
