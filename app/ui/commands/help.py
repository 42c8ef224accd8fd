"""Tools and Help: palette, keys, log, about."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QMessageBox

from app.ui.actions import ActionRecord

if TYPE_CHECKING:
    from app.ui.shell import Shell


def _palette(shell: Shell) -> None:
    from app.ui.palette_dialog import PaletteDialog

    dialog = PaletteDialog(shell)
    dialog.show()
    dialog.edit.setFocus()


def _keys(shell: Shell) -> None:
    from app.ui.shortcuts_dialog import ShortcutsDialog

    ShortcutsDialog(shell).open()


def _log(shell: Shell) -> None:
    from app.ui.logs import log_folder

    QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_folder())))


def _about(shell: Shell) -> None:
    try:
        version = metadata.version("plenoscope")
    except metadata.PackageNotFoundError:
        version = "from source"
    box = QMessageBox(shell.window)
    box.setObjectName("about")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About Plenoscope")
    box.setText(f"Plenoscope {version}")
    box.setInformativeText(
        "Opens radiance-field scenes, scrubs camera paths, exports videos, and shows where every "
        "millisecond went.\n\nFree software under the GNU General Public License, version 3 or "
        f"later.\n\nGraphics: {shell.driver.canvas.graphics or 'not started'}\n\n"
        f"The picture reaches the canvas by: {shell.driver.canvas.handover.words}"
    )
    box.open()


ACTIONS = [
    ActionRecord(
        id="tools.palette",
        title="Command palette…",
        menu="Tools",
        shortcut="Ctrl+Shift+P",
        tip="Find any command by a few letters",
        icon="search",
        run=_palette,
    ),
    ActionRecord(
        id="help.keys",
        title="Keys and mouse",
        menu="Help",
        shortcut=("F1", "?"),
        tip="The list of all keys",
        icon="keyboard",
        run=_keys,
    ),
    ActionRecord(
        id="help.log",
        title="Open the log folder",
        menu="Help",
        tip="Where trouble is written down",
        icon="folder",
        run=_log,
        section=1,
    ),
    ActionRecord(
        id="help.about",
        title="About Plenoscope",
        menu="Help",
        tip="Version, licence, graphics",
        icon="info",
        run=_about,
        section=2,
    ),
]
