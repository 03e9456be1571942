"""What a replay of the event log is compared with: the auditor reads decisions' digests, executions, account states.

No names, no account numbers, no labels, no manifests: that those are unaltered shows the digest of a decision.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import AUDITOR, hide_from_auditor, show_auditor

revision = "batch_replay"
down_revision = "batch_executions"
branch_labels = None
depends_on = None

NEW: Final = {
    "decision": "batch_id, sha256",
    "account_state": "account_id, enterprise_id, advisor_id, version, state, batch_id, batch_status, since",
    "execution": (
        "order_id, batch_id, account_id, enterprise_id, security_id, version, status, quantity_micro, price_micro,"
        " reported_at, reason"
    ),
    "incarnation": "name",
}
MORE: Final = {
    "batch": "enterprise_ids, advisor_ids, version, reason, requested_by, decided_by",
    "batch_account": "advisor_id",
    "flag": "tiles, source, needed_since, last_rebalanced, evaluated_at",
}


def upgrade() -> None:
    """Show the columns."""
    show_auditor(NEW)
    for table, names in MORE.items():
        op.execute(f"GRANT SELECT ({names}) ON {table} TO {AUDITOR}")


def downgrade() -> None:
    """Hide them again."""
    for table, names in MORE.items():
        op.execute(f"REVOKE SELECT ({names}) ON {table} FROM {AUDITOR}")  # noqa: S608  # names
    hide_from_auditor(NEW)
