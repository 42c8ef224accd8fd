"""Real scenes for tests: they live beside the project and are never copied into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_folder(name: str) -> Path:
    """The folder ``shared/<name>`` beside (or named by PLENOSCOPE_SHARED for) this checkout."""
    return Path(os.environ.get("PLENOSCOPE_SHARED", ROOT.parent / "shared")) / name


def shared_data(name: str) -> Path:
    """A real test file; skips the test, saying why, where it is absent."""
    path = shared_folder("data") / name
    if not path.exists():
        pytest.skip(f"real data file {name} is not on this machine")
    return path
