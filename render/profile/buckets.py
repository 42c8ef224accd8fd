"""The shares of a frame of a neural field that papers state: march, encode, network, composite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from render.profile.rows import TOTAL, WINDOW, Row

BUCKETS = ("march", "encode", "network", "composite", "other")
_BUCKET_OF = {
    "march": "march",
    "trace": "march",
    "encode": "encode",
    "network": "network",
    "composite": "composite",
}
FUSED = "follow"
"""Does it all in one launch, in which nobody can tell the shares apart."""
GROUP = "fields"


@dataclass(frozen=True)
class Published:
    """A share of encoding and network together that somebody measured."""

    title: str
    share: float


PAPER = "Hardware Acceleration of Neural Graphics (Mubarik et al. 2023), RTX 3090"
PUBLISHED = (
    Published("hash grid", 0.724),
    Published("dense grid", 0.600),
    Published("low-resolution dense grid", 0.5996),
)
"""Shares of the time of an application, means over NeRF, NSDF, GIA and NVR (section 3 there)."""


def shares(rows: Sequence[Row]) -> dict[str, float]:
    """The share of each of :data:`BUCKETS` in the time of all kernels.

    Empty without a field, and where one kernel is all of them. Means over the frames of ``rows``,
    so that shares add up to 1.
    """
    kernels = [row for row in rows if row.key.group not in (WINDOW, TOTAL.group)]
    total = sum(row.mean_ms for row in kernels)
    if total <= 0 or not any(row.key.group == GROUP for row in kernels):
        return {}
    if any(row.key.name == FUSED for row in kernels):
        return {}
    found = dict.fromkeys(BUCKETS, 0.0)
    for row in kernels:
        bucket = _BUCKET_OF.get(row.key.name, "other") if row.key.group == GROUP else "other"
        found[bucket] += row.mean_ms / total
    return found
