"""The menus of the track: what to do with keys, easings and interpolations with their curves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtGui import QAction, QActionGroup, QIcon
from PyQt6.QtWidgets import QMenu, QWidget

from app.document import Document
from app.ui import theme
from app.ui.timeline import editing
from app.ui.timeline.curves import easing_icon, interpolation_icon
from app.ui.timeline.layout import Hit

if TYPE_CHECKING:
    from app.ui.timeline.track import Track


def track_menu(track: Track, hit: Hit, go_to_key: Callable[[int], None]) -> QMenu:
    """The context menu for what was hit."""
    document = track.document
    menu = QMenu(track)
    menu.setObjectName("timeline_menu")
    menu.setToolTipsVisible(True)
    if hit.kind == "key":
        _key_entries(menu, track, hit.index, go_to_key)
    elif hit.kind == "easing":
        _easing_entries(menu, document, frozenset({hit.index}))
    else:
        add = _entry(menu, "Add key from view", "key-add", lambda: editing.add_key(document))
        add.setEnabled(document.view is not None)
        keys = len(document.path.keys)
        everything = _entry(
            menu, "Select all keys", "", lambda: document.select_keys(set(range(keys)))
        )
        everything.setEnabled(keys > 0)
    menu.addSeparator()
    _interpolation_entries(menu, document)
    fit = _entry(menu, "Show the whole clip", "", track.fit)
    fit.setToolTip("Undo all zooming of the time axis")
    return menu


def easing_menu(parent: QWidget, document: Document, index: int) -> QMenu:
    """The menu of the curve behind a key."""
    menu = QMenu(parent)
    menu.setObjectName("timeline_easing_menu")
    menu.setToolTipsVisible(True)
    _easing_entries(menu, document, frozenset({index}))
    return menu


def _key_entries(menu: QMenu, track: Track, index: int, go_to_key: Callable[[int], None]) -> None:
    document = track.document
    many = len(document.selection) > 1
    _entry(menu, "Go to this view", "eye", lambda: go_to_key(index))
    overwrite = _entry(
        menu,
        "Overwrite with the current view",
        "key-overwrite",
        lambda: editing.overwrite_key(document),
    )
    overwrite.setEnabled(not many and document.view is not None)
    rename = _entry(menu, "Rename", "rename", lambda: track.edit_name(index))
    rename.setEnabled(not many)
    title = f"Delete {len(document.selection)} keys" if many else "Delete"
    _entry(menu, title, "key-delete", lambda: editing.delete_selected(document))
    menu.addSeparator()
    section = "Easing of the selected keys" if many else "Easing to the next key"
    easing = QMenu(section, menu)
    easing.setObjectName("timeline_easing_menu")
    easing.setToolTipsVisible(True)
    _easing_entries(easing, document, document.selection)
    menu.addMenu(easing)


def _easing_entries(menu: QMenu, document: Document, indices: frozenset[int]) -> None:
    path = document.path
    hold = path.interpolation == "hold"
    group = QActionGroup(menu)
    present = {path.keys[index].easing for index in indices}
    for name, title, tip in editing.EASINGS:
        action = _entry(
            menu,
            title,
            easing_icon(name),
            partial(editing.set_easing, document, indices, name),
        )
        action.setObjectName(f"timeline_easing_{name}")
        action.setToolTip("Held views have no way in between to ease" if hold else tip)
        action.setEnabled(not hold)
        action.setCheckable(True)
        action.setChecked(present == {name})
        group.addAction(action)


def _interpolation_entries(menu: QMenu, document: Document) -> None:
    between = QMenu("Between keys", menu)
    between.setObjectName("timeline_interpolation_menu")
    between.setToolTipsVisible(True)
    group = QActionGroup(between)
    for name, title, tip in editing.INTERPOLATIONS:
        action = _entry(
            between,
            title,
            interpolation_icon(name),
            partial(editing.set_clip, document, interpolation=name),
        )
        action.setObjectName(f"timeline_interpolation_{name}")
        action.setToolTip(tip)
        action.setCheckable(True)
        action.setChecked(document.path.interpolation == name)
        group.addAction(action)
    menu.addMenu(between)


def _entry(menu: QMenu, title: str, icon: str | QIcon, run: Callable[[], object]) -> QAction:
    action = QAction(title, menu)
    if isinstance(icon, QIcon):
        action.setIcon(icon)
    elif icon:
        action.setIcon(theme.icon(icon))
    action.triggered.connect(lambda: run())
    menu.addAction(action)
    return action
