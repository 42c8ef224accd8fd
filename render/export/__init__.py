"""Offline export: videos, picture sequences and single pictures, exactly as previewed."""

from render.export.job import estimate, export
from render.export.records import (
    Estimate,
    ExportControl,
    ExportError,
    ExportProgress,
    ExportResult,
    ExportSettings,
)

__all__ = [
    "Estimate",
    "ExportControl",
    "ExportError",
    "ExportProgress",
    "ExportResult",
    "ExportSettings",
    "estimate",
    "export",
]
