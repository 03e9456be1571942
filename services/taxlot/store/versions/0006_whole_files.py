"""What a file holds as a whole is told to whoever sees all of it; the role of requests reads named columns of the rest.

Whether somebody sees all of a file depends on rows that row-level security hides: it is asked of functions that run
with the owner's rights, look at the sealed scope and answer about whole files only; no count of others' rows is told.
"""

from alembic import op

from shared.postgres.migrations.security import OF_ONE, SUBJECT, of_account

revision = "whole_files"
down_revision = "roles"
branch_labels = None
depends_on = None

SCHEMA = "taxlot"
READ = "file_id, name, status, custodian, data_date, reason_code, duplicate_of, received_at, sent_by"
_OF_ACCOUNT = of_account("file_problem", "account")

UP = f"""
CREATE FUNCTION whole_files(asked bigint[]) RETURNS TABLE (
    file_id bigint, accounts integer, held integer, records_total bigint, records_done bigint, reason text
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, {SCHEMA}, pg_temp AS $$
    SELECT f.file_id, f.accounts, f.held, f.records_total, f.records_done, f.reason
    FROM file AS f
    WHERE f.file_id = ANY (asked)
      AND (f.sent_by = {SUBJECT}
           OR f.sent_by IS NULL AND EXISTS (SELECT FROM file_part AS part WHERE part.file_id = f.file_id))
      AND NOT EXISTS (SELECT FROM file_part AS part WHERE part.file_id = f.file_id AND ({OF_ONE}) IS NOT TRUE)
$$;
CREATE FUNCTION notes_of_whole_file(asked bigint) RETURNS TABLE (line bigint, severity text, code text, text text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, {SCHEMA}, pg_temp AS $$
    SELECT note.line, note.severity, note.code, note.text
    FROM file_problem AS note JOIN whole_files(ARRAY[asked]) AS whole ON note.file_id = whole.file_id
    WHERE note.account_id IS NULL
$$;
"""  # noqa: S608  # fixed texts
RIGHTS = f"""
REVOKE ALL ON FUNCTION whole_files(bigint[]), notes_of_whole_file(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION whole_files(bigint[]), notes_of_whole_file(bigint) TO {SCHEMA}_requests;

REVOKE SELECT ON file FROM {SCHEMA}_requests;
GRANT SELECT ({READ}) ON file TO {SCHEMA}_requests;
ALTER POLICY tenancy ON file_problem USING ({_OF_ACCOUNT}) WITH CHECK ({_OF_ACCOUNT});
"""  # noqa: S608  # fixed texts


def upgrade() -> None:
    """Add the functions; take what is told of whole files from everybody else."""
    op.execute(UP)
    op.execute(RIGHTS)


def downgrade() -> None:
    """Put back what stood before."""
    before = f"account_id IS NULL OR {_OF_ACCOUNT}"
    op.execute(f"ALTER POLICY tenancy ON file_problem USING ({before}) WITH CHECK ({before})")
    op.execute(f"REVOKE SELECT ({READ}) ON file FROM {SCHEMA}_requests")  # noqa: S608  # fixed texts
    op.execute(f"GRANT SELECT ON file TO {SCHEMA}_requests")
    op.execute("DROP FUNCTION notes_of_whole_file(bigint); DROP FUNCTION whole_files(bigint[])")
