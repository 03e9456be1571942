"""Price sets are looked at before they count; a generation says which is in force.  Runs over a part of the book.

What was stored before counts as accepted, in the order of its numbers; what accounts hold counts as held.
"""

from alembic import op

revision = "price_sets_in_force"
down_revision = "standings_told"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE price_set
    ADD COLUMN status text NOT NULL DEFAULT 'ACCEPTED'
        CHECK (status IN ('ACCEPTED', 'HELD', 'REJECTED', 'WITHDRAWN')),
    ADD COLUMN reasons text[] NOT NULL DEFAULT '{}', ADD COLUMN notes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN arrived_at timestamptz;
ALTER TABLE price_set ALTER COLUMN status DROP DEFAULT;
COMMENT ON COLUMN price_set.reasons IS 'Why it was put aside for a look; of an accepted set: why single prices were';

CREATE TABLE price_withheld (
    price_set bigint NOT NULL REFERENCES price_set, security_no integer NOT NULL,
    price_micro bigint NOT NULL, last_micro bigint NOT NULL,
    PRIMARY KEY (price_set, security_no)
);
COMMENT ON TABLE price_withheld IS
    'Prices of an accepted set that wait for a look; last_micro: the last one that counted';

CREATE TABLE price_decision (
    decision_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    price_set bigint NOT NULL REFERENCES price_set, security_no integer,
    decision text NOT NULL CHECK (decision IN ('ACCEPTED', 'HELD', 'REJECTED', 'WITHDRAWN')),
    actor text NOT NULL, reason text NOT NULL, decided_at timestamptz NOT NULL,
    generation bigint NOT NULL, in_force bigint REFERENCES price_set
);
COMMENT ON TABLE price_decision IS 'Who decided what of a set (or of one price of it), and why; never changed';
COMMENT ON COLUMN price_decision.generation IS
    'Grows with every change of what is in force: prices of a lower one are older';
COMMENT ON COLUMN price_decision.in_force IS 'The set that counts after the decision; null: none';

CREATE TABLE held_security (security_no integer PRIMARY KEY);
COMMENT ON TABLE held_security IS
    'Securities that an account holds or has held: a price set must not miss most of them';
-- Holdings are pairs of 64 bits, the lowest byte first; the upper half of the first of a pair is the security's number.
INSERT INTO held_security
SELECT DISTINCT get_byte(holdings, at + 4) + (get_byte(holdings, at + 5) << 8) + (get_byte(holdings, at + 6) << 16)
    + (get_byte(holdings, at + 7) << 24)
FROM account_facts, generate_series(0, length(holdings) - 16, 16) AS at;

INSERT INTO price_decision (price_set, decision, actor, reason, decided_at, generation, in_force)
SELECT price_set, 'ACCEPTED', 'analyzer', 'stored before price sets were looked at', as_of,
       row_number() OVER (ORDER BY price_set), price_set FROM price_set ORDER BY price_set;

ALTER TABLE flag ADD COLUMN price_generation bigint NOT NULL DEFAULT 0;
ALTER TABLE analysis_run
    ADD COLUMN price_generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN covers text NOT NULL DEFAULT 'BOOK' CHECK (covers IN ('BOOK', 'PORTFOLIOS', 'PRICE_HELD')),
    ADD COLUMN portfolios integer[],
    ADD COLUMN subject text UNIQUE,
    DROP CONSTRAINT analysis_run_kind_check,
    ADD CONSTRAINT analysis_run_kind_check CHECK (kind IN ('DAILY', 'ON_DEMAND', 'TARGET', 'PRICES'));
COMMENT ON COLUMN analysis_run.subject IS 'What a run answers to that is opened once, however often it is told of';
"""

_DOWN = """
DELETE FROM analysis_shard WHERE run_no IN (SELECT run_no FROM analysis_run WHERE kind IN ('TARGET', 'PRICES'));
DELETE FROM analysis_run WHERE kind IN ('TARGET', 'PRICES');
ALTER TABLE analysis_run
    DROP COLUMN price_generation, DROP COLUMN covers, DROP COLUMN portfolios, DROP COLUMN subject,
    DROP CONSTRAINT analysis_run_kind_check,
    ADD CONSTRAINT analysis_run_kind_check CHECK (kind IN ('DAILY', 'ON_DEMAND'));
ALTER TABLE flag DROP COLUMN price_generation;
DROP TABLE held_security, price_decision, price_withheld;
DELETE FROM price_set WHERE status <> 'ACCEPTED';
ALTER TABLE price_set DROP COLUMN status, DROP COLUMN reasons, DROP COLUMN notes, DROP COLUMN arrived_at;
"""


def upgrade() -> None:
    """Add tables and columns."""
    op.execute(_UP)


def downgrade() -> None:
    """Drop them; the set with the highest number of those accepted is in force again."""
    op.execute(_DOWN)
