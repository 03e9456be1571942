"""Accounts get gain limits: three settings before the count of restrictions, not set where an account has settings."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Little-endian int64: no short-term budget (-1), no budget in all (-1), short-term gains allowed (0).
_NOT_SET = "'\\xffffffffffffffffffffffffffffffff0000000000000000'::bytea"
_BEFORE = 12 * 8  # bytes of the twelve settings before them


def upgrade() -> None:
    """Put the three settings into every document."""
    op.execute(
        f"UPDATE account_facts SET settings = substring(settings FROM 1 FOR {_BEFORE}) || {_NOT_SET}"
        f" || substring(settings FROM {_BEFORE + 1}) WHERE settings IS NOT NULL"
    )


def downgrade() -> None:
    """Take them out again; the limits are lost."""
    op.execute(
        f"UPDATE account_facts SET settings = substring(settings FROM 1 FOR {_BEFORE})"
        f" || substring(settings FROM {_BEFORE + 25}) WHERE settings IS NOT NULL"
    )
