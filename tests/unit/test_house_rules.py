"""Rules of the house that no linter knows: what may be committed, what domain code may import, how big things get."""

import ast
import subprocess
import sys
from collections import defaultdict

import pytest

from deploy.stack.layout import CHECKOUT
from tests.unit.source_files import imported, python_files, tracked

REGISTRIES = (
    ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("registry", "yarnpkg", "com"),
    ("repo", "maven", "apache", "org"), ("repo1", "maven", "org"), ("crates", "io"), ("proxy", "golang", "org"),
    ("deb", "debian", "org"),
)  # fmt: skip
MACHINE_PATHS = (("/work", "/main"), ("/work", "/shared"), ("/tmp", "/brief"), ("/root", "/."))
PURE = {
    "shared.fixed_point", "shared.rules", "shared.contracts", "shared.columnar",
    "numpy", "numba", "__future__", "abc", "bisect", "collections",
    "contextlib", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq",
    "itertools", "math", "operator", "re", "string", "struct",
    "types", "typing", "typing_extensions", "urllib.parse", "uuid", "zoneinfo",
}  # fmt: skip
LONGEST_MODULE, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 70, 8
ONE_FOR_EACH_QUERY_PARAMETER = {
    "list_batch_accounts",
    "get_batch_account",
    "export_batch_accounts",
    "export_batch_trades",
    "list_security_trades",
}
"""Routes whose parameters are those of the request."""
TWINS = {"Settings", "Dependencies", "Handlers", "Database", "LotPick"}
"""Class names of several modules, on purpose: the same in each service; a pick as it comes in and as it is shown."""


@pytest.mark.parametrize("pieces", [*REGISTRIES, *MACHINE_PATHS], ids=lambda pieces: "-".join(pieces).replace("/", ""))
def test_no_committed_file_names_a_package_registry_or_a_path_of_one_machine(pieces: tuple[str, ...]) -> None:
    """The names are in pieces, for this file is committed too."""
    word = ("" if pieces[0].startswith("/") else ".").join(pieces).encode()
    found = [str(path.relative_to(CHECKOUT)) for path in tracked() if word in path.read_bytes()]
    assert not found, f"{word.decode()} stands in {found}: leave it out, clients know their registries by themselves"


@pytest.mark.parametrize("lock", ["runtime", "dev"])
def test_every_locked_package_has_a_version_and_hashes_and_no_address(lock: str) -> None:
    text = (CHECKOUT / "requirements" / f"{lock}.lock").read_text()
    entries = [entry for entry in text.split("\n") if entry and not entry.startswith((" ", "#"))]
    assert entries
    assert all("==" in entry and entry.endswith("\\") for entry in entries)
    assert text.count("==") - text.count("python_full_version ==") > 0
    assert "://" not in text


def test_the_runtime_lock_is_part_of_the_whole_lock() -> None:
    def pins(name: str) -> set[str]:
        lines = (CHECKOUT / "requirements" / name).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert pins("runtime.lock") <= pins("dev.lock")


def test_domain_code_imports_only_what_is_pure() -> None:
    wrong = []
    for path in python_files("services", "shared"):
        folders = path.relative_to(CHECKOUT).parts
        if "domain" not in folders and folders[:2] != ("shared", "rules"):
            continue
        own = ".".join(folders[: folders.index("domain" if "domain" in folders else "rules") + 1])
        for name in imported(path):
            allowed = name == own or name.startswith(own + ".")
            allowed |= name == "importlib.resources" and own == "shared.rules"  # a data file of the package
            allowed |= any(name == pure or name.startswith(pure + ".") for pure in PURE)
            if not allowed:
                wrong.append(f"{path.relative_to(CHECKOUT)} imports {name}")
    assert not wrong, "domain code takes facts in and gives decisions out: " + "; ".join(wrong)


def test_no_test_module_imports_another_one() -> None:
    """What two of them need stands in the harness, the builders or the conftest of their folder."""
    wrong = [
        f"{path.relative_to(CHECKOUT)} imports {name}"
        for path in python_files("tests")
        for name in imported(path)
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert not wrong, wrong


def test_a_class_name_stands_for_one_thing() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for path in python_files("services", "shared"):
        if "versions" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and node.name not in TWINS:
                    modules[node.name].append(str(path.relative_to(CHECKOUT)))
    twice = {name: where for name, where in modules.items() if len(where) > 1}
    assert not twice, f"{twice}: name each after what it is"


def test_modules_and_functions_stay_readable() -> None:
    long = []
    for path in python_files("services", "shared", "deploy"):
        text = path.read_text()
        if len(text.splitlines()) > LONGEST_MODULE:
            long.append(f"{path.relative_to(CHECKOUT)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > LONGEST_FUNCTION:
                    long.append(f"{path.relative_to(CHECKOUT)}: {node.name} has {size} lines")
                if len(_parameters(node)) > MOST_PARAMETERS and node.name not in ONE_FOR_EACH_QUERY_PARAMETER:
                    long.append(f"{path.relative_to(CHECKOUT)}: {node.name} has {len(_parameters(node))} parameters")
    assert not long, long


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args
    names = [parameter.arg for parameter in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def test_importing_any_module_starts_nothing() -> None:
    modules = [
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files("services", "shared")
        if path.name != "__main__.py" and "migrations" not in path.parts
    ]
    program = (
        "import importlib, os, socket, sys, threading\n"
        "def refuse(*_): raise RuntimeError('an import opened a connection')\n"
        "socket.socket.connect = socket.socket.bind = refuse\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "left = [t.name for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]\n"
        "sys.exit(f'threads run: {left}' if left else 0)\n"
    )
    bare = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1500:]
