"""Whatever stands in a file: a scene that is valid, or one SceneError that says what is wrong."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes import assembly
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene
from scenes.ply import header as ply_header
from scenes.ply import reader
from tests.scenes.ply_files import names_of, random_table, write_table

ENCODINGS = ["binary_little_endian", "binary_big_endian", "ascii"]
HEAD = "ply\nformat binary_little_endian 1.0\n"


def refused(path: Path) -> SceneError:
    with pytest.raises(SceneError) as caught:
        open_scene(path)
    error = caught.value
    assert path.name in str(error)
    assert error.expected
    assert error.found
    return error


def good(tmp_path: Path, encoding: str = ENCODINGS[0], count: int = 20) -> Path:
    return write_table(tmp_path / "a.ply", random_table(names_of(1), count), encoding)


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("", "a file of another kind|begins with 'ply'", None),
        ("plyx\n", "begins with 'ply'", "line 1"),
        ("ply\n", "expected end_header, found the end of the file", "line 2"),
        ("ply\nend_header\n", "expected a format line", "line 2"),
        ("ply\nformat binary_middle_endian 1.0\nend_header\n", "expected a format line", "line 2"),
        (HEAD + "format ascii 1.0\nend_header\n", "one format line", "line 3"),
        (HEAD + "element vertex many\nend_header\n", "'element NAME COUNT'", "line 3"),
        (HEAD + "element vertex -3\nend_header\n", "'element NAME COUNT'", "line 3"),
        (HEAD + "element vertex \u0663\nend_header\n", "'element NAME COUNT'", "line 3"),
        (HEAD + "element vertex " + "9" * 9999 + "\nend_header\n", "a count that", "line 3"),
        (HEAD + "property float x\nend_header\n", "before the first property", "line 3"),
        (HEAD + "element vertex 1\nproperty quad x\nend_header\n", "a PLY type", "line 4"),
        (HEAD + "element vertex 1\nproperty float\nend_header\n", "'property TYPE NAME'", "line 4"),
        (HEAD + "element a 1\nproperty list float int x\nend_header\n", "whole-number", "line 4"),
        (
            HEAD + "element vertex 1\nproperty float x\nproperty int x\nend_header\n",
            "property x again",
            "line 5",
        ),
        (HEAD + "element vertex 1\nelement vertex 1\nend_header\n", "vertex again", "line 4"),
        (HEAD + "vertices 12\nend_header\n", "found vertices 12", "line 3"),
        (HEAD + "element points 1\nproperty float x\nend_header\n", "element named vertex", None),
        (HEAD + "element vertex 1\nproperty list int int x\nend_header\n", "scalar prop", None),
    ],
)  # fmt: skip
def test_damaged_headers(tmp_path: Path, text: str, message: str, where: str | None) -> None:
    path = tmp_path / "bad.ply"
    path.write_bytes(text.encode())
    with pytest.raises(SceneError, match=message) as caught:
        open_scene(path)
    if where:
        assert caught.value.where == where
    assert len(str(caught.value)) < 400


def test_a_header_that_never_ends_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ply_header, "HEADER_LIMIT", 20_000)
    path = tmp_path / "a.ply"
    for filler in (b"comment x\n", b"y", b"\n"):
        path.write_bytes(HEAD.encode() + b"comment " + filler * 100_000)
        assert "none in the first 20,000 bytes" in str(refused(path))


def test_missing_properties_are_named(tmp_path: Path) -> None:
    table = random_table(names_of(0), 3)
    del table["rot_2"], table["opacity"]
    error = refused(write_table(tmp_path / "a.ply", table))
    assert error.found == "no property rot_2, opacity"


@pytest.mark.parametrize(
    ("rest", "found"),
    [([0, 1, 2], "3 of them"), ([*range(8), 9], "no f_rest_8"), (range(46), "46 of them")],
)
def test_wrong_number_of_coefficients(tmp_path: Path, rest: list[int], found: str) -> None:
    table = random_table([*names_of(0), *(f"f_rest_{i}" for i in rest)], 3)
    assert refused(write_table(tmp_path / "a.ply", table)).found == found


def test_a_point_cloud_or_mesh_is_called_one(tmp_path: Path) -> None:
    table = random_table(["x", "y", "z", "red", "green", "blue"], 3)
    colours = dict.fromkeys(("red", "green", "blue"), "u1")
    path = write_table(tmp_path / "a.ply", table, types=colours)
    assert refused(path).found == "a point cloud with red, green, blue, not Gaussians"
    face = "element face 0\nproperty list uchar int vertex_indices"
    path = write_table(tmp_path / "a.ply", random_table(["x", "y", "z"], 3), after=face)
    assert refused(path).found == "a mesh, not Gaussians"


def test_absurd_counts_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    for encoding in ENCODINGS:
        path = good(tmp_path, encoding)
        raw = path.read_bytes().replace(b"element vertex 20", b"element vertex 900000000000")
        path.write_bytes(raw)
        tracemalloc.start()
        try:
            assert "900,000,000,000 splats" in refused(path).expected
            assert tracemalloc.get_traced_memory()[1] < 5_000_000
        finally:
            tracemalloc.stop()
        lead = b"element a 99999999999999999\nproperty list uchar int b\nelement vertex"
        path.write_bytes(raw.replace(b"element vertex", lead))
        error = refused(path)
        assert error.expected.startswith(
            ("99,999,999,999,999,999 rows of element a", "row ", "900")
        )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_truncation(tmp_path: Path, encoding: str) -> None:
    path = good(tmp_path, encoding, 3)
    raw = path.read_bytes()
    ends = range(0, len(raw) - (len(raw.split()[-1]) + 1 if encoding == "ascii" else 0), 7)
    for end in ends:
        path.write_bytes(raw[:end])
        refused(path)


def test_a_file_that_shrinks_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = good(tmp_path, count=500)

    def shorten(*arguments: object) -> None:
        check(*arguments)  # type: ignore[arg-type]
        path.write_bytes(path.read_bytes()[:20_000])

    check = reader.check_binary
    monkeypatch.setattr(reader, "check_binary", shorten)
    assert refused(path).found == "the end of the file"


@pytest.mark.parametrize(
    ("line", "found", "where"),
    [("1 2 3", "3", None), ("1 " * 22 + "dog", "'dog'", None), ("1 " * 24, "24", None)],
)
def test_bad_lines_of_text(tmp_path: Path, line: str, found: str, where: None) -> None:
    path = good(tmp_path, "ascii")
    lines = path.read_text().splitlines()
    lines[-5] = line
    path.write_text("\n".join(lines))
    error = refused(path)
    assert error.found == found
    assert error.where == f"line {len(lines) - 4}"


def test_numbers_too_large_for_float32(tmp_path: Path) -> None:
    table = {name: c.astype(np.float64) for name, c in random_table(names_of(0), 4).items()}
    table["x"][1] = 1e300
    for encoding in ENCODINGS:
        scene = open_scene(
            write_table(tmp_path / "a.ply", table, encoding, dict.fromkeys(table, "f8"))  # type: ignore[arg-type]
        )
        assert scene.count == 3


def test_lists_of_negative_or_endless_length(tmp_path: Path) -> None:
    for kind, lead in (("char", b"\xff"), ("int", b"\xff\xff\xff\x7f"), ("uint", b"\xff" * 4)):
        path = write_table(
            tmp_path / "a.ply",
            random_table(names_of(0), 2),
            before=f"element face 1\nproperty list {kind} double corners",
            lead=lead,
        )
        assert "row 1 of 1 of element face" in refused(path).expected


def valid(scene: GaussianScene) -> None:
    for array in (scene.means, scene.quats, scene.scales, scene.opacities, scene.sh):
        assert np.isfinite(array).all()
    assert (scene.scales >= 0).all()
    assert ((scene.opacities >= 0) & (scene.opacities <= 1)).all()
    np.testing.assert_allclose(np.linalg.norm(scene.quats, axis=1), 1, atol=1e-5)


def open_or_refuse(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    try:
        scene = open_scene(path)
    except SceneError:
        return
    valid(scene)


FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

WORDS = st.sampled_from(
    [
        "ply",
        "format",
        "ascii",
        "binary_little_endian",
        "binary_big_endian",
        "1.0",
        "comment",
        "obj_info",
        "element",
        "vertex",
        "face",
        "chunk",
        "property",
        "list",
        "uchar",
        "int",
        "float",
        "double",
        "char",
        "uint32",
        "x",
        "y",
        "z",
        "f_dc_0",
        "f_rest_0",
        "opacity",
        "scale_0",
        "rot_0",
        "end_header",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "99999999999",
        "1e9",
        "packed_position",
        "nan",
    ]
)


@FUZZ
@given(lines=st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=30), tail=st.binary())
def test_random_headers(tmp_path: Path, lines: list[str], tail: bytes) -> None:
    text = "\n".join(["ply", "format ascii 1.0", *lines, "end_header"])
    open_or_refuse(tmp_path / "a.ply", text.encode() + b"\n" + tail)


@FUZZ
@given(
    encoding=st.sampled_from(ENCODINGS),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=6)), max_size=8),
    cut=st.one_of(st.none(), st.integers(0, 4000)),
)
def test_mutations_of_a_good_file(
    tmp_path: Path, encoding: str, changes: list[tuple[int, bytes]], cut: int | None
) -> None:
    raw = bytearray(good(tmp_path, encoding, 6).read_bytes())
    for position, replacement in changes:
        at = position % (len(raw) + 1)
        raw[at : at + len(replacement)] = replacement
    open_or_refuse(tmp_path / "a.ply", bytes(raw[:cut]))


@FUZZ
@given(
    encoding=st.sampled_from(ENCODINGS),
    swaps=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3),
    lead=st.binary(max_size=40),
)
def test_words_of_a_good_header_exchanged(
    tmp_path: Path, encoding: str, swaps: list[tuple[str, str]], lead: bytes
) -> None:
    path = write_table(
        tmp_path / "a.ply",
        random_table(names_of(0), 4),
        encoding,
        before="element face 2\nproperty list uchar int corners",
        lead=lead,
    )
    text, end, body = path.read_bytes().partition(b"end_header\n")
    for old, new in swaps:
        text = text.replace(b" " + old.encode(), b" " + new.encode(), 1)
    open_or_refuse(path, text + end + body)


def test_progress_and_cancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "PART", 100)
    path = good(tmp_path, count=250)
    seen: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: seen.append(values))
    assert seen == [(100, 250, "splats"), (200, 250, "splats"), (250, 250, "splats")]
    for encoding in ENCODINGS:
        with pytest.raises(Cancelled):
            open_scene(good(tmp_path, encoding), cancel=lambda: True)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_reading_takes_little_more_memory_than_the_scene(tmp_path: Path, encoding: str) -> None:
    count = 60_000 if encoding != "ascii" else 8_000
    table = random_table(names_of(2), count)
    path = write_table(tmp_path / "a.ply", table, encoding)
    del table
    tracemalloc.start()
    try:
        scene = open_scene(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    buffers = 12_000_000 if encoding != "ascii" else 60_000_000
    assert peak < 1.5 * scene.nbytes + buffers
