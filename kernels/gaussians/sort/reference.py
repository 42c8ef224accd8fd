"""Sorting in plain torch: stable, and the rows stand in the order of the scene."""

from __future__ import annotations

import torch

from kernels.gaussians.types import Splats
from kernels.workspace import Workspace


def run(splats: Splats, workspace: Workspace) -> torch.Tensor:
    """See :func:`kernels.gaussians.sort.sort`."""
    return splats.rows[torch.argsort(splats.keys, stable=True)]
