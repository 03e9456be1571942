"""The newest approval of each account that is booked, beside its trades: one without trades leaves none."""

from alembic import op

from shared.postgres.migrations.security import of_account, protect

revision = "approvals_booked"
down_revision = "whole_files"
branch_labels = None
depends_on = None

SCHEMA = "taxlot"


def upgrade() -> None:
    """Make the table, filled with what is booked; approvals without trades are asked for once more."""
    op.execute("CREATE TABLE approval (account_id text PRIMARY KEY, epoch integer NOT NULL)")
    op.execute("INSERT INTO approval SELECT account_id, max(epoch) FROM approved_trade GROUP BY 1")
    protect(SCHEMA, {"approval": of_account("approval", "account")})


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE approval")
