"""How a process that serves for long keeps its memory: what comes and goes in every round is not fetched anew.

Both settings save time alone; ``docs/benchmarks.md``, "What limits it", says how much.
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
    """Let the C library keep what is freed, up to a limit, instead of giving it back to the kernel at once.

    A round of a session takes and frees blocks of megabytes. By default each of them comes from the kernel, which
    clears it page by page, more work than the arithmetic on it. Does nothing where the C library is not glibc.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BLOCK)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def keep_what_is_here() -> None:
    """Let the garbage collector pass over what was made at the start and stays for good: it stalls the event loop."""
    gc.collect()
    gc.freeze()
