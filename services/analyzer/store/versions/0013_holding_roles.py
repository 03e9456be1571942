"""Holding roles: of securities with their price divisor, and of single securities by account."""

from alembic import op

from shared.postgres.migrations.security import allow

revision = "holding_roles"
down_revision = "incarnation"
branch_labels = None
depends_on = None

# 144: the packed roles of a security that is MANAGED unless its account says otherwise.
_ADD = """
ALTER TABLE security ADD COLUMN roles smallint NOT NULL DEFAULT 144,
    ADD COLUMN price_divisor smallint NOT NULL DEFAULT 1;
CREATE TABLE security_version (version bigint NOT NULL);
COMMENT ON TABLE security_version IS 'One row: grows whenever roles or price_divisor of a security change';
INSERT INTO security_version VALUES (0);
ALTER TABLE account_facts ADD COLUMN holding_roles bytea;
COMMENT ON COLUMN account_facts.holding_roles IS 'int64 pairs (security number, role) in order of number; null: none';
"""


def upgrade() -> None:
    """Add them; every security of before is MANAGED and priced by the unit."""
    op.execute(_ADD)
    allow("analyzer", {"security_version": "SELECT"})


def downgrade() -> None:
    """Take them away; what was set is lost."""
    op.execute("ALTER TABLE account_facts DROP COLUMN holding_roles")
    op.execute("DROP TABLE security_version")
    op.execute("ALTER TABLE security DROP COLUMN roles, DROP COLUMN price_divisor")
