"""Ranges for NVIDIA's profilers, told to a stand-in of the package ``nvtx``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kernels import ranges
from kernels.image.quantize import OPERATION, quantize
from kernels.ranges import ranged
from render.render import render
from render.request import RenderRequest
from scenes.camera import Camera
from scenes.gaussians import GaussianScene

SMALL = np.zeros((4, 4, 3), np.float32), np.ones((4, 4), np.float32), True


class Domain:
    """Remembers what was pushed and popped."""

    told: list[str]

    def __init__(self, name: str) -> None:
        self.name = name
        self.told = []

    def get_event_attributes(self, message: str) -> str:
        return f"<{message}>"

    def push_range(self, attributes: str) -> None:
        self.told.append(attributes)

    def pop_range(self) -> None:
        self.told.append("end")


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a tool hears that listens from now on."""
    domains: dict[str, Domain] = {}
    module: Any = ModuleType("nvtx")
    module.Domain = Domain
    module.get_domain = lambda name: domains.setdefault(name, Domain(name))
    monkeypatch.setitem(sys.modules, "nvtx", module)
    ranges._domain.cache_clear()
    yield module.get_domain("plenoscope").told
    ranges._domain.cache_clear()


@pytest.fixture(params=["absent", "nobody listens", "too old"])
def silent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody hears anything, for one reason or another."""
    module: Any = None
    if request.param != "absent":
        module = ModuleType("nvtx")
        module.get_domain = lambda name: object()
    if request.param == "nobody listens":
        module.Domain = Domain
    monkeypatch.setitem(sys.modules, "nvtx", module)
    ranges._domain.cache_clear()
    yield
    ranges._domain.cache_clear()


def test_an_operation_is_a_range(listening: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPERATION, "_loaded", {})
    quantize("cpu", *SMALL)
    quantize("cpu", *SMALL)
    assert listening == ["<image.quantize>", "end"] * 2


def test_a_frame_is_a_range(listening: list[str]) -> None:
    scene = GaussianScene(*(np.zeros((0, *shape), np.float32) for shape in
                            ((3,), (4,), (3,), (), (1, 3))))  # fmt: skip
    render(RenderRequest(scene, Camera.look_at((0, 0, -4), (0, 0, 0), width=16, height=16)))
    assert (listening[0], listening[-1]) == ("<frame>", "end")


def test_a_range_ends_with_an_error(listening: list[str]) -> None:
    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ranged("a", fails)()
    assert listening == ["<a>", "end"]


def test_nothing_is_in_the_way_where_nobody_listens(silent: None) -> None:
    def function() -> int:
        return 1

    assert ranged("a", function) is function
