"""When the file of an account's holdings came, and when its newest approval was decided: which of the two was first.

Null for what was taken in before: there the file that an account had when its approval was taken in tells, as it did.
"""

from alembic import op

revision = "settled_by_instants"
down_revision = "exact_targets"
branch_labels = None
depends_on = None

_ADD = """
ALTER TABLE account_facts ADD COLUMN received_at timestamptz, ADD COLUMN decided_at timestamptz;
COMMENT ON COLUMN account_facts.received_at IS 'when the file came that file_id names; null: not known';
COMMENT ON COLUMN account_facts.decided_at IS 'when the approval was that settle_date belongs to; null: not known';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_ADD)


def downgrade() -> None:
    """Take them away."""
    op.execute("ALTER TABLE account_facts DROP COLUMN received_at, DROP COLUMN decided_at")
