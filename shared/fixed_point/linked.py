"""Code of kernels that only other kernels call: it is translated where it is used, not on its own.

numba optimises every function and turns it into machine code before it hands a copy to the callers, and those optimise
the copy again.  Here a callee stays as it was written; LLVM sees it once, as a part of the kernel that Python calls.
`make bench-compile` compares the processor time with that of an earlier commit.
"""

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class CallerCompiler(Compiler):
    """numba's compiler for what is called from outside: its library contains all that it reaches."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        super().__init__(typingctx, targetctx, library or self._library(targetctx.codegen()), *rest)  # type: ignore[no-untyped-call]

    def _library(self, codegen: Any) -> JITCodeLibrary:
        library = _Caller(codegen, "kernel")  # type: ignore[no-untyped-call]
        library.enable_object_caching()  # type: ignore[no-untyped-call]
        return library


class LinkedCompiler(CallerCompiler):
    """numba's compiler for what callers link in: its library has no machine code."""

    def _library(self, codegen: Any) -> JITCodeLibrary:
        return _Linked(codegen, "linked")  # type: ignore[no-untyped-call]


class _Caller(JITCodeLibrary):
    def add_linking_library(self, library: Any) -> None:
        """Link a callee in, and what it calls."""
        if library in self._linking_libraries:
            return
        super().add_linking_library(library)  # type: ignore[no-untyped-call]
        if isinstance(library, _Linked):
            for callee in library._linking_libraries:
                self.add_linking_library(callee)


class _Linked(JITCodeLibrary):
    def finalize(self) -> None:
        """Leave optimisation and translation to the caller, and callees too: each is linked in once."""
        for callee in self._linking_libraries:
            self._reload_init.update(callee._reload_init)
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name == "external":
                function.linkage = "linkonce_odr"  # the caller may drop it
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._shared_module = self._final_module
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: no function of it can be called from outside."""
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        return 0

    @property
    def codegen(self) -> Any:
        """Return what numba asks to store the function's environment, for which there is no memory yet."""
        return _NoMemory()


class _NoMemory:
    def set_env(self, name: str, env: Any) -> None:
        """Leave it to the caller, whose code it becomes a part of."""
