"""ProRes in QuickTime: 422 HQ, or 4444 with alpha where the background is transparent; 10 bit."""

from render.export.encoders import Encoder, Job
from render.export.ffmpeg import BT709, TO_BT709, FfmpegSink


def qscale(quality: int) -> int:
    """Quantiser: 18 at quality 0, 5 at 80, 2 at 100."""
    return round(18 - 0.16 * quality)


def _open(job: Job) -> FfmpegSink:
    transparent = job.background is None
    arguments = (
        "-vf", TO_BT709, "-c:v", "prores_ks", "-profile:v", "4" if transparent else "3",
        "-qscale:v", str(qscale(job.settings.quality)),
        "-pix_fmt", "yuva444p10le" if transparent else "yuv422p10le", "-vendor", "apl0", *BT709,
    )  # fmt: skip
    return FfmpegSink(job, "mov", arguments, even=False, alpha=transparent)


ENCODER = Encoder(
    "mov",
    "MOV (ProRes)",
    (".mov",),
    "Cutting and compositing; keeps transparency.",
    "video",
    True,
    lambda quality: f"quantiser {qscale(quality)}",
    _open,
)
