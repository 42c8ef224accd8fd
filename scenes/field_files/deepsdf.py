"""Shapes as DeepSDF networks (Park et al. 2019): from a code and a position to a distance.

Three families of names:

- ``facebookresearch/DeepSDF:networks/deep_sdf_decoder.py`` (matrices as ``weight_g`` and
  ``weight_v``) and ``mkofler96/DeepSDFStruct:DeepSDFStruct/deep_sdf/networks`` (as
  ``parametrizations.weight``): ``lin0``, ``lin1`` and so on, ReLU between them. Layers with more
  inputs than the one before has outputs read the whole input again, or the position, behind what
  came before. With ``use_tanh`` in ``specs.json`` the last has a tanh; the first of the two
  programs puts another behind all. An experiment is a folder with ``specs.json``,
  ``ModelParameters/NAME.pth`` and ``LatentCodes/NAME.pth``.
- ``maurock/DeepSDF:model/model_sdf.py``: ``net.0.0``, ``net.1.0`` and so on, ReLU; where there are
  eight layers and skipping was not turned off, ``skip_layer.0`` (ReLU) after the third of them,
  then its result and the whole input go on; ``final_layer.0`` with a tanh.

All read the code, then the position, in a box of -1 to 1. Distances are those of the shape there,
negative inside; far from it they are clamped, and a tanh presses them together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import Identity
from kernels.fields.model import Field, Weights
from kernels.fields.networks import INPUT, Network, Span, fold
from scenes.errors import SceneError
from scenes.field_files.build import Stack
from scenes.field_files.checkpoints import Matrices, Tensors, member, nbytes, opened, state_of
from scenes.field_files.tell import Tell, finite
from scenes.fields import FieldScene
from scenes.paths.json_file import Value, read_json
from scenes.registry import Cancel, Progress

SPECS = "specs.json"
PARAMETERS, CODES = "ModelParameters", "LatentCodes"
USUAL_NAME = "latest.pth"
_PLACES = ("model_state_dict", "state_dict", "model")


@dataclass(frozen=True)
class _Files:
    """The files of one shape, those that are there."""

    network: Path
    codes: Path | None = None
    specs: Path | None = None


def is_experiment(path: Path) -> bool:
    """Whether a folder, or ``specs.json`` in one, belongs to an experiment."""
    folder = path if path.is_dir() else path.parent
    named = path.is_dir() or path.name == SPECS
    return named and (folder / SPECS).is_file() and (folder / PARAMETERS).is_dir()


def found_in(checkpoint: Any) -> bool:
    """Whether there is a network, or codes of one."""
    return _network_in(checkpoint) is not None or _codes_in(checkpoint) is not None


def _network_in(checkpoint: Any) -> Tensors | None:
    for value in (*(member(checkpoint, place) for place in _PLACES), checkpoint):
        names = state_of(value)
        old = "lin0.weight_v" in names or "lin0.weight" in names
        if "lin0.bias" in names and (old or "lin0.parametrizations.weight.original1" in names):
            return names
        if "net.0.0.weight_v" in names and "final_layer.0.weight" in names:
            return names
    return None


def _codes_in(checkpoint: Any) -> Any:
    """The tensor of codes, one in each row."""
    codes = member(checkpoint, "latent_codes")
    if isinstance(codes, dict):
        codes = codes.get("weight")
    return codes if hasattr(codes, "shape") and len(codes.shape) in (2, 3) else None


def _files(path: Path) -> _Files:
    """The files of the experiment that ``path`` is, or is a part of."""
    if path.is_dir() or path.name == SPECS:
        folder, name = path if path.is_dir() else path.parent, USUAL_NAME
    elif path.parent.name in (PARAMETERS, CODES):
        folder, name = path.parent.parent, path.name
    else:
        return _Files(path)
    network, codes, specs = folder / PARAMETERS / name, folder / CODES / name, folder / SPECS
    if path.parent.name != PARAMETERS and not network.is_file():
        found = sorted((folder / PARAMETERS).glob("*.pth"))
        if not found:
            raise SceneError(path, f"a network in {PARAMETERS}", "none")
        network = found[-1]
    return _Files(network, codes if codes.is_file() else None, specs if specs.is_file() else None)


def read_scene(path: Path, code: int, progress: Progress, cancel: Cancel) -> FieldScene:
    """Read the shape of one code; of code 0, all zeros, where there are none.

    Raises
    ------
    SceneError, Cancelled
    """
    files = _files(path)
    specs = read_json(files.specs).get("NetworkSpecs", {}) if files.specs else None
    with opened(files.network) as checkpoint:
        tensors = _network_in(checkpoint)
        if tensors is None:
            raise SceneError(files.network, "a DeepSDF network", "none")
        tell = Tell(nbytes(tensors), progress, cancel)
        tell.done(0)
        network, flat = _network(Matrices(files.network, tensors, tell), specs)
        step = member(checkpoint, "epoch")
    tell.done(tell.total)
    length = network.inputs - 3
    values, count, warnings = _code(files, code, length)
    try:
        network, flat = fold(network, flat, range(length), values)
        model = Field("distance", Identity(3), network, (0.0,) * 3, (1.0,) * 3)
    except ValueError as error:
        raise SceneError(path, "a DeepSDF network", str(error)) from None
    metadata: dict[str, Any] = {"codes": count, "code": code, "code_length": length}
    return FieldScene(
        model=model,
        weights=Weights(flat, np.empty(0, np.float32), np.empty(0, np.float32)),
        lower=np.full(3, -1.0),
        upper=np.full(3, 1.0),
        name=_name(path, files),
        source=path,
        format="deepsdf",
        metadata=metadata | ({"step": step} if type(step) is int else {}),
        warnings=warnings,
    )


def _name(path: Path, files: _Files) -> str:
    return files.specs.parent.name if files.specs else path.parent.name or path.stem


def _code(
    files: _Files, code: int, length: int
) -> tuple[NDArray[np.float32], int, tuple[str, ...]]:
    """The numbers of a code, how many codes there are, and what to tell about that."""
    nothing = np.zeros(length, np.float32)
    if length <= 0:
        return nothing[:0], 0, ()
    if files.codes is None:
        if code:
            raise SceneError(files.network, f"codes, of which one is number {code}", "none")
        said = f"There is no file of codes; the shape is that of {length} zeros."
        return nothing, 0, (said,)
    with opened(files.codes) as checkpoint:
        tensor = _codes_in(checkpoint)
        if tensor is None or tensor.shape[0] == 0 or math.prod(tensor.shape[1:]) != length:
            found = " x ".join(map(str, tensor.shape)) if tensor is not None else "none"
            raise SceneError(files.codes, f"codes of {length} numbers", found)
        count = tensor.shape[0]
        if code >= count:
            raise SceneError(files.codes, f"a code 0 to {count - 1:,}", f"{code:,}")
        tensor.check()
        rows = tensor.rows(code, code + 1) if tensor.by_rows else np.asarray(tensor)[code]
        return finite(files.codes, "the code", rows.reshape(-1)), count, ()


def _network(matrices: Matrices, specs: Value | None) -> tuple[Network, NDArray[np.float32]]:
    """The network, whose input is a code and a position."""
    if specs is not None and specs.get("geom_dimension", 3).integer(1, 16) != 3:
        specs["geom_dimension"].fail("shapes in space")
    if any(name.startswith("bn") for name in matrices.tensors):
        raise SceneError(matrices.path, "layers without normalisation", "LayerNorm")
    if matrices.has_linear("lin0"):
        return _decoder(matrices, specs)
    return _stacked(matrices)


def _decoder(matrices: Matrices, specs: Value | None) -> tuple[Network, NDArray[np.float32]]:
    """Of the layers ``lin0`` and so on."""
    names = matrices.numbered("lin{}")
    tanh = specs is not None and specs.get("use_tanh", False).flag()
    stack = _stack(matrices, names[0])
    for name in names:
        _add_joined(stack, matrices, name, "relu" if name != names[-1] else "none")
    # The older program's names; its constructor makes the second tanh whatever use_tanh says.
    old = f"{names[0]}.parametrizations.weight.original1" not in matrices
    _squash(stack, int(tanh) + int(old))
    return stack.done()


def _stacked(matrices: Matrices) -> tuple[Network, NDArray[np.float32]]:
    """Of the layers ``net.0.0`` and so on."""
    names = matrices.numbered("net.{}.0")
    stack = _stack(matrices, names[0])
    skips = _was_trained(matrices, "skip_layer.0")
    for number, name in enumerate(names):
        if number == 3 and skips:
            stack.add(*matrices.linear("skip_layer.0"), "relu")
        _add_joined(stack, matrices, name, "relu")
    stack.add(*matrices.linear("final_layer.0"))
    _squash(stack, 1)
    return stack.done()


def _was_trained(matrices: Matrices, name: str) -> bool:
    """Whether a layer is there and used: the numbers of one that is not stay those that
    ``torch.nn.Linear`` begins with, at most ``1 / sqrt(inputs)``."""
    if not matrices.has_linear(name):
        return False
    weights, bias = matrices.linear(name)
    largest = max(float(np.abs(part).max()) for part in (weights, bias) if part is not None)
    return largest > 1.0001 / math.sqrt(weights.shape[1])


def _stack(matrices: Matrices, first: str) -> Stack:
    inputs = matrices.linear_shape(first)[1]
    if inputs < 3:
        raise SceneError(matrices.path, "a network that reads a position", f"{inputs} inputs")
    return Stack(inputs)


def _add_joined(stack: Stack, matrices: Matrices, name: str, activation: str) -> None:
    """A layer that reads the one before, and behind that the input or the position if that is
    what it has room for."""
    weights, bias = matrices.linear(name)
    if not stack.layers:
        stack.add(weights, bias, activation)
        return
    before = stack.of(len(stack.layers) - 1)
    reads: tuple[Span, ...] = (before,)
    more = weights.shape[1] - before.width
    if more in (3, stack.inputs):
        reads += (Span(INPUT, stack.inputs - more, stack.inputs),)
    stack.add(weights, bias, activation, reads=reads)


def _squash(stack: Stack, times: int) -> None:
    """A tanh of the last layer's one output, that many times over."""
    one = np.ones((1, 1), np.float32)
    for time in range(times):
        if time == 0:
            stack.activate("tanh")
        else:
            stack.add(one, None, "tanh")
