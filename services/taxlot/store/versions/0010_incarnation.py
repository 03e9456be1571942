"""The incarnation of the database is part of source and id of what is published: a restore repeats no id."""

from shared.postgres.migrations.incarnation import install_incarnation, remove_incarnation

revision = "incarnation"
down_revision = "auditor"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin the first one."""
    install_incarnation("file")


def downgrade() -> None:
    """Forget it."""
    remove_incarnation()
