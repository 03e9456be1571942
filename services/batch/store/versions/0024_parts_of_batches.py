"""Who may see some of a batch's accounts sees that there is the batch; to change it one must see all of them.

Reading and writing had one condition.  What of such a batch is shown is the queries' matter: its row has figures of all
its accounts (services/batch/store/seen_batches.py).
"""

from typing import Final

from alembic import op

revision = "batch_parts"
down_revision = "batch_account_words"
branch_labels = None
depends_on = None

_SCOPE: Final = "(SELECT (entered()).{})"
_ENTERPRISES: Final = f"{_SCOPE.format('enterprises')}::text[]"
_ADVISORS: Final = f"{_SCOPE.format('advisors')}::text[]"
_ALL_ADVISORS: Final = _SCOPE.format("all_advisors")
# In a batch of several enterprises, an enterprise and an advisor of the scope need not be those of one account.
# A sub-select with LIMIT is never made a hash of all accounts of all batches.
PART: Final = (
    f"enterprise_ids && {_ENTERPRISES} AND ({_ALL_ADVISORS} OR (advisor_ids && {_ADVISORS} AND"  # noqa: S608  # constants
    " (cardinality(enterprise_ids) = 1"
    " OR (SELECT true FROM batch_account AS member WHERE member.batch_id = batch.batch_id LIMIT 1))))"
)
WHOLE: Final = f"owner.enterprise_ids <@ {_ENTERPRISES} AND ({_ALL_ADVISORS} OR owner.advisor_ids <@ {_ADVISORS})"
_OF_BATCH: Final = "EXISTS (SELECT FROM batch AS owner WHERE owner.batch_id = wash_recorded.batch_id{})"


def upgrade() -> None:
    """Add a policy to read by; the one to write by stays, also for what an approval records."""
    op.execute(f"CREATE POLICY part ON batch FOR SELECT TO batch_requests USING ({PART})")
    _record(_OF_BATCH.format(f" AND {WHOLE}"))


def downgrade() -> None:
    """Hide batches from those who see only a part of them."""
    op.execute("DROP POLICY part ON batch")
    _record(_OF_BATCH.format(""))


def _record(rule: str) -> None:
    op.execute("DROP POLICY tenancy ON wash_recorded")
    op.execute(f"CREATE POLICY tenancy ON wash_recorded TO batch_requests USING ({rule}) WITH CHECK ({rule})")
