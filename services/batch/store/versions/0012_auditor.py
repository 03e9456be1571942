"""The auditor reads what its invariants need: no names, and of a manifest only whether its digest fits."""

from alembic import op

from shared.postgres.migrations.security import hide_from_auditor, show_auditor

revision = "batch_auditor"
down_revision = "batch_account_states"
branch_labels = None
depends_on = None

COLUMNS = {
    "account": "account_id, enterprise_id, epoch",
    "flag": "account_id, flag_version, epoch, state",
    "batch": (
        "batch_id, status, logic, accounts, requested_at, answered_at, decided_at, cancel_at, trade_date, working,"
        " proposed, failed, removed, approved, cancelled"
    ),
    "batch_account": "batch_id, account_id, enterprise_id, epoch, state, open, frozen, chunk_id, row_no",
    "result_chunk": "chunk_id, batch_id, sha256, value",
    "outbox": "id, topic, created_at, published_at, parked_reason",
}
# No row: there is no manifest.
_FITS = """
CREATE FUNCTION manifest_fits(bigint) RETURNS SETOF boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(manifest) = sha256 FROM batch.decision WHERE batch_id = $1
$$;
REVOKE ALL ON FUNCTION manifest_fits(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION manifest_fits(bigint) TO auditor;
"""


def upgrade() -> None:
    """Show the columns, and add the function."""
    show_auditor(COLUMNS)
    op.execute(_FITS)


def downgrade() -> None:
    """Hide them again."""
    op.execute("DROP FUNCTION manifest_fits(bigint)")
    hide_from_auditor(COLUMNS)
