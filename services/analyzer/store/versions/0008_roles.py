"""Row-level security on what names an account; requests are served with a role of their own."""

from shared.postgres.migrations.security import (
    OF_ONE,
    allow,
    install_scope,
    of_account,
    protect,
    remove_scope,
    unprotect,
)

revision = "roles"
down_revision = "parts_of_runs"
branch_labels = None
depends_on = None

SCHEMA = "analyzer"
_OF_RUN = "EXISTS (SELECT FROM {0} AS part WHERE part.run_no = analysis_run.run_no)"
RULES = {
    "account_facts": OF_ONE,
    "flag": of_account("flag", "account_facts"),
    "analysis_part": OF_ONE,
    "analysis_outcome": OF_ONE,
    "analysis_run": f"{_OF_RUN.format('analysis_part')} OR {_OF_RUN.format('analysis_outcome')}",
}
# What a page about one account is made of. Who decided about prices is not on it.
READ = (
    "account_facts", "flag", "name", "security", "price_set", "price_withheld", "model", "portfolio", "portfolio_model",
    "target", "analysis_run", "analysis_part", "analysis_outcome",
)  # fmt: skip


def upgrade() -> None:
    """Force the policies."""
    install_scope(SCHEMA)
    protect(SCHEMA, RULES)
    allow(SCHEMA, dict.fromkeys(READ, "SELECT"))
    allow(SCHEMA, {"analysis_shard": "SELECT (run_no, done)"})  # which runs go on, not whose accounts they are at
    allow(SCHEMA, {"price_decision": "SELECT (decision_no, price_set, security_no, decision, generation, in_force)"})


def downgrade() -> None:
    """Take them away."""
    unprotect(SCHEMA, RULES)
    remove_scope()
