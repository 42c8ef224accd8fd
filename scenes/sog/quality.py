"""What a person chooses when a SOG scene is written, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """How much work goes into a file.

    Attributes
    ----------
    grid
        Effort of the self-organising grid that is tried beside Morton order; None to not try.
    samples, passes
        Vectors of view-dependent colour that the palette is trained on, and passes over them.
    entries
        Most colours of the palette.
    log_scale, base, rest
        Steps of the codebooks: natural logarithm of a size, first coefficients, the other ones. A
        colour is 0.28 times a first coefficient.
    method, effort
        Of the WebP encoder.
    """

    grid: str | None
    samples: int
    passes: int
    entries: int
    log_scale: float
    base: float
    rest: float
    method: int
    effort: int


QUALITIES = {
    "fast": Quality(None, 65_536, 3, 16_384, 0.08, 0.04, 0.03, 1, 20),
    "good": Quality(None, 262_144, 5, 65_536, 0.08, 0.04, 0.03, 4, 75),
    "best": Quality("high", 524_288, 12, 65_536, 0.04, 0.02, 0.01, 4, 100),
}
