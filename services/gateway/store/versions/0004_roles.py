"""Row-level security on users and sessions: a request sees the session whose id it showed, and the user behind it."""

from shared.postgres.migrations.security import (
    OF_SUBJECT,
    SESSION,
    allow,
    install_scope,
    protect,
    remove_scope,
    unprotect,
)

revision = "gateway_roles"
down_revision = "gateway_0003"
branch_labels = None
depends_on = None

SCHEMA = "gateway"
_SHOWN = f"id_hash = decode({SESSION}, 'hex')"
RULES = {
    "app_user": f"{OF_SUBJECT} OR EXISTS (SELECT FROM session WHERE session.subject = app_user.subject)",
    "session": _SHOWN,
}


def upgrade() -> None:
    """Force the policies."""
    install_scope(SCHEMA)
    protect(SCHEMA, RULES)
    allow(SCHEMA, {"app_user": "SELECT", "session": "SELECT, INSERT, UPDATE (used_at), DELETE"})


def downgrade() -> None:
    """Take them away."""
    unprotect(SCHEMA, RULES)
    remove_scope()
