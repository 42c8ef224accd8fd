"""Which backend readers and writers of files let a long computation run on."""

from __future__ import annotations

from kernels.backends import available

ENOUGH = 3e10
"""Multiplications: about a second of a processor, which is what loading CUDA takes."""
SHARE = 0.5
"""Of the free memory of the device: somebody may be drawing on it."""


def backend_for(products: float, nbytes: float) -> str:
    """``cuda`` where there is a device, enough to do for it and room for the data, else ``cpu``.

    Parameters
    ----------
    products
        Multiplications of the whole computation.
    nbytes
        Memory that it takes on the device.
    """
    if products < ENOUGH or not available("cuda")[0]:
        return "cpu"
    import torch

    free, _ = torch.cuda.mem_get_info()
    return "cuda" if nbytes < SHARE * free else "cpu"
