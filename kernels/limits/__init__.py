"""What a device can do at most: small measurements that show the ceilings of its kernels.

A module per backend holds ``EFFORT``, the :class:`Effort` that a measurement there is worth, and
``PROBES``: by name, what prepares a measurement. ``PROBES[name](effort)`` allocates and compiles,
and returns a trial; each call of the trial measures once and returns billions per second:

* ``copy``: bytes read and written by copying arrays that no cache holds;
* ``fma``: float32 operations of fused multiply-adds, two each;
* ``matrix``: float operations of matrix products, two for each multiply-add;
* ``exp2``: powers of two.

Whatever disturbs a trial makes it slower, so the best of several is the ceiling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NAMES = ("copy", "fma", "matrix", "exp2")


@dataclass(frozen=True)
class Effort:
    """How much a trial does, and how often it is repeated.

    Attributes
    ----------
    nbytes
        Size of each of the two arrays of the copy.
    steps
        Turns of the loops of multiply-adds and of powers of two (on a GPU: elements).
    side, products
        Rows and columns of the matrices, and how many products a trial has.
    repeats
        Trials of each kind.
    """

    nbytes: int
    steps: int
    side: int
    products: int
    repeats: int


Trial = Callable[[], float]
Probe = Callable[[Effort], Trial]
