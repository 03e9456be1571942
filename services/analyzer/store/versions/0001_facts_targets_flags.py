"""The analyzer's schema: names, securities, prices, targets, facts, flags, runs."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE name (
    kind "char" NOT NULL, no integer NOT NULL, id text NOT NULL,
    PRIMARY KEY (kind, id), UNIQUE (kind, no)
);
COMMENT ON TABLE name IS 'Short numbers of ids: S security, L sleeve, P portfolio';

CREATE TABLE security (
    security_no integer PRIMARY KEY, version bigint NOT NULL, title text NOT NULL, is_fund boolean NOT NULL,
    step_micro bigint NOT NULL
);

CREATE TABLE price_set (
    price_set bigint PRIMARY KEY, as_of date NOT NULL, document bytea NOT NULL
) WITH (toast_tuple_target = 8160);
COMMENT ON COLUMN price_set.document IS 'int64: price in millionths by security number, 0 none; a set never changes';

CREATE TABLE model (model_id text PRIMARY KEY, version bigint NOT NULL, body text NOT NULL);
CREATE TABLE portfolio (portfolio_no integer PRIMARY KEY, version bigint NOT NULL, body text NOT NULL);
CREATE TABLE portfolio_model (
    model_id text NOT NULL, portfolio_no integer NOT NULL, PRIMARY KEY (model_id, portfolio_no)
);
CREATE SEQUENCE target_version;
CREATE TABLE target (
    portfolio_no integer PRIMARY KEY, target_version bigint NOT NULL, cause text NOT NULL, problem text, document bytea
) WITH (toast_tuple_target = 8160);
COMMENT ON TABLE target IS 'A portfolio with its models worked out; target_version grows with every change of it';

CREATE TABLE account_facts (
    account_id text PRIMARY KEY,
    enterprise_id text NOT NULL, advisor_id text NOT NULL,
    facts_version bigint NOT NULL,
    settings_version bigint NOT NULL DEFAULT 0,
    portfolio_no integer, custodian text, account_number text, title text, tax_household_id text, custody text,
    on_count integer NOT NULL DEFAULT 0,
    settings bytea, settings_problem text,
    lots_version bigint NOT NULL DEFAULT 0,
    as_of date, file_id text, cash_cents bigint NOT NULL DEFAULT 0, holdings bytea,
    hold_code text, hold_text text,
    epoch integer NOT NULL DEFAULT 0,
    last_rebalanced date, settle_date date, settle_as_of date, settle_file_id text
) WITH (fillfactor = 75, toast_tuple_target = 8160);
CREATE INDEX account_facts_portfolio ON account_facts (portfolio_no);
COMMENT ON COLUMN account_facts.holdings IS 'int64 pairs (position key, quantity in millionths) in order of key';

CREATE TABLE flag (
    account_id text PRIMARY KEY,
    flag_version bigint NOT NULL,
    facts_version bigint NOT NULL, lots_version bigint NOT NULL,
    portfolio_no integer, target_version bigint NOT NULL, price_set bigint NOT NULL, epoch integer NOT NULL,
    on_count integer NOT NULL,
    state smallint NOT NULL, tiles smallint NOT NULL,
    needed_since date, last_rebalanced date, causes text NOT NULL,
    figures bytea NOT NULL, reasons bytea NOT NULL,
    hold_code text, hold_text text,
    evaluated_at timestamptz NOT NULL,
    run_no bigint, announced boolean NOT NULL
) WITH (fillfactor = 75, toast_tuple_target = 8160);
COMMENT ON TABLE flag IS 'The newest evaluation; replaced only by one of which no input is older';
CREATE INDEX flag_price_hold ON flag (account_id) WHERE hold_code IN ('MISSING_PRICE', 'STALE_PRICE');

CREATE TABLE analysis_run (
    run_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    business_date date NOT NULL, kind text NOT NULL CHECK (kind IN ('DAILY', 'ON_DEMAND')), seq integer NOT NULL,
    price_set bigint NOT NULL, started_at timestamptz NOT NULL, finished_at timestamptz,
    accounts bigint NOT NULL, flagged bigint, held bigint, announced boolean NOT NULL DEFAULT false,
    UNIQUE (business_date, kind, seq)
);
CREATE TABLE analysis_shard (
    run_no bigint NOT NULL REFERENCES analysis_run, shard integer NOT NULL,
    first_id text NOT NULL, last_id text NOT NULL, accounts integer NOT NULL, done boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_no, shard)
);
CREATE INDEX analysis_shard_open ON analysis_shard (run_no, shard) WHERE NOT done;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(_TABLES)


def downgrade() -> None:
    """Drop everything."""
    op.execute(
        "DROP TABLE analysis_shard, analysis_run, flag, account_facts, target, portfolio_model, portfolio, model,"
        " price_set, security, name; DROP SEQUENCE target_version"
    )
