"""The auditor reads which approval of each account is booked here, to compare it with batch's."""

from shared.postgres.migrations.security import hide_from_auditor, show_auditor

revision = "auditor_approvals"
down_revision = "holding_roles"
branch_labels = None
depends_on = None

COLUMNS = {"approval": "account_id, epoch"}


def upgrade() -> None:
    """Show the columns."""
    show_auditor(COLUMNS)


def downgrade() -> None:
    """Hide them again."""
    hide_from_auditor(COLUMNS)
