"""Wash sales over batches: losses that were approved, units bought that disallow them, what was bought meanwhile.

A household's losses count whoever is the advisor of an account: a user's check reads those of the whole enterprise,
through functions alone, which show no more than the check needs.  What was approved before this version is added from
its frozen rows by the sweep (`wash_approvals.record_missing`).
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import OF_ONE, allow, protect

revision = "batch_wash_over_batches"
down_revision = "batch_replay"
branch_labels = None
depends_on = None

TABLES: Final = """
ALTER TABLE batch ADD COLUMN wash_seen bigint;
COMMENT ON COLUMN batch.wash_seen IS 'Sum of wash_turn of its enterprises at the last whole check; null: not checked';
ALTER TABLE batch_account
    ADD COLUMN wash_earlier_cents bigint[],
    ADD COLUMN wash_earlier_permanent_cents bigint[],
    ADD COLUMN earlier_losses text;
CREATE TABLE approved_loss (
    batch_id bigint NOT NULL,
    account_id text NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    household text NOT NULL,
    account_number text NOT NULL,
    security_id text NOT NULL,
    lot_id text NOT NULL,
    sleeve_id text NOT NULL,
    trade_date date NOT NULL,
    decided_at timestamptz NOT NULL,
    units bigint NOT NULL CHECK (units > 0),
    cents bigint NOT NULL CHECK (cents > 0),
    PRIMARY KEY (batch_id, account_id, security_id, lot_id, sleeve_id)
);
COMMENT ON TABLE approved_loss IS 'Slices sold at a loss by approved batches; trade_date: the session of the orders';
CREATE INDEX approved_loss_of_household ON approved_loss (household, trade_date);
CREATE TABLE wash_use (
    batch_id bigint NOT NULL,
    account_id text NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    household text NOT NULL,
    security_id text NOT NULL,
    loss_batch_id bigint NOT NULL,
    loss_account_id text NOT NULL,
    loss_lot_id text NOT NULL,
    loss_sleeve_id text NOT NULL,
    bought_account_id text NOT NULL,
    kind smallint NOT NULL,
    lot_id text NOT NULL,
    bought date NOT NULL,
    traded date NOT NULL,
    units bigint NOT NULL CHECK (units > 0),
    cents bigint NOT NULL
);
COMMENT ON TABLE wash_use IS 'Units bought that disallow an approved loss, as displayed when batch_id was approved';
CREATE INDEX wash_use_of_household ON wash_use (household, bought);
CREATE TABLE approved_buy (
    batch_id bigint NOT NULL,
    account_id text NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    household text NOT NULL,
    account_number text NOT NULL,
    taxable boolean NOT NULL,
    security_id text NOT NULL,
    traded date NOT NULL,
    decided_at timestamptz NOT NULL,
    units bigint NOT NULL CHECK (units > 0),
    PRIMARY KEY (batch_id, account_id, security_id)
);
COMMENT ON TABLE approved_buy IS 'Market buys of households for batches that were proposed before; dropped after days';
CREATE INDEX approved_buy_of_household ON approved_buy (household, decided_at);
CREATE TABLE wash_recorded (batch_id bigint PRIMARY KEY);
COMMENT ON TABLE wash_recorded IS 'Approved batches whose losses, uses and buys are recorded';
CREATE TABLE wash_turn (enterprise_id text PRIMARY KEY, turn bigint NOT NULL);
COMMENT ON TABLE wash_turn IS 'Number of recorded approvals; an approval holds it, so they follow one another';
"""
_SEEN: Final = """
CREATE FUNCTION {name}({arguments}) RETURNS {result}
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM batch.{table} WHERE household = ANY (households) AND {condition}
        AND (session_user <> 'batch_requests' OR enterprise_id = ANY ((batch.entered()).enterprises))
$$
"""
_TURN: Final = """
CREATE FUNCTION wash_turns(names text[], hold boolean, more bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'batch_requests' AND NOT coalesce(names <@ (batch.entered()).enterprises, false) THEN
        RAISE EXCEPTION 'the scope does not cover these enterprises' USING ERRCODE = '42501';
    END IF;
    IF hold THEN
        INSERT INTO batch.wash_turn SELECT name, 0 FROM unnest(names) AS name ORDER BY name ON CONFLICT DO NOTHING;
        PERFORM FROM batch.wash_turn WHERE enterprise_id = ANY (names) ORDER BY enterprise_id FOR UPDATE;
        UPDATE batch.wash_turn SET turn = turn + more WHERE more > 0 AND enterprise_id = ANY (names);
    END IF;
    RETURN (SELECT coalesce(sum(turn), 0) FROM batch.wash_turn WHERE enterprise_id = ANY (names));
END $$
"""
FUNCTIONS: Final = {
    "wash_losses(text[], date)": _SEEN.format(
        name="wash_losses", arguments="households text[], since date", result="SETOF batch.approved_loss",
        table="approved_loss", condition="trade_date >= since",
    ),
    "wash_uses(text[])": _SEEN.format(
        name="wash_uses", arguments="households text[]", result="SETOF batch.wash_use", table="wash_use",
        condition="true",
    ),
    "wash_buys(text[], timestamptz)": _SEEN.format(
        name="wash_buys", arguments="households text[], since timestamptz", result="SETOF batch.approved_buy",
        table="approved_buy", condition="decided_at >= since",
    ),
    "wash_turns(text[], boolean, bigint)": _TURN,
}  # fmt: skip
# Users add what they approve, of accounts in their scope; they read through the functions.
RULES: Final = {
    "approved_loss": OF_ONE,
    "wash_use": OF_ONE,
    "approved_buy": OF_ONE,
    "wash_recorded": "EXISTS (SELECT FROM batch AS owner WHERE owner.batch_id = wash_recorded.batch_id)",
    "wash_turn": "false",
}
RIGHTS: Final = {
    "batch": "UPDATE (wash_seen)",
    "batch_account": "UPDATE (wash_earlier_cents, wash_earlier_permanent_cents, earlier_losses)",
    "approved_loss": "INSERT",
    "wash_use": "INSERT",
    "approved_buy": "INSERT",
    "wash_recorded": "SELECT, INSERT",
}


def upgrade() -> None:
    """Make the tables; until the sweep has looked, nothing is claimed of batches approved before."""
    op.execute(TABLES)
    protect("batch", RULES)
    allow("batch", RIGHTS)
    for name, function in FUNCTIONS.items():
        op.execute(function)
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO batch, batch_requests")


def downgrade() -> None:
    """Drop them; frozen rows keep what was displayed in the release that displayed it."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP TABLE approved_loss, wash_use, approved_buy, wash_recorded, wash_turn")
    op.execute(
        "ALTER TABLE batch_account DROP COLUMN wash_earlier_cents, DROP COLUMN wash_earlier_permanent_cents,"
        " DROP COLUMN earlier_losses"
    )
    op.execute("ALTER TABLE batch DROP COLUMN wash_seen")
