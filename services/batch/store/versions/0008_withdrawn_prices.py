"""Price sets that were withdrawn: proposals made on them are stale, and approvals made on them are counted."""

from alembic import op

from shared.postgres.migrations.security import allow

revision = "batch_0008"
down_revision = "batch_roles"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE withdrawn_prices (
    price_set bigint PRIMARY KEY,
    version bigint NOT NULL,
    is_withdrawn boolean NOT NULL,
    reason text NOT NULL,
    decided_at timestamptz NOT NULL
);
COMMENT ON TABLE withdrawn_prices IS 'Price sets that have been withdrawn once; not is_withdrawn: accepted again';
CREATE TABLE withdrawn_approval (
    price_set bigint NOT NULL REFERENCES withdrawn_prices,
    batch_id bigint NOT NULL REFERENCES batch ON DELETE CASCADE,
    accounts integer NOT NULL,
    noted_at timestamptz NOT NULL,
    seen_by text,
    PRIMARY KEY (price_set, batch_id)
);
COMMENT ON TABLE withdrawn_approval IS
    'Batches approved on prices that were withdrawn afterwards; seen_by: who has looked at it';
"""


def upgrade() -> None:
    """Make the tables; commands ask of a set only whether it is withdrawn."""
    op.execute(UP)
    allow("batch", {"withdrawn_prices": "SELECT (price_set, is_withdrawn)"})


def downgrade() -> None:
    """Drop the tables."""
    op.execute("DROP TABLE withdrawn_approval, withdrawn_prices")
