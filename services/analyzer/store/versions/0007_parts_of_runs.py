"""Runs of part of the book, and what of every run concerns whom.

Runs from before covered the whole book; of those that are going on, parts are counted from the accounts of now.
"""

from alembic import op

revision = "parts_of_runs"
down_revision = "price_sets_in_force"
branch_labels = None
depends_on = None

UP = """
-- enterprises, advisors NULL: all. rights: a text equal for equal reach, empty for the whole book.
ALTER TABLE analysis_run ADD COLUMN started_by text, ADD COLUMN enterprises text[], ADD COLUMN advisors text[],
    ADD COLUMN rights text NOT NULL DEFAULT '';
ALTER TABLE analysis_run DROP CONSTRAINT analysis_run_business_date_kind_seq_key;
ALTER TABLE analysis_run ADD CONSTRAINT analysis_run_once UNIQUE (business_date, kind, rights, seq);

CREATE TABLE analysis_part (
    run_no bigint NOT NULL REFERENCES analysis_run, shard integer NOT NULL,
    enterprise_id text NOT NULL, advisor_id text NOT NULL,
    accounts integer NOT NULL, done boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_no, shard, enterprise_id, advisor_id)
);
CREATE INDEX analysis_part_of ON analysis_part (enterprise_id, run_no);
CREATE TABLE analysis_outcome (
    run_no bigint NOT NULL REFERENCES analysis_run, enterprise_id text NOT NULL, advisor_id text NOT NULL,
    accounts bigint NOT NULL, flagged bigint NOT NULL, held bigint NOT NULL,
    PRIMARY KEY (run_no, enterprise_id, advisor_id)
);
INSERT INTO analysis_part (run_no, shard, enterprise_id, advisor_id, accounts, done)
SELECT s.run_no, s.shard, a.enterprise_id, a.advisor_id, count(*), s.done
FROM analysis_shard AS s JOIN account_facts AS a ON a.account_id BETWEEN s.first_id AND s.last_id
WHERE s.run_no = (SELECT max(run_no) FROM analysis_run)
   OR s.run_no IN (SELECT run_no FROM analysis_run WHERE finished_at IS NULL OR NOT announced)
GROUP BY 1, 2, 3, 4, 6;
INSERT INTO analysis_outcome
SELECT p.run_no, p.enterprise_id, p.advisor_id, sum(p.accounts), coalesce(min(c.flagged), 0), coalesce(min(c.held), 0)
FROM analysis_part AS p JOIN analysis_run AS r USING (run_no) LEFT JOIN (
    SELECT a.enterprise_id, a.advisor_id, count(*) FILTER (WHERE f.state <> 3) AS flagged,
        count(*) FILTER (WHERE f.state = 3) AS held
    FROM flag AS f JOIN account_facts AS a USING (account_id) WHERE f.state IN (2, 3, 5) GROUP BY 1, 2
) AS c USING (enterprise_id, advisor_id) WHERE r.finished_at IS NOT NULL GROUP BY 1, 2, 3;
"""


def upgrade() -> None:
    """Add them."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them, and the runs of part of the book with them."""
    op.execute("DROP TABLE analysis_outcome, analysis_part")
    op.execute(
        "DELETE FROM analysis_shard USING analysis_run AS r WHERE r.run_no = analysis_shard.run_no AND rights <> ''"
    )
    op.execute("DELETE FROM analysis_run WHERE rights <> ''")
    op.execute("ALTER TABLE analysis_run DROP CONSTRAINT analysis_run_once")
    op.execute("ALTER TABLE analysis_run DROP COLUMN started_by, DROP COLUMN enterprises, DROP COLUMN advisors")
    op.execute("ALTER TABLE analysis_run DROP COLUMN rights, ADD UNIQUE (business_date, kind, seq)")
