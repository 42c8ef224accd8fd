"""Checkpoints of images as SIREN networks (``model``, ``.pth``).

Extensions that checkpoints of Gaussians have are theirs; content decides.
"""

from __future__ import annotations

from pathlib import Path

from scenes.fields import FieldScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress

LARGEST_PICTURE = 1 << 16
"""Pixels of a side."""


def sniff(path: Path, head: bytes) -> bool:
    """A checkpoint with the layers of such a network."""
    from scenes.field_files.checkpoints import kind_of

    return kind_of(path, head) == "siren"


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    picture_width: int | None = None,
    picture_height: int | None = None,
) -> FieldScene:
    """Read a scene; see :func:`scenes.field_files.siren.read_scene`."""
    from scenes.field_files.siren import read_scene

    return read_scene(Path(path), picture_width, picture_height, progress, cancel)


FORMAT = Format(
    name="siren",
    title="SIREN checkpoint (PyTorch), an image",
    extensions=(),
    kind="field",
    sniff=sniff,
    read=read,
    read_options=(
        Option(
            "picture_width",
            "Width",
            "Pixels of the picture that the network was trained on; open: that of the only "
            "picture in its folder.",
            None,
            low=1,
            high=LARGEST_PICTURE,
        ),
        Option("picture_height", "Height", "As the width.", None, low=1, high=LARGEST_PICTURE),
    ),
    frame="x right, y down",
    precision="lossless",
)
