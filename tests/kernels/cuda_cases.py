"""The ``cuda`` backend beside the reference on small inputs, in a process of its own.

``python -m tests.kernels.cuda_cases FAMILY [case ...]`` prints one JSON object: what each case of
:mod:`tests.kernels.cuda_FAMILY` measured. With ``TRITON_INTERPRET=1`` the kernels run in Triton's
interpreter. Its own process, because Triton decides on import whether it interprets, and because
the LLVM that Triton brings does not get on with the one of a Mesa that draws windows in the same
process.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

FAMILIES = ("gaussians", "codec", "planes", "marching", "fields")
"""Each a module ``cuda_FAMILY``: ``CASES`` by name, and ``draw``, which launches every kernel."""


def family(name: str) -> Any:
    """The module of a family."""
    return importlib.import_module(f"tests.kernels.cuda_{name}")


if __name__ == "__main__":
    cases = family(sys.argv[1]).CASES
    chosen = sys.argv[2:] or list(cases)
    print(json.dumps({name: cases[name]() for name in chosen}, default=float))
