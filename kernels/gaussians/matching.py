"""Choosing pairs that exclude each other."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def take_pairs(order, partners, most):
    """Go through rows in an order and take each with its partner, unless one of them is gone.

    Parameters
    ----------
    order
        (N,) int64, a permutation: the rows, the cheapest first.
    partners
        (N,) int64; a row that is its own partner is taken alone.
    most
        How many are taken at most.

    Returns
    -------
    (kept, lost)
        int64 arrays of one length: the smaller and the larger row of each pair; the same row
        twice for one taken alone.

    Cost
    ----
    16 bytes read a row and one flag for each.
    """
    free = np.ones(len(order), np.bool_)
    kept = np.empty(most, np.int64)
    lost = np.empty(most, np.int64)
    taken = 0
    for place in range(len(order)):
        if taken == most:
            break
        row = order[place]
        partner = partners[row]
        if free[row] and free[partner]:
            free[row] = False
            free[partner] = False
            kept[taken] = min(row, partner)
            lost[taken] = max(row, partner)
            taken += 1
    return kept[:taken], lost[:taken]
