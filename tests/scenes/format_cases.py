"""A small good file of every format and dialect, as bytes that tests may damage."""

from __future__ import annotations

import functools
import itertools
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.open import save_scene, scene_formats
from scenes.registry import Format


@dataclass(frozen=True)
class Case:
    """A good file: ``files`` by relative name, and the one (or "" for the folder) to open."""

    name: str
    format: str
    files: dict[str, bytes]
    entry: str

    def put(self, folder: Path, files: dict[str, bytes] | None = None) -> Path:
        """Write the files (or damaged ones in their place); returns what to open."""
        for name, data in (files or self.files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / self.entry


def random_scene(count: int, degree: int, seed: int = 0, **changes: Any) -> GaussianScene:
    """A scene without extremes, in the range of every format."""
    rng = np.random.default_rng(seed)
    quats = rng.normal(size=(count, 4))
    scene = GaussianScene(
        means=rng.normal(0, 3, (count, 3)),
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        scales=np.exp(rng.uniform(-6, 1, (count, 3))),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(0, 0.3, (count, SH_COEFFICIENTS[degree], 3)),
        name="random",
    )
    return replace(scene, **changes)


def _written(format: Format, scene: GaussianScene, name: str, **options: Any) -> Case:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "scene"
        folder.mkdir()
        ending = format.extensions[0]
        entry = ending if not ending.startswith(".") else "a" + ending
        save_scene(scene, folder / entry, **options)
        files = {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
    return Case(name, format.name, files, entry)


def _chosen(format: Format) -> Iterator[dict[str, Any]]:
    """All combinations of the options that offer a few choices."""
    few = [option for option in format.write_options if 1 < len(option.choices) <= 4]
    for values in itertools.product(*(option.choices for option in few)):
        yield {option.name: value for option, value in zip(few, values, strict=True)}


def _ssproj() -> Case:
    ply = _written(_format("ply"), random_scene(9, 1), "ply").files["a.ply"]
    document = {
        "version": 0,
        "camera": {"fov": 60},
        "timeline": {"frames": 180, "frameRate": 30},
        "poseSets": [{"name": "set0", "poses": [
            {"name": "one", "frame": 0, "position": [0, 0, 5], "target": [0, 0, 0]},
            {"name": "two", "frame": 60, "position": [5, 0, 5], "target": [0, 0, 0]},
        ]}],
        "splats": [{"name": "a", "position": [1, 2, 3], "rotation": [0, 0, 0, 1],
                    "scale": [1, 1, 1], "visible": True}],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.ssproj"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("document.json", json.dumps(document))
            file.writestr("splat_0.ply", ply)
        return Case("ssproj", "ssproj", {"a.ssproj": path.read_bytes()}, "a.ssproj")


def _checkpoint() -> Case:
    import torch

    scene = random_scene(7, 1)
    splats = {
        "means": scene.means, "quats": scene.quats, "scales": np.log(scene.scales),
        "opacities": np.log(scene.opacities / (1 - scene.opacities)),
        "sh0": scene.sh[:, :1], "shN": scene.sh[:, 1:],
    }  # fmt: skip
    tensors = {name: torch.tensor(np.array(value)) for name, value in splats.items()}
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.pt"
        torch.save({"step": 1, "splats": tensors}, path)
        return Case("checkpoint", "checkpoint", {"a.pt": path.read_bytes()}, "a.pt")


def _sog_lod() -> Case:
    """One file of two levels, in a tree of two leaves."""
    scene = random_scene(300, 1)
    files = _written(_format("sog"), scene, "sog").files
    sog = next(data for name, data in files.items() if name.endswith(".sog"))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.sog"
        path.write_bytes(sog)
        with zipfile.ZipFile(path) as archive:
            members = {f"0_0/{name}": archive.read(name) for name in archive.namelist()}
    bound = {"min": scene.bounds[0].tolist(), "max": scene.bounds[1].tolist()}
    leaves = [
        {"bound": bound, "lods": {"0": {"file": 0, "offset": first, "count": count}}}
        for first, count in ((0, 200), (200, 100))
    ]
    meta = {
        "version": 1, "count": 300, "counts": [300], "lodLevels": 1,
        "filenames": ["0_0/meta.json"], "tree": {"bound": bound, "children": leaves},
    }  # fmt: skip
    members["lod-meta.json"] = json.dumps(meta).encode()
    return Case("sog-lod", "sog-lod", members, "lod-meta.json")


def _sequence() -> Case:
    ply = _written(_format("ply"), random_scene(3, 0), "ply").files["a.ply"]
    files = {"frame_1.ply": ply, "frame_2.ply": ply}
    return Case("sequence", "sequence", files, "")


def _format(name: str) -> Format:
    return next(format for format in scene_formats() if format.name == name)


READ_ONLY = {
    "ssproj": _ssproj,
    "checkpoint": _checkpoint,
    "sequence": _sequence,
    "sog-lod": _sog_lod,
}


@functools.cache
def cases() -> tuple[Case, ...]:
    """Every format at least once; those that are written in each of their dialects."""
    found = []
    for format in scene_formats():
        if format.kind != "gaussians":
            continue
        if format.write is None:
            found.append(READ_ONLY[format.name]())
            continue
        for options in _chosen(format):
            for degree in sorted({0, min(format.sh_degree, 3)}):
                words = "-".join([format.name, *map(str, options.values()), f"sh{degree}"])
                found.append(_written(format, random_scene(300, degree), words, **options))
    return tuple(found)


def case_names() -> list[str]:
    """For parametrised tests."""
    return [case.name for case in cases()]


def case(name: str) -> Case:
    """One of :func:`cases` by its name."""
    return next(each for each in cases() if each.name == name)
