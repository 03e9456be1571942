"""One source for rule and speed: `kernel` compiles a function with numba, or leaves it plain Python.

Set REBALANCER_PLAIN_KERNELS=1 before import to run the very same text without compilation (slow, for comparison).
Every kernel keeps its uncompiled text as `.py_func` (numba's own name; the plain variant is its own `.py_func`).

What is compiled is cached on disk.  numba looks only at the file of the kernel itself, so a changed callee in another
file would go on running in its old form; therefore the cache is stamped with the text of all files a kernel may call.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

PLAIN = os.environ.get("REBALANCER_PLAIN_KERNELS") == "1"


def kernel(function: F) -> F:
    """Compile `function` (nogil, cached on disk) unless plain kernels are asked for."""
    if PLAIN:
        function.py_func = function  # type: ignore[attr-defined]
        return function
    import numba

    return cast(F, _stamped(numba.njit(cache=True, nogil=True, boundscheck=False)(function)))


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
    return cast(F, _stamped(numba.njit(**options)(function)))


def inner_kernel(function: F) -> F:
    """Like `view_kernel`, for steps that are called by lot or by position: they become part of their callers.

    A call hands over every array of a named tuple as seven words, and that costs more than the steps themselves (26 us
    against 6 us an account and logic, measured on booking).  It stays one text; only the compiled form is put together.
    """
    if PLAIN:
        function.py_func = function  # type: ignore[attr-defined]
        return function
    import numba

    options: dict[str, Any] = {"cache": True, "nogil": True, "boundscheck": False, "_nrt": False, "forceinline": True}
    return cast(F, _stamped(numba.njit(**options)(function)))


def _stamped(dispatcher: Any) -> Any:
    """Make the cached form of a kernel count only while all files it may call are the same."""
    folder = Path(dispatcher.py_func.__code__.co_filename).parent
    dispatcher._cache._cache_file._source_stamp = _digest(folder)
    return dispatcher


@cache
def _digest(folder: Path) -> str:
    """Return a digest of the Python files of `folder` and of the shared rules that kernels call."""
    shared = Path(__file__).parent.parent
    places = (folder, shared / "exact", shared / "relief")
    files = [shared / "contracts" / "chunks.py", *(file for place in places for file in sorted(place.glob("*.py")))]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
