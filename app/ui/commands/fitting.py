"""Tools: neural fields that are fitted to pictures, meshes, photos and other fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.actions import ActionRecord

if TYPE_CHECKING:
    from app.ui.shell import Shell


def _fit(shell: Shell) -> None:
    from app.ui.fitting.dialog import FitDialog

    dialog = FitDialog.of(shell)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()


ACTIONS = [
    ActionRecord(
        id="tools.fit",
        title="Fit a neural field…",
        menu="Tools",
        shortcut="Ctrl+Shift+F",
        tip="Fit a field to a picture, a mesh, photos with cameras, or to the open field",
        icon="chart",
        run=_fit,
        section=1,
    ),
]
