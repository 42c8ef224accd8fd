"""Checkpoints of NeRF networks of nerf-pytorch and its relatives (``.tar``, ``.ckpt``).

Extensions that checkpoints of Gaussians have are theirs; content decides.
"""

from __future__ import annotations

from pathlib import Path

from scenes.fields import FieldScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A checkpoint with the layers of such a network."""
    from scenes.field_files.checkpoints import kind_of

    return kind_of(path, head) == "nerf"


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    network: str = "fine",
) -> FieldScene:
    """Read a scene; see :func:`scenes.field_files.nerf.read_scene`."""
    from scenes.field_files.nerf import read_scene

    return read_scene(Path(path), network, progress, cancel)


FORMAT = Format(
    name="nerf",
    title="NeRF checkpoint (PyTorch)",
    extensions=(".tar",),
    kind="field",
    sniff=sniff,
    read=read,
    read_options=(
        Option(
            "network",
            "Network",
            "fine: the one that makes the picture. coarse: the one that finds where to look.",
            "fine",
            choices=("fine", "coarse"),
        ),
    ),
    frame="z up, as trained",
    precision="lossless",
)
