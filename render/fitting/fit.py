"""One fit of a field: parameters, optimizer, random numbers, and how they are kept in a file."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch

from kernels.fields.model import Field, Weights
from render.fitting.adam import Adam, Group
from render.fitting.checkpoint import read_checkpoint, write_checkpoint
from render.fitting.initial import initial_weights
from scenes.errors import SceneError
from scenes.field_files.description import field_json
from scenes.fields import FieldScene

RATES = {"grid": 1e-2, "network": 1e-2, "siren": 5e-4, "frequency": 2e-3, "rbf": 5e-3}
"""Steps of Adam: of grids and of the networks behind them (instant-ngp), of networks alone."""
BETAS = 0.9, 0.99
EPSILON = 1e-15
"""Of instant-ngp: gradients of entries that are rarely read are tiny."""
NETWORK_DECAY = 1e-6
DECAY_FROM = 0.4
"""Share of the work after which the steps become smaller."""
LAST_RATE = 0.02
"""The last step in first ones."""
SMOOTHING = 0.95
"""What ``loss`` keeps of the steps before, per step."""


class Fit(ABC):
    """A field on its way.

    Parameters
    ----------
    field
        What is fitted (:func:`render.fitting.architectures.architecture`).
    seed
        Of all random numbers. The same seed gives the same field on the same machine with the
        same number of threads.
    device
        ``"cpu"`` or ``"cuda"``.

    Attributes
    ----------
    steps_done
    seconds_spent
        By :func:`render.fitting.loop.run`, this time and before a checkpoint.
    """

    kind: ClassVar[str]

    def __init__(self, field: Field, seed: int = 0, device: str = "cpu") -> None:
        self.field, self.seed, self.device = field, seed, torch.device(device)
        self.steps_done, self.seconds_spent = 0, 0.0
        self.generator = torch.Generator(self.device).manual_seed(seed)
        weights = initial_weights(field, torch.Generator().manual_seed(seed))
        self.weights = Weights(
            *(
                part.to(self.device).requires_grad_(part.numel() > 0)
                for part in (weights.network, weights.encoding, weights.direction)
            )
        )
        rates = [_network_rate(field), RATES["grid"]]
        groups = [
            Group(name, part, rate, decay)
            for name, part, rate, decay in zip(
                ("network", "encoding"), (self.weights.network, self.weights.encoding), rates,
                (NETWORK_DECAY, 0.0), strict=True,
            )
            if part.numel()
        ]  # fmt: skip
        self._adam = Adam(groups, BETAS, EPSILON)
        self._mean, self._error, self._weight = 0.0, 0.0, 0.0

    @abstractmethod
    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Of one batch: what is minimised, and the mean squared error that is reported."""

    @abstractmethod
    def scene(self) -> FieldScene:
        """The field as it is now."""

    def step(self, share: float = 0.0) -> None:
        """One step of Adam.

        ``share``, in 0..1, is how much of the work is done: the last steps are smaller.
        """
        fall = max(0.0, share - DECAY_FROM) / (1 - DECAY_FROM)
        for group in self._adam.groups:
            group.rate = group.first_rate * LAST_RATE**fall
        self._adam.forget_gradients()
        loss, error = self._losses(share)
        loss.backward()
        self._adam.step()
        self.steps_done += 1
        both = torch.stack([loss.detach(), error.detach()]).tolist()
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * both[0]
        self._error = SMOOTHING * self._error + (1 - SMOOTHING) * both[1]
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)

    @property
    def loss(self) -> float:
        """Mean of the last steps' losses."""
        return self._mean / self._weight if self._weight else math.nan

    @property
    def psnr(self) -> float:
        """Of the last steps' batches, dB; of distances with the side of the box as the peak."""
        error = self._error / self._weight if self._weight else math.nan
        return -10 * math.log10(max(error, 1e-12))

    def arrays(self) -> Weights:
        """Copies of the parameters, NumPy float32."""
        parts = (self.weights.network, self.weights.encoding, self.weights.direction)
        return Weights(*(part.detach().cpu().numpy().copy() for part in parts))

    def _state(self) -> dict[str, torch.Tensor]:
        """What else a checkpoint has to keep."""
        return {}

    def _restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what :meth:`_state` gave."""
        if tensors:
            raise ValueError("more arrays than this fit has")

    def _facts(self) -> dict[str, Any]:
        return {"kind": self.kind, "seed": self.seed, "field": field_json(self.field)}

    def save(self, path: str | Path) -> None:
        """Write a checkpoint (safetensors), from which :meth:`load` goes on bit by bit.

        Raises
        ------
        SceneError
            Where the place cannot be written.
        """
        tensors = {
            "network": self.weights.network, "encoding": self.weights.encoding,
            "generator": self.generator.get_state(),
        }  # fmt: skip
        for group in self._adam.groups:
            tensors |= {f"adam.{group.name}.{key}": value for key, value in group.state.items()}
        tensors |= {f"more.{name}": value for name, value in self._state().items()}
        numbers = {
            "steps_done": self.steps_done, "seconds_spent": self.seconds_spent,
            "mean": self._mean, "error": self._error, "weight": self._weight,
        }  # fmt: skip
        write_checkpoint(Path(path), tensors, {"facts": self._facts(), "numbers": numbers})

    def load(self, path: str | Path) -> None:
        """Go on from a checkpoint of the same fit.

        Raises
        ------
        SceneError
            For a file that is none, or one of another field, seed or kind of fit.
        """
        path = Path(path)
        tensors, words = read_checkpoint(path)
        facts, mine = words.get("facts", {}), json.loads(json.dumps(self._facts()))
        for name, value in mine.items():
            if not isinstance(facts, dict) or facts.get(name) != value:
                found = facts.get(name) if isinstance(facts, dict) else facts
                raise SceneError(path, f"a fit with {name} {_short(value)}", _short(found))
        try:
            self._take(tensors, words["numbers"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise SceneError(path, "the state of a fit", _short(error)) from error

    def _take(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        steps, seconds = int(numbers["steps_done"]), float(numbers["seconds_spent"])
        means = [float(numbers[name]) for name in ("mean", "error", "weight")]
        with torch.no_grad():
            for name in ("network", "encoding"):
                _fill(getattr(self.weights, name), tensors[name])
        for group in self._adam.groups:
            for key, place in group.state.items():
                _fill(place, tensors.get(f"adam.{group.name}.{key}"))
        self.generator.set_state(tensors["generator"])
        self._restore({k[5:]: v for k, v in tensors.items() if k.startswith("more.")})
        self.steps_done, self.seconds_spent = steps, seconds
        self._mean, self._error, self._weight = means


def device_of(name: str) -> str:
    """``auto`` is ``cuda`` where torch finds a device, else ``cpu``.

    Raises ValueError where CUDA is wished and is not there.
    """
    there = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError("torch finds no CUDA device")
    return "cuda" if there else "cpu"


def _fill(place: torch.Tensor, values: torch.Tensor | None) -> None:
    if values is None or place.shape != values.shape or place.dtype != values.dtype:
        raise ValueError("arrays of other shapes")
    place.data.copy_(values)


def _network_rate(field: Field) -> float:
    """By what the network has to do alone."""
    words = repr(field)
    if "RadialBasis" in words:
        return RATES["rbf"]
    if field.encoding.parameters:
        return RATES["network"]
    return RATES["siren" if "'sine'" in words else "frequency"]


def _short(value: Any) -> str:
    words = " ".join(str(value).split())
    return words if len(words) <= 80 else words[:77] + "..."
