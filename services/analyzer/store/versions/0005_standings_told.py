"""A shard of a daily analysis remembers whether others have been told what stands in it."""

from alembic import op

revision = "standings_told"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark."""
    op.execute("ALTER TABLE analysis_shard ADD COLUMN told boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE analysis_shard DROP COLUMN told")
