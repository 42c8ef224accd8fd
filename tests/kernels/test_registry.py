"""What holds for every operation, and the small image operations against the reference."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest

import kernels
from kernels import timing
from kernels.backends import BACKENDS, available, resolve
from kernels.image.downsample import downsample
from kernels.image.quantize import quantize
from kernels.registry import Operation


def _operations() -> list[Operation]:
    """Every operation of the tree, found as a person would: by its package."""
    for module in pkgutil.walk_packages(kernels.__path__, "kernels."):
        if module.ispkg:
            importlib.import_module(module.name)
    return Operation.known


@pytest.mark.parametrize("operation", _operations(), ids=lambda operation: operation.package)
def test_every_operation_has_its_contract_and_both_backends(operation):
    package = importlib.import_module(operation.package)
    public = getattr(package, operation.name)
    assert len(public.__doc__) > 100
    assert {"reference", "cpu"} <= set(operation.backends())
    for backend in ("reference", "cpu"):
        assert importlib.import_module(f"{operation.package}.{backend}").run.__doc__


def test_launches_are_recorded_only_while_somebody_listens():
    color, alpha = np.zeros((4, 4, 3), np.float32), np.ones((4, 4), np.float32)
    quantize("cpu", color, alpha, True)
    with timing.Recorder() as recorder:
        quantize("cpu", color, alpha, True)
        with timing.stage("encode", "export", nbytes=10):
            pass
    quantize("cpu", color, alpha, True)
    kernel, stage = recorder.records
    assert (kernel.name, kernel.group, kernel.backend) == ("quantize", "image", "cpu")
    assert kernel.counters == {"pixels": 16}
    assert not kernel.first_call
    assert (stage.name, stage.nbytes, stage.backend) == ("encode", 10, "")
    assert recorder.start_ns <= kernel.start_ns <= stage.start_ns <= recorder.end_ns


def test_backends_say_why_they_cannot_run():
    for name in BACKENDS:
        ready, reason = available(name)
        assert reason
        if not ready:
            with pytest.raises(ValueError, match=f"the {name} backend cannot run here"):
                resolve(name)
    assert available(resolve("auto"))[0]
    with pytest.raises(ValueError, match="backend must be auto, reference, cpu, cuda"):
        available("metal")


@pytest.mark.parametrize("opaque", [True, False])
def test_quantize_parity(opaque):
    rng = np.random.default_rng(2)
    color = rng.uniform(-0.2, 1.3, (37, 53, 3)).astype(np.float32)
    alpha = rng.uniform(0, 1, (37, 53)).astype(np.float32)
    alpha[:5] = 0
    color[:5] = 0
    fast, truth = (quantize(backend, color, alpha, opaque) for backend in ("cpu", "reference"))
    # A value within float32's rounding of a half may go either way.
    assert np.abs(fast.astype(int) - truth).max() <= 1
    assert (fast != truth).mean() < 1e-3


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("with_depth", [True, False])
def test_downsample_parity(factor, with_depth):
    rng = np.random.default_rng(factor)
    color = rng.random((12, 24, 3)).astype(np.float32)
    alpha = rng.random((12, 24)).astype(np.float32)
    alpha[: 2 * factor] = 0
    depth = rng.uniform(1, 5, (12, 24)).astype(np.float32) if with_depth else None
    fast, truth = (
        downsample(backend, color, alpha, depth, factor) for backend in ("cpu", "reference")
    )
    for ours, expected in zip(fast, truth, strict=True):
        if expected is None:
            assert ours is None
        else:
            np.testing.assert_allclose(ours, np.asarray(expected), atol=1e-5)


def test_image_doors():
    with pytest.raises(ValueError, match="cannot be averaged in squares of 2"):
        downsample("cpu", np.zeros((5, 4, 3)), np.zeros((5, 4)), None, 2)
    with pytest.raises(ValueError, match="color must be"):
        quantize("cpu", np.zeros((5, 4, 3)), np.zeros((4, 4)), True)
