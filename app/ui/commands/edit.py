"""Edit: undo, redo, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.actions import ActionRecord

if TYPE_CHECKING:
    from app.ui.shell import Shell


def _settings(shell: Shell) -> None:
    from app.ui.settings_dialog import SettingsDialog

    SettingsDialog(shell).open()


ACTIONS = [
    ActionRecord(
        id="edit.undo",
        title="Undo",
        menu="Edit",
        shortcut="Ctrl+Z",
        tip="Take the last change of path or views back",
        icon="undo",
        run=lambda shell: shell.document.undo(),
        enabled_when=lambda shell: bool(shell.document.undo_label),
        label=lambda shell: f"Undo {shell.document.undo_label}".strip(),
    ),
    ActionRecord(
        id="edit.redo",
        title="Redo",
        menu="Edit",
        shortcut=("Ctrl+Shift+Z", "Ctrl+Y"),
        tip="Do again what was taken back",
        icon="redo",
        run=lambda shell: shell.document.redo(),
        enabled_when=lambda shell: bool(shell.document.redo_label),
        label=lambda shell: f"Redo {shell.document.redo_label}".strip(),
    ),
    ActionRecord(
        id="edit.settings",
        title="Settings…",
        menu="Edit",
        shortcut="Ctrl+,",
        tip="Theme, mouse, speed, autosave",
        icon="settings",
        run=_settings,
        section=9,
    ),
]
