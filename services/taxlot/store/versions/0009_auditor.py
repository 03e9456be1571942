"""The auditor reads which files wait to be published or announced."""

from shared.postgres.migrations.security import hide_from_auditor, show_auditor

revision = "auditor"
down_revision = "times_of_events"
branch_labels = None
depends_on = None

COLUMNS = {"file": "file_id, status, received_at, loaded_at, announced_at"}


def upgrade() -> None:
    """Show the columns."""
    show_auditor(COLUMNS)


def downgrade() -> None:
    """Hide them again."""
    hide_from_auditor(COLUMNS)
