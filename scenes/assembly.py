"""From decoded blocks to a scene: what the readers of all formats share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kernels.codec.splat_ply import compact_rows
from kernels.codec.tidy import tidy_rows
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.registry import Cancel, Progress
from scenes.storage import empty

PART = 65_536
"""Splats between two reports of progress and two looks at cancel."""

Part = Callable[[int, int], None]
"""``part(first, last)`` fills the rows ``first`` to ``last - 1`` of the arrays; on any thread."""


class SplatArrays:
    """The arrays of a scene while they are filled, and what had to be repaired.

    Attributes
    ----------
    means, quats, scales, opacities, sh
        float32, (N, 3), (N, 4), (N, 3), (N,), (N, K, 3): activated values, as
        :class:`~scenes.gaussians.GaussianScene` wants them, but for quaternions of any length.
    keep
        (N,) uint8, 1 for a splat that can be drawn.
    """

    def __init__(self, path: Path, count: int, degree: int) -> None:
        """Take memory for ``count`` splats; SceneError where there is not enough.

        Callers have made sure that the file can hold as many.
        """
        coefficients = SH_COEFFICIENTS[degree]
        self.path = path
        self.count = count
        self.refused = 0
        self.unturned = 0
        try:
            self.means = empty((count, 3), np.float32)
            self.quats = empty((count, 4), np.float32)
            self.scales = empty((count, 3), np.float32)
            self.opacities = empty(count, np.float32)
            self.sh = empty((count, coefficients, 3), np.float32)
            self.keep = empty(count, np.uint8)
        except MemoryError:
            need = count * (44 + 12 * coefficients) / 2**30
            raise SceneError(
                path, "a scene that fits into memory", f"{count:,} splats that need {need:.1f} GiB"
            ) from None

    def fill(self, part: Part, progress: Progress, cancel: Cancel) -> None:
        """Decode all parts on all cores, then tidy each (see :func:`tidy`).

        Progress and cancel are called on this thread.
        """

        def work(first: int, last: int) -> tuple[int, int]:
            part(first, last)
            return self._tidied(first, last)

        in_parts(self.count, work, self.note, progress, cancel)

    def tidy(self, progress: Progress, cancel: Cancel) -> None:
        """Make quaternions unit and mark splats that cannot be drawn, in all rows."""
        self.fill(lambda first, last: None, progress, cancel)

    def _tidied(self, first: int, last: int) -> tuple[int, int]:
        here = slice(first, last)
        return tidy_rows(
            self.means[here],
            self.quats[here],
            self.scales[here],
            self.opacities[here],
            self.sh[here].reshape(last - first, self.sh.shape[1] * 3),
            self.keep[here],
        )

    def note(self, counts: tuple[int, int]) -> None:
        """Add (refused, identities) of some rows."""
        self.refused += counts[0]
        self.unturned += counts[1]

    def scene(
        self,
        format: str,
        *,
        training: str = "3dgs",
        metadata: Mapping[str, Any] | None = None,
        warnings: tuple[str, ...] = (),
        name: str | None = None,
    ) -> GaussianScene:
        """The finished scene, without the splats that cannot be drawn."""
        kept = self.count
        sh = self.sh.reshape(self.count, self.sh.shape[1] * 3)
        if self.refused:
            kept = compact_rows(self.keep, self.means, self.quats, self.scales, self.opacities, sh)
        return GaussianScene(
            means=self.means[:kept],
            quats=self.quats[:kept],
            scales=self.scales[:kept],
            opacities=self.opacities[:kept],
            sh=self.sh[:kept],
            name=name or self.path.stem,
            source=self.path,
            format=format,
            training=training,
            metadata=metadata or {},
            warnings=(*warnings, *repairs(self.count, self.refused, self.unturned)),
        )


def in_parts(
    count: int,
    work: Callable[[int, int], Any],
    done: Callable[[Any], None],
    progress: Progress,
    cancel: Cancel,
) -> None:
    """Call ``work(first, last)`` for all :data:`PART` rows on all cores, ``done(result)`` here.

    Raises
    ------
    Cancelled
        And whatever ``work`` raises; threads that are under way end first.
    """
    with _workers() as pool:
        parts: list[Future[Any]] = [
            pool.submit(work, first, min(first + PART, count)) for first in range(0, count, PART)
        ]
        for index, future in enumerate(parts):
            done(future.result())
            if cancel():
                raise Cancelled
            progress(min((index + 1) * PART, count), count, "splats")


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Threads; those that have not started never do when the block is left by an exception."""
    threads = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="splats") as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def repairs(count: int, refused: int, unturned: int) -> tuple[str, ...]:
    """Sentences about an empty file, dropped splats and quaternions of length zero."""
    sentences = []
    if count == 0:
        sentences.append("The file holds no splats.")
    if refused:
        sentences.append(
            f"{refused:,} of {count:,} splats were dropped: a value is not a number, or a "
            "position, size, rotation or colour is infinite."
        )
    if unturned:
        sentences.append(
            f"{unturned:,} of {count:,} splats had a rotation of length zero and were left "
            "unrotated."
        )
    return tuple(sentences)
