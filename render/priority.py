"""Work behind the window gives way to the window."""

from __future__ import annotations

import os
import sys
import threading

NICENESS = 5
"""About a third of the weight of the thread that answers mouse and keys."""


def give_way() -> None:
    """Let the calling thread, and the threads that it starts, wait for others of the program.

    Kernels keep every core busy. A window that is composed by the processor then gets its turn
    late, and mouse and keys are answered late. Only Linux sets the priority of a single thread
    in this way; elsewhere this does nothing. A thread cannot take it back.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
