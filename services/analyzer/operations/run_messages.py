"""Messages around analysis runs: completions, standings for comparison, decisions on price sets."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

import pyarrow as pa

from services.analyzer.settings import SERVICE
from services.analyzer.store.runs import AnalysisRun, RunOutcome
from services.analyzer.store.withdrawals import DecidedSet
from shared.contracts import events
from shared.contracts.events import AdvisorCounts, AnalysisCompleted
from shared.contracts.topics import ANALYSIS, PRICE_SETS, STANDING
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.messages import Outgoing

_STANDING_ROWS: Final = 5_000  # well below 512 kB
_REASON: Final = 500  # characters of a person's reason that an event carries


def completions(run: AnalysisRun, outcomes: Sequence[RunOutcome]) -> list[Outgoing]:
    """Return the completion of a finished run: one event per enterprise, with counts by advisor, as of its end.

    outcomes: in order of enterprise.  Raises ValueError if the run has not ended.
    """
    if run.finished_at is None:
        raise ValueError(f"run {run.run_no} has not ended")
    found = []
    for enterprise, group in groupby(outcomes, key=lambda outcome: outcome.enterprise_id):
        advisors = [
            AdvisorCounts(
                advisor_id=outcome.advisor_id, accounts=outcome.accounts, flagged=outcome.flagged, held=outcome.held
            )
            for outcome in group
        ]
        body = AnalysisCompleted(
            run_id=run.run_id,
            enterprise_id=enterprise,
            business_date=run.business_date,
            version=run.run_no,  # later runs have higher numbers; the same run published again changes nothing
            price_set=run.price_set,
            accounts=sum(counts.accounts for counts in advisors),
            flagged=sum(counts.flagged for counts in advisors),
            held=sum(counts.held for counts in advisors),
            advisors=advisors,
        )
        name = event_id("analysis", run.run_id, enterprise)
        found.append(
            messages.event(
                ANALYSIS, run.run_id, body, event_id=name, source=SERVICE, at=run.finished_at, enterprises=(enterprise,)
            )
        )
    return found


def standing_chunks(rows: pa.RecordBatch, run_no: int, at: datetime) -> list[Outgoing]:
    """Return rows of STANDING in chunks, keyed by their first account."""
    found = []
    for start in range(0, rows.num_rows, _STANDING_ROWS):
        piece = rows.slice(start, _STANDING_ROWS)
        key = str(piece.column("account_id")[0])
        name = event_id("standing", run_no, key, piece.num_rows, at.isoformat())  # as things stood at this moment
        meta = {"run_no": str(run_no)}
        found.append(messages.chunk(STANDING, key, piece, meta, event_id=name, source=SERVICE, at=at))
    return found


def price_set_events(decided: Sequence[DecidedSet]) -> list[Outgoing]:
    """Return an event for each price set that was withdrawn, or accepted again after a withdrawal, as of that time."""
    found = []
    for decision in decided:
        reason = "".join(letter if letter.isprintable() else " " for letter in decision.reason)[:_REASON].strip()
        body = events.PriceSetDecided(
            price_set=decision.price_set,
            version=decision.decision_no,
            is_withdrawn=decision.is_withdrawn,
            accepted_at=decision.accepted_at,
            decided_at=decision.decided_at,
            reason=reason or "no reason was given",
        )
        name = event_id("price-set", decision.price_set, decision.decision_no)
        at = decision.decided_at
        found.append(messages.event(PRICE_SETS, str(decision.price_set), body, event_id=name, source=SERVICE, at=at))
    return found
