"""Where numba keeps compiled kernels: one folder for all processes and checkouts, a subfolder per content."""

import contextlib
import os
from functools import cache
from pathlib import Path
from typing import Any, Self

from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from shared.fixed_point.source_digest import content_key, kernel_home


class _ByContent(_CacheLocator):
    """Names the folder of a kernel by its module and that module's content key."""

    def __init__(self, function: Any, file: str) -> None:
        key = content_key(Path(file).resolve())
        self._line = function.__code__.co_firstlineno
        self._folder = _used(kernel_home() / f"{function.__module__}-{key}")

    def get_cache_path(self) -> str:
        """Return the folder as numba wants it."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Return what must be equal for a kept form to count: the folder's name, a digest of the content."""
        return self._folder.name

    def get_disambiguator(self) -> str:
        """Return what tells functions of one name apart."""
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Self:
        """Return the locator of a function's folder."""
        return cls(py_func, py_file)


class _Form(CompileResultCacheImpl):
    _locator_classes = [_ByContent]  # noqa: RUF012  # as numba has it


class KernelCache(FunctionCache):
    """Keeps compiled forms by content.  A folder that cannot be written to costs time at the next start, no more."""

    _impl_class = _Form

    def __init__(self, function: Any, options: str) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._options = options

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """Return what a form on disk is found by: numba's key, and the options it was compiled with."""
        return (*super()._index_key(sig, codegen), self._options)  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a kept form, None when there is none that can be read."""
        with contextlib.suppress(OSError):
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled form; leave it when the folder does not take it."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


@cache
def _used(folder: Path) -> Path:
    """Note that the folder is in use: `shared.runtime.kernels` deletes those that have not been for long."""
    with contextlib.suppress(OSError):
        os.utime(folder)
    return folder
