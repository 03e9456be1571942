"""Wash sales: figures of an account under every logic, which purchases they come from, whom its household joins."""

from alembic import op

revision = "batch_0002"
down_revision = "batch_0001"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE batch_account
    ADD COLUMN household text,
    ADD COLUMN has_loss boolean NOT NULL DEFAULT false,
    ADD COLUMN wash_cents bigint[],
    ADD COLUMN wash_permanent_cents bigint[],
    ADD COLUMN washes text
"""


def upgrade() -> None:
    """Add the columns; what was decided before stays as it was: not checked."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them."""
    op.execute(
        "ALTER TABLE batch_account DROP COLUMN household, DROP COLUMN has_loss, DROP COLUMN wash_cents,"
        " DROP COLUMN wash_permanent_cents, DROP COLUMN washes"
    )
