"""Requests as JSON: everything that determines a picture but its scene, every number to the bit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.backends import BACKENDS
from kernels.gaussians.storage import STORAGES
from render.presets import PRESETS
from render.request import SURFACES, VIEWS, RenderRequest, RenderSettings
from scenes.mpi.document import camera_in, camera_json
from scenes.paths.json_file import Value
from scenes.scene import Scene

MOST_SAMPLES = 8
"""Samples of a pixel, each way."""


def request_json(request: RenderRequest) -> dict[str, Any]:
    """A request without its scene and without whoever waits for it."""
    world = request.world_from_file
    return {
        "camera": camera_json(request.camera),
        "settings": asdict(request.settings),
        "outputs": list(request.outputs),
        "display": request.display,
        "supersample": request.supersample,
        "effort": request.effort,
        "world_from_file": None if world is None else np.asarray(world, np.float64).tolist(),
    }


def request_in(value: Value, scene: Scene) -> RenderRequest:
    """The request of a scene that :func:`request_json` described.

    Raises
    ------
    SceneError
        For whatever is wrong with it.
    """
    outputs = value["outputs"].items("output", len(VIEWS))
    return RenderRequest(
        scene,
        camera_in(value["camera"]),
        settings_in(value["settings"]),
        tuple(output.choice(VIEWS) for output in outputs),
        value["display"].flag(),
        value["supersample"].integer(1, MOST_SAMPLES),
        value["effort"].number(0.01, 1.0),
        _rotation(value["world_from_file"]),
    )


def _rotation(value: Value) -> NDArray[np.float64] | None:
    if value.raw is None:
        return None
    pose = value.rows(4)
    value.rigid(pose)  # looked at, but kept to the bit
    return pose


def settings_in(value: Value) -> RenderSettings:
    """Render settings; what is not said is as usual. Raises SceneError for what cannot be."""
    default = RenderSettings()
    degree, background = value.get("sh_degree", None), value.get("background", None)
    if background.raw is None:
        color = default.background if "background" not in value else None
    else:
        red, green, blue = (
            Value(value.file, one, background.where).number(0.0, 1.0)
            for one in background.numbers(3).tolist()
        )
        color = (red, green, blue)
    return RenderSettings(
        preset=value.get("preset", default.preset).choice(list(PRESETS)),
        sh_degree=None if degree.raw is None else degree.integer(0, 4),
        splat_scale=value.get("splat_scale", default.splat_scale).number(0.01, 4.0),
        background=color,
        output=value.get("output", default.output).choice(VIEWS),
        backend=value.get("backend", default.backend).choice(("auto", *BACKENDS)),
        back_faces=value.get("back_faces", default.back_faces).flag(),
        skip_empty=value.get("skip_empty", default.skip_empty).flag(),
        surface=value.get("surface", default.surface).choice(SURFACES),
        sh_storage=value.get("sh_storage", default.sh_storage).choice(STORAGES),
    )
