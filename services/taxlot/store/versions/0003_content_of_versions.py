"""What a version said is kept as a digest: one that comes again with other content is refused, as in every service."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was stored before has no digest and agrees with anything of its version."""
    op.execute("ALTER TABLE account ADD COLUMN content bytea")
    op.execute("ALTER TABLE security ADD COLUMN content bytea")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE security DROP COLUMN content")
    op.execute("ALTER TABLE account DROP COLUMN content")
