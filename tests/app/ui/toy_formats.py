"""Formats made for a test: modules that lie beside the real ones as far as imports can tell."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest


@contextmanager
def toys_beside(
    package: ModuleType, texts: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Inside the block ``package`` has the modules of ``texts`` too; names begin with ``toy_``."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(textwrap.dedent(text))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    try:
        yield
    finally:
        for module in [name for name in sys.modules if ".toy_" in name]:
            del sys.modules[module]
