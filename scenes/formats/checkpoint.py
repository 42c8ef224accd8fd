"""Training checkpoints of PyTorch with Gaussians inside (``.ckpt``, ``.pt``, ``.pth``)."""

from __future__ import annotations

from pathlib import Path

from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A checkpoint, by its content, that has all parameters of Gaussians.

    Only what refers to the tensors is looked at. Checkpoints of anything else are left to others.
    """
    from kernels.codec.checkpoint import OLD_MAGIC, read_checkpoint

    if not head.startswith((b"PK\x03\x04", OLD_MAGIC)):
        return False
    from kernels.codec.tensor_pickle import CheckpointError
    from scenes.checkpoint.layout import find_layouts

    with path.open("rb") as file:
        try:
            return bool(find_layouts(read_checkpoint(file)))
        except CheckpointError:
            return False


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.checkpoint.reader.read_scene`."""
    from scenes.checkpoint.reader import read_scene

    return read_scene(Path(path), progress, cancel)


FORMAT = Format(
    name="checkpoint",
    title="Training checkpoint (PyTorch)",
    extensions=(".ckpt", ".pt", ".pth"),
    kind="gaussians",
    sniff=sniff,
    read=read,
    sh_degree=4,
    frame="as trained; the file does not say",
    precision="lossless",
)
