"""Removals can be undone; enterprises ask for another or a second approver, and for a note; decisions carry notes."""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import AUDITOR, allow, protect

revision = "batch_undo_and_rules"
down_revision = "batch_wash_over_batches"
branch_labels = None
depends_on = None

COLUMNS: Final = """
ALTER TABLE batch_account ADD COLUMN removed_version integer;
COMMENT ON COLUMN batch_account.removed_version IS
    'Version of the batch that its last removal made; it stays when the removal is undone';
ALTER TABLE batch
    ADD COLUMN turnover_cents bigint NOT NULL DEFAULT 0,
    ADD COLUMN note text,
    ADD COLUMN first_by text,
    ADD COLUMN first_name text,
    ADD COLUMN first_at timestamptz,
    ADD COLUMN first_note text,
    ADD COLUMN first_version integer;
COMMENT ON COLUMN batch.turnover_cents IS 'Market buys and sells under the logic in force, as of the last count';
COMMENT ON COLUMN batch.first_version IS 'Version that the first of two approvals made; it counts at no other';
CREATE TABLE approval_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enterprise_id text NOT NULL,
    approver_differs boolean NOT NULL,
    note_required boolean NOT NULL,
    two_above_cents bigint CHECK (two_above_cents >= 0),
    two_above_accounts integer CHECK (two_above_accounts >= 0),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON TABLE approval_rule IS 'Every change of the rules of an enterprise; the newest one is in force';
CREATE INDEX approval_rule_newest ON approval_rule (enterprise_id, id);
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON approval_rule FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept BEFORE TRUNCATE ON approval_rule FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
_FIRST: Final = "first_by, first_name, first_at, first_note, first_version"
RIGHTS: Final = {
    "batch_account": "UPDATE (removed_version)",
    "batch": f"UPDATE (turnover_cents, note, {_FIRST})",
    "approval_rule": "SELECT",
}


def upgrade() -> None:
    """Add columns and table; what was removed before has no version, and can be put back one by one."""
    op.execute(COLUMNS)
    protect("batch", {"approval_rule": "enterprise_id = ANY ((SELECT (entered()).enterprises)::text[])"})
    allow("batch", RIGHTS)
    op.execute(f"GRANT SELECT (first_by, first_version) ON batch TO {AUDITOR}")  # the event has them too


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE approval_rule")
    op.execute("ALTER TABLE batch_account DROP COLUMN removed_version")
    columns = ("turnover_cents", "note", *_FIRST.split(", "))
    op.execute(f"ALTER TABLE batch {', '.join(f'DROP COLUMN {name}' for name in columns)}")
