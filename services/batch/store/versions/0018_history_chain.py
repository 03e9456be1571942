"""The decisions of each enterprise are a chain: each link is the hash of the one before and of a decision.

A trigger appends, so no statement can leave a decision out, nor can a replica of the release before.  It waits until
the end of the transaction, or until it is called for, because the head of the chain is locked from then on.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import allow, protect, show_auditor

revision = "batch_history_chain"
down_revision = "batch_undo_and_rules"
branch_labels = None
depends_on = None

TABLES: Final = """
CREATE TABLE decision_link (
    enterprise_id text NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    batch_id bigint NOT NULL,
    previous bytea NOT NULL,
    decision_sha256 bytea NOT NULL,
    sha256 bytea NOT NULL,
    PRIMARY KEY (enterprise_id, position),
    UNIQUE (batch_id, enterprise_id)
);
COMMENT ON TABLE decision_link IS 'Decisions of an enterprise in order; sha256: of previous and decision_sha256';
CREATE TABLE decision_head (
    enterprise_id text PRIMARY KEY,
    position bigint NOT NULL,
    sha256 bytea NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE decision_head IS 'The last link of each chain; whoever appends holds the row';
CREATE TABLE decision_before (
    batch_id bigint PRIMARY KEY,
    enterprise_ids text[] NOT NULL,
    sha256 bytea NOT NULL
);
COMMENT ON TABLE decision_before IS 'Decisions of before the chains began, with the digests that they had then';
"""
# As shared.rules.history_chain has it.
_APPEND: Final = """
CREATE FUNCTION chain_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    head batch.decision_head;
    linked bytea;
BEGIN
    FOR name IN SELECT DISTINCT unnest(NEW.enterprise_ids) ORDER BY 1 LOOP
        INSERT INTO batch.decision_head VALUES (name, 0, sha256(convert_to('history of ' || name, 'UTF8')))
            ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT head FROM batch.decision_head WHERE enterprise_id = name FOR UPDATE;
        linked := sha256(head.sha256 || NEW.sha256);
        INSERT INTO batch.decision_link
            VALUES (name, head.position + 1, NEW.batch_id, head.sha256, NEW.sha256, linked);
        UPDATE batch.decision_head SET position = head.position + 1, sha256 = linked WHERE enterprise_id = name;
    END LOOP;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION chain_decision() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER chained AFTER INSERT ON decision DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_decision();
CREATE FUNCTION append_decision(decided bigint) RETURNS SETOF decision_link
LANGUAGE plpgsql AS $$
BEGIN
    SET CONSTRAINTS batch.chained IMMEDIATE;
    RETURN QUERY SELECT * FROM batch.decision_link WHERE batch_id = decided;
END $$;
REVOKE ALL ON FUNCTION append_decision(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_decision(bigint) TO batch, batch_requests;
INSERT INTO decision_before SELECT batch_id, enterprise_ids, sha256 FROM decision;
"""
_FROZEN: Final = ("decision_link", "decision_before")
_ALL: Final = (*_FROZEN, "decision_head")


def upgrade() -> None:
    """Make tables and trigger; from then on no decision is without a link, and what was there is named."""
    op.execute(TABLES)
    op.execute(_APPEND)
    for table in _FROZEN:
        op.execute(
            f"CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    protect(
        "batch",
        dict.fromkeys(_ALL, "false")
        | {
            "decision_link": "enterprise_id = ANY ((SELECT (entered()).enterprises)::text[])",
        },
    )
    allow("batch", {"decision_link": "SELECT"})  # a command publishes the links of its decision
    for table in _ALL:
        op.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM batch")
    show_auditor({"decision_link": "enterprise_id, position, batch_id, sha256"})


def downgrade() -> None:
    """Drop them: the decisions stay, and a chain begins anew when this is applied again."""
    op.execute("DROP TRIGGER chained ON decision")
    op.execute("DROP FUNCTION chain_decision(); DROP FUNCTION append_decision(bigint)")
    op.execute("DROP TABLE decision_link, decision_head, decision_before")
