"""The role of requests sends what carries the seal of the service, and writes no column that its commands do not.

A policy on the outbox could compare an enterprise with the scope, but not what a message says: an order for an account
of somebody else would pass under one's own enterprise.  Source: docs/decisions/0021-messages-of-users-under-seal.md.
"""

from alembic import op

from shared.postgres.migrations.security import allow

revision = "batch_0010"
down_revision = "batch_0009"
branch_labels = None
depends_on = None

SCHEMA = "batch"
# As shared.outbox.rows.seal; HMAC-SHA256 with the pads that are kept ready, as entered() does it.
_ADD = """
CREATE FUNCTION outbox_add(told text, topics text[], keys bytea[], contents bytea[], headings text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said CONSTANT bytea := sha256(
        sha256(array_send(topics)) || sha256(array_send(keys))
        || sha256(array_send(contents)) || sha256(array_send(headings))
    );
    seal text;
BEGIN
    SELECT encode(sha256(outer_pad || sha256(inner_pad || 'outbox'::bytea || said)), 'hex')
        INTO STRICT seal FROM batch.scope_key;
    IF told IS DISTINCT FROM seal THEN
        RAISE EXCEPTION 'the messages do not carry the seal of this service' USING ERRCODE = '42501';
    END IF;
    INSERT INTO batch.outbox (topic, key, value, headers)
        SELECT one.topic, one.key, one.content, one.heading::jsonb
        FROM unnest(topics, keys, contents, headings) AS one (topic, key, content, heading);
END $$;
REVOKE ALL ON FUNCTION outbox_add(text, text[], bytea[], bytea[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_add(text, text[], bytea[], bytea[], text[]) TO batch_requests;
"""
_FIGURES = (
    "value_cents, begin_cash_cents, end_cash_cents, buys, buys_cents, sells, sells_cents, flats, flats_cents,"
    " short_cents, long_cents, unknown_term_cents, estimated_cents, no_basis_proceeds_cents, wash_cents,"
    " wash_permanent_cents"
)
# Who asked for a batch, whose it is and until when are never changed; a batch and its accounts begin undecided.
RIGHTS = {
    "batch": (
        "SELECT, INSERT (batch_id, enterprise_ids, advisor_ids, version, status, logic, label, accounts, working,"
        " only_account, requested_by, requested_name, requested_at, trade_date, cancel_at, answered_at, told_at),"
        " UPDATE (version, status, reason, logic, decided_by, decided_name, decided_at, answered_at, told_at, working,"
        " proposed, failed, removed, approved, cancelled, stale, short_cents, long_cents, estimated_cents)"
    ),
    "batch_account": (
        "SELECT, INSERT (batch_id, account_id, enterprise_id, advisor_id, place, account_number, name, custodian,"
        " taxable, epoch, liquidate, state, open, sent_at),"
        " UPDATE (state, open, frozen, attempt, first_attempt, sent_at, stale_code, stale_text, removed_name, chunk_id,"
        f" row_no, remarks, has_loss, washes, {_FIGURES})"
    ),
    "idempotency": "SELECT, INSERT (subject, route, key, body_sha256, made_at), UPDATE (status, body, headers)",
}
BEFORE = {
    "batch_account": "SELECT, INSERT, UPDATE",
    "batch": "SELECT, INSERT, UPDATE",
    "idempotency": "SELECT, INSERT, UPDATE",
    "outbox": "INSERT (topic, key, value, headers)",
}


def upgrade() -> None:
    """Add the function; take the rights on the outbox and on columns that no command writes."""
    op.execute(_ADD)
    for table in BEFORE:
        op.execute(f"REVOKE ALL ON {table} FROM {SCHEMA}_requests")
    allow(SCHEMA, RIGHTS)


def downgrade() -> None:
    """Give the former rights back."""
    op.execute("DROP FUNCTION outbox_add(text, text[], bytea[], bytea[], text[])")
    for table in RIGHTS:
        op.execute(f"REVOKE ALL ON {table} FROM {SCHEMA}_requests")
    allow(SCHEMA, BEFORE)
