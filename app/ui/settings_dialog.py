"""The settings that are kept between runs; every change takes effect at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QSpinBox,
    QVBoxLayout,
)

from app.ui import theme
from app.ui.forms import form, text
from app.ui.theme import GRID

if TYPE_CHECKING:
    from app.ui.shell import Shell

MODE_TITLES = {"system": "As the system", "light": "Light", "dark": "Dark"}


class SettingsDialog(QDialog):
    """Theme, navigation, speed and autosave."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.window)
        self.setObjectName("settings")
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        settings = shell.settings
        rows = form()
        mode = QComboBox()
        mode.setObjectName("settings_theme")
        mode.setAccessibleName("Theme")
        for name in theme.MODES:
            mode.addItem(MODE_TITLES[name], name)
        mode.setCurrentIndex(mode.findData(settings.theme))
        mode.activated.connect(lambda: shell.change_settings(theme=mode.currentData()))
        rows.addRow("Theme", mode)
        mouse = QComboBox()
        mouse.setObjectName("settings_navigation")
        mouse.setAccessibleName("Mouse")
        for preset, title in shell.pointer.presets().items():
            mouse.addItem(title, preset)
        mouse.setCurrentIndex(mouse.findData(settings.navigation))
        mouse.activated.connect(lambda: shell.change_settings(navigation=mouse.currentData()))
        rows.addRow("Mouse as in", mouse)
        fps = QSpinBox()
        fps.setObjectName("settings_fps")
        fps.setAccessibleName("Pictures per second while moving")
        fps.setRange(5, 240)
        fps.setSuffix(" fps")
        fps.setValue(round(settings.target_fps))
        fps.setToolTip("While the view moves, the resolution follows this rate")
        fps.valueChanged.connect(lambda value: shell.change_settings(target_fps=float(value)))
        rows.addRow("While moving", fps)
        autosave = QSpinBox()
        autosave.setObjectName("settings_autosave")
        autosave.setAccessibleName("Autosave")
        autosave.setRange(0, 60)
        autosave.setSuffix(" min")
        autosave.setSpecialValueText("Off")
        autosave.setValue(round(settings.autosave_seconds / 60))
        autosave.setToolTip("How often unsaved work is kept for a crash; your file is not touched")
        autosave.valueChanged.connect(
            lambda value: shell.change_settings(autosave_seconds=60.0 * value)
        )
        rows.addRow("Keep work every", autosave)
        calm = QCheckBox("Reduce motion")
        calm.setObjectName("settings_calm")
        calm.setToolTip("No turning at the start, no gliding after a drag")
        calm.setChecked(settings.reduced_motion)
        calm.toggled.connect(lambda on: shell.change_settings(reduced_motion=on))
        rows.addRow("", calm)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        layout.addLayout(rows)
        layout.addWidget(text("Changes take effect at once.", "muted"))
        layout.addWidget(buttons)
        self.setMinimumWidth(90 * GRID)
