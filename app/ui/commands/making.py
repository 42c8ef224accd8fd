"""File: scenes that are made from photos and from other scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.actions import ActionRecord

if TYPE_CHECKING:
    from app.ui.shell import Shell


def _make_planes(shell: Shell) -> None:
    from app.ui.making.dialog import MakeDialog

    found = shell.window.findChild(MakeDialog, "make_planes")
    # One that was just closed is still there until Qt deletes it.
    dialog = found if found is not None and found.isVisible() else MakeDialog(shell)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()


ACTIONS = [
    ActionRecord(
        id="file.make_planes",
        title="Make multiplane image…",
        menu="File",
        shortcut="Ctrl+Shift+M",
        tip="Make layers in depth from a photo, a stereo pair or the open scene",
        icon="scene",
        run=_make_planes,
    ),
]
