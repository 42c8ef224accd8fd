"""The short way of a picture to the screen: from the device into a buffer that OpenGL shares.

A thread that wants it renders inside :func:`kept_on_device`; operations that end in the picture
hand it out by :func:`handed_out`. A :class:`DevicePicture` comes to the host when somebody asks.
:class:`SharedBuffer` is written on the thread that draws, while its OpenGL context is current.

Names and order of calls are those of ``cuda.core`` 1.2 (``GraphicsResource``, ``Device``) and of
the CUDA array interface, version 3. It was not tried on a GPU.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.backends import interpreted
from kernels.cuda.device import to_host

_local = threading.local()


def picture_way(backend: str, renderer: str) -> tuple[bool, str]:
    """Whether pictures of a backend can stay on the device, and how they reach the canvas.

    ``renderer`` is what OpenGL calls itself (``GL_RENDERER``). It must name the device: CUDA shares
    buffers with contexts of its own driver on the same GPU alone.
    """
    if backend != "cuda" or interpreted():
        return False, "a copy, from the memory of the processor"
    name = torch.cuda.get_device_name()
    if name not in renderer:
        return False, f"pinned copy (GL renderer {renderer} is not on the CUDA device, {name})"
    if not _has_cuda_core():
        return False, "pinned copy (the package cuda-core is not installed)"
    return True, "a buffer that CUDA and OpenGL share"


def _has_cuda_core() -> bool:
    try:
        return importlib.util.find_spec("cuda.core") is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def kept_on_device(wanted: bool) -> Iterator[None]:
    """Inside the block, pictures of this thread stay on the device if that is wanted."""
    _local.kept = wanted
    try:
        yield
    finally:
        _local.kept = False


@dataclass(frozen=True, eq=False)
class DevicePicture:
    """A picture on the device; ``numpy.asarray`` brings it to the host as (H, W, 4) uint8.

    ``words`` is (H, W) int32 of four bytes each, and nobody else's.
    """

    words: torch.Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 4)."""
        return self.words.shape[0], self.words.shape[1], 4

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return 4 * self.words.nelement()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        picture = to_host(self.words)[0].view(np.uint8).reshape(self.shape)
        return picture if dtype is None else picture.astype(dtype, copy=False)


def handed_out(words: torch.Tensor) -> NDArray[np.uint8] | DevicePicture:
    """The finished picture, (H, W) int32 on the device, as whoever asked for it wants it.

    Either way the device has done all that was launched so far.
    """
    if not getattr(_local, "kept", False):
        return to_host(words)[0].view(np.uint8).reshape(*words.shape, 4)
    picture = DevicePicture(words.clone())
    if words.device.type != "cpu":
        torch.cuda.current_stream().synchronize()
    return picture


@dataclass(frozen=True)
class _Stream:
    """A stream of torch, as cuda.core asks for it."""

    handle: int

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle


@dataclass(frozen=True)
class _Words:
    """Memory at an address of the device, as torch asks for it."""

    address: int
    count: int

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        data = (self.address, False)
        return {"shape": (self.count,), "typestr": "<i4", "data": data, "version": 3}


class SharedBuffer:
    """An OpenGL buffer that CUDA writes.

    Parameters
    ----------
    name
        The buffer's, in the context that is current; large enough for every picture to come.

    Raises
    ------
    Exception
        Whatever cuda.core or the driver say, here and in :meth:`fill`.
    """

    def __init__(self, name: int) -> None:
        core = importlib.import_module("cuda.core")
        self._device = core.Device(torch.cuda.current_device())
        # The thread that draws may never have used CUDA; its context is the one of torch.
        self._device.set_current()
        self._resource = core.GraphicsResource.from_gl_buffer(name, flags="write_discard")

    def fill(self, picture: DevicePicture) -> None:
        """Copy a picture to the beginning of the buffer; OpenGL's next commands see it."""
        words = picture.words.reshape(-1)
        stream = self._device.create_stream(_Stream(torch.cuda.current_stream().cuda_stream))
        with self._resource.map(stream=stream) as mapped:
            target = torch.as_tensor(_Words(int(mapped.handle), len(words)), device=words.device)
            target.copy_(words, non_blocking=True)

    def close(self) -> None:
        """Let go of the buffer, before OpenGL deletes it."""
        self._resource.close()
