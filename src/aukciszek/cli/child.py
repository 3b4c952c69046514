"""A child of :mod:`aukciszek.local_cluster.processes`: ``python -m aukciszek.cli.child PARENT_PID serve ...``.

Asks the kernel to end this process when the parent is gone, then runs the command line as usual. So even a parent that
is killed outright leaves no server behind that holds its ports. Only Linux offers this; elsewhere the parent's own
care (ending each child on every way out) is all there is.
"""

import ctypes
import os
import signal
import sys

from aukciszek.cli.main import main

_PR_SET_PDEATHSIG = 1
"""From ``<sys/prctl.h>``."""


def end_with_parent(parent_pid: int) -> None:
    """Let this process receive SIGTERM when the process ``parent_pid`` ends."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        sys.exit("the process that asked for this one has ended already")


if __name__ == "__main__":
    end_with_parent(int(sys.argv.pop(1)))
    main()
