"""What a snapshot of instant-ngp is packed in: MessagePack, perhaps compressed, or JSON.

``.msgpack`` is MessagePack, ``.ingp`` the same as a gzip or zlib stream, and in ``.json`` a blob is
an object with a list of ``bytes`` (``instant-ngp:src/testbed.cu``, ``load_network_config``).
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from scenes.errors import SceneError
from scenes.field_files.tell import Tell
from scenes.paths.json_file import Value, read_json
from scenes.writing import new_file

CHUNK = 1 << 20
LEAST_LIMIT, GROWTH = 256 << 20, 16
"""A stream may unpack to the first, bytes, or to the second times the size of the file: density
grids are mostly zeros, parameters do not shrink."""
MOST_MEMBERS = 4096
MOST_ELEMENTS = 30_000
"""Of a list, which is what there may be of cameras."""
MOST_VALUES = 2_000_000
"""In all lists and objects together."""
LONGEST_TEXT = 1 << 16


def looks_like_snapshot(head: bytes) -> bool:
    """Whether a file may be one, by its first bytes."""
    if head.lstrip().startswith(b"{"):
        return b'"otype"' in head and (b'"snapshot"' in head or b'"params_binary"' in head)
    start = head
    if is_stream(head):
        try:
            start = zlib.decompressobj(47).decompress(head, 4096)
        except zlib.error:
            return False
    named = b"\xa8encoding" in start and b"\xa5otype" in start and b"\xa7network" in start
    return named and is_map(start)


def is_stream(head: bytes) -> bool:
    """Whether that is the beginning of gzip or of zlib."""
    zlibbed = len(head) > 1 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0
    return zlibbed or head.startswith(b"\x1f\x8b")


def is_map(head: bytes) -> bool:
    """Whether that is the beginning of a MessagePack object."""
    return bool(head) and (0x80 <= head[0] <= 0x8F or head[0] in (0xDE, 0xDF))


def read_snapshot(path: Path, tell: Tell) -> Value:
    """The root object; blobs are objects with ``bytes``.

    Raises
    ------
    SceneError
        For what is damaged, has other types than JSON and blobs, or is absurdly large or deep.
    Cancelled
    """
    with path.open("rb") as file:
        head = file.read(4096)
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return read_json(path)
        file.seek(0)
        limit = max(LEAST_LIMIT, GROWTH * path.stat().st_size)
        unpacker = zlib.decompressobj(47) if is_stream(head) else None
        data = bytearray()
        while raw := file.read(CHUNK):
            tell.done(len(raw))
            if unpacker is None:
                data += raw
                continue
            while raw and not unpacker.eof:
                _unpack(path, unpacker, raw, data, limit, tell)
                raw = unpacker.unconsumed_tail
    if unpacker is not None and not unpacker.eof:
        raise SceneError(path, "a whole compressed stream", "its end too early")
    return Value(path, _root(path, data))


def _unpack(path: Path, unpacker: Any, raw: bytes, out: bytearray, limit: int, tell: Tell) -> None:
    try:
        out += unpacker.decompress(raw, CHUNK)
    except zlib.error as error:
        raise SceneError(path, "a whole compressed stream", str(error)) from None
    if len(out) > limit:
        raise SceneError(path, f"at most {limit:,} bytes in the stream", "more")
    tell.done(0)


def _root(path: Path, data: bytearray) -> Any:
    import msgpack

    seen = 0

    def count(number: int) -> None:
        nonlocal seen
        seen += number
        if seen > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")

    def listed(values: list[Any]) -> list[Any]:
        count(len(values))
        if any(type(value) is bytes for value in values):
            raise ValueError("a list of blobs")
        return values

    def paired(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        count(len(pairs))
        if not all(type(name) is str for name, _ in pairs):
            raise ValueError("a member whose name is no text")
        return {name: {"bytes": v} if type(v) is bytes else v for name, v in pairs}

    unpacker = msgpack.Unpacker(
        None,
        max_buffer_size=len(data) + 1,
        max_bin_len=len(data),
        max_str_len=LONGEST_TEXT,
        max_array_len=MOST_ELEMENTS,
        max_map_len=MOST_MEMBERS,
        max_ext_len=0,
        list_hook=listed,
        object_pairs_hook=paired,
    )
    try:
        unpacker.feed(data)
        root = unpacker.unpack()
        if unpacker.tell() != len(data):
            raise ValueError("more behind its end")
    except msgpack.OutOfData:
        raise SceneError(path, "whole MessagePack", "its end too early") from None
    except (msgpack.UnpackException, ValueError, TypeError, RecursionError) as error:
        shown = " ".join(str(error).split())[:100] or "damage"
        raise SceneError(path, "MessagePack of a snapshot", shown) from None
    if not isinstance(root, dict):
        raise SceneError(path, "an object", "another value")
    return root


def blob(value: Value) -> bytes:
    """The bytes of a blob.

    Raises
    ------
    SceneError
    """
    inner = value["bytes"].raw
    if isinstance(inner, bytes):
        return inner
    if not isinstance(inner, list):
        value.fail("a blob")
    try:
        return bytes(inner)
    except (ValueError, TypeError):
        value.fail("bytes of 0 to 255", "others")


def write_snapshot(path: Path, root: dict[str, Any], compress: bool, tell: Tell) -> None:
    """Write a root object whose blobs are ``bytes``.

    Raises
    ------
    SceneError, Cancelled
    """
    import msgpack

    packed = memoryview(msgpack.packb(_sorted(root), use_bin_type=True))
    tell.total = len(packed)
    # Fast: parameters hardly shrink, and the zeros of a density grid do at any level.
    packer = zlib.compressobj(1, wbits=31) if compress else None
    with new_file(path) as file:
        for first in range(0, len(packed), CHUNK):
            part = packed[first : first + CHUNK]
            file.write(packer.compress(part) if packer else part)
            tell.done(len(part))
        if packer:
            file.write(packer.flush())


def _sorted(value: Any) -> Any:
    """Members in the order of their names, as instant-ngp writes them."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value
