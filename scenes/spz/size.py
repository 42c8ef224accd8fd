"""How large a file will be, from a sample of its splats."""

from __future__ import annotations

import zlib

import numpy as np

from scenes.gaussians import GaussianScene
from scenes.spz.container import ARRAYS
from scenes.spz.writer import GZIP_LEVEL, ZSTD_LEVEL, packer_for

_RUNS, _ROWS = 16, 256
"""Runs of neighbours, because neighbours in the file compress together.

On seven real files of 1,000 to 250,000 splats the guess was 0.91 to 1.06 of the file in version 3
and 0.98 to 1.06 in version 4, and took 3 to 65 ms. Bytes of a splat in them: 3.6 to 7.2 for the
position, 0.8 to 1 for the opacity, 2.1 to 2.8 for the colour, 2 to 2.5 for the scales, 3.9 for
the rotation, and 0 to 8 of 45 for harmonics of degree 3: too far apart for fixed numbers.
"""
_FRAMING = 200
"""Headers and the like."""


def estimated_size(scene: GaussianScene, spz_version: int, stored_frame: str) -> int:
    """Bytes that the file would have, roughly; packs and compresses some thousand splats."""
    if scene.count == 0:
        return _FRAMING
    packer = packer_for(scene, spz_version, stored_frame)
    runs = min(_RUNS, -(-scene.count // _ROWS))
    firsts = np.linspace(0, max(0, scene.count - _ROWS), runs).astype(int)
    slices = [slice(int(first), int(first) + _ROWS) for first in firsts]
    seen = sum(len(scene.opacities[here]) for here in slices)
    total = 0
    for name in ARRAYS:
        rows = getattr(packer, name)
        total += _compressed(b"".join(rows(here).tobytes() for here in slices), spz_version)
    return _FRAMING + total * scene.count // seen


def _compressed(data: bytes, spz_version: int) -> int:
    if spz_version == 3:
        return len(zlib.compress(data, GZIP_LEVEL))
    import zstandard

    return len(zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(data))
