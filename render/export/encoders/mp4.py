"""H.264 in MP4, 8 bit 4:2:0 with BT.709 tags."""

from render.export.encoders import Encoder, Job
from render.export.ffmpeg import BT709, TO_BT709, FfmpegSink


def crf(quality: int) -> int:
    """Constant rate factor: 34 at quality 0, 18 at 80 (visually clean), 14 at 100."""
    return round(34 - 0.2 * quality)


def _open(job: Job) -> FfmpegSink:
    arguments = (
        "-vf", TO_BT709, "-c:v", "libx264", "-preset", "medium",
        "-crf", str(crf(job.settings.quality)), "-pix_fmt", "yuv420p", *BT709,
        "-movflags", "+faststart",
    )  # fmt: skip
    return FfmpegSink(job, "mp4", arguments, even=True)


ENCODER = Encoder(
    "mp4",
    "MP4 (H.264)",
    (".mp4",),
    "Plays everywhere: talks, mail, the web.",
    "video",
    False,
    lambda quality: f"CRF {crf(quality)}",
    _open,
)
