"""Become another program that ends when the supervisor does, even if that is killed with -9.

Run as a file, before anything of ours is imported: ``python -S tether.py SUPERVISOR_PID PROGRAM
ARGUMENT…``. On Linux the kernel kills the process with its parent (every part survives a kill:
what it acknowledged is on disk). Elsewhere there is no such call, and only an orderly end of the
supervisor ends the parts.
Source: prctl(2), PR_SET_PDEATHSIG; the setting survives execve.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the program."""
    supervisor_pid, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(supervisor_pid):
        sys.exit(1)  # the supervisor ended before the tie was there
    os.execv(command[0], command)  # noqa: S606  (a program of ours, no shell wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
