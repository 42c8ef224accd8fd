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
from functools import partial
from typing import Any, ClassVar

from kernels import timing
from kernels.backends import BACKENDS, interpreted
from kernels.ranges import ranged


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
    counted
        Whether the cost is what the device counts, so that it is asked for when the frame is done.
        Otherwise that of a launch is asked for at once, and its arrays are kept no longer.
    """

    known: ClassVar[list[Operation]] = []

    def __init__(self, package: str, cost: Callable[..., Cost], counted: bool = True) -> None:
        self.package = package
        self.group, self.name = package.split(".")[-2:]
        self._cost, self._counted = cost, counted
        self._loaded: dict[str, tuple[str, Callable[..., Any]]] = {}
        Operation.known.append(self)

    def backends(self) -> tuple[str, ...]:
        """Names of the backends that have a module here, whether or not they can run."""
        return tuple(
            name for name in BACKENDS if importlib.util.find_spec(f"{self.package}.{name}")
        )

    def __call__(self, backend: str, *args: Any, **kwargs: Any) -> Any:
        """Run on a named backend (``auto`` is resolved by the caller, once per frame).

        A family of operations that has no CUDA kernels runs on the processor, and is recorded so.
        """
        first = backend not in self._loaded
        if first:
            name = "cpu" if backend == "cuda" and backend not in self.backends() else backend
            run = importlib.import_module(f"{self.package}.{name}").run
            self._loaded[backend] = name, ranged(f"{self.group}.{self.name}", run)
        backend, run = self._loaded[backend]
        recorder = timing.active()
        if recorder is None:
            return run(*args, **kwargs)
        if backend == "cuda" and not interpreted():
            return self._launch(recorder, run, first, args, kwargs)
        start = time.perf_counter_ns()
        result = run(*args, **kwargs)
        took = time.perf_counter_ns() - start
        recorder.records.append(
            self._record(backend, start, took, first, self._cost(result, *args, **kwargs))
        )
        return result

    def _launch(
        self,
        recorder: timing.Recorder,
        run: Callable[..., Any],
        first: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run on a device that works behind the host; its record is completed later."""
        from kernels.cuda.events import clock_of

        clock = clock_of(recorder)
        start = time.perf_counter_ns()
        begin = clock.mark()
        result = run(*args, **kwargs)
        took = time.perf_counter_ns() - start
        cost = partial(self._cost, result, *args, **kwargs)
        if not self._counted:
            cost = partial(_same, cost())

        def completed(start_ns: int, duration_ns: int) -> timing.KernelRecord:
            # Here and not before: what the device counted has arrived with the event.
            return self._record("cuda", start_ns, duration_ns, first, cost())

        clock.expect(len(recorder.records), begin, clock.mark(), completed)
        recorder.records.append(self._record("cuda", start, took, first, Cost()))
        return result

    def _record(
        self, backend: str, start_ns: int, duration_ns: int, first: bool, cost: Cost
    ) -> timing.KernelRecord:
        return timing.KernelRecord(
            self.name,
            self.group,
            backend,
            start_ns,
            duration_ns,
            int(cost.nbytes),
            int(cost.flops),
            {name: int(number) for name, number in cost.counters.items()},
            first,
        )


def _same(cost: Cost) -> Cost:
    return cost
