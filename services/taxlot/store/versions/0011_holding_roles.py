"""Holding roles: of securities with their price divisor, and of single securities by account."""

from alembic import op

revision = "holding_roles"
down_revision = "incarnation"
branch_labels = None
depends_on = None

# 144: the packed roles of a security that is MANAGED unless its account says otherwise.
_ADD = """
ALTER TABLE security ADD COLUMN roles smallint NOT NULL DEFAULT 144,
    ADD COLUMN price_divisor smallint NOT NULL DEFAULT 1;
ALTER TABLE account ADD COLUMN holding_roles jsonb;
COMMENT ON COLUMN account.holding_roles IS 'role (number) by security id where the account says it; null: none';
"""


def upgrade() -> None:
    """Add them; every security of before is MANAGED and priced by the unit."""
    op.execute(_ADD)


def downgrade() -> None:
    """Take them away; what was set is lost."""
    op.execute("ALTER TABLE account DROP COLUMN holding_roles")
    op.execute("ALTER TABLE security DROP COLUMN roles, DROP COLUMN price_divisor")
