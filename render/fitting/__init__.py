"""Fitting neural fields to pictures, meshes, views, and to each other.

A :class:`~render.fitting.fit.Fit` is made by one of ``ImageFit.of_file``, ``DistanceFit.of_file``,
``RadianceFit.of_file`` and :func:`distill`; :func:`run` steps it until it is done.
"""

from render.fitting.architectures import ENCODINGS, SIZES
from render.fitting.distance import DistanceFit
from render.fitting.distill import distill, likeness
from render.fitting.fit import Fit
from render.fitting.image import ImageFit
from render.fitting.loop import Report, run
from render.fitting.radiance import RadianceFit

__all__ = [
    "ENCODINGS", "SIZES", "DistanceFit", "Fit", "ImageFit", "RadianceFit", "Report", "distill",
    "likeness", "run",
]  # fmt: skip
