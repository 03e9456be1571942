"""Row-level security of a service's tables, as its migrations install it.

There are three roles (deploy/roles.py creates them): `<service>_migrator` owns the tables, `<service>` works on all
rows, `<service>_requests` sees the rows of the scope that its transaction entered.  A scope must be sealed with a key
that the role of requests cannot read, so that no setting of its own shows it another tenant's rows.
Source: architecture "Tenancy"; docs/decisions/0018-roles-of-the-database.md.
"""

import secrets
from collections.abc import Mapping
from typing import Final

from alembic import op
from sqlalchemy import text

AUDITOR: Final = "auditor"
"""The role that compares what the services have stored; deploy/roles.py creates it."""

# HMAC-SHA256 as in RFC 2104; both pads are stored because PostgreSQL has no XOR of bytea.
_SCOPE: Final = """
CREATE TABLE scope_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL, inner_pad bytea NOT NULL, outer_pad bytea NOT NULL
);
CREATE TYPE entered_scope AS (
    subject text, session text, enterprises text[], all_advisors boolean, advisors text[]
);
CREATE FUNCTION entered() RETURNS entered_scope
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told CONSTANT text := current_setting('app.scope', true);
    seal text;
BEGIN
    IF coalesce(told, '') = '' THEN
        RETURN NULL;
    END IF;
    SELECT encode(sha256(outer_pad || sha256(inner_pad || convert_to(substr(told, 65), 'UTF8'))), 'hex')
        INTO STRICT seal FROM {schema}.scope_key;
    IF left(told, 64) <> seal THEN
        RAISE EXCEPTION 'the scope does not carry the seal of this service' USING ERRCODE = '42501';
    END IF;
    RETURN jsonb_populate_record(NULL::{schema}.entered_scope, substr(told, 65)::jsonb);
END $$;
REVOKE ALL ON FUNCTION entered() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION entered() TO {schema}, {schema}_requests;
REVOKE ALL ON scope_key FROM {schema};
GRANT SELECT ON scope_key TO {schema};
"""

# Sub-selects are evaluated once per statement, not per row; without a scope they are null, and so is the rule.
_ENTERPRISES: Final = "(SELECT (entered()).enterprises)::text[]"
_ADVISORS: Final = "(SELECT (entered()).advisors)::text[]"
_ALL_ADVISORS: Final = "(SELECT (entered()).all_advisors)"
SUBJECT: Final = "(SELECT (entered()).subject)"
SESSION: Final = "(SELECT (entered()).session)"
OF_ONE: Final = f"enterprise_id = ANY ({_ENTERPRISES}) AND ({_ALL_ADVISORS} OR advisor_id = ANY ({_ADVISORS}))"
"""Rows that name one enterprise and one advisor."""
OF_MANY: Final = (
    f"enterprise_ids <> '{{}}' AND enterprise_ids <@ {_ENTERPRISES} AND ({_ALL_ADVISORS} OR advisor_ids <@ {_ADVISORS})"
)
"""Rows that name several of both: all of them must be in scope."""
OF_ENTERPRISE: Final = f"enterprise_id = ANY ({_ENTERPRISES})"
"""Rows of a whole enterprise."""
OF_SUBJECT: Final = f"subject = {SUBJECT}"
"""Rows of one user."""


def of_account(table: str, accounts: str) -> str:
    """Return the rule of rows that name only an account: visible if the account is visible in table `accounts`."""
    return f"EXISTS (SELECT FROM {accounts} AS owner WHERE owner.account_id = {table}.account_id)"


def install_scope(schema: str) -> None:
    """Create the function that policies call for the transaction's scope, and the key with which scopes are sealed."""
    op.execute(_SCOPE.format(schema=schema))
    key = secrets.token_bytes(32)
    pads = [bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C)]
    op.get_bind().execute(
        text("INSERT INTO scope_key (key, inner_pad, outer_pad) VALUES (:key, :inner, :outer)"),
        {"key": key, "inner": pads[0], "outer": pads[1]},
    )


def protect(schema: str, rules: Mapping[str, str]) -> None:
    """Force row-level security on tables.  rules: table -> condition for the role of requests; others see all rows."""
    for table, rule in rules.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY work ON {table} TO {schema}, {schema}_migrator USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY tenancy ON {table} TO {schema}_requests USING ({rule}) WITH CHECK ({rule})")


def allow(schema: str, rights: Mapping[str, str]) -> None:
    """Grant the role of requests its rights.  rights: table -> e.g. "SELECT, UPDATE (epoch)"."""
    for table, right in rights.items():
        op.execute(f"GRANT {right} ON {table} TO {schema}_requests")


def show_auditor(columns: Mapping[str, str]) -> None:
    """Let the role of the auditor read columns of all rows, and nothing else.  columns: table -> their names."""
    for table, names in columns.items():
        op.execute(f"GRANT SELECT ({names}) ON {table} TO {AUDITOR}")
        op.execute(f"CREATE POLICY audit ON {table} FOR SELECT TO {AUDITOR} USING (true)")


def hide_from_auditor(columns: Mapping[str, str]) -> None:
    """Undo `show_auditor`."""
    for table, names in columns.items():
        op.execute(f"DROP POLICY audit ON {table}")
        op.execute(f"REVOKE SELECT ({names}) ON {table} FROM {AUDITOR}")


def unprotect(schema: str, rules: Mapping[str, str]) -> None:
    """Undo `protect`, and revoke the rights of the role of requests."""
    for what in ("TABLES", "SEQUENCES"):
        op.execute(f"REVOKE ALL ON ALL {what} IN SCHEMA {schema} FROM {schema}_requests")
    for table in rules:
        op.execute(f"DROP POLICY work ON {table}")
        op.execute(f"DROP POLICY tenancy ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


def remove_scope() -> None:
    """Drop what `install_scope` created."""
    op.execute("DROP FUNCTION entered(); DROP TYPE entered_scope; DROP TABLE scope_key")
