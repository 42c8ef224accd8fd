"""Checkpoints of fits: arrays and one JSON text about them, nothing that is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from scenes.errors import SceneError
from scenes.field_files.safetensors import read_container, write_container
from scenes.field_files.tell import Tell
from scenes.registry import never, no_progress

KEY = "plenoscope-fit"
"""Of the file's metadata."""
LONGEST = 1 << 20
"""Characters of the JSON."""
TYPES = "F32 F64 I64 U8"


def write_checkpoint(path: Path, tensors: dict[str, torch.Tensor], words: dict[str, Any]) -> None:
    """Write tensors and what JSON can say; the file appears whole or not at all.

    Raises
    ------
    SceneError
        Where the place cannot be written.
    """
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    write_container(path, {KEY: json.dumps(words)}, arrays, Tell(1, no_progress, never))


def read_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """What :func:`write_checkpoint` wrote, on the CPU.

    Raises
    ------
    SceneError
        For any other file.
    """
    try:
        with path.open("rb") as file:
            container = read_container(path, file)
            text = container.metadata.get(KEY, "")
            if not text or len(text) > LONGEST:
                raise SceneError(path, "the state of a fit", "other arrays")
            words = json.loads(text)
            tell = Tell(container.nbytes, no_progress, never)
            tensors = {
                name: torch.from_numpy(container.array(name, entry.shape, TYPES, tell))
                for name, entry in container.entries.items()
            }
    except (OSError, ValueError, RecursionError) as error:
        raise SceneError(path, "the state of a fit", " ".join(str(error).split())[:100]) from error
    if not isinstance(words, dict) or not isinstance(words.get("numbers"), dict):
        raise SceneError(path, "the state of a fit", "other words")
    return tensors, words
