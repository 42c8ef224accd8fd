"""Steps of a fit until it is done, with words on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from render.fitting.fit import Fit
from scenes.errors import Cancelled
from scenes.registry import Cancel, Progress, never, no_progress

REPORT_SECONDS = 0.5
CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class Report:
    """How a fit stands.

    Attributes
    ----------
    steps, seconds
        Done and spent, those before a checkpoint included.
    loss, psnr
        Means over the last batches; psnr in dB.
    left
        Seconds that the rest will take, estimated.
    """

    steps: int
    seconds: float
    loss: float
    psnr: float
    left: float


def silent(report: Report) -> None:
    """Nobody wants to know."""


def run(
    fit: Fit,
    steps: int | None = None,
    seconds: float | None = None,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    report: Callable[[Report], None] = silent,
    paused: Callable[[], bool] = never,
    checkpoint: Path | None = None,
) -> None:
    """Step until ``steps`` are done or ``seconds`` are spent, whichever comes first.

    Both count what was done before a checkpoint. A fit that ends by steps alone is the same
    whether or not it was interrupted; one that ends by time is not.

    Parameters
    ----------
    progress
        Told of steps, or of seconds where only those are limited.
    report
        Called every half second, and at the end.
    paused
        While it says yes nothing is done.
    checkpoint
        Written every half minute, and when the loop is left for whatever reason.

    Raises
    ------
    Cancelled
        When ``cancel()`` became true, which is asked between steps.
    ValueError
        Without any limit.
    """
    if steps is None and seconds is None:
        raise ValueError("a fit ends after steps or after seconds")
    started, before = fit.steps_done, fit.seconds_spent
    spent = 0.0
    clock = _Clock()
    last_report = last_save = 0.0

    def shares() -> tuple[float, float]:
        by_steps = fit.steps_done / steps if steps else (1.0 if steps == 0 else 0.0)
        return by_steps, fit.seconds_spent / seconds if seconds else 0.0

    def tell() -> None:
        share = max(shares())
        done = fit.steps_done - started
        done_share = share - max(
            started / steps if steps else 0.0, before / seconds if seconds else 0.0
        )
        left = spent * (1 - share) / done_share if done and done_share > 0 else float("nan")
        report(Report(fit.steps_done, fit.seconds_spent, fit.loss, fit.psnr, left))

    try:
        while max(shares()) < 1:
            if cancel():
                raise Cancelled
            if paused():
                time.sleep(0.05)
                clock.start()
                continue
            fit.step(max(shares()))
            spent += clock.lap()
            fit.seconds_spent = before + spent
            if steps is not None:
                progress(fit.steps_done, steps, "steps")
            elif seconds is not None:
                progress(int(fit.seconds_spent), int(seconds) or 1, "seconds")
            if spent - last_report >= REPORT_SECONDS:
                last_report = spent
                tell()
            if checkpoint is not None and spent - last_save >= CHECKPOINT_SECONDS:
                fit.save(checkpoint)
                last_save = spent
                clock.start()
        tell()
    finally:
        if checkpoint is not None:
            fit.save(checkpoint)


class _Clock:
    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._since = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        took, self._since = now - self._since, now
        return took
