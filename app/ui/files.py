"""The only door to the system's file dialogs, so that tests can answer for the person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtWidgets import QFileDialog, QWidget

Filter = tuple[str, tuple[str, ...]]
"""A kind of file: what it is called and its endings (``("JSON", (".json",))``)."""


def ask_open(parent: QWidget | None, title: str, filters: Sequence[Filter] = ()) -> Path | None:
    """Ask for one existing file; None when the person cancels."""
    name, _ = QFileDialog.getOpenFileName(parent, title, "", _filter_text(filters, every=True))
    return Path(name) if name else None


def ask_open_many(parent: QWidget | None, title: str, filters: Sequence[Filter] = ()) -> list[Path]:
    """Ask for existing files; empty when the person cancels."""
    names, _ = QFileDialog.getOpenFileNames(parent, title, "", _filter_text(filters, every=True))
    return [Path(name) for name in names]


def ask_save(
    parent: QWidget | None, title: str, filters: Sequence[Filter] = (), suggested: str = ""
) -> Path | None:
    """Ask where to write; adds the chosen kind's first ending where the name has no known one."""
    name, chosen = QFileDialog.getSaveFileName(parent, title, suggested, _filter_text(filters))
    if not name:
        return None
    path = Path(name)
    known = [ending for _, endings in filters for ending in endings]
    if known and not path.name.lower().endswith(tuple(known)):
        kind = next((f for f in filters if chosen == _one_filter(f)), filters[0])
        path = path.with_name(path.name + kind[1][0])
    return path


def ask_folder(parent: QWidget | None, title: str, suggested: str = "") -> Path | None:
    """Ask for a folder; None when the person cancels."""
    name = QFileDialog.getExistingDirectory(parent, title, suggested)
    return Path(name) if name else None


def _one_filter(kind: Filter) -> str:
    title, endings = kind
    return f"{title} ({' '.join('*' + ending for ending in endings)})"


def _filter_text(filters: Sequence[Filter], every: bool = False) -> str:
    parts = [_one_filter(kind) for kind in filters]
    if every and len(filters) > 1:
        endings = tuple(dict.fromkeys(e for _, group in filters for e in group))
        parts.insert(0, _one_filter(("All known files", endings)))
    return ";;".join([*parts, "All files (*)"] if every else parts)
