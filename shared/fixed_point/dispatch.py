"""How kernels find each other: one compiled form per kernel, and calls to machine code that callers do not copy."""

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
from numba.core import sigutils, types
from numba.core.targetconfig import TargetConfig

from shared.fixed_point.kernel_cache import KernelCache
from shared.fixed_point.linked import CallerCompiler, LinkedCompiler


@dataclass(frozen=True)
class _Load:
    """Run before a caller is loaded from disk: bring the external kernel it calls into the process first."""

    module: str
    name: str
    signature: tuple[Any, ...]
    symbol: str  # of the callee's machine code, as the caller names it

    def __call__(self) -> None:
        """Load (or compile) the callee.  Raises OSError if its symbol has another name: the caller is stale."""
        dispatcher = getattr(importlib.import_module(self.module), self.name)
        dispatcher.compile(self.signature)
        if _symbol(dispatcher, self.signature) != self.symbol:
            raise OSError(f"{self.module}.{self.name} was compiled anew")


def dispatcher_of(function: Any, *, external: bool = False, linked: bool = False, **options: bool) -> Any:
    """Return numba's dispatcher of a function; its compiled forms are kept on disk, one for each signature.

    external: callers name its machine code and do not link a copy of it.  linked: it has no machine code of its own,
    and nothing on disk, because its callers' forms contain it.  options: numba's own.
    """
    # Nobody uses the wrapper for callers in C; it would be a tenth of the compile time.
    chosen: dict[str, Any] = {"nogil": True, "boundscheck": False, "no_cfunc_wrapper": True, **options}
    chosen["pipeline_class"] = LinkedCompiler if linked else CallerCompiler
    dispatcher: Any = numba.njit(**chosen)(function)
    if not linked:
        dispatcher._cache = KernelCache(function, repr(sorted(options.items())))
    _compile_once(dispatcher, external=external)
    if options.get("no_cpython_wrapper"):
        _wrap_when_called(dispatcher, options)
    return dispatcher


def _compile_once(dispatcher: Any, *, external: bool) -> None:
    """Give the dispatcher one form for each signature of plain types."""
    plain: Any = types.unliteral
    template, compile_form = dispatcher.get_call_template, dispatcher.compile

    def plain_template(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        # A constant in a call has a type of its own, for which numba would compile the callee once more.
        return template(tuple(map(plain, args)), {name: plain(kind) for name, kind in kws.items()})

    def compile_once(signature: Any) -> Any:
        args = tuple(sigutils.normalize_signature(signature)[0])  # type: ignore[no-untyped-call]
        is_new = args not in dispatcher.overloads
        entry = compile_form(signature)
        if is_new:
            form = dispatcher.overloads[args]
            # numba hands this on from callee to caller, though not for a callee that came from disk.
            form.library._reload_init.update(form.reload_init or ())
            for environment in form._find_referenced_environments():  # of linked callees too
                form.library.codegen.set_env(environment.env_name, environment)
            if external:
                _cut_loose(dispatcher, args, form)
        return entry

    dispatcher.get_call_template, dispatcher.compile = plain_template, compile_once


def _wrap_when_called(dispatcher: Any, options: dict[str, bool]) -> None:
    """Let Python call a kernel that has no wrapper for it: through a second form that has one."""
    with_wrapper = {name: value for name, value in options.items() if name not in ("no_cpython_wrapper", "forceinline")}
    second = cache(lambda: dispatcher_of(dispatcher.py_func, **with_wrapper))
    dispatcher._insert = lambda *_form: None  # else numba would jump to the wrapper that is not there
    dispatcher._compile_for_args = lambda *args, **kws: second()._compile_for_args(*args, **kws)


def _cut_loose(dispatcher: Any, signature: tuple[Any, ...], form: Any) -> None:
    """Make callers of the form name its symbol; loaded from disk, they load the form first."""
    function = dispatcher.py_func
    load = _Load(function.__module__, function.__name__, signature, form.fndesc.mangled_name)
    versions = form.target_context._defns[form.entry_point].versions

    def external(call: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            context.active_code_library._reload_init.add(load)
            return call(context, builder, signature, args)

        lower.signature, lower.libs = call.signature, ()  # type: ignore[attr-defined]
        return lower

    versions[:] = [(signature, external(call)) for signature, call in versions]


def _symbol(dispatcher: Any, signature: tuple[Any, ...]) -> str:
    return str(dispatcher.overloads[signature].fndesc.mangled_name)


def _same_flags(flags: Any, other: Any) -> bool:
    return bool(flags._values == other._values or flags.values() == other.values())


# numba hashes and compares its flags for every operation that it types, each time by listing all of their values.  Its
# hash takes in the names of the options only, so it is one for all flags; this is a tenth of what typing takes.
TargetConfig.__hash__ = lambda flags: hash(type(flags))  # type: ignore[method-assign]
TargetConfig.__eq__ = _same_flags  # type: ignore[method-assign]
