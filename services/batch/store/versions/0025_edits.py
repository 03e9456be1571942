"""Edited trades: what a person made of the orders of an account, kept beside its proposal.

Accounts of before have none.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import allow

revision = "batch_edits"
down_revision = "batch_parts"
branch_labels = None
depends_on = None

COLUMNS: Final = """
ALTER TABLE batch_account ADD COLUMN edit text;
COMMENT ON COLUMN batch_account.edit IS
    'JSON: who edited which orders of which logic, when and why, and where the result of the proposal is kept';
"""


def upgrade() -> None:
    """Add the column; users write it."""
    op.execute(COLUMNS)
    allow("batch", {"batch_account": "UPDATE (edit)"})


def downgrade() -> None:
    """Drop it; frozen rows keep what was displayed in the release that displayed it."""
    op.execute("ALTER TABLE batch_account DROP COLUMN edit")
