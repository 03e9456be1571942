"""One source for rule and speed: a decorator compiles a function with numba, or leaves it plain Python.

Which decorator: `kernel` for arithmetic that Python and kernels call; `entry_kernel` for what only Python calls;
`view_kernel` for what only kernels call; `inner_kernel` for a step inside a loop; `external_kernel` for a large callee
with several callers, or at the bottom of a deep chain of calls.

numba copies the code of every callee into every caller and optimises it there again, so a chain of five calls compiles
its last link five times.  Therefore `view_kernel` and `inner_kernel` are left as they are until an entry kernel
contains them (`linked`), and two entry kernels that call the same large callee share it as an `external_kernel`.

Set REBALANCER_PLAIN_KERNELS=1 before import to run the very same text without compilation (slow, for comparison).
Every kernel keeps its uncompiled text as `.py_func` (numba's own name; the plain variant is its own `.py_func`).
What is compiled is kept on disk by content (`kernel_cache`); `shared.runtime.kernels` compiles a whole service at once.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

PLAIN = os.environ.get("REBALANCER_PLAIN_KERNELS") == "1"
KERNELS: list[Any] = []
"""Every kernel of the modules imported so far, in the order of their definition."""


def kernel(function: F) -> F:
    """Compile `function` (nogil, cached on disk) for callers in Python and in kernels."""
    return _compiled(function)


def entry_kernel(function: F) -> F:
    """Compile `function` for callers in Python; like all the following it allocates nothing.

    Counting references to every array of a named tuple at every call costs more than the work itself (1.4 us against
    0.5 us a lot, measured on lot relief); without the runtime for allocation numba leaves the counting out.
    """
    return _compiled(function, _nrt=False)


def view_kernel(function: F) -> F:
    """Compile `function` for other kernels; the compiler decides whether its code becomes part of them.

    Like `inner_kernel` and `external_kernel` it is compiled without the code that converts arguments from Python.
    Called from Python (as tests do) it is compiled once more, with that code.
    """
    return _compiled(function, linked=True, _nrt=False, no_cpython_wrapper=True)


def inner_kernel(function: F) -> F:
    """Compile `function` as a part of its callers: for steps that are called by lot or by position.

    A call hands over every array as seven words, and that costs more than the steps themselves (26 us against 6 us an
    account and logic, measured on booking).  Every caller pays for it in compile time.
    """
    return _compiled(function, linked=True, _nrt=False, no_cpython_wrapper=True, forceinline=True)


def external_kernel(function: F) -> F:
    """Compile `function` once; kernels call its machine code and take in no copy of it.

    A call costs some nanoseconds an array.  So this is for steps that are called by account or by security.
    """
    return _compiled(function, external=True, _nrt=False, no_cpython_wrapper=True)


def _compiled(function: F, **options: bool) -> F:
    if PLAIN:
        function.py_func = function  # type: ignore[attr-defined]
        return function
    from shared.fixed_point.dispatch import dispatcher_of

    kernel = dispatcher_of(function, **options)
    KERNELS.append(kernel)
    return cast(F, kernel)
