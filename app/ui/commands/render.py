"""Render: what is shown, presets, backend, background, a picture as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.actions import ActionRecord
from app.ui.panels.rendering import (
    BACKEND_TITLES,
    OUTPUT_TIPS,
    OUTPUT_TITLES,
    SURFACE_TIPS,
    SURFACE_TITLES,
)
from render.presets import PRESETS, Preset
from render.request import VIEWS, RenderSettings
from scenes.fields import FieldScene
from scenes.planes import PlaneScene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_BACKGROUNDS = {
    "black": ("Black", (0.0, 0.0, 0.0)),
    "grey": ("Grey", (0.5, 0.5, 0.5)),
    "white": ("White", (1.0, 1.0, 1.0)),
    "transparent": ("Transparent", None),
}


def _output(name: str) -> ActionRecord:
    return ActionRecord(
        id=f"render.output.{name}",
        title=OUTPUT_TITLES[name],
        menu="Render/Show",
        tip=OUTPUT_TIPS[name],
        run=lambda shell: shell.document.set_render_settings(output=name),
        checked=lambda shell: shell.document.render_settings.output == name,
        enabled_when=lambda shell: name != "layer" or _shows_planes(shell),
        section=0,
    )


def _preset(preset: Preset) -> ActionRecord:
    return ActionRecord(
        id=f"render.preset.{preset.name}",
        title=preset.title,
        menu="Render/Preset",
        tip=preset.description,
        run=lambda shell: shell.document.set_render_settings(preset=preset.name),
        checked=lambda shell: shell.document.render_settings.preset == preset.name,
        section=0,
    )


def _background(name: str) -> ActionRecord:
    title, color = _BACKGROUNDS[name]
    return ActionRecord(
        id=f"render.background.{name}",
        title=title,
        menu="Render/Background",
        tip=f"{title} behind the scene",
        run=lambda shell: shell.document.set_render_settings(background=color),
        checked=lambda shell: shell.document.render_settings.background == color,
        section=0,
    )


def _backend(name: str) -> ActionRecord:
    return ActionRecord(
        id=f"render.backend.{name}",
        title=BACKEND_TITLES[name],
        menu="Render/Backend",
        tip="What computes the pictures",
        run=lambda shell: shell.document.set_render_settings(backend=name),
        enabled_when=lambda shell: shell.driver.backends.get(name, (True, ""))[0],
        checked=lambda shell: shell.document.render_settings.backend == name,
        section=0,
    )


def _shows_planes(shell: Shell) -> bool:
    scene = shell.document.scene
    return scene is not None and scene.kind == "planes"


def _field_form(shell: Shell) -> str:
    scene = shell.document.scene
    return scene.model.form if isinstance(scene, FieldScene) else ""


def _surface(name: str) -> ActionRecord:
    return ActionRecord(
        id=f"render.surface.{name}",
        title=SURFACE_TITLES[name],
        menu="Render/Surface of a distance field",
        tip=SURFACE_TIPS[name],
        run=lambda shell: shell.document.set_render_settings(surface=name),
        enabled_when=lambda shell: _field_form(shell) == "distance",
        checked=lambda shell: shell.document.render_settings.surface == name,
        section=1,
    )


def _turn_skipping(shell: Shell) -> None:
    present = shell.document.render_settings.skip_empty
    shell.document.set_render_settings(skip_empty=not present)


def _has_photo(shell: Shell) -> bool:
    scene = shell.document.scene
    if scene is not None and shell.capture.photographed is not None:
        return True
    return isinstance(scene, PlaneScene) and scene.photo is not None and scene.camera is not None


def _compare(shell: Shell) -> None:
    from app.ui.fit_check import compare

    compare(shell)


def _turn_back_faces(shell: Shell) -> None:
    present = shell.document.render_settings.back_faces
    shell.document.set_render_settings(back_faces=not present)


def _reset(shell: Shell) -> None:
    default = RenderSettings()
    shell.document.set_render_settings(**vars(default))


ACTIONS = [
    *(_output(name) for name in VIEWS),
    *(_preset(preset) for preset in PRESETS.values()),
    *(_background(name) for name in _BACKGROUNDS),
    *(_backend(name) for name in BACKEND_TITLES),
    ActionRecord(
        id="render.back_faces",
        title="Show planes from behind",
        menu="Render",
        shortcut="Ctrl+Alt+B",
        tip="Planes of a multiplane image are one-sided unless this is on",
        run=_turn_back_faces,
        enabled_when=_shows_planes,
        checked=lambda shell: shell.document.render_settings.back_faces,
        section=1,
    ),
    ActionRecord(
        id="render.skip_empty",
        title="Skip empty space",
        menu="Render",
        shortcut="Ctrl+Alt+E",
        tip="A march through a neural field samples only where its occupancy grid says that there "
        "is something; the picture is the same",
        run=_turn_skipping,
        enabled_when=lambda shell: _field_form(shell) in ("radiance", "volume"),
        checked=lambda shell: shell.document.render_settings.skip_empty,
        section=1,
    ),
    *(_surface(name) for name in SURFACE_TITLES),
    ActionRecord(
        id="render.compare",
        title="Compare with photo…",
        menu="Render",
        shortcut="Ctrl+Alt+P",
        tip="Measure how the scene differs from the photo of the camera that is looked through, "
        "or from the one that it was made from",
        icon="image",
        run=_compare,
        enabled_when=_has_photo,
        section=1,
    ),
    ActionRecord(
        id="render.reset",
        title="Reset render settings",
        menu="Render",
        tip="Back to the default picture",
        icon="reset",
        run=_reset,
        enabled_when=lambda shell: shell.document.render_settings != RenderSettings(),
        section=1,
    ),
]
