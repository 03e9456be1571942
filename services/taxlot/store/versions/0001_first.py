"""Accounts, securities, lots by account, the ledger of files, approved buys."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE security (
    security_id text PRIMARY KEY,
    version bigint NOT NULL,
    kind text NOT NULL
);

CREATE TABLE account (
    account_id text PRIMARY KEY,
    version bigint NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    custodian text NOT NULL,
    account_number text NOT NULL,
    apm_sleeve_id text NOT NULL
);
CREATE INDEX account_at_custodian ON account (custodian, account_number);

-- One line per file that ever came in. LOADING: being read (or its reader died). LOADED: stored, not yet all published.
CREATE TABLE file (
    file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    digest bytea NOT NULL,
    source text NOT NULL CHECK (source IN ('COMMAND', 'INBOX', 'UPLOAD')),
    status text NOT NULL CHECK (status IN ('LOADING', 'LOADED', 'PUBLISHED', 'REFUSED', 'DUPLICATE')),
    custodian text,
    data_date date,
    kind text,
    records_total bigint,
    records_done bigint NOT NULL DEFAULT 0,
    accounts integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    held integer NOT NULL DEFAULT 0,
    unknown integer NOT NULL DEFAULT 0,
    reason_code text,
    reason text,
    duplicate_of bigint REFERENCES file,
    received_at timestamptz NOT NULL,
    loaded_at timestamptz,
    published_at timestamptz,
    announced_at timestamptz
);
CREATE UNIQUE INDEX file_once ON file (digest) WHERE status IN ('LOADING', 'LOADED', 'PUBLISHED');
CREATE INDEX file_unannounced ON file (file_id) WHERE announced_at IS NULL;
CREATE INDEX file_newest ON file (custodian, data_date DESC) WHERE status IN ('LOADED', 'PUBLISHED');

-- What was wrong or worth a look in a file. severity HOLD: its account is held; NOTE: reported only.
CREATE TABLE file_problem (
    file_id bigint NOT NULL REFERENCES file ON DELETE CASCADE,
    line bigint NOT NULL,
    severity text NOT NULL CHECK (severity IN ('HOLD', 'NOTE')),
    code text NOT NULL,
    account_number text NOT NULL,
    account_id text,
    text text NOT NULL
);
CREATE INDEX file_problem_of ON file_problem (file_id, line);

-- One narrow row per account that a file has named. lots_version grows when lots, cash or hold change; as_of with every
-- good file. file_id: the last file that covered the account, so that publishing can be repeated from here.
CREATE TABLE holding (
    account_id text PRIMARY KEY,
    lots_version bigint NOT NULL,
    as_of date NOT NULL,
    file_id bigint NOT NULL REFERENCES file,
    cash_cents bigint,
    content bytea,
    hold_code text,
    hold_text text
) WITH (fillfactor = 70);
CREATE INDEX holding_of_file ON holding (file_id);

-- One compact document per account: its lots as one Arrow record batch. Rows stay in line up to 8 kB: beyond 2 kB
-- PostgreSQL would otherwise move every document to a side table, at a tenth of the speed.
CREATE TABLE lots (
    account_id text PRIMARY KEY,
    document bytea NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE lots ALTER COLUMN document SET STORAGE EXTERNAL;

-- The prices a custodian last reported: to notice a jump by a split ratio, never to value anything.
CREATE TABLE reported_price (
    custodian text NOT NULL,
    security_id text NOT NULL,
    price_micro bigint NOT NULL,
    data_date date NOT NULL,
    PRIMARY KEY (custodian, security_id)
);

-- How far the topics have been taken in that files are judged by.
CREATE TABLE progress (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Approved sleeve trades, for the sleeves of lots that a custodian reports without one.
CREATE TABLE approved_trade (
    account_id text NOT NULL,
    epoch integer NOT NULL,
    security_id text NOT NULL,
    sleeve_id text NOT NULL,
    trade_date date NOT NULL,
    quantity_micro bigint NOT NULL,
    crossed_micro bigint NOT NULL,
    PRIMARY KEY (account_id, epoch, security_id, sleeve_id)
);
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop everything."""
    op.execute(
        "DROP TABLE approved_trade, progress, reported_price, lots, holding, file_problem, file, account, security"
    )
