"""How text is read, all over the project: `$` also matches before a last line break, and `\\d` takes every script's
digits, so patterns are matched to their whole and digits are written out."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack.layout import CHECKOUT
from tests.unit.source_files import python_files

pytestmark = pytest.mark.fast
MATCHERS = {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"}


def calls_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield calls of methods and functions of modules, with the name that is called."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def of_re(node: ast.Call) -> bool:
    function = node.func
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re"


def pattern_of(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def lines(wrong: Iterator[tuple[Path, ast.Call]]) -> list[str]:
    return [f"{path.relative_to(CHECKOUT)}:{node.lineno}" for path, node in wrong]


def test_no_pattern_ends_in_a_sign_that_lets_a_line_break_through() -> None:
    def found() -> Iterator[tuple[Path, ast.Call]]:
        for path in python_files("services", "shared", "deploy"):
            for name, node in calls_in(path):
                multiline = any("MULTILINE" in ast.dump(argument) for argument in node.args)
                if name in MATCHERS and of_re(node) and "$" in pattern_of(node).replace(r"\$", "") and not multiline:
                    yield path, node

    assert lines(found()) == [], "leave the $ out and use fullmatch"


def test_digits_are_zero_to_nine() -> None:
    def is_loose(name: str, node: ast.Call, line: str) -> bool:
        if name in MATCHERS and of_re(node):
            return r"\d" in pattern_of(node) and "ASCII" not in ast.dump(node)
        return name in ("isdigit", "isdecimal", "isnumeric") and "isascii()" not in line

    def found() -> Iterator[tuple[Path, ast.Call]]:
        for path in python_files("services", "shared", "deploy"):
            lines = path.read_text().splitlines()
            yield from ((path, node) for name, node in calls_in(path) if is_loose(name, node, lines[node.lineno - 1]))

    assert lines(found()) == [], "write [0-9], or ask isascii() too: other scripts have digits that int() reads"
