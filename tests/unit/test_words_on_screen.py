"""Whatever a refusal says to a person is in the terms of the screens: no codes, headers, paths or names of fields.

What programs need stands in members of the problem document beside `detail`: `code`, `hint`, `errors`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from services.batch.views import sentences
from shared.http.invalid import refused_by_model

ROOT: Final = Path(__file__).parents[2]
SERVING: Final = (
    "services/gateway", "services/batch", "services/analyzer", "services/taxlot", "shared/http", "shared/contracts",
    "shared/postgres",
)  # fmt: skip
NO_WORDS: Final = re.compile(
    r"[a-z]_[a-z]|[A-Z]{2,}_[A-Z]|(?<![\w<{}])/[a-z]+[/a-z]|\b(HTTP|JSON|UTF-8|CSRF|COMMIT|SQL|Idempotency-Key|If-Match|"
    r"Origin header|NUL|query|body|pydantic|batch)\b"
)
FOR_PROGRAMS: Final = {
    "services/gateway/routes/contracts.py",  # documents of the API
    "shared/http/principal.py",  # between gateway and services; the gateway says it in words of its own
    "shared/contracts/tenancy.py",  # the service does not start: for whoever installs it
}


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in SERVING:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if "/cli/" not in name and "/versions/" not in name and name not in FOR_PROGRAMS:
                yield name, ast.parse(path.read_text())


def _problems(sources: list[tuple[str, ast.Module]]) -> set[str]:
    """Return the names of the classes of problems."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for _, tree in sources
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"Problem"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def _text(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    """Return the fixed parts of a text; what is filled in stands as <>."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "<>" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left, constants) + _text(node.right, constants)
    if isinstance(node, ast.Name) and node.id in constants:
        return _text(constants[node.id], {})
    return "<>"


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def _said() -> Iterator[tuple[str, str]]:
    """Yield each title and each detail of a problem with where it stands."""
    sources = list(_sources())
    problems = _problems(sources)
    raised = problems - {"BadClause"}  # it takes what programs are told, and has one sentence for people
    for name, tree in sources:
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in raised and node.args:
                yield f"{name}:{node.lineno}", _text(node.args[0], constants)
            if isinstance(node, ast.ClassDef) and node.name in problems:
                yield from _of_class(name, node, constants)


def _of_class(name: str, node: ast.ClassDef, constants: dict[str, ast.expr]) -> Iterator[tuple[str, str]]:
    for inner in node.body:
        if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Tuple):
            yield f"{name}:{inner.lineno}", _text(inner.value.elts[-1], constants)
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            for argument in call.args:
                yield f"{name}:{call.lineno}", _text(argument, constants)


def test_every_refusal_is_in_words() -> None:
    said = dict(_said())
    assert len(said) > 60, "the refusals are found"
    assert {where: text for where, text in said.items() if NO_WORDS.search(text)} == {}


@pytest.mark.parametrize("text", ["say batch_id", "MIN_TAX", "sign in at /auth/login", "give an If-Match"])
def test_what_is_no_word_of_the_screens_is_found(text: str) -> None:
    assert NO_WORDS.search(text)


def test_sentences_of_requests_are_in_words() -> None:
    tree = ast.parse(Path(sentences.__file__).read_text())
    prose = [
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr) and " " in (text := _text(node, {})) and '"""' not in text
    ]
    documented = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    } | {ast.get_docstring(tree, clean=False)}
    assert [text for text in prose if text not in documented and NO_WORDS.search(text)] == []


ADDRESS: Final = " Nothing was changed. Open the page from its list again, or take it out of the address."
COMMAND: Final = " Nothing was done. Correct it and try again; if it goes on, load the page again."


@pytest.mark.parametrize(
    ("where", "kind", "given", "context", "said"),
    [
        ("path/batch_id", "int_parsing", "abc", {},
         "The number of the request must be a whole number, and 'abc' was given." + ADDRESS),
        ("query/page", "less_than_equal", "1000001", {"le": 1_000_000},
         "The page must be 1,000,000 or less, and '1000001' was given." + ADDRESS),
        ("body/note", "string_too_long", "x" * 999, {"max_length": 500},
         "The note is longer than 500 letters." + COMMAND),
        ("body/expected_count", "missing", {}, {}, "The number of accounts that you saw is missing." + COMMAND),
        ("body/some_thing", "extra_forbidden", 1, {},
         "The value 'some thing' is not known here, and '1' was given." + COMMAND),
        ("body", "model_attributes_type", None, {}, "What was sent cannot be read as it was sent." + COMMAND),
    ],
)  # fmt: skip
def test_a_value_that_is_not_valid_is_told_in_words_and_kept_for_programs(
    where: str, kind: str, given: object, context: dict[str, int], said: str
) -> None:
    error = {"loc": tuple(where.split("/")), "type": kind, "msg": "m", "input": given, "ctx": context}
    problem = refused_by_model([error])
    assert problem.detail == said
    assert not NO_WORDS.search(said)
    assert problem.extra["errors"] == [{"pointer": f"/{where}", "detail": "m"}]
