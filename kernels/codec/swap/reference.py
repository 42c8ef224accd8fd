"""Re-assignment of groups of four in plain torch: all 24 permutations are tried."""

from __future__ import annotations

from typing import Any

import torch

_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
PERMUTATIONS = tuple(
    first + second
    for pair in _PAIRS
    for first in (pair, pair[::-1])
    for rest in (tuple(k for k in range(4) if k not in pair),)
    for second in (rest, rest[::-1])
)
"""Cell k of a group gets what cell p[k] had; the identity comes first."""


def run(
    planes: Any, cells: Any, target: Any, lengths: Any, rows: Any, shifts: Any
) -> tuple[float, int]:
    """See :func:`kernels.codec.swap.swap`."""
    planes, cells, target = (torch.as_tensor(a) for a in (planes, cells, target))
    gain, changed = 0.0, 0
    for band, offset in zip(rows.tolist(), shifts.tolist(), strict=True):
        first = max(-s for s in offset)
        last = min(int(lengths[y]) - s for y, s in zip(band, offset, strict=True))
        if last <= first:
            continue
        y = torch.tensor(band)
        x = torch.arange(first, last)[:, None] + torch.tensor(offset)
        features, wanted = planes[:, y, x], target[:, y, x]
        products = torch.einsum("dga,dgb->gab", features, wanted)
        choices = torch.tensor(PERMUTATIONS)
        sums = products[:, choices, torch.arange(4)].sum(2)
        best = sums.argmax(1)
        chosen = choices[best]
        gain += 2.0 * float((sums.gather(1, best[:, None])[:, 0] - sums[:, 0]).sum())
        changed += int((best != 0).sum())
        source = x.gather(1, chosen)
        planes[:, y, x] = planes[:, y[chosen], source]
        cells[y, x] = cells[y[chosen], source]
    return gain, changed
