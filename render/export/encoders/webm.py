"""VP9 in WebM, 8 bit 4:2:0 with BT.709 tags."""

from render.export.encoders import Encoder, Job
from render.export.ffmpeg import BT709, TO_BT709, FfmpegSink


def crf(quality: int) -> int:
    """Constant quality of VP9: 52 at quality 0, 24 at 80, 17 at 100."""
    return round(52 - 0.35 * quality)


def _open(job: Job) -> FfmpegSink:
    arguments = (
        "-vf", TO_BT709, "-c:v", "libvpx-vp9", "-b:v", "0", "-crf", str(crf(job.settings.quality)),
        "-deadline", "good", "-cpu-used", "4", "-row-mt", "1", "-pix_fmt", "yuv420p", *BT709,
    )  # fmt: skip
    return FfmpegSink(job, "webm", arguments, even=False)


ENCODER = Encoder(
    "webm",
    "WebM (VP9)",
    (".webm",),
    "Small files for web pages, free of patents.",
    "video",
    False,
    lambda quality: f"CRF {crf(quality)}",
    _open,
)
