"""Which mouse button does what, as data; one preset per habit that people bring along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Button = Literal["left", "middle", "right"]
Modifier = Literal["shift", "ctrl", "alt", "meta"]
Action = Literal["orbit", "pan", "zoom"]


@dataclass(frozen=True)
class Binding:
    """A drag with a button while at least these modifiers are held."""

    button: Button
    action: Action
    modifiers: frozenset[Modifier] = frozenset()


@dataclass(frozen=True)
class Preset:
    """A set of drags. ``hint`` tells them in one line."""

    name: str
    title: str
    hint: str
    bindings: tuple[Binding, ...]

    def action(self, button: str, modifiers: frozenset[str]) -> Action | None:
        """What a drag does: of the bindings that fit, the one asking for the most modifiers."""
        fitting = [
            binding
            for binding in self.bindings
            if binding.button == button and binding.modifiers <= modifiers
        ]
        return max(fitting, key=lambda item: len(item.modifiers)).action if fitting else None


_ALL = (
    Preset(
        "three.js",
        "Web viewers (three.js)",
        "Left drag orbits, right drag or Shift+left pans, wheel or middle drag zooms",
        (
            Binding("left", "orbit"),
            Binding("left", "pan", frozenset({"shift"})),
            Binding("left", "pan", frozenset({"ctrl"})),
            Binding("left", "pan", frozenset({"meta"})),
            Binding("right", "pan"),
            Binding("middle", "zoom"),
        ),
    ),
    Preset(
        "blender",
        "Blender",
        "Middle drag orbits, Shift+middle pans, wheel or Ctrl+middle zooms",
        (
            Binding("middle", "orbit"),
            Binding("middle", "pan", frozenset({"shift"})),
            Binding("middle", "zoom", frozenset({"ctrl"})),
        ),
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
"""Presets by name; the first is the default."""
