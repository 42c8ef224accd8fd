"""SPZ files that lie: one sentence that says what is wrong, and no memory taken on their word."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from scenes.errors import SceneError
from scenes.open import open_scene
from tests.scenes.spz_files import encoded, head, legacy, random_splats, record, streamed

SPLATS = random_splats(20, 1)
GOOD = {version: encoded(SPLATS, version, 1) for version in (1, 2, 3, 4)}
PLAIN = legacy(SPLATS, 3, 1)
BIG = 64 << 20


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What opening the first file brings in is not counted."""
    path = tmp_path_factory.mktemp("good") / "a.spz"
    for data in GOOD.values():
        path.write_bytes(data)
        open_scene(path)


def refused(tmp_path: Path, data: bytes, message: str | None = None) -> SceneError:
    path = tmp_path / "bad.spz"
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(SceneError, match=message) as caught:
        open_scene(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A chunk of a megabyte or two, whatever the file claims.
    assert peak < 8 << 20
    text = str(caught.value)
    assert text.startswith("bad.spz")
    assert len(text) < 400
    return caught.value


def changed(data: bytes, at: int, layout: str, *values: int) -> bytes:
    out = bytearray(data)
    struct.pack_into(layout, out, at, *values)
    return bytes(out)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_truncation_everywhere(tmp_path: Path, version: int) -> None:
    for cut in range(len(GOOD[version])):
        refused(tmp_path, GOOD[version][:cut])


def test_truncation_without_gzip(tmp_path: Path) -> None:
    for cut in range(len(PLAIN)):
        refused(tmp_path, PLAIN[:cut])


HEADERS = [
    (4, "<I", 0, "SPZ version 1 to 4, found version 0"),
    (4, "<I", 5, "SPZ version 1 to 4, found version 5"),
    (8, "<I", 2**32 - 1, "too small for them"),
    (8, "<I", 2**31, "too small for them"),
    (12, "<B", 5, "degree 0 to 4, found 5"),
    (13, "<B", 32, "0 to 31 fractional bits, found 32"),
    (14, "<B", 0x80, "found a tree of them"),
]


@pytest.mark.parametrize(("at", "layout", "value", "message"), HEADERS)
def test_headers(tmp_path: Path, at: int, layout: str, value: int, message: str) -> None:
    for data in (PLAIN, GOOD[4]):
        refused(tmp_path, changed(data, at, layout, value), message)
    refused(tmp_path, gzip.compress(changed(PLAIN, at, layout, value)), message)


@pytest.mark.parametrize("count", [0, 19, 21, 1000, 3_000_000])
def test_counts_that_are_not_those_of_the_arrays(tmp_path: Path, count: int) -> None:
    for data in (PLAIN, GOOD[4]):
        refused(tmp_path, changed(data, 8, "<I", count))
    refused(tmp_path, gzip.compress(changed(PLAIN, 8, "<I", count)))


@pytest.mark.parametrize("degree", [0, 2, 3, 4])
def test_degrees_that_are_not_those_of_the_arrays(tmp_path: Path, degree: int) -> None:
    for data in (PLAIN, GOOD[4]):
        refused(tmp_path, changed(data, 12, "<B", degree))
    refused(tmp_path, gzip.compress(changed(PLAIN, 12, "<B", degree)))


def test_versions_that_are_not_those_of_the_arrays(tmp_path: Path) -> None:
    for version in (1, 2):
        refused(tmp_path, gzip.compress(changed(PLAIN, 4, "<I", version)))
    refused(tmp_path, gzip.compress(changed(PLAIN, 4, "<I", 4)), "version 1 to 3 in a gzip stream")
    refused(tmp_path, gzip.compress(GOOD[4]), "version 1 to 3 in a gzip stream")
    refused(tmp_path, changed(GOOD[4], 4, "<I", 3))


def test_other_things_in_a_file_of_this_name(tmp_path: Path) -> None:
    refused(tmp_path, b"", "a header that begins|an SPZ header that begins")
    refused(tmp_path, b"ply\n" + bytes(100))
    refused(tmp_path, gzip.compress(b"PK" + bytes(1000)), "an SPZ header that begins with b'NGSP'")
    refused(tmp_path, gzip.compress(b""), "found only 0 bytes")
    refused(tmp_path, b"\x1f\x8b\x08" + bytes(range(200)), "a whole gzip stream")
    refused(tmp_path, b"NGSP", "found only 4 bytes")


@pytest.mark.parametrize("extra", [1, 100])
def test_bytes_that_do_not_belong(tmp_path: Path, extra: int) -> None:
    refused(tmp_path, PLAIN + bytes(extra), "bytes after the header, found more")
    refused(tmp_path, gzip.compress(PLAIN + bytes(extra)), "bytes in the gzip stream, found more")
    refused(tmp_path, GOOD[3] + bytes(extra), "gzip")
    refused(tmp_path, GOOD[4] + bytes(extra), "bytes of streams")


def test_bombs(tmp_path: Path) -> None:
    refused(tmp_path, gzip.compress(PLAIN + bytes(BIG)), "in the gzip stream, found more")
    flagged = changed(PLAIN, 14, "<B", 2)
    refused(tmp_path, gzip.compress(flagged + bytes(BIG)), "in the gzip stream, found more")
    bomb = zstandard.ZstdCompressor().compress(bytes(BIG))
    silent = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(BIG))
    for stream, message in ((bomb, "a stream of 67,108,864"), (silent, "found more")):
        table = [(len(stream), 180)] + [(1, size) for size in (20, 60, 60, 80, 180)]
        start = head(4, 20, 1, 12, 0, 6) + struct.pack("<I12x", 32)
        entries = b"".join(struct.pack("<QQ", *entry) for entry in table)
        refused(tmp_path, start + entries + stream + bytes(5), message)


def test_a_count_that_a_bomb_would_fit(tmp_path: Path) -> None:
    """Five billion bytes of zeros would be 250 million honest splats, from 5 MB."""
    start = head(3, 250_000_000, 0)
    data = gzip.compress(start + bytes(1000))
    refused(tmp_path, data, "too small for them")


def tables() -> list[tuple[list[tuple[int, int]], str]]:
    data = GOOD[4]
    true = [struct.unpack_from("<QQ", data, 32 + 16 * i) for i in range(6)]
    packed = [entry[0] for entry in true]
    size = [entry[1] for entry in true]
    pairs = list(zip(packed, size, strict=True))
    return [
        (pairs[:5], "streams of 180, 20, 60, 60, 80, 180 bytes, found streams of 180, 20"),
        ([], "found no streams"),
        ([*pairs, (0, 0)], "streams of 180"),
        ([(packed[0], 2**63), *pairs[1:]], "9,223,372,036,854,775,808"),
        ([(2**63, size[0]), *pairs[1:]], "bytes of streams"),
        ([(2**64 - 1, size[0]), (2, size[1]), *pairs[2:]], "bytes of streams"),
        ([(packed[0] + 1, size[0]), *pairs[1:]], "bytes of streams"),
        ([(packed[0] + 1, size[0]), (packed[1] - 1, size[1]), *pairs[2:]], "zstd stream of alphas"),
        ([(0, size[0]), (packed[0] + packed[1], size[1]), *pairs[2:]], "positions"),
        ([pairs[1], pairs[0], *pairs[2:]], "streams of 180"),
        ([*pairs] * 42, "streams of 180"),
    ]


@pytest.mark.parametrize(("table", "message"), tables())
def test_tables_of_contents(tmp_path: Path, table: list[tuple[int, int]], message: str) -> None:
    refused(tmp_path, streamed(SPLATS, 1, table=table), message)


@pytest.mark.parametrize("offset", [0, 16, 31, 33, 48, 10_000, 2**32 - 1])
def test_offsets_of_the_table(tmp_path: Path, offset: int) -> None:
    refused(tmp_path, changed(GOOD[4], 16, "<I", offset))


def test_damaged_streams(tmp_path: Path) -> None:
    start = 32 + 16 * 6
    for at in (start, start + 4):
        refused(tmp_path, changed(GOOD[4], at, "<B", GOOD[4][at] ^ 0xFF))


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize(
    ("extensions", "message"),
    [
        (b"\x01", "an extension of at least 8 bytes, found 1"),
        (record(1, b"1234") + bytes(7), "an extension of at least 8 bytes, found 7"),
        (struct.pack("<II", 0xADBE0003, 2**32 - 1), "4,294,967,295 bytes of extension 0xADBE0003"),
        (record(5, b"123")[:-1], "3 bytes of extension 0x00000005, found 2"),
        (bytes((1 << 20) + 8), "1,048,576|bytes"),
    ],
)
def test_extensions(tmp_path: Path, version: int, extensions: bytes, message: str) -> None:
    refused(tmp_path, encoded(SPLATS, version, 1, extensions=extensions), message)
    refused(tmp_path, legacy(SPLATS, 3, 1, extensions=extensions), message)
