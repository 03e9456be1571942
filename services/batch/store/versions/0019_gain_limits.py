"""By how much proposals exceed the gain limits of their accounts, under every logic.

Accounts that were proposed before have no figure: nothing is claimed of them.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import allow

revision = "batch_gain_limits"
down_revision = "batch_history_chain"
branch_labels = None
depends_on = None

COLUMNS: Final = """
ALTER TABLE batch_account ADD COLUMN over_budget_cents bigint[], ADD COLUMN gain_excesses text;
COMMENT ON COLUMN batch_account.over_budget_cents IS 'Largest excess over a gain limit by logic; null: not checked';
COMMENT ON COLUMN batch_account.gain_excesses IS 'JSON: by logic, limits exceeded as [name, limit, gains] in cents';
"""


def upgrade() -> None:
    """Add the columns; a user who has an account proposed again empties them."""
    op.execute(COLUMNS)
    allow("batch", {"batch_account": "UPDATE (over_budget_cents, gain_excesses)"})


def downgrade() -> None:
    """Drop them; frozen rows keep what was displayed in the release that displayed it."""
    op.execute("ALTER TABLE batch_account DROP COLUMN over_budget_cents, DROP COLUMN gain_excesses")
