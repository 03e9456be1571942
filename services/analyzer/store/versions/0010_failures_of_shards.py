"""A shard at which sweepers stopped remembers how often: others go first, and in the end its accounts fail alone."""

from alembic import op

revision = "failures_of_shards"
down_revision = "withdrawals_told"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count from now on."""
    op.execute("ALTER TABLE analysis_shard ADD COLUMN failures integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Forget it."""
    op.execute("ALTER TABLE analysis_shard DROP COLUMN failures")
