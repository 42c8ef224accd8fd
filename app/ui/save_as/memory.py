"""What was chosen the last time, kept beside the window's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings

from app.ui.save_as.choices import Choices, fitting, outer_folder
from scenes.registry import Format


def last_format(formats: list[Format]) -> Format:
    """The format that was chosen the last time, or the first."""
    name = QSettings().value("save_as/format")
    return next((format for format in formats if format.name == name), formats[0])


def last_folder() -> Path:
    """Where something was saved the last time, or the person's home."""
    folder = QSettings().value("save_as/folder")
    return Path(folder) if isinstance(folder, str) and Path(folder).is_dir() else Path.home()


def last_options(format: Format) -> dict[str, Any]:
    """A value for every option of a format: the last one, or the default."""
    try:
        known = json.loads(str(QSettings().value(f"save_as/{format.name}")))
    except ValueError:
        known = None
    if not isinstance(known, dict):
        known = {}
    return {
        option.name: fitting(option, known.get(option.name, option.default))
        for option in format.write_options
    }


def remember(choices: Choices) -> None:
    """Keep what was chosen for the next time."""
    kept = QSettings()
    kept.setValue("save_as/format", choices.format.name)
    kept.setValue("save_as/folder", str(outer_folder(choices.path)))
    kept.setValue(f"save_as/{choices.format.name}", json.dumps(dict(choices.options)))
