"""The limits of this machine's devices: measured when a person asks, kept beside the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import config_folder
from scenes.errors import SceneError
from scenes.paths.json_file import read_json, write_json
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from kernels.limits import Effort
    from render.profile import Limits

FORMAT = "plenoscope-limits"
VERSION = 1
BACKENDS = ("cpu", "cuda")
"""Those whose devices are measured."""
_LOW, _HIGH = 1e-6, 1e9
"""Billions per second that a device can possibly do."""
_MOST_DEVICES = 1000

_log = logging.getLogger(__name__)


def limits_file() -> Path:
    """The file of :class:`KeptLimits` and :func:`measure_machine`."""
    return config_folder() / "limits.json"


def read_limits(file: Path) -> dict[str, Limits]:
    """The limits in a file by the names of devices; raises SceneError where it is not one."""
    from kernels.limits import NAMES
    from render.profile import Limits

    value = read_json(file)
    value["format"].choice([FORMAT])
    value["version"].integer(1, VERSION)
    return {
        each["device"].text(): Limits(**{name: each[name].number(_LOW, _HIGH) for name in NAMES})
        for each in value["devices"].items("device", most=_MOST_DEVICES)
    }


def keep_limits(measured: Mapping[str, Limits], file: Path) -> None:
    """Add the limits of devices to a file; those of other devices stay.

    A file that cannot be understood is replaced. Raises SceneError where the folder cannot be
    written to.
    """
    try:
        known = read_limits(file)
    except SceneError:
        known = {}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SceneError(file, "a folder for settings", error.strerror or str(error)) from error
    devices = [{"device": name, **asdict(each)} for name, each in {**known, **measured}.items()]
    write_json(file, {"format": FORMAT, "version": VERSION, "devices": devices})


class KeptLimits:
    """The kept limits by backend; read when first asked for, and not again.

    A file that cannot be understood counts as none, and the log says so.
    """

    def __init__(self) -> None:
        self._devices: dict[str, Limits] | None = None
        self._found: dict[str, Limits | None] = {}

    def __call__(self, backend: str) -> Limits | None:
        """The limits of the device that a backend runs on here; None where none are kept."""
        if backend not in self._found:
            self._found[backend] = self._find(backend)
        return self._found[backend]

    def _find(self, backend: str) -> Limits | None:
        from kernels.backends import available
        from kernels.limits.device import device_name

        if self._devices is None:
            self._devices = self._read()
        if not self._devices or backend not in BACKENDS or not available(backend)[0]:
            return None
        return self._devices.get(device_name(backend))

    @staticmethod
    def _read() -> dict[str, Limits]:
        file = limits_file()
        if not file.exists():
            return {}
        try:
            return read_limits(file)
        except SceneError as error:
            _log.warning("the kept limits of this machine are not used: %s", error)
            return {}


def measure_machine(
    progress: Progress, cancel: Cancel, effort: Effort | None = None
) -> dict[str, Limits]:
    """Measure every device here that a backend runs on, and keep what was found, by backend.

    Raises :class:`~scenes.errors.Cancelled`, then nothing is kept, and SceneError where nothing
    can be written.
    """
    from kernels.backends import available
    from kernels.limits.device import device_name
    from render.profile.limits import measure

    backends = [name for name in BACKENDS if available(name)[0]]
    found = {}
    for place, backend in enumerate(backends):

        def show(done: int, total: int, unit: str, place: int = place) -> None:
            progress(place * total + done, len(backends) * total, unit)

        found[backend] = measure(backend, show, cancel, effort)
    keep_limits({device_name(name): each for name, each in found.items()}, limits_file())
    return found
