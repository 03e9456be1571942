"""Search over all accounts: the words by which each is found, kept by triggers on its table.

A table of words rather than an index of accounts: its ranges of one column need no function that could leak a row to
the role of requests, so the same row-level security that hides an account may use the index.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import OF_ONE, allow, protect

revision = "batch_account_words"
down_revision = "batch_auditor_chain"
branch_labels = None
depends_on = None

# What stands between spaces is a word, and so is each part of it that stands between other marks: "Smith-Jones".
_WORDS: Final = """
CREATE FUNCTION words_of(texts text[]) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT lower(token) FROM unnest(texts) AS one, regexp_split_to_table(one, '\\s+') AS token WHERE token <> ''
    UNION
    SELECT lower(part) FROM unnest(texts) AS one, regexp_split_to_table(one, '[^[:alnum:]]+') AS part WHERE part <> ''
$$
"""
TABLE: Final = """
CREATE TABLE account_word (
    account_id text NOT NULL,
    word text COLLATE "C" NOT NULL,
    enterprise_id text NOT NULL,
    advisor_id text NOT NULL,
    PRIMARY KEY (account_id, word)
);
COMMENT ON TABLE account_word IS 'Words in lower case of each account''s number, name and advisor; kept by triggers';
"""
_SEEN: Final = "account_id, enterprise_id, advisor_id, account_number, name"
_FILL: Final = (
    "INSERT INTO batch.account_word (account_id, word, enterprise_id, advisor_id)"
    " SELECT a.account_id, word, a.enterprise_id, a.advisor_id"
    " FROM {rows} AS a, batch.words_of(ARRAY[a.account_number, a.name, a.advisor_id]) AS word"
)
_CLEAR: Final = "DELETE FROM batch.account_word AS w USING {rows} AS a WHERE w.account_id = a.account_id"
_CHANGED: Final = f"(SELECT {_SEEN} FROM {{after}} EXCEPT SELECT {_SEEN} FROM {{before}})"  # noqa: S608  # names
_IN_TRIGGER: Final = _CHANGED.format(after="rows_after", before="rows_before")
_KEEP: Final = f"""
CREATE FUNCTION keep_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {_FILL.format(rows="rows_after")};
    ELSE
        {_CLEAR.format(rows=_IN_TRIGGER)};
        {_FILL.format(rows=_IN_TRIGGER)};
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION keep_words() FROM PUBLIC;
CREATE TRIGGER words_new AFTER INSERT ON account REFERENCING NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION keep_words();
CREATE TRIGGER words_changed AFTER UPDATE ON account REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION keep_words();
"""


def upgrade() -> None:
    """Make the table and fill it from the accounts there are, before triggers lock theirs; then what changed since."""
    op.execute(_WORDS)
    op.execute("REVOKE ALL ON FUNCTION words_of(text[]) FROM PUBLIC")
    op.execute(TABLE)
    op.execute(f"CREATE TEMP TABLE account_seen ON COMMIT DROP AS SELECT {_SEEN} FROM account")  # noqa: S608  # names
    op.execute(_FILL.format(rows="account_seen"))
    op.execute("CREATE INDEX account_word_found ON account_word (word, enterprise_id, advisor_id, account_id)")
    protect("batch", {"account_word": OF_ONE})
    allow("batch", {"account_word": "SELECT"})
    op.execute(_KEEP)
    since = _CHANGED.format(after="batch.account", before="account_seen")
    op.execute(f"CREATE TEMP TABLE account_since ON COMMIT DROP AS {since[1:-1]}")
    op.execute(_CLEAR.format(rows="account_since"))
    op.execute(_FILL.format(rows="account_since"))


def downgrade() -> None:
    """Drop triggers and table."""
    op.execute("DROP FUNCTION keep_words() CASCADE")
    op.execute("DROP TABLE account_word")
    op.execute("DROP FUNCTION words_of(text[])")
