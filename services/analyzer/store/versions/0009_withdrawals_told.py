"""A price set remembers up to which decision others have been told whether it was withdrawn."""

from alembic import op

revision = "withdrawals_told"
down_revision = "roles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark; what was withdrawn before is told."""
    op.execute("ALTER TABLE price_set ADD COLUMN told_no bigint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX price_set_withdrawn ON price_decision (price_set) WHERE decision = 'WITHDRAWN'")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX price_set_withdrawn")
    op.execute("ALTER TABLE price_set DROP COLUMN told_no")
