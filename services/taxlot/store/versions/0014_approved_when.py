"""When an approval was decided: which of it and a file of its trade date was first, whichever is taken in first.

Null for approvals of before: there the file that an account had when its approval was taken in tells, as it did.
"""

from alembic import op

revision = "approved_when"
down_revision = "read_again"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE approved_trade ADD COLUMN decided_at timestamptz")
    op.execute("COMMENT ON COLUMN approved_trade.decided_at IS 'when the approval was; null: not known'")


def downgrade() -> None:
    """Take it away."""
    op.execute("ALTER TABLE approved_trade DROP COLUMN decided_at")
