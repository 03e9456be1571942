"""Tax households, and which file an account had shown when a trade of it was approved.

Accounts from before are filled by their next change; until then they count as taxable and as households of their own.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE account ADD COLUMN tax_household_id text, ADD COLUMN taxable boolean NOT NULL DEFAULT true;
CREATE INDEX account_of_household ON account (enterprise_id, tax_household_id) WHERE tax_household_id IS NOT NULL;
-- The last file of the account at the approval: a file of the trade date itself shows the trade only if it came after.
ALTER TABLE approved_trade ADD COLUMN file_before bigint;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE approved_trade DROP COLUMN file_before")
    op.execute("ALTER TABLE account DROP COLUMN tax_household_id, DROP COLUMN taxable")
