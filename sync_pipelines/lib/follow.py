"""Runs a command that is asked to end (SIGTERM) when the process that started it ends, however that ends.

`python -m sync_pipelines.lib.follow COMMAND …`. On Linux only; elsewhere it just runs the command.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def follow_parent() -> None:
    """Ask the kernel for SIGTERM at the parent's death; the request outlives the exec that follows."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the request was made
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    follow_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the commands are ours
