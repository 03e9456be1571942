"""Accounts get gain limits: three settings before the count of restrictions, not set where an account has settings."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Twelve settings of eight bytes stand before them.  Little-endian int64: no short-term budget (-1), no budget in all
# (-1), short-term gains allowed (0).
_UPGRADE = r"""
UPDATE account_facts SET settings = substring(settings FROM 1 FOR 96)
    || '\xffffffffffffffffffffffffffffffff0000000000000000'::bytea || substring(settings FROM 97)
WHERE settings IS NOT NULL
"""
_DOWNGRADE = """
UPDATE account_facts SET settings = substring(settings FROM 1 FOR 96) || substring(settings FROM 121)
WHERE settings IS NOT NULL
"""


def upgrade() -> None:
    """Put the three settings into every document."""
    op.execute(_UPGRADE)


def downgrade() -> None:
    """Take them out again; the limits are lost."""
    op.execute(_DOWNGRADE)
