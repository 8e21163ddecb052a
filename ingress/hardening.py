"""Keep a process's memory to itself: no core dump, no reading of it by other processes.

Credentials are in this memory for as long as they are used. Called once, before any is read.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

# Source: prctl(2), PR_SET_DUMPABLE. With 0 the kernel writes no core dump, a process of the same
# account can attach no debugger, and /proc/PID/environ and /mem belong to root.
_PR_SET_DUMPABLE: Final = 4


def keep_memory_private() -> None:
    """Forbid core dumps and debuggers to this process; what it starts decides for itself.

    Elsewhere than on Linux the limit of core dumps is all there is.

    Raises:
        OSError: the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")
