"""How far the execution of each order has come, apart from the approval that sent it."""

from alembic import op

from shared.postgres.migrations.security import OF_ONE, allow, protect

revision = "batch_executions"
down_revision = "batch_incarnation"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE execution (
    order_id text PRIMARY KEY,
    batch_id bigint NOT NULL,
    account_id text NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    security_id text NOT NULL,
    version bigint NOT NULL,
    content bytea NOT NULL,
    status text NOT NULL CHECK (status IN ('ACCEPTED', 'PARTIALLY_FILLED', 'FILLED', 'REJECTED')),
    ordered_micro bigint NOT NULL,
    quantity_micro bigint NOT NULL CHECK (quantity_micro BETWEEN 0 AND ordered_micro),
    price_micro bigint,
    reported_at timestamptz NOT NULL,
    reason text
) WITH (fillfactor = 80);
COMMENT ON TABLE execution IS 'The newest platform.execution.v1 of each order';
CREATE INDEX execution_of_batch ON execution (batch_id, account_id, status);
"""


def upgrade() -> None:
    """Make the table; users read what is theirs."""
    op.execute(TABLE)
    protect("batch", {"execution": OF_ONE})
    allow("batch", {"execution": "SELECT", "incarnation": "SELECT (begun_at)"})  # which ids of orders are known


def downgrade() -> None:
    """Drop the table; the platform can send its reports again."""
    op.execute("REVOKE SELECT (begun_at) ON incarnation FROM batch_requests")
    op.execute("DROP TABLE execution")
