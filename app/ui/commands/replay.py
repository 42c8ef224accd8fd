"""Tools: a frame as a file, to be drawn again under a profiler of the GPU's maker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.ui import files
from app.ui.actions import ActionRecord
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from app.ui.shell import Shell

SUFFIX = ".capture"
_KINDS: list[files.Filter] = [("Captured frame", (SUFFIX,))]


def _capture(shell: Shell) -> None:
    view, scene = shell.document.view, shell.document.scene
    request = None if view is None else shell.driver.request_of(view)
    if request is None or scene is None:
        return
    suggested = f"{Path(scene.name).stem}{SUFFIX}"
    file = files.ask_save(shell.window, "Save this frame for a profiler", _KINDS, suggested)
    if file is None:
        return

    def work(progress: Progress, cancel: Cancel) -> None:
        from app.cli.diagnosis import machine
        from render.render import render
        from render.replay import write_capture

        frame = render(replace(request, cancelled=cancel))
        write_capture(request, frame, machine(), file, progress, cancel)

    def done(nothing: None) -> None:
        shell.status(f"Saved {file.name}; plenoscope bench --replay {file.name} draws it again.")

    shell.tasks.start(f"Saving {file.name}", work, done, shell.show_error)


ACTIONS = [
    ActionRecord(
        id="tools.capture",
        title="Save this frame for a profiler…",
        menu="Tools",
        shortcut="Ctrl+Alt+F",
        tip="Write the frame with its scene and settings to one file, which "
        "plenoscope bench --replay draws again, under nsys or ncu as well",
        icon="save",
        run=_capture,
        enabled_when=lambda shell: shell.document.scene is not None,
        section=1,
    ),
]
