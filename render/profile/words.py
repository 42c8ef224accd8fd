"""Names, amounts and counters of kernels in words that a person understands."""

from __future__ import annotations

from collections.abc import Mapping

TITLES = {
    "pack": "Pack the scene",
    "project": "Project",
    "shade": "Colour by view",
    "sort": "Sort by depth",
    "bin": "Bin into tiles",
    "blend": "Blend",
    "composite": "Composite",
    "rays": "Make rays",
    "march": "March",
    "follow": "March, encode and evaluate",
    "trace": "Trace to the surface",
    "encode": "Encode",
    "network": "Network",
    "slope": "Normals by gradient",
    "clearance": "Measure empty space",
    "halve": "Make smaller pictures",
    "basis": "Colour by view",
    "resolve": "Resolve images",
    "display": "Turn to 8 bits",
    "quantize": "Turn to 8 bits",
    "downsample": "Average samples",
    "transfer": "Transfer",
    "upload": "Upload",
    "present": "Present",
    "waiting": "Waiting",
    "other": "Other",
    "total": "Total",
}
HINTS = {
    "transfer": "From the graphics card to memory",
    "upload": "From memory into the texture of the screen",
    "present": "Drawn on the screen together with the rest of the window",
    "waiting": "From the move of the camera until rendering began",
    "other": "All between: mostly the window is still busy with the picture before",
}
"""What the stages of the window are, for those who wonder why they take long."""
GROUP_TITLES = {
    "gaussians": "Gaussians",
    "image": "Picture",
    "planes": "Planes",
    "fields": "Neural field",
    "codec": "Encoding",
    "window": "Window",
    "total": "Total",
    "": "Other stages",
}


def title(name: str) -> str:
    """What a kernel does, in plain words; unknown names are spelled out."""
    return TITLES.get(name) or name.replace("_", " ").capitalize()


def group_title(group: str) -> str:
    """The heading of a group of rows."""
    return GROUP_TITLES.get(group) or group.replace("_", " ").capitalize()


def amount(value: float, unit: str = "") -> str:
    """Three significant digits with an SI prefix: ``141 k``, ``6.22 M``, ``1.20 GB``."""
    prefix = ""
    for candidate in ("", "k", "M", "G", "T", "P"):
        prefix = candidate
        # 999.5 would round to 1000 and is written with the next prefix.
        if abs(value) < 999.5 or candidate == "P":
            break
        value /= 1000.0
    if not prefix and float(value).is_integer():
        digits = f"{value:.0f}"
    else:
        digits = f"{value:.{2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0}f}"
    return f"{digits} {prefix}{unit}".rstrip()


def counter_words(counters: Mapping[str, int]) -> str:
    """The counters of a kernel as a short phrase.

    Known pairs become the ratio that explains the time (pairs per pixel, tiles stopped early,
    visible of all splats); any other counter is written as it is named.
    """
    left = dict(counters)
    phrases: list[str] = []
    splats = left.get("splats")
    if "visible splats" in left:
        of_all = f" of {amount(splats)}" if splats else ""
        phrases.append(f"{amount(left.pop('visible splats'))} visible splats{of_all}")
        left.pop("splats", None)
    if "tile keys" in left:
        phrases.append(f"{amount(left.pop('tile keys'))} tile keys")
    pixels, tiles = left.get("pixels"), left.get("tiles")
    if pixels and "evaluated pairs" in left:
        text = f"{_ratio(left.pop('evaluated pairs') / pixels)} pairs per pixel"
        if "contributing pairs" in left:
            text += f", {_ratio(left.pop('contributing pairs') / pixels)} contribute"
        phrases.append(text)
        del left["pixels"]
    if tiles and "stopped tiles" in left:
        share = 100.0 * left.pop("stopped tiles") / tiles
        phrases.append(f"{share:.0f} % of tiles stopped early")
        del left["tiles"]
    phrases += [f"{amount(count)} {name}" for name, count in left.items()]
    return "; ".join(phrases)


def _ratio(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
