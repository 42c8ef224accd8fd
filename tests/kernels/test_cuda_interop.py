"""The picture's way to the canvas: the choice, the order of calls to a stand-in of cuda.core."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from kernels.cuda import interop
from kernels.cuda.interop import DevicePicture, SharedBuffer, handed_out, kept_on_device
from render import render as door
from render.request import Frame, RenderRequest, RenderSettings
from scenes.camera import Camera

GPU = "NVIDIA Abacus 9000"
WORDS = torch.arange(12, dtype=torch.int32).reshape(3, 4)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU and cuda-core."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: GPU)
    monkeypatch.setattr(interop, "_has_cuda_core", lambda: True)


def test_a_window_on_the_same_gpu_shares(card: None) -> None:
    assert interop.picture_way("cuda", f"{GPU}/PCIe/SSE2, 4.6.0")[0]


def test_every_other_case_says_why(card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, words = interop.picture_way("cuda", "llvmpipe (LLVM 15.0.6, 256 bits)")
    assert not shared
    assert words.startswith("pinned copy (GL renderer llvmpipe")
    assert interop.picture_way("cpu", GPU) == (False, "a copy, from the memory of the processor")
    monkeypatch.setattr(interop, "_has_cuda_core", lambda: False)
    assert "cuda-core" in interop.picture_way("cuda", GPU)[1]
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert not interop.picture_way("cuda", GPU)[0]


def test_without_any_package_of_that_name_there_is_no_cuda_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cuda", None)
    assert not interop._has_cuda_core()


def test_a_picture_stays_only_where_it_is_wanted() -> None:
    expected = WORDS.numpy().view(np.uint8).reshape(3, 4, 4)
    assert np.array_equal(np.asarray(handed_out(WORDS)), expected)
    assert isinstance(handed_out(WORDS), np.ndarray)
    words = WORDS.clone()
    with kept_on_device(True):
        picture = handed_out(words)
    assert isinstance(picture, DevicePicture)
    words.zero_()  # the next frame
    assert picture.shape == (3, 4, 4)
    assert np.array_equal(np.asarray(picture), expected)
    assert np.asarray(picture, np.float32).dtype == np.float32
    assert isinstance(handed_out(WORDS), np.ndarray)


@pytest.mark.parametrize(("wanted", "backend"), [(True, "cuda"), (False, "cuda"), (True, "cpu")])
def test_the_request_says_whether_it_is_wanted(
    wanted: bool, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")

    def drawn(request: RenderRequest, backend: str) -> Frame:
        return Frame({"rgba8": handed_out(WORDS)})

    monkeypatch.setattr(door, "renderers", lambda: {"toy": SimpleNamespace(render=drawn)})
    request = RenderRequest(
        SimpleNamespace(kind="toy"),
        Camera.look_at((0, 0, -4), (0, 0, 0), width=4, height=3),
        RenderSettings(backend=backend),
        on_device=wanted,
    )
    frame = door.render(request)
    left_there = wanted and backend == "cuda"
    assert isinstance(frame.images["rgba8"], DevicePicture if left_there else np.ndarray)
    assert isinstance(frame.rgba8, np.ndarray)
    assert frame.rgba8.shape == (3, 4, 4)


class Core:
    """Remembers what was asked of cuda.core, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        told = self.told

        class Device:
            def __init__(self, number: int) -> None:
                told.append(("device", number))

            def set_current(self) -> None:
                told.append("current")

            def create_stream(self, stream: Any) -> str:
                told.append(("stream", stream.__cuda_stream__()))
                return "stream"

        class Mapping:
            handle = 4096

            def __enter__(self) -> Any:
                told.append("map")
                return self

            def __exit__(self, *ended: object) -> None:
                told.append("unmap")

        class GraphicsResource:
            @classmethod
            def from_gl_buffer(cls, name: int, *, flags: str) -> Any:
                told.append(("register", name, flags))
                return cls()

            def map(self, *, stream: str) -> Any:
                assert stream == "stream"
                return Mapping()

            def close(self) -> None:
                told.append("close")

        self.module: Any = ModuleType("cuda.core")
        self.module.Device, self.module.GraphicsResource = Device, GraphicsResource


def test_the_buffer_is_mapped_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    core, target = Core(), torch.zeros(12, dtype=torch.int32)
    monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.core", core.module)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=77))

    def at_address(words: Any, device: Any) -> torch.Tensor:
        core.told.append(words.__cuda_array_interface__)
        return target

    monkeypatch.setattr(torch, "as_tensor", at_address)
    buffer = SharedBuffer(5)
    buffer.fill(DevicePicture(WORDS))
    buffer.close()
    assert core.told == [
        ("device", 2),
        "current",
        ("register", 5, "write_discard"),
        ("stream", (0, 77)),
        "map",
        {"shape": (12,), "typestr": "<i4", "data": (4096, False), "version": 3},
        "unmap",
        "close",
    ]
    assert torch.equal(target, WORDS.reshape(-1))
