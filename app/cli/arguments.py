"""Values that several commands take, from text."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.format_options import add_read_options

SIZE_LIMIT = 16384


def size(text: str) -> tuple[int, int]:
    """``1920x1080`` as (width, height), pixels."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"size must be like 1920x1080, got {text!r}")
    pixels = int(width), int(height)
    if not all(1 <= side <= SIZE_LIMIT for side in pixels):
        raise argparse.ArgumentTypeError(f"sides must be 1 to {SIZE_LIMIT} pixels, got {text}")
    return pixels


def background(text: str) -> tuple[float, float, float] | None:
    """``R,G,B`` in 0..1, or in 0..255 where any value is above 1; ``none`` for transparency."""
    if text.lower() == "none":
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise argparse.ArgumentTypeError(f"background must be R,G,B or none, got {text!r}")
    scale = 255.0 if max(values) > 1 else 1.0
    red, green, blue = (value / scale for value in values)
    return red, green, blue


def frame_range(text: str) -> tuple[int | None, int | None]:
    """``A:B`` as the first frame and the one after the last; either may be left out."""
    first, colon, last = text.partition(":")
    if not colon or not all(part == "" or part.isdecimal() for part in (first, last)):
        raise argparse.ArgumentTypeError(f"frames must be like 0:240, got {text!r}")
    return (int(first) if first else None, int(last) if last else None)


def outputs(text: str) -> tuple[str, ...]:
    """``color,alpha,depth`` in any selection."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names or any(name not in ("color", "alpha", "depth") for name in names):
        raise argparse.ArgumentTypeError(
            f"outputs must be some of color, alpha, depth, got {text!r}"
        )
    return names


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return int(text)


def count(text: str) -> int:
    """A whole number, 0 among them."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}")
    return int(text)


def frame_rate(text: str) -> float:
    """Frames per second, above 0 and at most 1000."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1000, got {text!r}")
    return rate


def add_scene(parser: argparse.ArgumentParser) -> None:
    """The scene file, and what its format lets one choose."""
    parser.add_argument("scene", metavar="SCENE", type=Path, help="scene file or folder")
    add_read_options(parser)


def add_rendering(parser: argparse.ArgumentParser) -> None:
    """How to render: backend and preset."""
    from kernels.backends import BACKENDS
    from render.presets import PRESETS

    parser.add_argument(
        "--backend", choices=("auto", *BACKENDS), default="auto", help="default: the fastest here"
    )
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), default="gsplat", help="whose image to match"
    )  # fmt: skip
    parser.add_argument(
        "--back-faces", action="store_true", help="show planes of multiplane images from behind"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Machine-readable output."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
