"""What can be chosen when a scene is saved: formats, names of files, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Option, Progress, by_extension, never, no_progress
from scenes.scene import Scene

BASELINE = "ply"
"""Sizes are compared with this format, which everybody knows."""


@dataclass(frozen=True, eq=False)
class Choices:
    """How a scene is to be saved.

    Attributes
    ----------
    format, path
        Kind and place of the file.
    options
        Values of the format's ``write_options``.
    degree, count
        Degree of spherical harmonics and number of splats to keep, at most the scene's own; of
        other scenes they say nothing.
    """

    format: Format
    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    degree: int = 0
    count: int = 0


def writable(kind: str) -> list[Format]:
    """The formats that a scene of a kind can be written in, by their titles."""
    from scenes.open import scene_formats

    formats = [f for f in scene_formats() if f.kind == kind and f.write and f.extensions]
    return sorted(formats, key=lambda format: format.title.lower())


def keeps(format: Format) -> str:
    """One line on what a format keeps."""
    if format.kind != "gaussians":
        return format.precision[:1].upper() + format.precision[1:] + "."
    parts = [format.precision, f"view-dependent colour up to SH degree {format.sh_degree}"]
    if not format.sh_degree:
        parts[1] = "no view-dependent colour"
    if format.frame:
        parts.append(f"axes {format.frame}")
    line = "; ".join(part for part in parts if part)
    return line[:1].upper() + line[1:] + "."


# Names --------------------------------------------------------------------------------------


def has_own_folder(path: Path) -> bool:
    """Whether a file goes by a fixed name (``meta.json``) in a folder that is all its scene's."""
    from scenes.open import scene_formats

    name = path.name.lower()
    fixed = {e for f in scene_formats() for e in f.extensions if not e.startswith(".")}
    return name in fixed


def outer_folder(path: Path) -> Path:
    """The folder that must be there to write a file: its own, or the one around that."""
    return path.parent.parent if has_own_folder(path) else path.parent


def suggested(scene: Scene, format: Format, folder: Path) -> Path:
    """Where to save by default: beside the scene's own file, never in its place.

    ``folder`` is for a scene without a file.
    """
    source = scene.source
    if source is None:
        return _ended(folder / (scene.name or "scene"), format)
    beside = outer_folder(source) / _bare_name(source)
    path = _ended(beside, format)
    return path if path != source else _ended(beside.with_name(f"{beside.name} copy"), format)


def with_ending(path: Path, format: Format, formats: list[Format]) -> Path:
    """The path with a name that will be written in ``format``.

    An ending of another of ``formats`` is taken away, so that choosing another format renames the
    file.
    """
    known = by_extension(formats, path)
    if known is format:
        return path
    if known is not None:
        path = outer_folder(path) / _bare_name(path)
    return _ended(path, format)


def _bare_name(path: Path) -> str:
    """What a file would be called without the ending of its format."""
    from scenes.open import scene_formats

    if has_own_folder(path):
        return path.parent.name or "scene"
    known = by_extension(scene_formats(), path)
    endings = known.extensions if known is not None else ()
    fitting = [len(ending) for ending in endings if path.name.lower().endswith(ending)]
    return path.name[: len(path.name) - max(fitting, default=0)] or "scene"


def _ended(path: Path, format: Format) -> Path:
    ending = format.extensions[0]
    if ending.startswith("."):
        return path.parent / (path.name + ending)
    return path / ending


# Sizes --------------------------------------------------------------------------------------


def estimate(scene: Scene, choices: Choices, cancel: Cancel = never) -> int | None:
    """Bytes that the file will take, about; None for a format that cannot tell."""
    if choices.format.estimate is None:
        return None
    if isinstance(scene, GaussianScene):
        scene = _first(scene, choices.count)
        if _is_cut(scene, choices):
            from scenes.edits import with_sh_degree

            scene = with_sh_degree(scene, choices.degree, no_progress, cancel)
    return choices.format.estimate(scene, **choices.options)


def estimate_words(scene: Scene, choices: Choices, cancel: Cancel = never) -> str:
    """The estimate as a sentence for a person; empty for a format that cannot tell.

    May take a moment: call it on a worker.

    Raises
    ------
    Cancelled
    """
    size = estimate(scene, choices, cancel)
    if size is None:
        return ""
    words = f"about {size_words(size)}"
    base = next((f for f in writable(scene.kind) if f.name == BASELINE), None)
    if base is None or base.estimate is None or size <= 0:
        return words
    return words + compared(base.estimate(scene) / size, base.extensions[0].lstrip(".").upper())


def compared(ratio: float, name: str) -> str:
    """How much smaller (or larger) than another format, as the end of a sentence."""
    if 0.95 < ratio < 1.05:
        return ""
    way, times = ("smaller", ratio) if ratio > 1 else ("larger", 1 / ratio)
    return f", {times:.{0 if times >= 10 else 1}f}× {way} than {name}"


def size_words(size: int) -> str:
    """Bytes in the unit that suits them: ``"14.2 MB"``."""
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def _first(scene: GaussianScene, count: int) -> GaussianScene:
    """The first splats of a scene, which stand for any others where only the size counts."""
    names = ("means", "quats", "scales", "opacities", "sh")
    return replace(scene, **{name: getattr(scene, name)[:count] for name in names})


# Work ---------------------------------------------------------------------------------------


def save(scene: Scene, choices: Choices, progress: Progress, cancel: Cancel) -> tuple[str, ...]:
    """Reduce and write the scene; returns sentences on what the file does not keep.

    Call it on a worker.

    Raises
    ------
    SceneError, Cancelled
    """
    from scenes.open import save_scene

    if isinstance(scene, GaussianScene):
        scene = _reduced(scene, choices, progress, cancel)
    return save_scene(scene, choices.path, progress, cancel, **choices.options)


def _reduced(
    scene: GaussianScene, choices: Choices, progress: Progress, cancel: Cancel
) -> GaussianScene:
    from scenes.edits import decimate, with_sh_degree

    # Colour first: fewer coefficients are merged sooner.
    if _is_cut(scene, choices):
        scene = with_sh_degree(scene, choices.degree, progress, cancel)
    if choices.count < scene.count:
        scene = decimate(scene, choices.count, progress, cancel)
    return scene


def _is_cut(scene: GaussianScene, choices: Choices) -> bool:
    """Whether a lower degree was chosen than need be; the rest is cut, and told, by the writer."""
    return choices.degree < min(scene.sh_degree, choices.format.sh_degree)


def fitting(option: Option, value: Any) -> Any:
    """A remembered value of an option, or its default where that does not fit any more."""
    if option.choices:
        return value if value in option.choices else option.default
    if option.default is None:
        return value if isinstance(value, int) and option.low <= value <= option.high else None
    if type(value) is not type(option.default):
        return option.default
    if isinstance(value, int | float) and not isinstance(value, bool):
        return min(max(value, option.low), option.high)
    return value
