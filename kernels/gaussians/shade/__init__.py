"""View-dependent colour from spherical harmonics."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import Splats, View
from kernels.registry import Cost, Operation

_BASIS_FLOPS = (0, 4, 16, 46, 90)


def _cost(result: Splats, packed: Any, splats: Splats, view: View, degree: int) -> Cost:
    coefficients = (degree + 1) ** 2
    return Cost(
        nbytes=splats.count * (12 + 12 * coefficients + 12),
        flops=splats.count * (12 + _BASIS_FLOPS[degree] + 6 * coefficients),
    )


OPERATION = Operation(__name__, _cost)


def shade(backend: str, packed: Any, splats: Splats, view: View, degree: int) -> Splats:
    """Evaluate the colour of every visible splat for this view.

    ``colour = max(0, SH(direction) + 0.5)`` with the real spherical harmonics of degree 0 to 4 and
    ``direction = normalize(mean - position)``, in the scene's axes (Kerbl et al. 2023; the basis
    is that of Sloan 2013, "Efficient Spherical Harmonic Evaluation", with its signs).

    Parameters
    ----------
    packed, splats
        The scene and what :func:`kernels.gaussians.project.project` found visible.
    degree
        Highest degree to use, at most that of the scene.

    Returns
    -------
    Splats
        With the columns RED, GREEN, BLUE filled (``cpu`` writes in place and returns the same).

    Raises
    ------
    ValueError
        If ``degree`` is not 0..4.

    Notes
    -----
    Error of ``cpu`` against ``reference`` in float64: below 2e-6 times the sum of the
    coefficients' magnitudes. Cost: O(M K), 12 (K + 2) bytes per visible splat.
    """
    if degree not in range(5):
        raise ValueError(f"degree must be 0..4, got {degree}")
    return OPERATION(backend, packed, splats, view, degree)
