"""Alerts on causes: what breaks, or will soon, before an objective shows it.  Each has a page in docs/runbooks."""

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["page", "ticket"]


@dataclass(frozen=True)
class Cause:
    """An alert.

    expression: true for as long as something is wrong.  lasting: how long it must be true.  says: a sentence; it may
    name labels of the expression as {{ $labels.x }}.
    page: somebody is called now, since people notice or orders are at risk; ticket: during the next working day.
    """

    alert: str
    expression: str
    lasting: str
    severity: Severity
    says: str


CAUSES: Final = (
    Cause("ProcessDown", 'up{job="rebalancer"} == 0', "1m", "page", "{{ $labels.instance }} does not respond."),
    Cause(
        "MetricsMissing",
        "absent(rebalancer_build_info)",
        "2m",
        "page",
        "No process exports metrics: every other alert is blind.",
    ),
    Cause(
        "SampleStale",
        "max by (service, sampler) (rebalancer_sample_age_seconds) > 180",
        "1m",
        "ticket",
        "The {{ $labels.sampler }} gauges of {{ $labels.service }} are not read any more.",
    ),
    Cause(
        "ConsumerLag",
        "max by (group, topic) (rebalancer_consumer_lag_seconds) > 60",
        "2m",
        "page",
        "{{ $labels.group }} is behind in {{ $labels.topic }}.",
    ),
    Cause(
        "ConsumerStuck",
        "max by (service, topic) (rebalancer_uncommitted_age_seconds) > 180",
        "1m",
        "page",
        "{{ $labels.service }} has read messages of {{ $labels.topic }} and committed none for three minutes.",
    ),
    Cause(
        "TopicHeld",
        "max by (service, topic) (rebalancer_topic_held) > 0",
        "1m",
        "page",
        "{{ $labels.service }} holds {{ $labels.topic }}: too many messages became dead letters.",
    ),
    Cause(
        "DeadLetters",
        # The first letter of a reason makes its series, which begins at 1: that is no increase of it.
        "sum by (service, topic, reason) (increase(rebalancer_dead_letters_total[15m])) > 0 or"
        " sum by (service, topic, reason) "
        "(rebalancer_dead_letters_total unless rebalancer_dead_letters_total offset 15m) > 0",
        "0m",
        "ticket",
        "{{ $labels.service }} put messages of {{ $labels.topic }} aside: {{ $labels.reason }}.",
    ),
    Cause(
        "OutboxOld",
        "max by (service) (rebalancer_outbox_oldest_age_seconds) > 30",
        "1m",
        "page",
        "{{ $labels.service }} has decided what nobody hears: messages, orders among them, do not get out.",
    ),
    Cause(
        "OutboxParked",
        "max by (service) (rebalancer_outbox_parked) > 0",
        "1m",
        "page",
        "The broker refuses messages of {{ $labels.service }} for ever.",
    ),
    Cause(
        "PoolExhausted",
        "max by (service, pool) (rebalancer_pool_waiting) > 0 and on (service, pool)"
        " max by (service, pool) (rebalancer_pool_connections_in_use)"
        " >= on (service, pool) max by (service, pool) (rebalancer_pool_connections_most)",
        "2m",
        "ticket",
        "All {{ $labels.pool }} connections of {{ $labels.service }} are lent, and callers wait.",
    ),
    Cause(
        "LoopLag",
        "max by (service) (rate(rebalancer_loop_lag_seconds_sum[5m])) > 0.3",
        "10m",
        "ticket",
        "The event loop of {{ $labels.service }} keeps requests and heartbeats waiting for a third of the time.",
    ),
    Cause(
        "ComponentFailing",
        "max by (service, part) (rebalancer_part_failing) > 0",
        "5m",
        "page",
        "{{ $labels.part }} of {{ $labels.service }} fails again and again.",
    ),
    Cause(
        "AnalysisOverdue",
        "max(rebalancer_analysis_overdue_seconds) > 3600",
        "1m",
        "page",
        "The daily analysis is an hour late: the queue shows yesterday.",
    ),
    Cause(
        "EndOfDayOverdue",
        "max(rebalancer_end_of_day_overdue_seconds) > 300",
        "1m",
        "page",
        "A batch is undecided five minutes past its cut-off.",
    ),
    Cause(
        "EndOfDaySweepStopped",
        "time() - max(rebalancer_end_of_day_last_success_timestamp_seconds) > 120",
        "1m",
        "page",
        "No replica goes through the batches that are due.",
    ),
    Cause(
        "InputOld",
        "max by (input) (rebalancer_input_sessions_behind) > 2",
        "10m",
        "ticket",
        "Input is more than two sessions old: {{ $labels.input }}.",
    ),
    Cause(
        "InboxStuck",
        "max by (service) (rebalancer_inbox_oldest_age_seconds) > 900",
        "1m",
        "ticket",
        "A file waits in the inbox of {{ $labels.service }}.",
    ),
    Cause(
        "BatchesParked",
        "max(rebalancer_batches_parked) > 0",
        "1m",
        "page",
        "The service fails at a batch, which does not end.",
    ),
    Cause(
        "PricesWaiting",
        "max(rebalancer_price_sets_waiting) > 0 or max(rebalancer_prices_waiting) > 0",
        "5m",
        "ticket",
        "Prices look wrong and wait until somebody has looked.",
    ),
    Cause(
        "ApprovedOnWithdrawnPrices",
        "max(rebalancer_approvals_on_withdrawn_prices) > 0",
        "0m",
        "page",
        "Orders were sent that rest on prices withdrawn afterwards.",
    ),
    Cause(
        "InvariantBroken",
        "max by (invariant) (rebalancer_invariant_broken) > 0",
        "0m",
        "page",
        "{{ $labels.invariant }} does not hold: something is lost, doubled, changed or stuck.",
    ),
    Cause(
        "InvariantsUnseen",
        "max by (invariant) (rebalancer_invariant_look_age_seconds) > 900",
        "1m",
        "ticket",
        "Nobody has looked for 15 minutes whether {{ $labels.invariant }} holds.",
    ),
    Cause(
        "AccountFaults",
        "sum by (job) (increase(rebalancer_account_faults_total[15m])) > 0",
        "0m",
        "ticket",
        "Our code failed at single accounts, which are held or failed.",
    ),
)
