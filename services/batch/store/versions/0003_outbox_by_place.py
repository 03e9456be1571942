"""The index of what waits in the outbox holds what is parked too: counting both read every message ever sent."""

from alembic import op

revision = "batch_0003"
down_revision = "batch_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew."""
    op.execute("CREATE INDEX outbox_waiting ON outbox (id) WHERE published_at IS NULL")
    op.execute("DROP INDEX outbox_unpublished")


def downgrade() -> None:
    """Make the former index."""
    op.execute("CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL AND parked_reason IS NULL")
    op.execute("DROP INDEX outbox_waiting")
