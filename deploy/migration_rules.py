"""What a migration must not do: keep others waiting for a lock, or take away what the running release uses.

`python -m deploy.migration_rules` reads the SQL that every migration would run, without a database, and prints what
breaks a rule.  A migration expands or contracts, never both: `phase = "contract"` in its module, and the release from
which on nothing uses what it takes away.  Source: docs/upgrading.md "Migrations".
"""

import importlib.util
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from deploy.migration_exceptions import EXCEPTIONS
from deploy.roles import SERVICES
from deploy.stack.layout import CHECKOUT
from shared.runtime.version import VERSION

RULES: Final = {
    "required_column": "ADD COLUMN ... NOT NULL needs a constant default: the release before writes rows without it",
    "volatile_default": "a default that differs by row rewrites the table under a lock",
    "blocking_index": "an index on a table that exists is made CONCURRENTLY, before the migration, which lists it",
    "type_change": "another type rewrites the table and breaks readers: add a column, fill it, read both",
    "not_null": "SET NOT NULL reads the table under a lock and breaks the release before: CHECK ... NOT VALID first",
    "validated_constraint": "a constraint on a table that exists is added NOT VALID and validated in a later migration",
    "taken_away": "DROP and RENAME break the release before: only in a migration whose phase is contract",
    "rewritten_rows": "UPDATE and DELETE of a table that exists lock its rows for long: fill in batches, by a command",
    "table_lock": "LOCK, CLUSTER, VACUUM FULL, REINDEX and TRUNCATE keep everybody out",
    "time_out": "the session of a migration has its time-outs; it must not set others",
    "phase": "a migration that contracts names the earlier release from which on nothing uses this (unused_since)",
}
"""Every rule by name, with what to do instead."""

_PIECE: Final = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1|;|[^;'\"\$/-]+|.", re.DOTALL
)
_NAME: Final = r'(?:IF (?:NOT )?EXISTS )?(?:ONLY )?(?:"?\w+"?\.)?"?(\w+)"?'
_CREATE_TABLE: Final = re.compile(rf"CREATE (?:TEMP |TEMPORARY |UNLOGGED )?TABLE {_NAME}", re.IGNORECASE)
_ALTER_TABLE: Final = re.compile(rf"ALTER TABLE {_NAME}", re.IGNORECASE)
_INDEX: Final = re.compile(rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*?\bON {_NAME}", re.IGNORECASE)
_CHANGED_ROWS: Final = re.compile(rf"(?:UPDATE|DELETE FROM) {_NAME}", re.IGNORECASE)
_TAKEN: Final = re.compile(
    r"DROP (?:TABLE|COLUMN|VIEW|SEQUENCE|TYPE|SCHEMA|FUNCTION|DEFAULT)|RENAME (?:TO|COLUMN|CONSTRAINT|\w+ TO)",
    re.IGNORECASE,
)
_CONSTANT: Final = re.compile(r"DEFAULT\s+(?:'|-?[0-9]|true\b|false\b|NULL\b|ARRAY\[\])", re.IGNORECASE)
_LOCKS: Final = re.compile(r"(?:LOCK TABLE|CLUSTER|VACUUM FULL|REINDEX|TRUNCATE)\b", re.IGNORECASE)
_TIME_OUT: Final = re.compile(r"SET .*\b(?:lock_timeout|statement_timeout)\b", re.IGNORECASE)
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


@dataclass(frozen=True, order=True)
class Breach:
    """A statement of a migration that breaks a rule."""

    service: str
    revision: str
    rule: str
    statement: str


def main() -> int:
    """Print every breach that is no listed exception; return 1 if there is one."""
    found = [breach for breach in breaches() if (breach.service, breach.revision, breach.rule) not in EXCEPTIONS]
    for breach in found:
        print(f"{breach.service} {breach.revision}: {breach.rule}: {RULES[breach.rule]}\n    {breach.statement[:200]}")
    return 1 if found else 0


def breaches() -> list[Breach]:
    """Return everything in every migration of every service that breaks a rule, listed exceptions included."""
    found = []
    for service in SERVICES:
        for path in sorted((CHECKOUT / "services" / service / "store" / "versions").glob("[0-9]*.py")):
            module = _module(path)
            if module.down_revision is None:
                continue  # the first makes a schema that nobody uses
            contracts = getattr(module, "phase", "expand") == "contract"
            rules = [(rule, sql) for sql, rule in judged(_sql(module)) if not (contracts and rule == "taken_away")]
            if contracts and not _is_past(getattr(module, "unused_since", "")):
                rules.append(("phase", f"unused_since = {getattr(module, 'unused_since', None)!r}"))
            found += [Breach(service, module.revision, rule, sql) for rule, sql in rules]
    return found


def judged(sql: str) -> Iterator[tuple[str, str]]:
    """Yield (statement, rule) for every rule that a statement of the script breaks."""
    statements = list(split(sql))
    made = {match[1] for statement in statements if (match := _CREATE_TABLE.match(statement))}
    for statement in statements:
        for rule in _broken(statement, made):
            yield statement, rule


def split(sql: str) -> Iterator[str]:
    """Yield the statements of a script, without comments, each with single spaces between its words.

    Literals, quoted names and dollar-quoted bodies stay as they are; a body is not looked into.
    """
    pieces: list[str] = []
    for match in _PIECE.finditer(sql):
        piece = match[0]
        if piece == ";":
            yield from _whole(pieces)
            pieces = []
        elif piece.startswith(("--", "/*")):
            pieces.append(" ")
        elif piece.startswith("$") and match[1]:
            pieces.append("$body$")
        else:
            plain = piece if piece[0] in "'\"" else re.sub(r"\s+", " ", piece)
            pieces.append(plain.lstrip() if pieces and pieces[-1].endswith(" ") else plain)
    yield from _whole(pieces)


def _whole(pieces: Sequence[str]) -> Iterator[str]:
    text = "".join(pieces).strip()
    if text:
        yield text


def _broken(statement: str, made: set[str]) -> Iterator[str]:
    """Yield the rules that a statement breaks.  made: tables of the same migration, which nobody uses yet."""
    if _TIME_OUT.match(statement):
        yield "time_out"
    if _LOCKS.match(statement):
        yield "table_lock"
    if (match := _INDEX.match(statement)) and match[1] not in made:
        yield "blocking_index"
    if (match := _CHANGED_ROWS.match(statement)) and match[1] not in made:
        yield "rewritten_rows"
    altered = _ALTER_TABLE.match(statement)
    if altered and altered[1] in made:
        return
    if _TAKEN.match(statement) or (altered and _TAKEN.search(_unquoted(statement))):
        yield "taken_away"
    if altered:
        for action in _actions(statement[altered.end() :]):
            yield from _broken_by_action(action)


def _broken_by_action(action: str) -> Iterator[str]:
    """Yield the rules that an action of ALTER TABLE breaks, such as ADD COLUMN."""
    plain = _unquoted(action).upper()
    if re.match(r"ALTER (?:COLUMN )?\S+ (?:SET DATA )?TYPE\b", plain):
        yield "type_change"
    if re.match(r"ALTER (?:COLUMN )?\S+ SET NOT NULL", plain):
        yield "not_null"
    adds_constraint = re.match(r"ADD (?:CONSTRAINT|CHECK|FOREIGN|UNIQUE|PRIMARY|EXCLUDE)\b", plain)
    if adds_constraint and not re.search(r"\bNOT VALID\b|\bUSING INDEX\b", plain):
        yield "validated_constraint"
    if not adds_constraint and re.match(r"ADD (?:COLUMN )?", plain):
        if re.search(r"\b(?:CHECK|REFERENCES|UNIQUE|PRIMARY KEY)\b", plain):
            yield "validated_constraint"
        has_default = re.search(r"\bDEFAULT\b|\bGENERATED\b", plain)
        if re.search(r"\bNOT NULL\b", plain) and not has_default:
            yield "required_column"
        if has_default and not _CONSTANT.search(action):
            yield "volatile_default"


def _actions(text: str) -> Iterator[str]:
    """Yield the actions of an ALTER TABLE, which commas outside of brackets and literals divide."""
    depth, action = 0, ""
    for piece in re.findall(r"'(?:[^']|'')*'|.", text, re.DOTALL):
        depth += (piece in "([") - (piece in ")]")
        if piece == "," and depth == 0:
            yield action.strip()
            action = ""
        else:
            action += piece
    yield action.strip()


def _unquoted(text: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", text)


def _is_past(version: str) -> bool:
    """Say whether a release is before the present one."""
    if not _VERSION.fullmatch(version):
        return False
    return [*map(int, version.split("."))] < [*map(int, VERSION.split("."))]


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"migration_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # noqa: S101  # a Python file has both
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Connection:
    """Stands for the connection with which a migration binds values: its statements count, not their results."""

    def __init__(self, output: io.StringIO) -> None:
        self._output = output

    def execute(self, statement: object, _values: object = None) -> "_Connection":
        self._output.write(f"{statement};\n")
        return self

    def __getattr__(self, _name: str) -> Any:
        """Stand for any result: a migration that reads before it writes goes on with nothing."""
        return lambda *_: None


def _sql(module: Any) -> str:
    """Return the SQL that the migration runs when it upgrades."""
    output = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": output, "literal_binds": True}
    )
    operations = Operations(context)
    operations.get_bind = lambda: _Connection(output)  # type: ignore[method-assign,assignment,return-value]
    operations._install_proxy()  # noqa: SLF001  # as Alembic does around a migration
    try:
        module.upgrade()
    finally:
        operations._remove_proxy()  # noqa: SLF001
    return output.getvalue()


if __name__ == "__main__":
    sys.exit(main())
