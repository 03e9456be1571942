"""The files of this checkout, for rules about all of them."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from deploy.stack.layout import CHECKOUT


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files under version control, else all files but those that are made."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    names = (CHECKOUT / name for name in listing.stdout.split("\0") if name)
    return tuple(path for path in names if path.is_file())


def python_files(*tops: str) -> list[Path]:
    """Return the tracked Python files below the top folders."""
    return [path for path in tracked() if path.suffix == ".py" and path.relative_to(CHECKOUT).parts[0] in tops]


def imported(path: Path) -> Iterator[str]:
    """Yield the absolute names a module imports."""
    package = path.relative_to(CHECKOUT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join((*base, *([node.module] if node.module else [])))


def names_imported(path: Path) -> Iterator[str]:
    """Yield what `imported` yields, and every name imported from a module, which may be a module itself."""
    yield from imported(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, modules: Iterable[str]) -> bool:
    """Say whether a dotted name is one of the modules or lies below one."""
    return any(name == module or name.startswith(module + ".") for module in modules)
