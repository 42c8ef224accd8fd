"""Grids that learn quickly are those of the reference, forwards and backwards; rays add up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels.fields.encode import encode
from kernels.fields.encodings import Composite, Encoding, HashGrid, Identity, Simplex, TriPlane
from kernels.fields.networks import RadialBasis
from render.fitting.architectures import architecture
from render.fitting.grids import encoded
from render.fitting.initial import initial_weights
from render.fitting.march import Samples, composited, sampled

GRIDS = (
    HashGrid(2, 4, 2, 8, 4, 2.0),
    HashGrid(3, 4, 4, 8, 4, 1.7),
    HashGrid(3, 3, 2, 20, 3, 1.5, kind="dense"),
    HashGrid(3, 3, 2, 20, 3, 2.0, kind="tiled"),
    Simplex(2, 3, 2, 8, 4, 1.8),
    Simplex(3, 3, 4, 8, 4, 1.8),
    TriPlane(9, 4, "sum"),
    TriPlane(9, 4, "product"),
    Composite((HashGrid(2, 2, 2, 8, 4, 2.0), Identity(3)), firsts=(1, 0)),
)


@pytest.mark.parametrize("encoding", GRIDS, ids=str)
def test_features_and_gradients_are_those_of_the_reference(encoding: Encoding) -> None:
    generator = torch.Generator().manual_seed(1)
    positions = torch.rand((700, 3), generator=generator)
    positions[:3] = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.25, 0.5]])
    parameters = torch.randn(encoding.parameters, generator=generator)
    wanted = torch.randn((700, encoding.width), generator=generator)
    found = []
    for function in (encoded, lambda *rest: encode("reference", *rest)):
        leaf = parameters.clone().requires_grad_()
        features = function(encoding, positions, leaf)
        (features * wanted).sum().backward()
        found.append((features.detach(), leaf.grad))
    (mine, gradient), (reference, reference_gradient) = found
    assert gradient is not None
    assert reference_gradient is not None
    # Products of three features of size 3 with weights of 24 bits.
    assert torch.allclose(mine, reference, atol=1e-5)
    # Entries sum up to some hundred terms of that size.
    assert torch.allclose(gradient, reference_gradient, atol=2e-4)


def test_gradients_do_not_depend_on_the_number_of_threads() -> None:
    encoding = GRIDS[1]
    positions = torch.rand((20_000, 3), generator=torch.Generator().manual_seed(1))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            leaf = torch.zeros(encoding.parameters, requires_grad=True)
            encoded(encoding, positions, leaf).sum().backward()
            found.append(leaf.grad)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_initial_parameters_are_the_published_ones() -> None:
    box = (0.0, 0.0), (1.0, 1.0)
    field = architecture("image", "hash", "base", *box)
    weights = initial_weights(field, torch.Generator().manual_seed(0))
    assert 0.9e-4 < weights.encoding.abs().max() <= 1e-4
    first = weights.network[: 32 * 64]
    # Uniform in +-sqrt(6 / 32); 2048 draws come within 1 % of the border.
    assert first.abs().max() == pytest.approx((6 / 32) ** 0.5, rel=0.01)
    field = architecture("image", "siren", "small", *box)
    network = initial_weights(field, torch.Generator().manual_seed(0)).network
    assert network[:128].abs().max() == pytest.approx(1 / 2, rel=0.05)
    hidden = network[128 + 64 : 128 + 64 + 64 * 64]
    assert hidden.abs().max() == pytest.approx((6 / 64) ** 0.5 / 30, rel=0.01)
    field = architecture("image", "rbf", "small", *box)
    layer = field.network.layers[0]
    assert isinstance(layer, RadialBasis)
    widths = initial_weights(field, torch.Generator().manual_seed(0)).network
    assert (widths[layer.kernels * layer.inputs :][: layer.kernels] > 0).all()


def _march(cells: np.ndarray, most: int = 1 << 12, count: int = 32) -> Samples:
    random = np.random.default_rng(2)
    origins = torch.tensor(random.uniform(-3, -1, (count, 3)), dtype=torch.float32)
    aims = torch.tensor(random.random((count, 3)), dtype=torch.float32)
    directions = torch.nn.functional.normalize(aims - origins, dim=1)
    shifts = torch.full((count,), 0.25)
    return sampled(
        origins, directions, torch.zeros(3), 1.0, torch.from_numpy(cells), 0.02, shifts, most
    )


def test_samples_of_empty_cells_are_left_out_and_no_others() -> None:
    cells = np.random.default_rng(0).random((8, 8, 8)) < 0.3
    every, some = _march(np.ones_like(cells)), _march(cells)
    random = np.random.default_rng(2)
    origins = torch.tensor(random.uniform(-3, -1, (32, 3)), dtype=torch.float32)
    aims = torch.tensor(random.random((32, 3)), dtype=torch.float32)
    directions = torch.nn.functional.normalize(aims - origins, dim=1)
    place = every.points(origins, directions)[0].double().numpy() * 8
    x, y, z = np.clip(place.astype(int), 0, 7).T
    wanted = cells[z, y, x]
    # Places within rounding of a border may be told apart either way.
    clear = np.abs(place - np.rint(place)).min(1) > 1e-4
    pairs = set(zip(some.rays.tolist(), np.rint(some.depths.numpy() * 1e4).tolist(), strict=True))
    for ray, depth, inside, sure in zip(
        every.rays.tolist(), every.depths.tolist(), wanted, clear, strict=True
    ):
        near = any((ray, float(round(depth * 1e4) + d)) in pairs for d in (-1, 0, 1))
        assert not sure or near == inside
    assert int(some.counts.sum()) == len(some.rays)


def test_rays_that_do_not_fit_are_not_begun() -> None:
    whole = _march(np.ones((4, 4, 4), bool))
    part = _march(np.ones((4, 4, 4), bool), most=200)
    count = len(part.counts)
    assert 0 < count < 32
    assert len(part.rays) <= 200
    assert torch.equal(part.counts, whole.counts[:count])
    assert torch.equal(part.depths, whole.depths[: len(part.depths)])


def test_composited_rays_are_those_of_a_loop() -> None:
    samples = _march(np.random.default_rng(1).random((8, 8, 8)) < 0.5)
    generator = torch.Generator().manual_seed(0)
    values = torch.rand((len(samples.rays), 4), generator=generator)
    values[:, 0] *= 40
    values.requires_grad_()
    found = composited(values, samples, 0.02)
    found.sum().backward()
    wanted = torch.zeros((len(samples.counts), 4), dtype=torch.float64)
    for ray, (first, count) in enumerate(zip(samples.firsts, samples.counts, strict=True)):
        light = 1.0
        for row in values[first : first + count].detach().double():
            alpha = 1 - torch.exp(-row[0] * 0.02)
            wanted[ray] += light * alpha * torch.cat([row[1:], torch.ones(1)])
            light = light * (1 - alpha)
    # float32 exponentials of sums in float64.
    assert torch.allclose(found.double(), wanted, atol=1e-6)
    assert values.grad is not None
    assert values.grad.isfinite().all()
