"""Wash sales: units bought lately that approved batches sell, before a custodian file shows them gone.

What was approved before this version has no rows: its units count as bought until a file shows them gone, as they did.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import OF_ONE, allow, protect

revision = "batch_wash_sold_units"
down_revision = "batch_wash_sessions"
branch_labels = None
depends_on = None

TABLE: Final = """
CREATE TABLE approved_sale (
    batch_id bigint NOT NULL,
    account_id text NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    household text NOT NULL,
    security_id text NOT NULL,
    lot_id text NOT NULL,
    sleeve_id text NOT NULL,
    acquired date NOT NULL,
    epoch integer NOT NULL,
    units bigint NOT NULL CHECK (units > 0),
    PRIMARY KEY (batch_id, account_id, security_id, lot_id, sleeve_id)
);
COMMENT ON TABLE approved_sale IS 'Units bought lately that approved orders of households sell; dropped after months';
COMMENT ON COLUMN approved_sale.epoch IS 'Of the account after the approval: lots that show this one lack the units';
CREATE INDEX approved_sale_of_household ON approved_sale (household, acquired);
CREATE INDEX approved_sale_by_day ON approved_sale (acquired);
"""
SALES: Final = "wash_sales(text[], date)"
FUNCTION: Final = """
CREATE FUNCTION wash_sales(households text[], since date) RETURNS SETOF batch.approved_sale
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM batch.approved_sale WHERE household = ANY (households) AND acquired >= since
        AND (session_user <> 'batch_requests' OR enterprise_id = ANY ((batch.entered()).enterprises))
$$
"""


def upgrade() -> None:
    """Make the table; users add what they approve, of accounts in their scope, and read through the function."""
    op.execute(TABLE)
    protect("batch", {"approved_sale": OF_ONE})
    allow("batch", {"approved_sale": "INSERT"})
    op.execute(FUNCTION)
    op.execute(f"REVOKE ALL ON FUNCTION {SALES} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SALES} TO batch, batch_requests")


def downgrade() -> None:
    """Drop it."""
    op.execute(f"DROP FUNCTION {SALES}")
    op.execute("DROP TABLE approved_sale")
