"""Frames through a pipe to an ffmpeg process, which encodes while the next frame is rendered."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from render.export.encoders import Job
from render.export.records import ExportError

BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
"""Players that find no tag guess, and shift the colours."""
TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)


def part_of(path: Path) -> Path:
    """The name that an unfinished file has."""
    return path.with_name(path.name + ".part")


class FfmpegSink:
    """One video file.

    Parameters
    ----------
    muxer
        ffmpeg's name of the container, needed because the file is called ``.part`` at first.
    arguments
        Encoder options, between input and output.
    even
        True where chroma is subsampled: odd sides get one more row or column of background.
    alpha
        Whether frames are written with their transparency.
    """

    def __init__(
        self, job: Job, muxer: str, arguments: tuple[str, ...], even: bool, alpha: bool = False
    ) -> None:
        self.notes: list[str] = []
        self._path = job.settings.path
        self._part = part_of(self._path)
        self._alpha = alpha
        self._pad = (job.height % 2, job.width % 2) if even else (0, 0)
        width, height = job.width + self._pad[1], job.height + self._pad[0]
        if any(self._pad):
            self.notes.append(
                f"{job.width}x{job.height} was padded to {width}x{height}: "
                "this format stores colour for pairs of pixels."
            )
        self._fill = [round(255 * value) for value in job.background or (0, 0, 0)] + [255]
        command = [
            _executable(), "-hide_banner", "-loglevel", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "rgba" if alpha else "rgb24",
            "-s", f"{width}x{height}", "-r", f"{job.settings.fps:.6g}", "-i", "-", "-an",
            *arguments, "-threads", str(max(1, (os.cpu_count() or 2) // 2)),
            "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1",
            "-f", muxer, os.fspath(self._part),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # Ctrl-C in a terminal reaches the whole group; this process is ended by abort().
            start_new_session=True,
        )
        self._said: deque[str] = deque(maxlen=8)
        self._listener = threading.Thread(target=self._listen, name="ffmpeg messages", daemon=True)
        self._listener.start()

    def has(self, index: int) -> bool:
        """A video is always written whole."""
        return False

    def write(self, index: int, images: dict[str, Any]) -> None:
        """Send one frame; waits while ffmpeg is behind."""
        picture: NDArray[np.uint8] = images["rgba8"]
        if any(self._pad):
            padded = np.empty(
                (picture.shape[0] + self._pad[0], picture.shape[1] + self._pad[1], 4), np.uint8
            )
            padded[:] = self._fill
            padded[: picture.shape[0], : picture.shape[1]] = picture
            picture = padded
        channels = picture if self._alpha else picture[..., :3]
        try:
            self._stdin.write(np.ascontiguousarray(channels).data)
        except OSError as error:
            raise self._failed() from error

    def finish(self) -> None:
        """Close the pipe, wait for ffmpeg, and give the file its name."""
        try:
            self._stdin.close()
        except OSError as error:
            raise self._failed() from error
        self._process.wait()
        self._listener.join()
        if self._process.returncode != 0:
            raise self._failed()
        os.replace(self._part, self._path)

    def abort(self) -> None:
        """Kill ffmpeg and remove the unfinished file."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        with contextlib.suppress(OSError):  # what was left in the pipe has nowhere to go
            self._stdin.close()
        self._part.unlink(missing_ok=True)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.append(line.decode(errors="replace").strip())
        self._process.stderr.close()

    def _failed(self) -> ExportError:
        self._process.wait()
        self._listener.join()
        reason = "; ".join(line for line in self._said if line) or "it gave no reason"
        return ExportError(f"{self._path.name} could not be encoded: {reason}")


def _executable() -> str:
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise ExportError("videos need ffmpeg: pip install imageio-ffmpeg") from error
