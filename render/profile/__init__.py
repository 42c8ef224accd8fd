"""Where every millisecond of the shown frames went.

:class:`ProfileStore` keeps the last frames as they were measured and computes tables and plots
only when somebody looks. :mod:`render.trace` writes them to files.
"""

from __future__ import annotations

from render.profile.buckets import BUCKETS, PAPER, PUBLISHED, shares
from render.profile.limits import Limits, LimitsOf, Reach
from render.profile.rows import TOTAL, WINDOW, FirstCall, History, Key, Row, kernels_ms
from render.profile.samples import Sample
from render.profile.store import Burst, ProfileStore

__all__ = [
    "BUCKETS",
    "PAPER",
    "PUBLISHED",
    "TOTAL",
    "WINDOW",
    "Burst",
    "FirstCall",
    "History",
    "Key",
    "Limits",
    "LimitsOf",
    "ProfileStore",
    "Reach",
    "Row",
    "Sample",
    "kernels_ms",
    "shares",
]
