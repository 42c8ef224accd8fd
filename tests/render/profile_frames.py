"""Made-up frames that look like real ones, for tests of profiles."""

from __future__ import annotations

import numpy as np

from kernels.timing import KernelRecord
from render.profile import ProfileStore
from render.request import Frame

PIXELS = 640 * 360
KERNELS = (
    ("project", 1.4, 20_000_000, 28_000_000, {"splats": 200_000, "visible splats": 141_000}),
    ("shade", 2.0, 27_000_000, 30_000_000, {}),
    ("sort", 1.2, 4_000_000, 0, {}),
    ("bin", 2.8, 9_000_000, 0, {"tile keys": 622_000}),
    (
        "blend",
        8.1,
        30_000_000,
        450_000_000,
        {
            "evaluated pairs": 78 * PIXELS,
            "contributing pairs": 33 * PIXELS,
            "pixels": PIXELS,
            "stopped tiles": 285,
            "tiles": 920,
        },
    ),
)


def make_frame(
    number: int = 0,
    *,
    first: bool = False,
    size: tuple[int, int] = (640, 360),
    noise: float = 0.0,
    slack_ns: int = 150_000,
) -> Frame:
    """A frame of six kernels, 16.0 ms plus slack; ``first`` makes blending a first call."""
    rng = np.random.default_rng(number)
    start = at = 1_000_000_000 + number * 25_000_000
    records = []
    for name, ms, nbytes, flops, counters in KERNELS:
        took = int(ms * 1e6 * np.exp(noise * rng.standard_normal()))
        compiled = first and name == "blend"
        took += 1_800_000_000 if compiled else 0
        records.append(
            KernelRecord(name, "gaussians", "cpu", at, took, nbytes, flops, counters, compiled)
        )
        at += took
    records.append(KernelRecord("display", "image", "cpu", at, 500_000, 1_900_000, 900_000))
    total = at + 500_000 + slack_ns - start
    image = np.zeros((size[1], size[0], 4), np.uint8)
    return Frame({"rgba8": image}, tuple(records), start, total, backend="cpu")


def make_store(frames: int = 60, noise: float = 0.1) -> ProfileStore:
    """A store with frames as a window shows them, the first one with a compilation."""
    store = ProfileStore()
    for number in range(frames):
        add(store, number, first=number == 0, noise=noise)
    return store


def add(store: ProfileStore, number: int, **options) -> None:
    """Show one more made-up frame."""
    frame = make_frame(number, **options)
    store.add_shown(
        frame,
        transfer_ns=100_000,
        upload_ns=1_000_000,
        present_ns=3_000_000,
        waiting_ns=200_000,
        total_ns=frame.total_ns + 4_400_000,
    )
