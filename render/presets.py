"""Named sets of choices under which other renderers draw the same splats, as data.

Sources: the public descriptions and sources of the renderers named in each title. Values that a
renderer does not state are those of ``gsplat``.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.gaussians.types import Options


@dataclass(frozen=True)
class Preset:
    """A named set of :class:`Options`, and what a person should know about it."""

    name: str
    title: str
    description: str
    options: Options


_RECORDS = (
    Preset(
        "gsplat",
        "gsplat",
        "The default: gsplat since March 2026, and the Inria image but for its near plane.",
        Options(),
    ),
    Preset(
        "gsplat-1.5",
        "gsplat 1.5",
        "gsplat up to 1.5.3: a splat may cover 99.9 % instead of 99 %.",
        Options(alpha_cap=0.999),
    ),
    Preset(
        "inria",
        "Inria 3DGS",
        "The original rasteriser: near plane at 0.2, splats cut at a box of 3 sigma.",
        Options(near=0.2, box_sigma=3.0),
    ),
    Preset(
        "mip",
        "Mip-Splatting",
        "Blur of 0.1 px² with opacity compensation, for scenes trained with it.",
        Options(blur=0.1, compensate=True, alpha_cap=0.999),
    ),
    Preset(
        "antialiased",
        "Anti-aliased",
        "gsplat's anti-aliased mode: blur of 0.3 px² with opacity compensation.",
        Options(compensate=True),
    ),
    Preset(
        "playcanvas",
        "PlayCanvas / SuperSplat",
        "Falloff that reaches zero at sqrt(8) sigma, no early stop, splats under 2 px dropped.",
        Options(
            fade=True,
            cut=8.0,
            alpha_cap=1.0,
            max_axis=1024.0,
            max_axis_in_view=True,
            min_axis=1.0,
            stop=-1.0,
        ),
    ),
    Preset(
        "spark",
        "Spark",
        "Compensated blur for every file, cut at sqrt(8) sigma, sorted by distance.",
        Options(
            compensate=True,
            cut=8.0,
            alpha_min=0.5 / 255.0,
            alpha_cap=1.0,
            radial=True,
            stop=-1.0,
        ),
    ),
    Preset(
        "antimatter15",
        "antimatter15/splat",
        "No low-pass filter at all, cut at sqrt(8) sigma; its fade near the far plane is left out.",
        Options(blur=0.0, cut=8.0, alpha_min=0.0, alpha_cap=1.0, max_axis=1024.0, stop=-1.0),
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _RECORDS}


def preset_options(name: str) -> Options:
    """The choices of a preset.

    Raises
    ------
    ValueError
        If there is no preset of that name; the sentence lists those there are.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name].options
