"""One source for rule and speed: `kernel` compiles a function with numba, or leaves it plain Python.

Set REBALANCER_PLAIN_KERNELS=1 before import to run the very same text without compilation (slow, for comparison).
Every kernel keeps its uncompiled text as `.py_func` (numba's own name; the plain variant is its own `.py_func`).
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

PLAIN = os.environ.get("REBALANCER_PLAIN_KERNELS") == "1"


def kernel(function: F) -> F:
    """Compile `function` (nogil, cached on disk) unless plain kernels are asked for."""
    if PLAIN:
        function.py_func = function  # type: ignore[attr-defined]
        return function
    import numba

    return cast(F, numba.njit(cache=True, nogil=True, boundscheck=False)(function))


def view_kernel(function: F) -> F:
    """Like `kernel`, for functions that allocate nothing: they only read and write arrays they are given.

    Counting references to every array of a named tuple at every call costs more than the work itself (1.4 us against
    0.5 us a lot, measured on lot relief); without the runtime for allocation numba leaves the counting out.
    """
    if PLAIN:
        function.py_func = function  # type: ignore[attr-defined]
        return function
    import numba

    options: dict[str, Any] = {"cache": True, "nogil": True, "boundscheck": False, "_nrt": False}
    return cast(F, numba.njit(**options)(function))
