"""Triton kernels whose text is written for what they compute, as modules of their own."""

from __future__ import annotations

import hashlib
import linecache
import sys
from functools import lru_cache
from types import ModuleType

PREFIX = "kernels.generated_"


@lru_cache(maxsize=256)
def module_of(text: str) -> ModuleType:
    """The module that a text is, with its functions; equal texts are one module.

    Triton reads the source of its kernels through ``inspect``, which finds it among the lines that
    ``linecache`` keeps. The name follows from the text, and so does Triton's own key of what it
    has compiled.
    """
    name = PREFIX + hashlib.sha256(text.encode()).hexdigest()[:16]
    file = f"<{name}>"
    module = ModuleType(name, "Written for one description.")
    module.__file__ = file
    # Entries without a time are not looked for on disk.
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    sys.modules[name] = module
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def text_of(name: str) -> str:
    """The text of a module by its name; empty where that is not one of these."""
    return "".join(linecache.getlines(f"<{name}>")) if name.startswith(PREFIX) else ""
