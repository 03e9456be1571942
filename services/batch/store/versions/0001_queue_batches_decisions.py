"""Queue, batches, decisions, idempotency, outbox; row-level security; what is decided cannot be changed."""

from alembic import op

from shared.outbox.rows import TABLE_SQL

revision = "batch_0001"
down_revision = None
branch_labels = None
depends_on = None

# Narrow rows: what the queue filters and sorts by. What is only read for one account stands in flag_detail.
QUEUE = """
CREATE TABLE account (
    account_id text PRIMARY KEY,
    version bigint NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    account_number text NOT NULL,
    name text NOT NULL,
    custodian text NOT NULL,
    custody text NOT NULL,
    epoch integer NOT NULL DEFAULT 0,
    last_rebalanced date
);
CREATE INDEX account_owner ON account (enterprise_id, advisor_id);
CREATE TABLE flag (
    account_id text PRIMARY KEY,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    flag_version bigint NOT NULL,
    facts_version bigint NOT NULL,
    lots_version bigint NOT NULL,
    target_version bigint NOT NULL,
    price_set bigint NOT NULL,
    epoch integer NOT NULL,
    state smallint NOT NULL,
    tiles smallint NOT NULL,
    source text,
    needed_since date,
    last_rebalanced date,
    evaluated_at timestamptz,
    portfolio_id text,
    value_cents bigint,
    cash_cents bigint,
    cash_ppb bigint,
    cash_target_ppb bigint,
    cash_low_ppb bigint,
    cash_high_ppb bigint,
    max_drift_ppb bigint,
    drifted integer
) WITH (fillfactor = 80);
CREATE INDEX flag_to_show ON flag (enterprise_id, advisor_id) WHERE state IN (2, 3, 4, 5);
CREATE TABLE flag_detail (
    account_id text PRIMARY KEY,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    flag_version bigint NOT NULL,
    hold_code text,
    hold_text text,
    reasons text,
    causes text
) WITH (toast_tuple_target = 8160);
CREATE TABLE analysis (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    run_id text NOT NULL,
    version bigint NOT NULL,
    accounts integer NOT NULL,
    seen_at timestamptz NOT NULL
);
"""

# Figures are arrays with one element a trade logic (element 1 is logic 0): a third logic is a longer array.
BATCHES = """
CREATE SEQUENCE batch_number AS bigint;
CREATE TABLE batch (
    batch_id bigint PRIMARY KEY,
    enterprise_ids text[] NOT NULL,
    advisor_ids text[] NOT NULL,
    version integer NOT NULL,
    status text NOT NULL CHECK (status IN ('WORKING', 'PENDING_APPROVAL', 'APPROVED', 'CANCELLED', 'FAILED')),
    reason text CHECK (reason IN ('USER', 'END_OF_DAY', 'ALL_REMOVED', 'ALL_FAILED')),
    logic smallint NOT NULL,
    label text NOT NULL,
    accounts integer NOT NULL CHECK (accounts > 0),
    only_account text,
    requested_by text NOT NULL,
    requested_name text NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_by text,
    decided_name text,
    decided_at timestamptz,
    trade_date date NOT NULL,
    cancel_at timestamptz NOT NULL,
    answered_at timestamptz NOT NULL,
    told_at timestamptz NOT NULL,
    working integer NOT NULL DEFAULT 0,
    proposed integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    removed integer NOT NULL DEFAULT 0,
    approved integer NOT NULL DEFAULT 0,
    cancelled integer NOT NULL DEFAULT 0,
    stale integer NOT NULL DEFAULT 0,
    short_cents bigint NOT NULL DEFAULT 0,
    long_cents bigint NOT NULL DEFAULT 0,
    estimated_cents bigint NOT NULL DEFAULT 0,
    CHECK (working + proposed + failed + removed + approved + cancelled = accounts),
    CHECK ((status IN ('APPROVED', 'CANCELLED', 'FAILED')) = (decided_at IS NOT NULL))
);
CREATE INDEX batch_undecided ON batch (cancel_at) WHERE status IN ('WORKING', 'PENDING_APPROVAL');
CREATE TABLE result_chunk (
    chunk_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES batch,
    enterprise_ids text[] NOT NULL,
    advisor_ids text[] NOT NULL,
    sha256 bytea NOT NULL,
    value bytea NOT NULL
);
ALTER TABLE result_chunk ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE INDEX result_chunk_batch ON result_chunk (batch_id);
CREATE TABLE batch_account (
    batch_id bigint NOT NULL REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    account_id text NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    place integer NOT NULL,
    account_number text NOT NULL,
    name text NOT NULL,
    custodian text NOT NULL,
    taxable boolean NOT NULL,
    epoch integer NOT NULL,
    liquidate boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('WORKING', 'PROPOSED', 'FAILED', 'REMOVED', 'APPROVED', 'CANCELLED')),
    open boolean NOT NULL,
    frozen boolean NOT NULL DEFAULT false,
    attempt integer NOT NULL DEFAULT 1,
    first_attempt integer NOT NULL DEFAULT 1,
    sent_at timestamptz NOT NULL,
    stale_code text,
    stale_text text,
    failure_code text,
    failure_text text,
    removed_name text,
    chunk_id bigint REFERENCES result_chunk,
    row_no integer,
    facts_version bigint,
    lots_version bigint,
    target_version bigint,
    price_set bigint,
    value_cents bigint[],
    begin_cash_cents bigint[],
    end_cash_cents bigint[],
    buys bigint[],
    buys_cents bigint[],
    sells bigint[],
    sells_cents bigint[],
    flats bigint[],
    flats_cents bigint[],
    short_cents bigint[],
    long_cents bigint[],
    unknown_term_cents bigint[],
    estimated_cents bigint[],
    no_basis_proceeds_cents bigint[],
    remarks text,
    PRIMARY KEY (batch_id, account_id),
    CHECK (open = (state IN ('WORKING', 'PROPOSED')))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX batch_account_open ON batch_account (account_id) WHERE open;
CREATE UNIQUE INDEX batch_account_place ON batch_account (batch_id, place);
CREATE INDEX batch_account_history ON batch_account (account_id, batch_id);
CREATE TABLE decision (
    batch_id bigint PRIMARY KEY REFERENCES batch DEFERRABLE INITIALLY DEFERRED,
    enterprise_ids text[] NOT NULL,
    advisor_ids text[] NOT NULL,
    decided_at timestamptz NOT NULL,
    sha256 bytea NOT NULL,
    manifest bytea NOT NULL
);
CREATE TABLE idempotency (
    subject text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_sha256 bytea NOT NULL,
    status smallint,
    body bytea,
    headers jsonb,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (subject, route, key)
);
CREATE INDEX idempotency_made_at ON idempotency (made_at);
"""

# Two settings instead of one with a "*": SQL does not promise to skip the second half of an OR. Sub-selects are
# evaluated once a statement, not once a row.
_SERVICE = "(SELECT current_setting('batch.service', true)) = 'on'"
_ALL_ADVISORS = "(SELECT current_setting('batch.all_advisors', true)) = 'on'"
_ENTERPRISES = "(SELECT string_to_array(current_setting('batch.enterprises', true), ','))::text[]"
_ADVISORS = "(SELECT string_to_array(current_setting('batch.advisors', true), ','))::text[]"
_OF_ONE = (
    f"{_SERVICE} OR (enterprise_id = ANY ({_ENTERPRISES}) AND ({_ALL_ADVISORS} OR advisor_id = ANY ({_ADVISORS})))"
)
_OF_MANY = f"{_SERVICE} OR (enterprise_ids <@ {_ENTERPRISES} AND ({_ALL_ADVISORS} OR advisor_ids <@ {_ADVISORS}))"
_OF_SUBJECT = f"{_SERVICE} OR subject = (SELECT current_setting('batch.subject', true))"
POLICIES = {
    "account": _OF_ONE,
    "flag": _OF_ONE,
    "flag_detail": _OF_ONE,
    "batch_account": _OF_ONE,
    "batch": _OF_MANY,
    "result_chunk": _OF_MANY,
    "decision": _OF_MANY,
    "idempotency": _OF_SUBJECT,
}

# What is decided is frozen: the database refuses to change it, whoever asks.
FROZEN = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %: what is decided cannot be changed', TG_OP, TG_TABLE_NAME USING ERRCODE = '23001';
END $$;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON batch FOR EACH ROW
    WHEN (OLD.status IN ('APPROVED', 'CANCELLED', 'FAILED')) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON batch_account FOR EACH ROW
    WHEN (OLD.frozen) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON result_chunk FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON decision FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Create the tables with forced row-level security and the triggers that freeze decisions."""
    op.execute(QUEUE)
    op.execute(BATCHES)
    op.execute(TABLE_SQL)
    for table, rule in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenancy ON {table} USING ({rule}) WITH CHECK ({rule})")
    op.execute(FROZEN)
    for table in ("batch", "batch_account", "result_chunk", "decision"):
        op.execute(
            f"CREATE TRIGGER kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Drop everything: the queue can be rebuilt from events, batches and history are gone."""
    op.execute("DROP TABLE decision, batch_account, result_chunk, batch, idempotency, outbox CASCADE")
    op.execute("DROP TABLE analysis, flag_detail, flag, account; DROP SEQUENCE batch_number")
    op.execute("DROP FUNCTION refuse_change()")
