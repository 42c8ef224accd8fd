"""Which tensors of a checkpoint are the parameters of Gaussians.

Trainers differ in what they wrap around them:

- nerfstudio's splatfacto: ``{"step", "pipeline": {"_model.gauss_params.means": ...}, ...}``, or
  ``_model.means`` before 1.0 (``nerfstudio:nerfstudio/models/splatfacto.py``). Of degree 0 it
  keeps colours as logits. Its scenes have z upwards unless its reader of photographs was told
  otherwise, which the checkpoint does not say.
- gsplat's simple_trainer: ``{"step", "splats": {"means", "quats", "scales", "opacities", "sh0",
  "shN"}}`` (``gsplat:examples/simple_trainer.py``).
- The Inria program's ``chkpnt*.pth``: ``((degree, xyz, features_dc, features_rest, scaling,
  rotation, opacity, ...), iteration)`` (``graphdeco-inria/gaussian-splatting:
  scene/gaussian_model.py``, ``capture``).
- Others: any dictionary, however deep, with all names of one of these families.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kernels.codec.checkpoint import StoredTensor
from scenes.raw_parameters import parameter_sets

_INRIA = ("means", "sh0", "shN", "scales", "quats", "opacities")
_STEPS = ("step", "global_step", "iteration", "iter", "epoch")


@dataclass(frozen=True)
class Layout:
    """Parameters found in a checkpoint.

    Attributes
    ----------
    dialect
        Whose checkpoint it is, in words.
    tensors
        The parameters by their roles.
    logit_colours
        Whether the colours are logits, not coefficients of spherical harmonics.
    metadata
        What else was learned: ``step``, ``vertical_axis``.
    """

    dialect: str
    tensors: dict[str, StoredTensor]
    logit_colours: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


def find_layouts(checkpoint: Any) -> list[Layout]:
    """Every whole set of parameters in a value of ``kernels.codec.checkpoint.read_checkpoint``."""
    inria = _inria(checkpoint)
    if inria:
        return [inria]
    found = []
    for place, group in _groups(checkpoint):
        for prefix, names in parameter_sets(group).items():
            tensors = {role: group[name] for role, name in names.items()}
            found.append(_layout(checkpoint, place, prefix, tensors))
    return found


def tensor_names(checkpoint: Any) -> list[str]:
    """All tensors with their places and shapes: what to tell who expected Gaussians."""
    names = []
    for place, group in _groups(checkpoint):
        for name, tensor in group.items():
            shape = " x ".join(map(str, tensor.shape)) or "a number"
            names.append(f"{'.'.join([*place, name])[-80:]} ({shape})")
    return names


def _inria(checkpoint: Any) -> Layout | None:
    match checkpoint:
        case [[int(), *values], step] if len(values) >= len(_INRIA):
            tensors = dict(zip(_INRIA, values, strict=False))
            if all(isinstance(tensor, StoredTensor) for tensor in tensors.values()):
                metadata = {"step": step} if isinstance(step, int) else {}
                return Layout("Inria training checkpoint", tensors, metadata=metadata)
    return None


def _layout(
    checkpoint: Any, place: tuple[str, ...], prefix: str, tensors: dict[str, StoredTensor]
) -> Layout:
    steps = [checkpoint.get(name) for name in _STEPS] if isinstance(checkpoint, dict) else []
    step = next((value for value in steps if type(value) is int), None)
    metadata: dict[str, Any] = {} if step is None else {"step": step}
    if place[-1:] == ("pipeline",):
        rest = tensors.get("shN")
        plain = rest is not None and len(rest.shape) == 3 and rest.shape[1] == 0
        metadata |= {"vertical_axis": "z", "stored_frame": "rfu", "frame_source": "assumed"}
        return Layout("nerfstudio splatfacto", tensors, plain, metadata)
    if place[-1:] == ("splats",):
        return Layout("gsplat trainer", tensors, metadata=metadata)
    where = ".".join(part for part in (*place, prefix) if part)
    return Layout(f"tensors of {where[:60]}" if where else "named tensors", tensors,
                  metadata=metadata)  # fmt: skip


def _groups(checkpoint: Any) -> Iterator[tuple[tuple[str, ...], dict[str, StoredTensor]]]:
    """Place and tensors of every dictionary that holds some, the outer ones first."""
    waiting: list[tuple[tuple[str, ...], Any]] = []
    if isinstance(checkpoint, dict | list):
        waiting.append(((), checkpoint))
    seen = set()
    for place, value in waiting:  # grows while it is worked through
        if id(value) in seen or len(place) > 32:
            continue
        seen.add(id(value))
        inner = value if isinstance(value, dict) else dict(enumerate(value))
        tensors = {
            str(name): item for name, item in inner.items() if isinstance(item, StoredTensor)
        }
        if tensors:
            yield place, tensors
        for name, item in inner.items():
            if isinstance(item, dict | list):
                waiting.append(((*place, str(name)), item))
