"""Arithmetic in ``F_p``, ``p = 2^61 - 1``, on vectors: the innermost loops, in NumPy until they are compiled.

:mod:`aukciszek.mpc.sharing.field` is the face that the rest of the engine uses. A process begins with the kernels of
:mod:`aukciszek.mpc.sharing.plain_kernels`, which need no compiling and suffice for sealing or checking one bid. A
process that computes calls :func:`compile_kernels` first: a server and a benchmark at their start, and every
:class:`~.runtime.Runtime`, so that no session runs without. From then on the whole process uses the compiled kernels;
the results are equal.
"""

import threading
from pathlib import Path
from typing import Final

from aukciszek.mpc.sharing.plain_kernels import PLAIN

add = PLAIN.add
"""``a + b``."""
subtract = PLAIN.subtract
"""``a - b``."""
multiply = PLAIN.multiply
"""``ab``."""
multiply_add = PLAIN.multiply_add
"""``ab + c``."""
accumulate = PLAIN.accumulate
"""``accumulate(total, weight, values)``: ``total += weight * values`` in place; vectors of one length."""
to_elements = PLAIN.to_elements
"""``to_elements(words)``: keep the top 61 bits of each word, in place; tells whether all are below ``p``."""
inner_product = PLAIN.inner_product
"""``inner_product(x, y)``: the sum of ``x[j] y[j]`` over at most ``2^32`` terms."""
combine = PLAIN.combine
"""``combine(weights, rows, total)``: ``total += sum_i weights[i] rows[i]``; any strides of ``weights``."""
powers = PLAIN.powers
"""``powers(base, result)``: ``1, base, base^2, ...``."""
add_polynomial_product = PLAIN.add_polynomial_product
"""``add_polynomial_product(f, g, sums)``: ``sums[i + j] += f[i] g[j]``; coefficients, lowest first."""
anti_diagonals = PLAIN.anti_diagonals
"""``anti_diagonals(x, y, sums)`` with ``k`` rows each: ``sums[a + k-1 - b] += <x_a, y_b>`` for all rows ``a != b``."""

_compiling: Final = threading.Lock()


def are_compiled() -> bool:
    """Tell whether :func:`compile_kernels` was called in this process."""
    return add is not PLAIN.add


def compile_kernels(cache_dir: Path | None = None) -> Path | None:
    """Use compiled kernels from now on; does nothing where they are in use already.

    Compiling takes seconds, so the result is kept on disk: in ``NUMBA_CACHE_DIR`` where that is set, else beside this
    module where it can be written, else in ``cache_dir``. Where none can be written the kernels are compiled in memory.

    Args:
        cache_dir: A directory of this user's alone, made if it is missing: what is in it is run.

    Returns:
        ``cache_dir`` if it is used, so that another process can be told of it.
    """
    with _compiling:
        if are_compiled():
            return None
        # Brings Numba: half a second and 60 MB, for those alone that compute.
        from aukciszek.mpc.sharing import compiled_kernels  # noqa: PLC0415

        compiled, used = compiled_kernels.load(Path(__file__).with_name("__pycache__"), cache_dir)
        globals().update(compiled._asdict())  # every ``kernels.add`` has the new one from now on, at no cost
        return cache_dir if used == cache_dir else None
