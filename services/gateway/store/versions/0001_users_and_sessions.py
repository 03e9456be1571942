"""Users with their entitlements, and server-side sessions."""

from alembic import op

revision = "gateway_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. advisors NULL: all advisors of the enterprises. Only the hash of a session's id is kept."""
    op.execute(
        """
        CREATE TABLE app_user (
            subject text PRIMARY KEY,
            name text NOT NULL,
            roles text[] NOT NULL,
            enterprises text[] NOT NULL,
            advisors text[],
            changed_at timestamptz NOT NULL
        );
        CREATE TABLE session (
            id_hash bytea PRIMARY KEY,
            subject text NOT NULL REFERENCES app_user ON DELETE CASCADE,
            id_token text NOT NULL,
            started_at timestamptz NOT NULL,
            used_at timestamptz NOT NULL
        );
        CREATE INDEX session_subject ON session (subject);
        CREATE INDEX session_used_at ON session (used_at);
        """
    )


def downgrade() -> None:
    """Drop both tables: everybody is signed out and all entitlements are gone."""
    op.execute("DROP TABLE session; DROP TABLE app_user;")
