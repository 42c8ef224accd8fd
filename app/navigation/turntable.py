"""The slow turn of a scene that nobody has touched yet."""

from __future__ import annotations

import math

SECONDS_PER_TURN = 60.0


class Turntable:
    """Turns until the first touch; once stopped it stays stopped until started again."""

    def __init__(self) -> None:
        self.running = False

    def start(self) -> None:
        """Begin to turn."""
        self.running = True

    def touch(self) -> None:
        """The person did something: stop for good."""
        self.running = False

    def angle(self, dt: float) -> float:
        """Radians to turn in ``dt`` seconds; 0 when stopped."""
        return 2.0 * math.pi * dt / SECONDS_PER_TURN if self.running else 0.0
