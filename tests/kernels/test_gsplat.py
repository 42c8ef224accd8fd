"""Projection and colour against the published functions of gsplat, where it can be imported.

They run on a processor without gsplat's compiled part.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels.gaussians.pack import pack
from kernels.gaussians.project import project
from kernels.gaussians.project.reference import rotation_matrices
from kernels.gaussians.shade.reference import basis
from kernels.gaussians.types import (
    DEPTH,
    L11,
    L12,
    L22,
    LOG2_OPACITY,
    MEAN_X,
    MEAN_Y,
    SOURCE,
    Options,
)
from kernels.workspace import Workspace
from tests.kernels.chain import looking_at, random_splats

gsplat = pytest.importorskip(
    "gsplat.cuda._torch_impl", reason="gsplat's reference functions cannot be imported here"
)

VIEW = looking_at((0.4, -0.3, -2.5), (0, 0, 0), 200, 140)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("compensate", [False, True])
def test_projection_matches_gsplat(backend, compensate):
    arrays = random_splats(17, count=1500, opacity=(0.05, 1.0))
    workspace = Workspace()
    packed = pack(backend, *arrays)
    splats = project(backend, packed, VIEW, Options(compensate=compensate), 1.0, workspace)
    table = np.asarray(splats.records)[np.asarray(splats.rows)]
    source = table[:, SOURCE]
    source = source.copy().view(np.int32) if backend == "cpu" else source.astype(int)
    table = table.astype(np.float64)

    means, quats, scales, opacities, _ = (torch.tensor(a, dtype=torch.float64) for a in arrays)
    root = rotation_matrices(quats) * scales[:, None]
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = VIEW.rotation, -VIEW.rotation @ VIEW.position
    intrinsics = torch.tensor([[VIEW.fx, 0, VIEW.cx], [0, VIEW.fy, VIEW.cy], [0, 0, 1.0]])
    _, means2d, depths, conics, compensations = gsplat._fully_fused_projection(
        means,
        root @ root.transpose(1, 2),
        torch.tensor(pose)[None],
        intrinsics.double()[None],
        VIEW.width,
        VIEW.height,
        calc_compensations=True,
    )
    assert len(source) > 500
    np.testing.assert_allclose(table[:, [MEAN_X, MEAN_Y]], means2d[0, source], atol=1e-3)
    np.testing.assert_allclose(table[:, DEPTH], depths[0, source], rtol=1e-5)
    ours = np.stack(
        [
            table[:, L11] ** 2,
            table[:, L11] * table[:, L12],
            table[:, L12] ** 2 + table[:, L22] ** 2,
        ],
        -1,
    )
    # Float32 of a conic is relative to its largest entry.
    expected = conics[0, source].numpy()
    largest = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(ours / largest, expected / largest, atol=2e-4)
    factor = compensations[0, source].numpy() if compensate else 1.0
    np.testing.assert_allclose(
        2 ** table[:, LOG2_OPACITY], opacities[source].numpy() * factor, rtol=1e-3
    )


@pytest.mark.parametrize("degree", range(5))
def test_spherical_harmonics_match_gsplat(degree):
    directions = torch.tensor(np.random.default_rng(degree).normal(size=(200, 3)))
    directions = directions / directions.norm(dim=1, keepdim=True)
    count = (degree + 1) ** 2
    # One colour channel, copied to the three that gsplat insists on, asks for one function.
    coefficients = torch.eye(count, dtype=torch.float64)[:, None, :, None]
    values = torch.stack(
        [
            gsplat._spherical_harmonics(degree, directions, one.expand(200, count, 3))[:, 0]
            for one in coefficients
        ],
        -1,
    )
    # gsplat writes its constants with eight digits.
    torch.testing.assert_close(basis(directions, degree), values, atol=1e-6, rtol=0)
