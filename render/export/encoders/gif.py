"""Animated GIF with one palette of 256 colours for the whole clip."""

from render.export.encoders import Encoder, Job
from render.export.ffmpeg import FfmpegSink


def _open(job: Job) -> FfmpegSink:
    graph = "split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=sierra2_4a"
    sink = FfmpegSink(job, "gif", ("-filter_complex", graph, "-loop", "0"), even=False)
    hundredths = 100 / job.settings.fps
    if abs(hundredths - round(hundredths)) > 1e-6:
        sink.notes.append(
            "GIF counts time in hundredths of a second, so single frames last unevenly; "
            "25 or 50 frames per second do not."
        )
    return sink


ENCODER = Encoder(
    "gif",
    "GIF",
    (".gif",),
    "Short loops where nothing else plays; 256 colours.",
    "video",
    False,
    None,
    _open,
)
