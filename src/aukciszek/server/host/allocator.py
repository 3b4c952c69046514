"""Memory settings of a long-running process: blocks that every round allocates and frees stay with the process.

Both settings save time; ``docs/benchmarks.md`` says how much.
"""

import ctypes
import gc
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 256 * 1024 * 1024
_LARGEST_KEPT_BLOCK: Final = 64 * 1024 * 1024


def keep_freed_memory() -> None:
    """Let the C library keep freed memory, up to a limit, instead of returning it to the kernel.

    A round of a session allocates and frees blocks of megabytes. By default each of them comes from the kernel, which
    clears it page by page: more work than the arithmetic on it. Does nothing where the C library is not glibc.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BLOCK)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def freeze_permanent_objects() -> None:
    """Exempt the permanent objects of start-up from garbage collection, which stalls the event loop meanwhile."""
    gc.collect()
    gc.freeze()
