"""Constant arrays on the device, copied or worked out once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch

from kernels.cuda.device import device, to_device

Made = TypeVar("Made")

_kept: dict[tuple[int, Hashable], tuple[weakref.ref[Any], int, Any]] = {}
"""By the identity of an array and what was made of it, as long as the array lives."""


def derived(array: Any, what: Hashable, make: Callable[[Any], Made]) -> Made:
    """``make(array)``, made when it is first asked for and let go of with the array.

    Parameters
    ----------
    array
        NumPy array whose values stay as they are, or a tensor: of one that was changed in place it
        is made anew. Views are arrays of their own: ask with one that is kept.
    what
        What is made, beside other things that are made of the same array.
    """
    key = id(array), what
    version = array._version if isinstance(array, torch.Tensor) else 0
    known = _kept.get(key)
    if known is not None and known[0]() is array and known[1] == version:
        return known[2]

    def forget(reference: Any) -> None:
        # The identity may be another array's by now.
        found = _kept.get(key)
        if found is not None and found[0] is reference:
            del _kept[key]

    made = make(array)
    _kept[key] = weakref.ref(array, forget), version, made
    return made


def resident(array: Any) -> torch.Tensor:
    """The device's copy of an array that does not change; see :func:`derived`.

    A tensor of the device comes back as it is.

    Returns
    -------
    A contiguous tensor on :func:`kernels.cuda.device.device`; not to be written to.
    """
    if isinstance(array, torch.Tensor) and array.device.type == device().type:
        return array.contiguous()
    return derived(array, "copy", _copy)


def _copy(array: Any) -> torch.Tensor:
    tensor = to_device(array)
    # On the processor it would be the array itself, and keep it alive.
    return tensor.clone() if tensor.device.type == "cpu" else tensor
