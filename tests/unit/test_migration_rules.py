"""Migrations keep nobody waiting and take nothing away that the running release uses."""

from pathlib import Path

import pytest

from deploy import migration_rules
from deploy.migration_exceptions import EXCEPTIONS
from deploy.migration_rules import RULES, breaches, judged, split
from shared.postgres.pool import MIGRATION

pytestmark = pytest.mark.fast
REFUSED = [
    ("ALTER TABLE flag ADD COLUMN a text NOT NULL", "required_column"),
    ("ALTER TABLE flag ADD a text, ADD COLUMN b integer NOT NULL", "required_column"),
    ("ALTER TABLE flag ADD COLUMN a timestamptz NOT NULL DEFAULT now()", "volatile_default"),
    ("ALTER TABLE flag ADD COLUMN a uuid DEFAULT gen_random_uuid()", "volatile_default"),
    ("ALTER TABLE flag ADD COLUMN a bigint GENERATED ALWAYS AS IDENTITY", "volatile_default"),
    ("CREATE INDEX a ON flag (b)", "blocking_index"),
    ("create unique index if not exists a on only batch.flag using gin (b)", "blocking_index"),
    ("ALTER TABLE flag ALTER COLUMN a TYPE bigint", "type_change"),
    ("ALTER TABLE flag ALTER a SET DATA TYPE bigint USING a::bigint", "type_change"),
    ("ALTER TABLE flag ALTER COLUMN a SET NOT NULL", "not_null"),
    ("ALTER TABLE flag ADD CONSTRAINT a CHECK (b > 0)", "validated_constraint"),
    ("ALTER TABLE flag ADD CHECK (b > 0)", "validated_constraint"),
    ("ALTER TABLE flag ADD FOREIGN KEY (b) REFERENCES account", "validated_constraint"),
    ("ALTER TABLE flag ADD COLUMN b bigint REFERENCES account", "validated_constraint"),
    ("ALTER TABLE flag ADD COLUMN b text DEFAULT 'a' CHECK (b IN ('a', 'b'))", "validated_constraint"),
    ("DROP TABLE flag", "taken_away"),
    ("DROP FUNCTION outbox_add(text)", "taken_away"),
    ("ALTER TABLE flag DROP COLUMN a", "taken_away"),
    ("ALTER TABLE flag ADD COLUMN b text, DROP COLUMN IF EXISTS a", "taken_away"),
    ("ALTER TABLE flag ALTER COLUMN a DROP DEFAULT", "taken_away"),
    ("ALTER TABLE flag RENAME TO mark", "taken_away"),
    ("ALTER TABLE flag RENAME COLUMN a TO b", "taken_away"),
    ("ALTER TABLE flag RENAME a TO b", "taken_away"),
    ("UPDATE flag SET a = 1", "rewritten_rows"),
    ("DELETE FROM flag", "rewritten_rows"),
    ("LOCK TABLE flag", "table_lock"),
    ("TRUNCATE flag", "table_lock"),
    ("VACUUM FULL flag", "table_lock"),
    ("SET LOCAL lock_timeout = 0", "time_out"),
    ("SET statement_timeout TO '1h'", "time_out"),
]
ALLOWED = [
    "ALTER TABLE flag ADD COLUMN a text",
    "ALTER TABLE flag ADD COLUMN a text NOT NULL DEFAULT 'a, b; CHECK (c)'",
    "ALTER TABLE flag ADD COLUMN a bigint NOT NULL DEFAULT -1, ADD COLUMN b boolean NOT NULL DEFAULT false",
    "ALTER TABLE flag ADD CONSTRAINT a CHECK (b > 0) NOT VALID",
    "ALTER TABLE flag VALIDATE CONSTRAINT a",
    "ALTER TABLE flag ADD CONSTRAINT a UNIQUE USING INDEX b",
    "ALTER TABLE flag DROP CONSTRAINT a",
    "ALTER TABLE flag ENABLE ROW LEVEL SECURITY",
    "CREATE INDEX CONCURRENTLY a ON flag (b)",
    "CREATE TABLE t (a text NOT NULL, b int REFERENCES flag CHECK (b > 0)); CREATE INDEX i ON t (a); DELETE FROM t",
    "CREATE TABLE t (a text); ALTER TABLE t ADD COLUMN b text NOT NULL; ALTER TABLE t RENAME a TO c; DELETE FROM t",
    "INSERT INTO t SELECT a FROM flag",
    "COMMENT ON TABLE flag IS 'DROP TABLE flag; UPDATE flag SET a = 1'",
    "-- DROP TABLE flag;\nSELECT 1 /* DELETE FROM flag; */",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN DELETE FROM flag; DROP TABLE x; END $body$",
    "DO $$ BEGIN UPDATE flag SET a = 1; END $$",
    "DROP POLICY work ON flag; DROP INDEX a; REVOKE ALL ON flag FROM batch",
]


@pytest.mark.parametrize(("sql", "rule"), REFUSED)
def test_a_statement_that_breaks_a_rule_is_found(sql: str, rule: str) -> None:
    assert rule in {broken for _, broken in judged(f"CREATE TABLE other (a text); {sql};")}
    assert rule in RULES


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_keeps_nobody_waiting_and_takes_nothing_away_is_allowed(sql: str) -> None:
    assert list(judged(sql)) == []


def test_a_script_is_divided_where_statements_end() -> None:
    script = "SELECT ';', \"a;b\"; -- c;\nDO $x$ BEGIN; $$ ; $$ END $x$;\n\n/* d; */ SELECT   'it''s  2';"
    assert list(split(script)) == ["SELECT ';', \"a;b\"", "DO $body$", "SELECT 'it''s  2'"]


def test_every_migration_keeps_the_rules_or_is_listed_with_a_reason() -> None:
    found = {(breach.service, breach.revision, breach.rule): breach.statement for breach in breaches()}
    unknown = {key: statement for key, statement in found.items() if key not in EXCEPTIONS}
    assert not unknown, "see `python -m deploy.migration_rules`; docs/upgrading.md says what to do instead"
    assert EXCEPTIONS.keys() <= found.keys(), "an exception that nothing needs"
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())
    assert migration_rules.main() == 0


@pytest.mark.parametrize(
    ("head", "rules"),
    [
        ("", {"taken_away"}),
        ('phase = "expand"', {"taken_away"}),
        ('phase = "contract"', {"phase"}),
        ('phase = "contract"\nunused_since = "99.0.0"', {"phase"}),
        ('phase = "contract"\nunused_since = "soon"', {"phase"}),
        ('phase = "contract"\nunused_since = "0.0.1"', set()),
    ],
)
def test_only_a_later_release_takes_away_what_an_earlier_one_stopped_using(
    head: str, rules: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tmp_path / "services" / "batch" / "store" / "versions"
    versions.mkdir(parents=True)
    begin, end = (
        'from alembic import op\nrevision, down_revision = "b", "a"',
        'def upgrade():\n    op.execute("DROP TABLE x")',
    )
    (versions / "0002_b.py").write_text(f"{begin}\n{head}\n{end}\n")
    monkeypatch.setattr(migration_rules, "CHECKOUT", tmp_path)
    assert {breach.rule for breach in breaches()} == rules


def test_a_migration_waits_for_a_lock_for_seconds_only() -> None:
    assert MIGRATION.lock_s <= 2, "whoever wants the table waits behind it"
    assert MIGRATION.statement_s > 0
