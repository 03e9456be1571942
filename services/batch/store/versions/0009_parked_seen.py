"""Whoever sees a batch sees that it was put aside, and when it is tried again; not the fault itself."""

from alembic import op

from shared.postgres.migrations.security import protect

revision = "batch_0009"
down_revision = "batch_0008"
branch_labels = None
depends_on = None

# What the role of requests sees of batches decides (its own row-level security holds inside).
_OF_BATCH = "EXISTS (SELECT FROM batch AS owner WHERE owner.batch_id = parked.batch_id)"


def upgrade() -> None:
    """Let requests read the table, row by row as they read batches."""
    protect("batch", {"parked": _OF_BATCH})
    op.execute("GRANT SELECT (batch_id, parked_at, again_at) ON parked TO batch_requests")


def downgrade() -> None:
    """Close the table again."""
    op.execute("REVOKE ALL ON parked FROM batch_requests")
    op.execute("REVOKE ALL (batch_id, parked_at, again_at) ON parked FROM batch_requests")
    for policy in ("work", "tenancy"):
        op.execute(f"DROP POLICY {policy} ON parked")
    op.execute("ALTER TABLE parked DISABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE parked NO FORCE ROW LEVEL SECURITY")
