"""What exact targets are more than the rounded ones, beside them: early releases read the rounded ones alone."""

from alembic import op

revision = "exact_targets"
down_revision = "holding_roles"
branch_labels = None
depends_on = None

_ADD = """
ALTER TABLE target ADD COLUMN rests bytea, ADD COLUMN rests_version bigint;
COMMENT ON COLUMN target.rests IS
    'int64 in 1e-18: of the cash target, then of each position of the document in its order; null: all are 0';
COMMENT ON COLUMN target.rests_version IS 'the target_version they belong to; of any other they say nothing';
"""


def upgrade() -> None:
    """Add them; a target of before stays as it was rounded until it is computed again."""
    op.execute(_ADD)


def downgrade() -> None:
    """Take them away; targets are the rounded ones again."""
    op.execute("ALTER TABLE target DROP COLUMN rests, DROP COLUMN rests_version")
