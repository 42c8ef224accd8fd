"""Sorting for the ``cuda`` backend: the radix sort of torch, stable, on 32 bits of depth."""

from __future__ import annotations

import torch

from kernels.gaussians.types import Splats
from kernels.workspace import Workspace


def run(splats: Splats, workspace: Workspace) -> torch.Tensor:
    """See :func:`kernels.gaussians.sort.sort`; the rows stand in the order of the scene.

    The tail of the table, rows -1, is the tail of the order.
    """
    return splats.rows[torch.sort(splats.keys, stable=True).indices]
