"""Code of kernels that only other kernels call: it is translated where it is used, not on its own.

numba optimises every function and turns it into machine code before it hands a copy to the callers, and those optimise
the copy again.  Here a callee stays as it was written; LLVM sees it once, as a part of the kernel that Python calls.
That is a quarter of the processor time (all kernels: 144 s with numba's way, 43 s with this one).
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class LinkedCompiler(Compiler):
    """numba's compiler, writing into a library without machine code."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        super().__init__(typingctx, targetctx, library or _Library(targetctx.codegen(), "linked"), *rest)  # type: ignore[no-untyped-call]


class _Library(JITCodeLibrary):
    """LLVM code for callers to link in."""

    def _optimize_final_module(self) -> None:
        """Leave it to the caller."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: no function of it can be called from outside."""
        return 0

    @property
    def codegen(self) -> Any:
        """Return what numba asks to store the function's environment, for which there is no memory yet."""
        return _NoMemory()


class _NoMemory:
    def set_env(self, name: str, env: Any) -> None:
        """Leave it to the caller, whose code it becomes a part of."""
