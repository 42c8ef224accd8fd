"""What all scenes have in common, whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera


class Scene(Protocol):
    """A captured scene: frozen, comparable by identity.

    A representation is a class with these attributes, and a renderer for its ``kind``; the
    window, projects, camera paths and the command line need no more.
    """

    @property
    def kind(self) -> str:
        """Which renderer draws it: ``"gaussians"``, ``"planes"``, ..."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def source(self) -> Path | None:
        """The file it came from; None when made in memory."""

    @property
    def format(self) -> str:
        """Name of the file format, ``"memory"`` or ``"sample"``."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the file said beyond the scene."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what was repaired or dropped while reading."""

    @property
    def count(self) -> int:
        """Number of the pieces it is made of."""

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, bytes."""

    @property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Smallest and largest corner, (3,) each, scene units."""

    @property
    def focus(self) -> tuple[NDArray[np.float64], float]:
        """What one turns around: a centre (3,) and a radius, scene units."""

    @property
    def up(self) -> NDArray[np.float64]:
        """(3,) what points up in the file's frame."""

    def default_camera(self, width: int = 1280, height: int = 720) -> Camera:
        """The view a person sees first."""

    def facts(self) -> Mapping[str, str]:
        """What there is to say of this kind of scene, in words, by labels of a word or three."""
