"""Batches that the service failed at are put aside, each by itself."""

from alembic import op

revision = "batch_0005"
down_revision = "batch_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; only the service itself reads and writes it."""
    op.execute(
        "CREATE TABLE parked ("
        " batch_id bigint PRIMARY KEY REFERENCES batch ON DELETE CASCADE,"
        " reason text NOT NULL,"
        " parked_at timestamptz NOT NULL,"
        " failures integer NOT NULL,"
        " again_at timestamptz NOT NULL)"
    )


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE parked")
