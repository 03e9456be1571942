"""The incarnation of the database is part of source and id of what is published: a restore repeats no id."""

from shared.postgres.migrations.incarnation import install_incarnation, remove_incarnation
from shared.postgres.migrations.security import allow

revision = "batch_incarnation"
down_revision = "batch_auditor"
branch_labels = None
depends_on = None

SCHEMA = "batch"


def upgrade() -> None:
    """Begin the first one."""
    install_incarnation("batch")
    allow(SCHEMA, {"incarnation": "SELECT (name)"})  # commands of users send, too


def downgrade() -> None:
    """Forget it."""
    remove_incarnation()
