"""How large the tables of a frame are, when nobody knows yet what it will see."""

from __future__ import annotations

SPARE = 1.25
"""Room for so many times what the last frame needed."""
STEPS = 8
"""Sizes per doubling: few, so that frames of nearly the same size share memory and recordings."""
LEAST = 1 << 12


def rounded(count: float) -> int:
    """The next size up."""
    size = max(round(count), LEAST)
    step = 1 << max((size - 1).bit_length() - STEPS.bit_length() + 1, 0)
    return -(-size // step) * step


class Room:
    """Rows of a table that a device fills without telling how many there are.

    The rest of the table is a tail that sorts behind everything. A frame that needed more is
    drawn again with more; one that needed much less makes the next ones smaller.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rounded(rows)

    def settle(self, needed: int) -> bool:
        """Whether a frame that needed so many rows had them; makes room for the next one."""
        wanted = rounded(SPARE * needed)
        fits = needed <= self.rows
        if not fits or 2 * wanted < self.rows:
            self.rows = wanted
        return fits
