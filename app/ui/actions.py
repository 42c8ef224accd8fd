"""Commands as records; menus, shortcuts, the palette and the list of keys all derive from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMenu, QMenuBar, QWidget

from app.ui import theme

if TYPE_CHECKING:
    from app.ui.shell import Shell

MENUS = ("File", "Edit", "View", "Camera", "Render", "Tools", "Help")


@dataclass(frozen=True)
class ActionRecord:
    """One command a person can give.

    Attributes
    ----------
    id
        Unique, with the topic first (``"camera.frame"``); the action's object name.
    title
        What the menu says; a verb first, an ellipsis where a question follows.
    menu
        ``"Camera"``, or ``"View/Theme"`` for a submenu; empty for commands that stand only in the
        palette.
    shortcut
        One key sequence or several ("Ctrl+O"); empty for none.
    tip
        One sentence for the status bar and the tooltip.
    icon
        Name of a file of ``assets/icons``; empty for none.
    run
        Called with the shell.
    enabled_when
        Whether the command makes sense now; None for always.
    checked
        Makes it a switch: tells whether it is on.
    label
        What the menu says now, where that changes ("Undo Move keyframe"); None for the title.
    section
        Number of the block between separators of the menu; within a block, records keep the
        order in which they were found.
    context
        ``"window"``: the shortcut works everywhere; ``"canvas"``: only while the picture has the
        keyboard (Tab must keep moving the focus elsewhere).
    """

    id: str
    title: str
    menu: str = ""
    shortcut: str | tuple[str, ...] = ""
    tip: str = ""
    icon: str = ""
    run: Callable[[Shell], object] = lambda shell: None
    enabled_when: Callable[[Shell], bool] | None = None
    checked: Callable[[Shell], bool] | None = None
    label: Callable[[Shell], str] | None = None
    section: int = 0
    context: Literal["window", "canvas"] = "window"

    @property
    def shortcuts(self) -> tuple[str, ...]:
        """All key sequences, the usual one first."""
        if isinstance(self.shortcut, str):
            return (self.shortcut,) if self.shortcut else ()
        return self.shortcut


class ActionSet(QObject):
    """The QActions of all records, kept enabled and checked as the records say."""

    def __init__(self, records: Iterable[ActionRecord], shell: Shell, parent: QObject) -> None:
        super().__init__(parent)
        self._shell = shell
        self.records = {record.id: record for record in records}
        self.actions = {record.id: self._make(record) for record in self.records.values()}

    def _make(self, record: ActionRecord) -> QAction:
        action = QAction(record.title, self)
        action.setObjectName(record.id)
        action.setShortcuts([QKeySequence(keys) for keys in record.shortcuts])
        tip = record.tip or record.title.rstrip(".…")
        keys = ", ".join(shortcut_text(keys) for keys in record.shortcuts)
        action.setToolTip(f"{tip} ({keys})" if keys else tip)
        action.setStatusTip(tip)
        if record.icon:
            action.setIcon(theme.icon(record.icon))
        if record.context == "canvas":
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setCheckable(record.checked is not None)
        action.triggered.connect(lambda: self.run(record.id))
        return action

    def run(self, action_id: str) -> None:
        """Give a command; an exception becomes the error dialog, never the end of the program."""
        record = self.records[action_id]
        try:
            record.run(self._shell)
        except Exception as error:
            self._shell.show_error(error)
        self.refresh()

    def enabled(self, action_id: str) -> bool:
        """Whether a command makes sense now."""
        condition = self.records[action_id].enabled_when
        return condition is None or bool(condition(self._shell))

    def refresh(self) -> None:
        """Ask every record again whether it is enabled and checked."""
        for action_id, action in self.actions.items():
            record = self.records[action_id]
            action.setEnabled(self.enabled(action_id))
            if record.checked is not None:
                action.setChecked(bool(record.checked(self._shell)))
            if record.label is not None:
                action.setText(record.label(self._shell))

    def fill(self, bar: QMenuBar, window: QWidget, canvas: QWidget) -> dict[str, QMenu]:
        """Put all actions into menus of ``bar``; returns the menus by their path."""
        menus: dict[str, QMenu] = {}
        for name in MENUS:
            menus[name] = _new_menu(bar, name)
            bar.addMenu(menus[name])
        placed: dict[str, int] = {}
        for record in sorted(self.records.values(), key=lambda record: record.section):
            owner = canvas if record.context == "canvas" else window
            owner.addAction(self.actions[record.id])
            if not record.menu:
                continue
            menu = self._menu(menus, record.menu, record.section, placed)
            if placed.setdefault(record.menu, record.section) != record.section:
                menu.addSeparator()
                placed[record.menu] = record.section
            menu.addAction(self.actions[record.id])
        return menus

    def _menu(
        self, menus: dict[str, QMenu], path: str, section: int, placed: dict[str, int]
    ) -> QMenu:
        if path not in menus:
            parent_path, _, name = path.rpartition("/")
            parent = self._menu(menus, parent_path, section, placed)
            if placed.setdefault(parent_path, section) != section:
                parent.addSeparator()
                placed[parent_path] = section
            menus[path] = _new_menu(parent, name)
            parent.addMenu(menus[path])
        return menus[path]


def _new_menu(parent: QWidget, title: str) -> QMenu:
    menu = QMenu(title, parent)
    menu.setObjectName(f"menu_{title.lower().replace(' ', '_')}")
    menu.setToolTipsVisible(True)
    return menu


def shortcut_text(keys: str) -> str:
    """A key sequence as it is written on this system's keyboard."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
