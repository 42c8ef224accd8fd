"""Operations: one contract, backends beside it.

An operation is a package; its ``__init__`` holds the public contract (docstring, door checks and
an :class:`Operation`), and each module named like a backend holds ``run`` with the same arguments.
Adding a backend to an operation is adding that one file.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kernels import timing
from kernels.backends import BACKENDS


@dataclass(frozen=True)
class Cost:
    """Work that one launch had to do, by the operation's model, and counters that explain it."""

    nbytes: int = 0
    flops: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)


class Operation:
    """Dispatch of one operation to its backends, with timing when somebody listens.

    Parameters
    ----------
    package
        ``__name__`` of the operation's package, e.g. ``"kernels.gaussians.blend"``.
    cost
        ``cost(result, *arguments, **options) -> Cost``, called after the clock has stopped.
    """

    known: ClassVar[list[Operation]] = []

    def __init__(self, package: str, cost: Callable[..., Cost]) -> None:
        self.package = package
        self.group, self.name = package.split(".")[-2:]
        self._cost = cost
        self._loaded: dict[str, Callable[..., Any]] = {}
        Operation.known.append(self)

    def backends(self) -> tuple[str, ...]:
        """Names of the backends that have a module here, whether or not they can run."""
        return tuple(
            name for name in BACKENDS if importlib.util.find_spec(f"{self.package}.{name}")
        )

    def __call__(self, backend: str, *args: Any, **kwargs: Any) -> Any:
        """Run on a named backend (``auto`` is resolved by the caller, once per frame)."""
        first = backend not in self._loaded
        if first:
            self._loaded[backend] = importlib.import_module(f"{self.package}.{backend}").run
        run = self._loaded[backend]
        recorder = timing.active()
        if recorder is None:
            return run(*args, **kwargs)
        start = time.perf_counter_ns()
        result = run(*args, **kwargs)
        took = time.perf_counter_ns() - start
        cost = self._cost(result, *args, **kwargs)
        recorder.records.append(
            timing.KernelRecord(
                self.name,
                self.group,
                backend,
                start,
                took,
                int(cost.nbytes),
                int(cost.flops),
                cost.counters,
                first,
            )
        )
        return result
