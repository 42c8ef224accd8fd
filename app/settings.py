"""What is remembered between runs, and where it is kept."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

import platformdirs

from app.navigation.presets import PRESETS
from scenes.errors import SceneError
from scenes.paths.json_file import Value, read_json, write_json

VERSION = 1
RECENT_FILES = 10
"""How many files are remembered."""
Theme = Literal["system", "light", "dark"]


@dataclass(frozen=True)
class Settings:
    """A person's choices.

    Attributes
    ----------
    theme
        Light, dark, or as the system has it.
    navigation
        Name of the mouse preset (:data:`app.navigation.PRESETS`).
    target_fps
        Frames per second that the canvas lowers its resolution for while moving.
    autosave_seconds
        Time between automatic copies of a changed project; 0 keeps none.
    reduced_motion
        No gliding, no idle turn.
    recent_files
        Absolute paths, the latest first, at most ten.
    """

    theme: Theme = "system"
    navigation: str = next(iter(PRESETS))
    target_fps: float = 30.0
    autosave_seconds: float = 60.0
    reduced_motion: bool = False
    recent_files: tuple[str, ...] = ()


def config_folder() -> Path:
    """Where settings are kept: ``$PLENOSCOPE_HOME``, or the platform's folder for settings."""
    home = os.environ.get("PLENOSCOPE_HOME")
    return Path(home) if home else platformdirs.user_config_path("plenoscope")


def state_folder() -> Path:
    """Where automatic copies are kept: ``$PLENOSCOPE_HOME``, or the platform's for such."""
    home = os.environ.get("PLENOSCOPE_HOME")
    return Path(home) if home else platformdirs.user_state_path("plenoscope")


def settings_file() -> Path:
    """The file of :func:`load_settings` and :func:`save_settings`."""
    return config_folder() / "settings.json"


def load_settings(file: Path | None = None) -> Settings:
    """The kept settings; defaults where there are none.

    A file that cannot be understood is renamed to ``.bak`` and defaults are used: a bad settings
    file must never keep the program from starting.
    """
    file = file or settings_file()
    if not file.exists():
        return Settings()
    try:
        return _from_json(read_json(file))
    except SceneError:
        with contextlib.suppress(OSError):
            os.replace(file, file.with_name(file.name + ".bak"))
        return Settings()


def save_settings(settings: Settings, file: Path | None = None) -> None:
    """Keep the settings. Raises SceneError where the folder cannot be written to."""
    file = file or settings_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SceneError(file, "a folder for settings", error.strerror or str(error)) from error
    write_json(file, {"format": "plenoscope-settings", "version": VERSION, **asdict(settings)})


def with_recent(settings: Settings, file: str | Path) -> Settings:
    """The settings with a file remembered as the latest one."""
    name = str(Path(file).absolute())
    others = (other for other in settings.recent_files if other != name)
    return replace(settings, recent_files=(name, *others)[:RECENT_FILES])


def _from_json(value: Value) -> Settings:
    default = Settings()
    value.get("version", VERSION).integer(1, VERSION)
    recent = value.get("recent_files", []).items("recent file", most=1000)
    return Settings(
        theme=cast(Theme, value.get("theme", default.theme).choice(get_args(Theme))),
        navigation=value.get("navigation", default.navigation).choice(list(PRESETS)),
        target_fps=value.get("target_fps", default.target_fps).number(1.0, 240.0),
        autosave_seconds=value.get("autosave_seconds", default.autosave_seconds).number(0, 3600),
        reduced_motion=value.get("reduced_motion", default.reduced_motion).flag(),
        recent_files=tuple(item.text() for item in recent)[:RECENT_FILES],
    )
