"""How far a reader or writer of a field is, and whether it goes on; what its numbers may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.registry import Cancel, Progress


@dataclass
class Tell:
    """Counts bytes of work; raises Cancelled where someone pressed cancel."""

    total: int
    progress: Progress
    cancel: Cancel
    finished: int = 0

    def done(self, nbytes: int) -> None:
        """That much more is done."""
        if self.cancel():
            raise Cancelled
        self.finished += nbytes
        self.progress(min(self.finished, self.total), self.total, "bytes")


def finite(path: Path, name: str, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float32]:
    """The values as float32; SceneError where one of them is not finite.

    A single one would make the whole picture unusable, and training that went wrong leaves such.
    """
    numbers = np.asarray(values)
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.ascontiguousarray(numbers, np.float32)
    flawed = numbers.size - int(np.count_nonzero(np.isfinite(numbers)))
    if flawed:
        raise SceneError(path, f"finite numbers in {name}", f"{flawed:,} that are not")
    return numbers
