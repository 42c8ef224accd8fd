"""Checkpoints and experiments of DeepSDF networks (``.pth``, or a folder with ``specs.json``).

Extensions that checkpoints of Gaussians have are theirs; content decides.
"""

from __future__ import annotations

from pathlib import Path

from scenes.fields import FieldScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A checkpoint with the layers of such a network, or the folder around several."""
    from scenes.field_files.checkpoints import kind_of
    from scenes.field_files.deepsdf import is_experiment

    return is_experiment(path) or kind_of(path, head) == "deepsdf"


def read(
    path: Path, progress: Progress = no_progress, cancel: Cancel = never, code: int = 0
) -> FieldScene:
    """Read a scene; see :func:`scenes.field_files.deepsdf.read_scene`."""
    from scenes.field_files.deepsdf import read_scene

    return read_scene(Path(path), code, progress, cancel)


FORMAT = Format(
    name="deepsdf",
    title="DeepSDF checkpoint (PyTorch)",
    extensions=("specs.json",),
    kind="field",
    sniff=sniff,
    read=read,
    read_options=(
        Option("code", "Code", "Which of the shapes that the network knows, from 0 on.", 0),
    ),
    frame="as trained; the file does not say",
    precision="lossless, but for the code in the biases (float32)",
)
