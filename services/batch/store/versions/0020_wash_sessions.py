"""Wash sales by the session of the trades.

A batch that was checked by the release before has no session: it is checked again before it can be approved.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import allow

revision = "batch_wash_sessions"
down_revision = "batch_gain_limits"
branch_labels = None
depends_on = None

COLUMN: Final = """
ALTER TABLE batch ADD COLUMN wash_session date;
COMMENT ON COLUMN batch.wash_session IS 'Session of the trades in the last whole wash-sale check; null: not known';
"""


def upgrade() -> None:
    """Add the column; who approves first has a batch checked for it."""
    op.execute(COLUMN)
    allow("batch", {"batch": "UPDATE (wash_session)"})


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE batch DROP COLUMN wash_session")
