"""What a version said is kept as a digest: one that comes again with other content is refused, as in every service."""

from alembic import op

revision = "batch_0004"
down_revision = "batch_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was stored before has no digest and agrees with anything of its version."""
    op.execute("ALTER TABLE account ADD COLUMN content bytea")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE account DROP COLUMN content")
