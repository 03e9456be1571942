"""Nothing that the role of requests can set lifts row-level security: policies name roles, scopes are sealed."""

from alembic import op

from shared.postgres.migrations.security import (
    OF_MANY,
    OF_ONE,
    OF_SUBJECT,
    allow,
    install_scope,
    protect,
    remove_scope,
    unprotect,
)

revision = "batch_roles"
down_revision = "batch_0006"
branch_labels = None
depends_on = None

SCHEMA = "batch"
RULES = {
    "account": OF_ONE,
    "flag": OF_ONE,
    "flag_detail": OF_ONE,
    "batch_account": OF_ONE,
    "batch": OF_MANY,
    "result_chunk": OF_MANY,
    "decision": OF_MANY,
    "idempotency": OF_SUBJECT,
    "analysis": OF_ONE,
}
# What commands and pages need. Messages are added by commands, read by the relay alone.
RIGHTS = {
    "account": "SELECT, UPDATE (epoch, last_rebalanced)",
    "flag": "SELECT",
    "flag_detail": "SELECT",
    "batch_account": "SELECT, INSERT, UPDATE",
    "batch": "SELECT, INSERT, UPDATE",
    "result_chunk": "SELECT",
    "decision": "SELECT, INSERT",
    "idempotency": "SELECT, INSERT, UPDATE",
    "analysis": "SELECT",
    "outbox": "INSERT (topic, key, value, headers)",
    "SEQUENCE batch_number": "USAGE",
}


# What stood before: one policy a table, by settings; `service` among them admitted to everything.
_SERVICE = "(SELECT current_setting('batch.service', true)) = 'on'"
_ALL_ADVISORS = "(SELECT current_setting('batch.all_advisors', true)) = 'on'"
_ENTERPRISES = "(SELECT string_to_array(current_setting('batch.enterprises', true), ','))::text[]"
_ADVISORS = "(SELECT string_to_array(current_setting('batch.advisors', true), ','))::text[]"
_BEFORE = {
    OF_ONE: f"enterprise_id = ANY ({_ENTERPRISES}) AND ({_ALL_ADVISORS} OR advisor_id = ANY ({_ADVISORS}))",
    OF_MANY: f"enterprise_ids <@ {_ENTERPRISES} AND ({_ALL_ADVISORS} OR advisor_ids <@ {_ADVISORS})",
    OF_SUBJECT: "subject = (SELECT current_setting('batch.subject', true))",
}


def upgrade() -> None:
    """Replace the policies by which a setting admitted to everything."""
    for table in RULES:
        op.execute(f"DROP POLICY tenancy ON {table}")
    install_scope(SCHEMA)
    protect(SCHEMA, RULES)
    allow(SCHEMA, RIGHTS)


def downgrade() -> None:
    """Put the former policies back."""
    unprotect(SCHEMA, RULES)
    remove_scope()
    for table, rule in RULES.items():
        before = f"{_SERVICE} OR ({_BEFORE[rule]})"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenancy ON {table} USING ({before}) WITH CHECK ({before})")
