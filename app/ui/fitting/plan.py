"""What a neural field is to be fitted to, and how: data from which the work is begun."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from render.fitting import Fit

What = Literal["image", "distance", "radiance", "distil"]
WHAT: dict[What, tuple[str, str]] = {
    "image": ("Image", "A picture as a function of the place"),
    "distance": ("Signed distance", "The distance to the surface of a mesh"),
    "radiance": ("Radiance", "Density and colour, from photos with known cameras"),
    "distil": ("Distil", "The open field, learnt by another architecture"),
}
ENCODINGS = {
    "hash": ("Hash grid", "Many levels of grids in tables by a hash, as in instant-ngp"),
    "dense": ("Dense grid", "Few levels of grids that have a place for every vertex"),
    "triplane": ("Tri-plane", "Features of three planes that meet"),
    "simplex": ("Simplex hash", "Like the hash grid, on triangles or tetrahedra"),
    "rbf": ("Gaussians", "A dense grid that is read by one layer of Gaussians"),
    "siren": ("SIREN", "A network alone, of sines"),
    "frequency": ("Frequencies", "A network alone, behind NeRF's positional encoding"),
}
SIZES = {
    "small": ("Small", "Quick steps, a small file"),
    "base": ("Base", "More detail for the same time on many cores"),
}
SHARED_NAMES = ("sparse", "0", "colmap", "images", "train")
"""Folders whose name says nothing about a capture."""


@dataclass(frozen=True)
class FitPlan:
    """Everything that is chosen before a fit.

    Attributes
    ----------
    what
        One of :data:`WHAT`.
    path
        Picture, mesh or file of cameras; None before one is chosen.
    scene
        The field to distil.
    encoding, size
        Of the field that is fitted: keys of :data:`ENCODINGS` and :data:`SIZES`.
    steps, seconds
        When it ends; one of them is None.
    seed
        Of all random numbers.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    shrink
        Photos of radiance are made so many times smaller.
    """

    what: What = "image"
    path: Path | None = None
    scene: FieldScene | None = None
    encoding: str = "hash"
    size: str = "base"
    steps: int | None = None
    seconds: float | None = 60.0
    seed: int = 0
    device: str = "auto"
    shrink: int = 1

    @property
    def form(self) -> str:
        """What the field will be: ``"image"``, ``"distance"`` or ``"radiance"``."""
        if self.what != "distil":
            return self.what
        form = self.scene.model.form if self.scene is not None else "radiance"
        return form if form in ("image", "distance") else "radiance"

    @property
    def name(self) -> str:
        """What the scene will be called: after its source."""
        if self.what == "distil":
            return f"{self.scene.name} {self.encoding}" if self.scene else ""
        if self.path is None:
            return ""
        return capture_name(self.path) if self.what == "radiance" else self.path.stem

    @property
    def missing(self) -> str:
        """What is still to be chosen, as a sentence; empty when nothing is."""
        if self.what == "distil":
            return "" if self.scene else "Open a neural field first."
        if self.path is not None:
            return ""
        return {
            "image": "Choose a picture.",
            "distance": "Choose a mesh, .obj or .ply.",
            "radiance": "Choose a file of cameras whose photos lie beside it.",
        }[self.what]

    @property
    def problem(self) -> str:
        """Why these choices do not go together, as a sentence; empty when they do."""
        if self.what != "distil" and self.path is not None and not self.path.exists():
            return f"There is no file {self.path.name}."
        if self.what == "distil" and self.scene is not None:
            reason = cannot_be_distilled(self.scene)
            if reason:
                return reason
        return encoding_reason(self.form, self.encoding)

    def prepare(self, progress: Progress, cancel: Cancel) -> Fit:
        """Read what it learns from and make a fit of it. Call it on a worker.

        Raises
        ------
        SceneError, ValueError, Cancelled
        """
        from render.fitting import DistanceFit, ImageFit, RadianceFit, distill

        device = self._device()
        choices = self.encoding, self.size, self.seed, device
        if self.what == "distil":
            assert self.scene is not None
            return distill(self.scene, *choices, progress, cancel)
        assert self.path is not None
        if self.what == "image":
            return ImageFit.of_file(self.path, *choices)
        if self.what == "distance":
            return DistanceFit.of_file(self.path, *choices, progress=progress, cancel=cancel)
        return RadianceFit.of_file(self.path, *choices, self.shrink, progress, cancel)

    def _device(self) -> str:
        from kernels.backends import available

        if self.device != "auto":
            return self.device
        return "cuda" if available("cuda")[0] else "cpu"


def encoding_reason(form: str, encoding: str) -> str:
    """Why an encoding makes no sense for a form of field, as a sentence; empty where it does."""
    if form == "image" and encoding == "triplane":
        return "A picture has one plane only: the dense grid is the same."
    return ""


def what_reason(what: What, scene: object) -> str:
    """Why something cannot be fitted now, as a sentence; empty where it can.

    ``scene`` is the open one, or None.
    """
    if what == "distance" and importlib.util.find_spec("igl") is None:
        return "Distances to meshes need libigl: pip install 'plenoscope[fit]'."
    if what == "distil":
        if not isinstance(scene, FieldScene):
            return "The open scene is no neural field."
        return cannot_be_distilled(scene)
    return ""


def cannot_be_distilled(scene: FieldScene) -> str:
    """Why nothing can learn from a field, as a sentence; empty where it can."""
    if scene.model.form == "light":
        return "A light field says nothing of points, from which others learn."
    return ""


def capture_name(path: Path) -> str:
    """What a file of cameras is about: the folder that it lies in, but for folders that every
    capture has."""
    named = (part for part in reversed(path.parent.parts) if part not in SHARED_NAMES)
    return next(named, "").strip("/\\") or path.stem
