"""When the accounts of each advisor were last analysed: everybody is told of their own part."""

from alembic import op

revision = "batch_0006"
down_revision = "batch_0005"
branch_labels = None
depends_on = None

UP = """
DROP TABLE analysis;
CREATE TABLE analysis (
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    run_id text NOT NULL,
    version bigint NOT NULL,
    accounts integer NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (enterprise_id, advisor_id)
);
ALTER TABLE analysis ENABLE ROW LEVEL SECURITY;
ALTER TABLE analysis FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON analysis USING ({rule}) WITH CHECK ({rule});
"""
RULE = (
    "(SELECT current_setting('batch.service', true)) = 'on' OR (enterprise_id = ANY"
    " ((SELECT string_to_array(current_setting('batch.enterprises', true), ','))::text[])"
    " AND ((SELECT current_setting('batch.all_advisors', true)) = 'on' OR advisor_id = ANY"
    " ((SELECT string_to_array(current_setting('batch.advisors', true), ','))::text[])))"
)
BEFORE = """
DROP TABLE analysis;
CREATE TABLE analysis (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    run_id text NOT NULL,
    version bigint NOT NULL,
    accounts integer NOT NULL,
    seen_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    """Make the table anew; the next analysis fills it."""
    op.execute(UP.format(rule=RULE))


def downgrade() -> None:
    """Make it as it was."""
    op.execute(BEFORE)
