"""The auditor follows the chains of decisions: links with their digests, their ends, and decisions beside them.

Numbers, enterprises and digests; no manifest, and nothing of the tables that these functions look into.
"""

from typing import Final

from alembic import op

from shared.postgres.migrations.security import AUDITOR

revision = "batch_auditor_chain"
down_revision = "batch_wash_sold_units"
branch_labels = None
depends_on = None

# A sub-select is looked up link by link; a join could read all decisions for a part of the links.
_FUNCTIONS: Final = """
CREATE FUNCTION history_links(after_enterprise text, after_position bigint, most integer) RETURNS TABLE (
    enterprise_id text, "position" bigint, batch_id bigint, previous bytea, decision_sha256 bytea, sha256 bytea,
    kept_sha256 bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.enterprise_id, l.position, l.batch_id, l.previous, l.decision_sha256, l.sha256,
        (SELECT d.sha256 FROM batch.decision AS d WHERE d.batch_id = l.batch_id)
    FROM batch.decision_link AS l WHERE (l.enterprise_id, l.position) > ($1, $2)
    ORDER BY l.enterprise_id, l.position LIMIT $3
$$;
COMMENT ON FUNCTION history_links IS 'Links behind one, in order; kept_sha256: digest of the decision as it is kept';
CREATE FUNCTION history_ends() RETURNS TABLE (
    enterprise_id text, head_position bigint, head_sha256 bytea, last_position bigint, last_sha256 bytea
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.enterprise_id, h.position, h.sha256, l.position, l.sha256
    FROM batch.decision_head AS h LEFT JOIN LATERAL (
        SELECT position, sha256 FROM batch.decision_link
        WHERE decision_link.enterprise_id = h.enterprise_id ORDER BY position DESC LIMIT 1
    ) AS l ON true
$$;
COMMENT ON FUNCTION history_ends IS 'The head of each chain as it was noted, and its last link; the two are the same';
CREATE FUNCTION history_beside(
    after bigint, most integer, OUT walked bigint, OUT last bigint, OUT unlinked bigint[]
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), max(batch_id), array_agg(batch_id ORDER BY batch_id) FILTER (WHERE is_unlinked) FROM (
        SELECT d.batch_id,
            NOT EXISTS (SELECT FROM batch.decision_before AS o WHERE o.batch_id = d.batch_id) AND EXISTS (
                SELECT FROM unnest(d.enterprise_ids) AS of (name) WHERE NOT EXISTS (
                    SELECT FROM batch.decision_link AS l WHERE l.batch_id = d.batch_id AND l.enterprise_id = of.name
                )
            ) AS is_unlinked
        FROM batch.decision AS d WHERE d.batch_id > $1 ORDER BY d.batch_id LIMIT $2
    ) AS part
$$;
COMMENT ON FUNCTION history_beside IS 'Decisions behind a number of which a chain has no link, since there are chains';
"""
_NAMES: Final = ("history_links(text, bigint, integer)", "history_ends()", "history_beside(bigint, integer)")


def upgrade() -> None:
    """Make the functions, for the auditor alone."""
    op.execute(_FUNCTIONS)
    for name in _NAMES:
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {AUDITOR}")


def downgrade() -> None:
    """Drop them."""
    for name in _NAMES:
        op.execute(f"DROP FUNCTION {name}")
