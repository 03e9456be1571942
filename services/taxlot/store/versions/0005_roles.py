"""Row-level security on what names an account; requests are served with a role of their own."""

from shared.postgres.migrations.security import (
    OF_ONE,
    SUBJECT,
    allow,
    install_scope,
    of_account,
    protect,
    remove_scope,
    unprotect,
)

revision = "roles"
down_revision = "senders"
branch_labels = None
depends_on = None

SCHEMA = "taxlot"
RULES = {
    "account": OF_ONE,
    **{table: of_account(table, "account") for table in ("holding", "lots", "approved_trade")},
    # A problem of the file as a whole names no account.
    "file_part": OF_ONE,
    # Whoever sent a file, and whoever it concerns.
    "file": f"sent_by = {SUBJECT} OR EXISTS (SELECT FROM file_part AS part WHERE part.file_id = file.file_id)",
    "file_problem": f"account_id IS NULL OR {of_account('file_problem', 'account')}",
}


def upgrade() -> None:
    """Force the policies."""
    install_scope(SCHEMA)
    protect(SCHEMA, RULES)
    allow(SCHEMA, dict.fromkeys(("account", "file", "file_part", "file_problem"), "SELECT"))


def downgrade() -> None:
    """Take them away."""
    unprotect(SCHEMA, RULES)
    remove_scope()
