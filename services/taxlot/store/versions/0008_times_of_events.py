"""The time that the event of a file carries is kept, so that the event published again is the same."""

from alembic import op

revision = "times_of_events"
down_revision = "approvals_booked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep it from now on."""
    op.execute("ALTER TABLE file ADD COLUMN event_at timestamptz")


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE file DROP COLUMN event_at")
