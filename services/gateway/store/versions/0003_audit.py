"""Who did and saw what: records that are only ever added, each bound to the one before it."""

from alembic import op

revision = "gateway_0003"
down_revision = "gateway_0001"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE audit (
    seq bigint PRIMARY KEY,
    body jsonb NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX audit_at ON audit ((body->>'at'));
CREATE INDEX audit_subject ON audit ((body->>'subject'), seq);
CREATE INDEX audit_ids ON audit USING gin ((body->'ids'));
CREATE TABLE audit_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO audit_head (seq, hash) VALUES (0, sha256(''));
"""
# Runs as the owner of the tables: whoever serves may call it and has no other way to write here.
_APPEND = """
CREATE FUNCTION audit_append(entries jsonb, OUT seq bigint, OUT hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gateway, pg_temp AS $$
DECLARE
    entry jsonb;
    before bytea;
BEGIN
    SELECT h.seq, h.hash INTO STRICT seq, hash FROM audit_head h FOR UPDATE;
    FOR entry IN SELECT value FROM jsonb_array_elements(entries) LOOP
        seq := seq + 1;
        before := hash;
        hash := sha256(before || int8send(seq) || convert_to(entry::text, 'UTF8'));
        INSERT INTO audit VALUES (seq, entry, before, hash);
    END LOOP;
    UPDATE audit_head h SET seq = audit_append.seq, hash = audit_append.hash;
END $$;
REVOKE ALL ON FUNCTION audit_append(jsonb) FROM PUBLIC;
CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'records of the audit log are never changed or taken away' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON audit_head EXECUTE FUNCTION audit_is_kept();
"""
_RIGHTS = """
DO $$ BEGIN
    IF current_user <> 'gateway' AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway') THEN
        REVOKE ALL ON audit, audit_head FROM gateway;
        GRANT SELECT ON audit, audit_head TO gateway;
        GRANT EXECUTE ON FUNCTION audit_append(jsonb) TO gateway;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Create the log; nobody but its function writes into it, and not even its owner changes what stands there."""
    op.execute(_TABLES)
    op.execute(_APPEND)
    op.execute(_RIGHTS)


def downgrade() -> None:
    """Drop the log: what was recorded is lost."""
    op.execute("DROP FUNCTION audit_append(jsonb); DROP TABLE audit, audit_head; DROP FUNCTION audit_is_kept()")
