"""Lots an account picks for sale come with its settings."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: JSON rows (security, lot id, sleeve or null, micro-units), null where nothing is picked."""
    op.execute("ALTER TABLE account_facts ADD COLUMN lot_picks text")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE account_facts DROP COLUMN lot_picks")
