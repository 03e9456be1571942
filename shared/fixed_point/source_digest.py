"""What a compiled kernel depends on, as one text: the content of its module and of all of ours that it imports.

numba itself looks at the kernel's own file only, so a changed callee in another file would go on running in its old
form.  A key over the whole tree of imports is right for every checkout, at any path and any time of its files, and two
checkouts with the same rules share what one of them compiled.
"""

import hashlib
import importlib.metadata
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]*))", re.MULTILINE
)
_COMPILERS = ("numba", "llvmlite", "numpy")


def kernel_home() -> Path:
    """Return the folder of all compiled kernels: NUMBA_CACHE_DIR when set, else one in the user's cache folder."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rebalancer" / "kernels"


@cache
def content_key(file: Path) -> str:
    """Return a digest of the module in `file`, of every module of ours it imports, however far away, and of what
    compiles: the libraries' versions and their settings in the environment."""
    digest = hashlib.sha256(_compilers().encode())
    for module in sorted(modules_of(file)):
        digest.update(f"\0{module.relative_to(ROOT)}\0".encode() + module.read_bytes())
    return digest.hexdigest()[:24]


@cache
def modules_of(file: Path) -> frozenset[Path]:
    """Return the file itself and the files of all modules of ours that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(_imported(module))
    return frozenset(found)


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    """Return the files of ours that one file imports.  Lines are looked for, as a syntax tree takes ten times as long
    at every start; a test compares the two for every file of a kernel."""
    names: list[str] = []
    for base, listed, plain in _IMPORT.findall(file.read_text()):
        imported = [word.split()[0] for word in (listed or plain).strip("()\n ").split(",") if word.strip()]
        names += [base, *(f"{base}.{word}" for word in imported)] if base else imported
    return tuple(path for name in names for path in _file_of(name))


def _file_of(name: str) -> Iterator[Path]:
    path_of_module = ROOT.joinpath(*name.split("."))
    for path in (path_of_module.with_name(path_of_module.name + ".py"), path_of_module / "__init__.py"):
        if path.is_file():
            yield path


@cache
def _compilers() -> str:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _COMPILERS]
    chosen = [f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith("NUMBA_")]
    return "\n".join([*versions, *(setting for setting in chosen if not setting.startswith("NUMBA_CACHE_DIR="))])
