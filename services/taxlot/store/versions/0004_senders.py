"""Who sent a file, on which rights it acts, and whom it concerns.

Files from before were the custodians' own: as today they concern everybody with accounts at that custodian.  What of
one is theirs is known of the accounts that it was the last to cover.
"""

from alembic import op

revision = "senders"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
-- sent_by NULL: a custodian's feed (inbox, command). rights: a text equal for equal rights, empty for a feed.
ALTER TABLE file ADD COLUMN sent_by text, ADD COLUMN sent_enterprises text[], ADD COLUMN sent_advisors text[],
    ADD COLUMN rights text NOT NULL DEFAULT '';
DROP INDEX file_once;
CREATE UNIQUE INDEX file_once ON file (digest, rights) WHERE status IN ('LOADING', 'LOADED', 'PUBLISHED');

-- Whom a file concerns: everybody whose accounts it may change, and what of it is theirs.
CREATE TABLE file_part (
    file_id bigint NOT NULL REFERENCES file ON DELETE CASCADE,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    accounts integer NOT NULL DEFAULT 0,
    held integer NOT NULL DEFAULT 0,
    records bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (file_id, enterprise_id, advisor_id)
);
INSERT INTO file_part (file_id, enterprise_id, advisor_id, accounts, held)
SELECT file_id, enterprise_id, advisor_id, coalesce(covered.accounts, 0), coalesce(covered.held, 0)
FROM (
    SELECT f.file_id, o.enterprise_id, o.advisor_id
    FROM file f JOIN (SELECT DISTINCT custodian, enterprise_id, advisor_id FROM account) o USING (custodian)
) concerned FULL JOIN (
    SELECT h.file_id, a.enterprise_id, a.advisor_id, count(*) AS accounts, count(h.hold_code) AS held
    FROM holding h JOIN account a USING (account_id) GROUP BY 1, 2, 3
) covered USING (file_id, enterprise_id, advisor_id);
"""


def upgrade() -> None:
    """Add them."""
    op.execute(UP)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE file_part; DROP INDEX file_once")
    op.execute("ALTER TABLE file DROP COLUMN sent_by, DROP COLUMN sent_enterprises, DROP COLUMN sent_advisors")
    op.execute("ALTER TABLE file DROP COLUMN rights")
    op.execute("CREATE UNIQUE INDEX file_once ON file (digest) WHERE status IN ('LOADING', 'LOADED', 'PUBLISHED')")
