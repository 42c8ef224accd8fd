"""Settings between runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Settings, load_settings, save_settings, settings_file, with_recent
from scenes.errors import SceneError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLENOSCOPE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_settings_come_back(home: Path) -> None:
    assert load_settings() == Settings()
    kept = with_recent(replace(Settings(), theme="dark", reduced_motion=True), home / "a.ply")
    save_settings(kept)
    assert settings_file().parent == home
    assert load_settings() == kept
    assert [file.name for file in home.iterdir()] == ["settings.json"]


def test_without_the_variable_the_platform_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLENOSCOPE_HOME")
    assert "plenoscope" in str(settings_file())


def test_the_latest_files_come_first_and_once(tmp_path: Path) -> None:
    settings = Settings()
    for number in range(12):
        settings = with_recent(settings, tmp_path / f"{number}")
    settings = with_recent(settings, tmp_path / "5")
    names = [Path(name).name for name in settings.recent_files]
    assert names == ["5", "11", "10", "9", "8", "7", "6", "4", "3", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"version": 99}',
        '{"version": 1, "theme": "pink"}',
        '{"version": 1, "target_fps": -3}',
        '{"version": 1, "recent_files": [1]}',
        '{"version": 1, "navigation": {}}',
    ],
)
def test_a_broken_file_is_set_aside(home: Path, text: str) -> None:
    home.mkdir()
    settings_file().write_text(text)
    assert load_settings() == Settings()
    assert not settings_file().exists()
    assert (home / "settings.json.bak").read_text() == text


def test_unknown_and_missing_members_are_no_error(home: Path) -> None:
    home.mkdir()
    settings_file().write_text(json.dumps({"version": 1, "theme": "light", "later": 1}))
    assert load_settings() == Settings(theme="light")


def test_what_cannot_be_kept_says_so(home: Path) -> None:
    home.write_text("a file where the folder should be")
    assert load_settings() == Settings()
    with pytest.raises(SceneError):
        save_settings(Settings())
