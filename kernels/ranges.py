"""Ranges of NVTX in a domain of our own, for profilers of NVIDIA: a frame, and each operation.

They need the package ``nvtx`` (``pip install 'plenoscope[profile]'``), and are there only where a
tool listens that put itself into the process when it started, as nsys and ncu do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

DOMAIN = "plenoscope"

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def _domain() -> Any:
    """The domain; None without the package, and where nobody listens."""
    try:
        import nvtx
    except ImportError:
        return None
    # Without a tool the package (0.2.12 or newer) hands out a stand-in of another class, for good.
    domain = nvtx.get_domain(DOMAIN)
    return domain if isinstance(domain, getattr(nvtx, "Domain", ())) else None


def ranged(name: str, function: Function) -> Function:
    """The function, inside a range of that name; the function itself where nobody listens."""
    domain = _domain()
    if domain is None:
        return function
    attributes = domain.get_event_attributes(message=name)

    @wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        domain.push_range(attributes)
        try:
            return function(*args, **kwargs)
        finally:
            domain.pop_range()

    return inside  # type: ignore[return-value]
