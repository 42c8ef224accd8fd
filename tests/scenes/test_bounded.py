"""Unpacking with a bound: what is good comes out whole, what lies ends in one sentence."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import zstandard

from scenes.bounded import MOST_ENTRIES, Archive, gunzip, is_inside, unzstd
from scenes.errors import Cancelled, SceneError

TEXT = bytes(range(256)) * 5000


def unpacked(path: Path, limit: int) -> bytearray:
    with path.open("rb") as file:
        return gunzip(file, path, limit)


def test_gzip_comes_out_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT))
    assert unpacked(path, len(TEXT)) == TEXT
    path.write_bytes(gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]))
    assert unpacked(path, len(TEXT)) == TEXT


def test_gzip_that_is_longer_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT))
    with pytest.raises(SceneError, match="at most 1,279,999 bytes"):
        unpacked(path, len(TEXT) - 1)


def test_a_gzip_bomb_costs_no_more_than_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(200 << 20), 1))
    tracemalloc.start()
    with pytest.raises(SceneError, match="at most"):
        unpacked(path, 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # One piece of input, one of output, and room for growing.
    assert peak < 8 << 20


@pytest.mark.parametrize("kept", [0, 1, 5, 10, 100, -1, -8])
def test_gzip_that_ends_too_early(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT)[:kept])
    with pytest.raises(SceneError, match="whole gzip stream"):
        unpacked(path, 2 * len(TEXT))


def test_gzip_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    raw = bytearray(gzip.compress(TEXT))
    raw[-6] ^= 1
    path.write_bytes(raw)
    with pytest.raises(SceneError, match="incorrect data check"):
        unpacked(path, len(TEXT))


def test_gzip_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT))
    with path.open("rb") as file, pytest.raises(Cancelled):
        gunzip(file, path, len(TEXT), cancel=lambda: True)


def test_zstd_comes_out_whole() -> None:
    path = Path("a")
    for size in (0, 1, len(TEXT)):
        packed = zstandard.compress(TEXT[:size])
        assert unzstd(packed, size, path, "alphas") == TEXT[:size]
    without_size = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    assert unzstd(without_size, len(TEXT), path, "alphas") == TEXT


@pytest.mark.parametrize("known", [True, False])
def test_zstd_that_lies(known: bool) -> None:
    path = Path("a")
    packed = zstandard.ZstdCompressor(write_content_size=known).compress(bytes(64 << 20))
    for size in (1000, (64 << 20) + 1):
        tracemalloc.start()
        with pytest.raises(SceneError, match="bytes in alphas"):
            unzstd(packed, size, path, "alphas")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if size == 1000:
            assert peak < 1 << 20
    with pytest.raises(SceneError, match="alphas"):
        unzstd(packed[:-3], 64 << 20, path, "alphas")
    with pytest.raises(SceneError, match="alphas"):
        unzstd(b"nonsense", 4, path, "alphas")


def archive(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path


def test_archive_gives_its_entries(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"meta.json": b"{}", "deep/er.bin": TEXT})
    with Archive(path, 2 * len(TEXT)) as opened:
        assert set(opened.names) == {"meta.json", "deep/er.bin"}
        assert opened.read("deep/er.bin") == TEXT
        assert opened.size("meta.json") == 2
        with pytest.raises(SceneError, match="an entry other"):
            opened.read("other")


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "C:/a", "..\\a"])
def test_archive_with_names_that_lead_out(tmp_path: Path, name: str) -> None:
    assert not is_inside(name)
    with pytest.raises(SceneError, match="inside the archive"):
        Archive(archive(tmp_path / "a.zip", {name: b"x"}), 1000)


def test_archive_with_too_much_in_it(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"bomb": bytes(10 << 20)})
    with pytest.raises(SceneError, match="at most 1,000,000 bytes"):
        Archive(path, 1_000_000)
    many = archive(tmp_path / "b.zip", {str(n): b"" for n in range(MOST_ENTRIES + 1)})
    with pytest.raises(SceneError, match="entries"):
        Archive(many, 1 << 30)


def test_archive_that_is_damaged(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a": TEXT})
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(SceneError, match="zip archive"):
        Archive(path, 1 << 30)
    raw = bytearray(whole)
    raw[60] ^= 255
    path.write_bytes(raw)
    with Archive(path, 1 << 30) as opened, pytest.raises(SceneError, match="whole entry a"):
        opened.read("a")


def test_archive_that_understates_an_entry(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a": bytes(5_000_000)})
    raw = path.read_bytes()
    path.write_bytes(raw.replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with Archive(path, 1000) as opened, pytest.raises(SceneError):
        opened.read("a")


def test_archive_with_links_or_passwords(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, "/etc/passwd")
    with pytest.raises(SceneError, match="inside the archive"):
        Archive(path, 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a", b"x")
    raw = bytearray(buffer.getvalue())
    raw[raw.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(SceneError, match="password"):
        Archive(path, 1000)
