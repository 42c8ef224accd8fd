"""Extension records of SPZ files: ``u32 type, u32 length, payload``, one behind the other.

The upper half of a type is its vendor. Two of Adobe's (ADBE) are known: where the axes point, and
how far a camera may orbit (nianticlabs/spz ``extensions/README.md``).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenes.errors import SceneError
from scenes.frames import FRAMES

SAFE_ORBIT = 0xADBE0002
COORDINATE_SYSTEM = 0xADBE0003
ORBIT_FIELDS = ("elevation_min", "elevation_max", "radius_min")
MOST_TOLD = 32
"""Unknown records that are told one by one."""

Bytes = bytes | bytearray | memoryview


@dataclass
class Extensions:
    """What the records say.

    Attributes
    ----------
    frame
        One of :data:`scenes.frames.FRAMES`; None where no record declares it.
    orbit
        Radians, radians and scene units by :data:`ORBIT_FIELDS`; empty where there is none.
    ignored
        Phrases about records that are not used.
    """

    frame: str | None = None
    orbit: dict[str, float] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def parse(data: Bytes, path: Path) -> Extensions:
    """Read all records; a payload that makes no sense is told and passed over.

    Raises
    ------
    SceneError
        For a record that is longer than what is left.
    """
    found = Extensions()
    unknown = 0
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise SceneError(path, "an extension of at least 8 bytes", f"{len(data) - at}")
        kind, length = struct.unpack_from("<II", data, at)
        at += 8
        if length > len(data) - at:
            raise SceneError(
                path, f"{length:,} bytes of extension 0x{kind:08X}", f"{len(data) - at:,}"
            )
        payload = data[at : at + length]
        at += length
        if not _known(kind, payload, found):
            unknown += 1
            if unknown <= MOST_TOLD:
                found.ignored.append(f"extension 0x{kind:08X} ({length:,} bytes)")
    if unknown > MOST_TOLD:
        found.ignored.append(f"{unknown - MOST_TOLD:,} more extensions")
    return found


def _known(kind: int, payload: Bytes, found: Extensions) -> bool:
    """Take a record in; False where it is unknown or makes no sense."""
    if kind == COORDINATE_SYSTEM and len(payload) == 4:
        (place,) = struct.unpack("<I", payload)
        if 1 <= place <= len(FRAMES):
            found.frame = FRAMES[place - 1]
            return True
    if kind == SAFE_ORBIT and len(payload) == 12:
        values = struct.unpack("<3f", payload)
        if all(map(math.isfinite, values)):
            found.orbit = dict(zip(ORBIT_FIELDS, values, strict=True))
            found.ignored.append("safe orbit camera extension")
            return True
    return False


def build(frame: str, orbit: Mapping[str, Any] | None) -> bytes:
    """Records that declare the frame and, where there is one, the orbit."""
    place = FRAMES.index(frame) + 1
    data = struct.pack("<III", COORDINATE_SYSTEM, 4, place)
    if orbit:
        values = [float(orbit[name]) for name in ORBIT_FIELDS]
        data += struct.pack("<II3f", SAFE_ORBIT, 12, *values)
    return data
