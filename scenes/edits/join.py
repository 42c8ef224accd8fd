"""Several scenes as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scenes.frames import frame_of, in_frame
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.storage import empty
from scenes.writing import blocks

_ALIKE = ("means", "quats", "scales", "opacities")


def joined(
    scenes: Sequence[GaussianScene],
    name: str,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """The splats of all scenes, one after the other, in the frame of the first.

    Spherical harmonics take the largest degree, with zeros where a scene has fewer. Metadata are
    the first scene's default view and vertical axis, and ``parts``: name and count of each scene.
    Scenes that were trained differently count as ``"3dgs"``, with a sentence in ``warnings``.

    Raises
    ------
    ValueError
        For no scenes at all.
    Cancelled
    """
    if not scenes:
        raise ValueError("there must be a scene to join")
    first = scenes[0]
    count = sum(scene.count for scene in scenes)
    arrays: dict[str, Any] = {
        key: empty((count, *getattr(first, key).shape[1:]), np.float32) for key in _ALIKE
    }
    degree = max(scene.sh_degree for scene in scenes)
    sh = empty((count, SH_COEFFICIENTS[degree], 3), np.float32)
    start = 0
    for given in scenes:
        scene = given if frame_of(given) == frame_of(first) else in_frame(given, frame_of(first))
        kept = scene.sh.shape[1]
        for here in blocks(scene.count, _after(progress, start, count), cancel):
            there = slice(start + here.start, start + here.stop)
            for key, array in arrays.items():
                array[there] = getattr(scene, key)[here]
            sh[there, :kept] = scene.sh[here]
            sh[there, kept:] = 0
        start += scene.count
    warnings = list(dict.fromkeys(words for scene in scenes for words in scene.warnings))
    trained = {scene.training for scene in scenes}
    if len(trained) > 1:
        kinds = ", ".join(sorted(trained))
        warnings.append(f"Scenes trained differently ({kinds}) were joined and count as 3dgs.")
    kept_metadata = {
        key: first.metadata[key] for key in ("vertical_axis", "default_view")
        if key in first.metadata
    }  # fmt: skip
    return GaussianScene(
        **arrays,
        sh=sh,
        name=name,
        training=trained.pop() if len(trained) == 1 else "3dgs",
        metadata=kept_metadata
        | {"parts": [{"name": scene.name, "count": scene.count} for scene in scenes]},
        warnings=tuple(warnings),
    )


def _after(progress: Progress, start: int, total: int) -> Progress:
    """Progress of one scene as progress of all."""
    return lambda done, of, unit: progress(start + done, total, unit)
