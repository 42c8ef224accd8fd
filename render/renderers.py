"""One renderer per kind of scene, found by scanning this package's folders."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache
from typing import Protocol

import render
from render.request import Frame, RenderRequest


class Renderer(Protocol):
    """Draws one kind of scene; holds what it has uploaded.

    It may have a method ``trial()`` that returns a small scene of its kind, seen from (0, 0, -4):
    rendering it makes all kernels ready.
    """

    kind: str

    def render(self, request: RenderRequest, backend: str) -> Frame:
        """One picture. Raises RenderCancelled between stages when the request says so."""

    def forget(self) -> None:
        """Release everything that was uploaded."""


@cache
def renderers() -> dict[str, Renderer]:
    """Every renderer by the ``kind`` of scene it draws.

    A folder ``render/<name>/renderer.py`` with an object ``RENDERER`` is one.
    """
    found: dict[str, Renderer] = {}
    for module in pkgutil.iter_modules(render.__path__):
        if module.ispkg and importlib.util.find_spec(f"render.{module.name}.renderer"):
            renderer = importlib.import_module(f"render.{module.name}.renderer").RENDERER
            found[renderer.kind] = renderer
    return found
