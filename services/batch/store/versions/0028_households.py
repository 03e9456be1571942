"""The tax household of an account, and accounts found by it.

An account of before is found by its household from its next version on: events of before were not kept.
"""

from typing import Final

from alembic import op

revision = "batch_households"
down_revision = "batch_edits"
branch_labels = None
depends_on = None

COLUMN: Final = """
ALTER TABLE account ADD COLUMN tax_household_id text;
COMMENT ON COLUMN account.tax_household_id IS 'Null: the account is a household of its own, or its version is older';
"""
_SEEN: Final = "account_id, enterprise_id, advisor_id, account_number, name"
_CHANGED: Final = "(SELECT {seen} FROM rows_after EXCEPT SELECT {seen} FROM rows_before)"
_KEEP: Final = """
CREATE OR REPLACE FUNCTION keep_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {fill_new};
    ELSE
        DELETE FROM batch.account_word AS w USING {changed} AS a WHERE w.account_id = a.account_id;
        {fill_changed};
    END IF;
    RETURN NULL;
END $$;
"""
_FILL: Final = (
    "INSERT INTO batch.account_word (account_id, word, enterprise_id, advisor_id)"
    " SELECT a.account_id, word, a.enterprise_id, a.advisor_id"
    " FROM {rows} AS a, batch.words_of(ARRAY[{words}]) AS word"
)
_OF_BEFORE: Final = "a.account_number, a.name, a.advisor_id"


def _keep(seen: str, words: str) -> str:
    changed = _CHANGED.format(seen=seen)
    fills = {name: _FILL.format(rows=rows, words=words) for name, rows in (("new", "rows_after"), ("changed", changed))}
    return _KEEP.format(changed=changed, fill_new=fills["new"], fill_changed=fills["changed"])


def upgrade() -> None:
    """Add the column, and let the triggers take it in."""
    op.execute(COLUMN)
    op.execute(_keep(f"{_SEEN}, tax_household_id", f"{_OF_BEFORE}, coalesce(a.tax_household_id, '')"))


def downgrade() -> None:
    """Leave it out of the words, and drop it."""
    op.execute(_keep(_SEEN, _OF_BEFORE))
    op.execute("ALTER TABLE account DROP COLUMN tax_household_id")
