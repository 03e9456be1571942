"""The auditor reads which versions of accounts and flags there are, and which analyses go on."""

from shared.postgres.migrations.security import hide_from_auditor, show_auditor

revision = "auditor"
down_revision = "failures_of_shards"
branch_labels = None
depends_on = None

COLUMNS = {
    "account_facts": "account_id, settings_version, epoch",
    "flag": "account_id, flag_version",
    "analysis_run": "run_no, started_at, finished_at, announced",
}


def upgrade() -> None:
    """Show the columns."""
    show_auditor(COLUMNS)


def downgrade() -> None:
    """Hide them again."""
    hide_from_auditor(COLUMNS)
