"""The chain of the audit log is followed in parts, by the check of this service and by the auditor.

Both call the same functions, so there is one rule.  The auditor calls them without the right to read a record: they
say which number does not fit, and hashes of the chain's end.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import AUDITOR

revision = "gateway_auditor"
down_revision = "gateway_roles"
branch_labels = None
depends_on = None

# Each hash covers the record and its predecessor, and numbers have no gap.
_FUNCTIONS: Final = """
CREATE FUNCTION audit_follow(
    after bigint, most bigint, OUT walked bigint, OUT last bigint, OUT broken_at bigint
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), max(seq), min(seq) FILTER (WHERE hash <> expected OR prev <> before OR seq <> number) FROM (
        SELECT seq, prev, hash, sha256(prev || int8send(seq) || convert_to(body::text, 'UTF8')) AS expected,
            lag(hash, 1, coalesce((SELECT hash FROM gateway.audit WHERE seq = $1), sha256(''))) OVER (ORDER BY seq)
                AS before,
            $1 + row_number() OVER (ORDER BY seq) AS number
        FROM (SELECT seq, body, prev, hash FROM gateway.audit WHERE seq > $1 ORDER BY seq LIMIT $2) AS part
    ) AS chain
$$;
COMMENT ON FUNCTION audit_follow IS 'Follows records behind a number; broken_at: the first that does not fit';
CREATE FUNCTION audit_ends(
    OUT head_seq bigint, OUT head_hash bytea, OUT last_seq bigint, OUT last_hash bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT head.seq, head.hash, coalesce(last.seq, 0), coalesce(last.hash, sha256(''))
    FROM (VALUES (1)) AS always LEFT JOIN gateway.audit_head AS head ON true
        LEFT JOIN (SELECT seq, hash FROM gateway.audit ORDER BY seq DESC LIMIT 1) AS last ON true
$$;
COMMENT ON FUNCTION audit_ends IS 'The head as it was noted, and the newest record; the two are the same';
CREATE FUNCTION audit_hash_of(bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT hash FROM gateway.audit WHERE seq = $1
$$;
"""
_NAMES: Final = ("audit_follow(bigint, bigint)", "audit_ends()", "audit_hash_of(bigint)")


def upgrade() -> None:
    """Make the functions; the auditor may enter the schema to call them, and reads no table there."""
    op.execute(_FUNCTIONS)
    op.execute(f"GRANT USAGE ON SCHEMA gateway TO {AUDITOR}")
    for name in _NAMES:
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO gateway, {AUDITOR}")


def downgrade() -> None:
    """Drop them."""
    for name in _NAMES:
        op.execute(f"DROP FUNCTION {name}")
    op.execute(f"REVOKE USAGE ON SCHEMA gateway FROM {AUDITOR}")
