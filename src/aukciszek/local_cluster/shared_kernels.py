"""Kernels that are compiled once for all parties on this machine, before several would do so at the same time."""

from collections.abc import Mapping
from pathlib import Path

from aukciszek.mpc.sharing.kernels import compile_kernels


def compile_for_all(directory: Path) -> Mapping[str, str]:
    """Compile the kernels, here too; return what the parties' environment needs so that they find them.

    Args:
        directory: the cluster's, where they are kept if they cannot be kept beside the program.
    """
    kept = compile_kernels(directory / "kernels")
    return {"NUMBA_CACHE_DIR": str(kept)} if kept is not None else {}
