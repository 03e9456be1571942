"""Where each account is in the work, as it was published last, and the accounts whose state may have changed since.

Triggers note them, so that no statement that changes a flag, an epoch, an owner, a membership or a batch can forget it,
and a replica of the release before notes them too.  They run once a statement, with the rights of their owner: the role
of requests has no right to either table.
"""

from typing import Final

from alembic import op

revision = "batch_account_states"
down_revision = "batch_0010"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE account_state (
    account_id text PRIMARY KEY,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('QUEUED', 'IN_BATCH', 'SETTLING', 'HELD', 'OFF', 'CLEAR')),
    batch_id bigint,
    batch_status text,
    since timestamptz NOT NULL,
    CHECK ((state = 'IN_BATCH') = (batch_id IS NOT NULL) AND (batch_id IS NULL) = (batch_status IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE account_state IS 'The newest rebalancer.account-state.v1 of each account, as it was published';
CREATE TABLE account_state_due (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    again boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE account_state_due IS
    'Accounts whose state may have changed since it was published; again: it is to be published also if it has not';
INSERT INTO account_state_due (account_id) SELECT account_id FROM flag;
"""
# EXCEPT, not a join of both sets of rows: a plan is kept for the session, and one made for few rows joins in a loop.
_NOTE: Final = """
CREATE FUNCTION note_{table}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO batch.account_state_due (account_id) SELECT account_id FROM rows_after WHERE {noted};
    ELSE
        INSERT INTO batch.account_state_due (account_id) SELECT account_id FROM (
            SELECT account_id, {columns} FROM rows_after EXCEPT SELECT account_id, {columns} FROM rows_before
        ) AS changed;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION note_{table}() FROM PUBLIC;
CREATE TRIGGER noted_new AFTER INSERT ON {table} REFERENCING NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION note_{table}();
CREATE TRIGGER noted_changed AFTER UPDATE ON {table} REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION note_{table}();
"""
# Table -> the columns on which a state rests, and which new rows count.
NOTED: Final = {
    "flag": ("state, epoch", "true"),
    "account": ("epoch, enterprise_id, advisor_id", "true"),
    "batch_account": ("batch_id, open", "open"),
}
# The status of a batch is a part of the state of every account in it.
_NOTE_BATCH: Final = """
CREATE FUNCTION note_batch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO batch.account_state_due (account_id) SELECT m.account_id FROM (
        SELECT batch_id, status FROM rows_after EXCEPT SELECT batch_id, status FROM rows_before
    ) AS changed JOIN batch.batch_account m ON m.batch_id = changed.batch_id AND m.open;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION note_batch() FROM PUBLIC;
CREATE TRIGGER noted_changed AFTER UPDATE ON batch REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION note_batch();
"""


def upgrade() -> None:
    """Make tables and triggers; every account with a flag is due, so that the topic begins complete."""
    op.execute(TABLES)
    for table, (columns, noted) in NOTED.items():
        op.execute(_NOTE.format(table=table, columns=columns, noted=noted))
    op.execute(_NOTE_BATCH)


def downgrade() -> None:
    """Drop triggers and tables."""
    for table in (*NOTED, "batch"):
        op.execute(f"DROP FUNCTION note_{table}() CASCADE")
    op.execute("DROP TABLE account_state_due, account_state")
