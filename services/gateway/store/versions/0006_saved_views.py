"""Saved views: filters, order and layout of a list under a name, of one user or shared in an enterprise."""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import OF_ENTERPRISE, OF_SUBJECT, allow, protect

revision = "gateway_saved_views"
down_revision = "gateway_auditor"
branch_labels = None
depends_on = None

TABLE: Final = """
CREATE TABLE saved_view (
    view_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL REFERENCES app_user ON DELETE CASCADE,
    owner_name text NOT NULL,
    enterprise_id text,
    list text NOT NULL CHECK (list IN ('queue', 'request', 'history')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    content jsonb NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON COLUMN saved_view.enterprise_id IS 'Whose people share the view; null: it is its owner''s alone';
CREATE UNIQUE INDEX saved_view_own_name ON saved_view (subject, list, lower(name)) WHERE enterprise_id IS NULL;
CREATE UNIQUE INDEX saved_view_shared_name ON saved_view (enterprise_id, list, lower(name))
    WHERE enterprise_id IS NOT NULL;
"""
RULE: Final = f"{OF_ENTERPRISE} OR enterprise_id IS NULL AND {OF_SUBJECT}"


def upgrade() -> None:
    """Make the table; users see and write their own views and those of their enterprises."""
    op.execute(TABLE)
    protect("gateway", {"saved_view": RULE})
    rights = "SELECT, INSERT, UPDATE (enterprise_id, name, content, version, changed_at), DELETE"
    allow("gateway", {"saved_view": rights})


def downgrade() -> None:
    """Drop it: all saved views are gone."""
    op.execute("DROP TABLE saved_view")
