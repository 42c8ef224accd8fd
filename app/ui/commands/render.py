"""Render: what is shown, presets, backend, background, a picture as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.actions import ActionRecord
from app.ui.panels.rendering import BACKEND_TITLES, OUTPUT_TIPS, OUTPUT_TITLES
from render.presets import PRESETS, Preset
from render.request import VIEWS, RenderSettings
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


def _has_photo(shell: Shell) -> bool:
    scene = shell.document.scene
    return isinstance(scene, PlaneScene) and scene.photo is not None and scene.camera is not None


def _compare(shell: Shell) -> None:
    from app.ui.fit_check import compare

    scene = shell.document.scene
    if isinstance(scene, PlaneScene):
        compare(shell, scene)


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
        id="render.compare",
        title="Compare with photo…",
        menu="Render",
        shortcut="Ctrl+Alt+P",
        tip="Render what the photo shows that the scene was made from, and measure the difference",
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
