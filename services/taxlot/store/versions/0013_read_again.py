"""By which mapping a file was read, and of which file it is another reading: the same bytes by a changed mapping."""

from alembic import op

revision = "read_again"
down_revision = "auditor_approvals"
branch_labels = None
depends_on = None

_ADD = """
ALTER TABLE file ADD COLUMN mapping bytea, ADD COLUMN again_of bigint;
COMMENT ON COLUMN file.mapping IS 'fingerprint of what reads it; empty: the documented format; null: unknown';
COMMENT ON COLUMN file.again_of IS 'the first entry of the same bytes, where they are read again by a changed mapping';
"""
# One first reading of the same bytes on the same rights, as before; and one further reading of them at a time.
_ONCE = """
DROP INDEX file_once;
CREATE UNIQUE INDEX file_once ON file (digest, rights)
    WHERE status IN ('LOADING', 'LOADED', 'PUBLISHED') AND again_of IS NULL;
CREATE UNIQUE INDEX file_again ON file (again_of) WHERE status = 'LOADING';
"""


def upgrade() -> None:
    """Add them; by which mapping files of before were read is unknown."""
    op.execute(_ADD)
    op.execute(_ONCE)


def downgrade() -> None:
    """Take them away; further readings stay as refused entries, which nothing rests on."""
    op.execute("DROP INDEX file_again; DROP INDEX file_once")
    op.execute("UPDATE file SET status = 'REFUSED' WHERE again_of IS NOT NULL")
    op.execute("ALTER TABLE file DROP COLUMN again_of, DROP COLUMN mapping")
    op.execute(
        "CREATE UNIQUE INDEX file_once ON file (digest, rights) WHERE status IN ('LOADING', 'LOADED', 'PUBLISHED')"
    )
