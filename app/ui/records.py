"""What a module contributes to the window: panels and actions, as records found by scanning."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from PyQt6.QtWidgets import QWidget

if TYPE_CHECKING:
    from app.ui.actions import ActionRecord
    from app.ui.shell import Shell


@dataclass(frozen=True)
class PanelRecord:
    """A panel of the window: a module of :mod:`app.ui.panels` exposes one as ``PANEL``.

    Attributes
    ----------
    name
        Short unique name; the dock's object name is ``dock_<name>``.
    title
        What a person calls it.
    area
        Side of the window where it starts.
    factory
        Makes the widget from the :class:`~app.ui.shell.Shell`.
    shortcut
        Shows or hides it; may be empty.
    order
        Place within its side, small first.
    tab_with
        Name of a panel before it whose place it shares as a tab; may be empty.
    """

    name: str
    title: str
    area: Literal["left", "right", "bottom"]
    factory: Callable[[Shell], QWidget]
    shortcut: str = ""
    order: int = 0
    tab_with: str = ""


def panel_records() -> list[PanelRecord]:
    """Every panel, in order of side and place."""
    import app.ui.panels

    found = [
        module.PANEL
        for module in _modules(app.ui.panels)
        if isinstance(getattr(module, "PANEL", None), PanelRecord)
    ]
    return sorted(found, key=lambda record: (record.area, record.order, record.name))


def action_records() -> list[ActionRecord]:
    """Every action: those of :mod:`app.ui.commands` first, then those that panels bring.

    Raises
    ------
    ValueError
        If two records share an id.
    """
    import app.ui.commands
    import app.ui.panels

    found: dict[str, ActionRecord] = {}
    for package in (app.ui.commands, app.ui.panels):
        for module in _modules(package):
            for record in getattr(module, "ACTIONS", ()):
                if record.id in found:
                    raise ValueError(f"two actions are called {record.id}")
                found[record.id] = record
    return list(found.values())


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for item in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        yield importlib.import_module(f"{package.__name__}.{item.name}")
