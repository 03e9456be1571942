"""One source for rule and speed: `kernel` compiles a function with numba, or leaves it plain Python.

Set REBALANCER_PLAIN_KERNELS=1 before import to run the very same text without compilation (slow, for comparison).
Every kernel keeps its uncompiled text as `.py_func` (numba's own name; the plain variant is its own `.py_func`).
What is compiled is kept on disk, by content (`source_digest`, `kernel_cache`); `shared.runtime.kernels` compiles all
kernels of a service.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

PLAIN = os.environ.get("REBALANCER_PLAIN_KERNELS") == "1"
KERNELS: list[Any] = []
"""Every kernel of the modules imported so far, in the order of their definition."""


def kernel(function: F) -> F:
    """Compile `function` (nogil, cached on disk) unless plain kernels are asked for."""
    return _compiled(function)


def view_kernel(function: F) -> F:
    """Like `kernel`, for functions that allocate nothing: they only read and write arrays they are given.

    Counting references to every array of a named tuple at every call costs more than the work itself (1.4 us against
    0.5 us a lot, measured on lot relief); without the runtime for allocation numba leaves the counting out.
    """
    return _compiled(function, _nrt=False)


def inner_kernel(function: F) -> F:
    """Like `view_kernel`, for steps that are called by lot or by position: they become part of their callers.

    A call hands over every array of a named tuple as seven words, and that costs more than the steps themselves (26 us
    against 6 us an account and logic, measured on booking).  It stays one text; only the compiled form is put together.
    """
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: F, **options: bool) -> F:
    if PLAIN:
        function.py_func = function  # type: ignore[attr-defined]
        return function
    import numba

    from shared.fixed_point.kernel_cache import KernelCache

    # The wrapper for callers in C is used by nobody and is a tenth of the time that compiling takes.
    chosen: dict[str, Any] = {"nogil": True, "boundscheck": False, "no_cfunc_wrapper": True, **options}
    dispatcher: Any = numba.njit(**chosen)(function)
    dispatcher._cache = KernelCache(function)  # type: ignore[no-untyped-call]
    KERNELS.append(dispatcher)
    return cast(F, dispatcher)
