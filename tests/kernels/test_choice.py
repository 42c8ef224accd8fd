"""Where readers and writers of files let a long computation run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels.codec import choice
from kernels.codec.grid_sort import EFFORTS, product_count


@pytest.fixture
def device(monkeypatch):
    """A device with a gigabyte of free memory, that is asked for in ``asked``."""
    asked = []

    def available(backend):
        asked.append(backend)
        return True, "a graphics card"

    monkeypatch.setattr(choice, "available", available)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 30, 1 << 31))
    return asked


def test_a_device_is_for_much_work_that_fits(device):
    assert choice.backend_for(1e12, 1e8) == "cuda"
    assert choice.backend_for(1e12, 1e9) == "cpu"


def test_nobody_looks_for_a_device_for_little_work(device):
    assert choice.backend_for(1e9, 1e6) == "cpu"
    assert device == []


def test_without_a_device_everything_runs_on_the_processor(monkeypatch):
    monkeypatch.setattr(choice, "available", lambda backend: (False, "none"))
    assert choice.backend_for(1e15, 1.0) == "cpu"


def test_the_work_of_a_grid_grows_with_its_effort():
    features = np.zeros((1000, 5), np.float32)
    work = [product_count(features, 32, 32, effort) for effort in EFFORTS]
    assert 8 * features.size < work[0] < work[1] < work[2]
