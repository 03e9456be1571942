"""What a subscriber must know of a public or inbound topic and the models cannot say: one entry a topic.

`python -m deploy.contracts` writes docs/events from this table, the table of topics and the models; a test refuses a
public or inbound topic without an entry.  The meaning of each field stands in shared.contracts.field_meanings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts import topics
from shared.contracts.topics import EVENT_LOG_DAYS, TOPICS, Topic

DataClass = Literal["none", "pseudonymous", "personal"]

DATA_CLASSES: Final[Mapping[DataClass, str]] = {
    "none": "says nothing about a person",
    "pseudonymous": "ids of accounts, advisors or users: only whoever has the platform's books knows the person",
    "personal": "a name or an account number that leads to a person without the platform's books",
}
_REPEATS: Final = "After a fault an event may come again, with the same `ce_id` and the same value."


@dataclass(frozen=True)
class TopicNotes:
    """What is promised of one topic, in sentences for its page.

    purpose: what the event says and what it is for; order: what a reader may rely on; once: how a reader does a thing
    once; volume: what brings events, and how many; personal_data: the most that an event says about a person; replay:
    how a reader gets what was published before; changes: of the contract, by release, the newest last.
    """

    purpose: str
    order: str
    once: str
    volume: str
    personal_data: DataClass
    replay: str
    changes: tuple[str, ...]


def published() -> tuple[Topic, ...]:
    """Return the topics that other systems read (public) or write (inbound), in the order of the table of topics."""
    return tuple(topic for topic in TOPICS if topic.audience in ("public", "inbound"))


_STATE_REPLAY: Final = (
    "Read the topic from its beginning: it keeps the newest event of every key for ever, and each carries the whole"
    f" state. Events that newer ones replaced are kept for {EVENT_LOG_DAYS} days, or what the installation says"
    " (`REBALANCER_EVENT_LOG_DAYS`), and may be gone after them."
)
_FIRST: Final = ("1: first release",)
_SECOND: Final = ("2: new",)
_PLATFORM_ORDER: Final = (
    "Of one key the event with the highest `version` counts, whatever the order of arrival. Refused are other content"
    " under a known version, and a version that is more than 2^51 above the known one."
)
_PLATFORM_ONCE: Final = "Sending an event again changes nothing: the same version with the same content is passed over."
_PLATFORM_REPLAY: Final = (
    "The topic keeps the newest event of every key for ever. Send the full state again, with its version, at any time."
)

NOTES: Final[Mapping[str, TopicNotes]] = {
    topics.ACCOUNT_FLAG.name: TopicNotes(
        purpose="What the newest evaluation found of one account: whether it needs rebalancing, since when and why, or"
        " why it is not evaluated. Full state, so the newest event of an account is all there is to know.",
        order="Events of an account are published in the order of their versions, so that the topic keeps the newest;"
        " after a fault an earlier one may come again, and the newest follows it. Of one account the event"
        " with the highest `version` counts; pass over a lower one.",
        once=f"{_REPEATS} Keep the highest `version` of each account and pass over what is not above it.",
        volume="One whenever the state of an account changes, its tiles, its source, its dates or its hold: a new value"
        " or weight alone brings none. Of a book of 1,000,000 accounts of which an analysis flags 10 % anew about"
        " 100,000 within minutes.",
        personal_data="pseudonymous",
        replay=_STATE_REPLAY,
        changes=_FIRST,
    ),
    topics.ACCOUNT_STATE.name: TopicNotes(
        purpose="Where an account is in the work: in the queue, in a batch and which, settling after an approval, held,"
        " off, or clear. One state at a time; why an account is flagged or held says `rebalancer.account-flag.v1`.",
        order="Events of an account are published in the order of their versions; after a fault earlier ones may come"
        " again. Of one account the event with the highest `version` counts. States that follow each other within a"
        " second may be left out: the last of them is published.",
        once=f"{_REPEATS} Keep the highest `version` of each account and pass over what is not above it.",
        volume="One whenever the state of an account changes, its batch, the status of that batch, or whose it is. A"
        " request brings three for each of its accounts; a daily analysis one for each account that it flags, holds or"
        " clears: of a book of 1,000,000 up to some 100,000 within minutes.",
        personal_data="pseudonymous",
        replay=_STATE_REPLAY,
        changes=_SECOND,
    ),
    topics.ANALYSIS.name: TopicNotes(
        purpose="An analysis of the whole book is done: one event for each enterprise of which it covered accounts,"
        " with counts by advisor. The flags of the run are published before it.",
        order="None between runs: of an enterprise the event with the highest `version` is of the latest run.",
        once=f"{_REPEATS} Keep the highest `version` of each enterprise and pass over what is not above it.",
        volume="A few a day and enterprise.",
        personal_data="pseudonymous",
        replay="The topic keeps three days. The counts of the latest run are also at `/api/v1/runs/latest`.",
        changes=_FIRST,
    ),
    topics.FILES.name: TopicNotes(
        purpose="A custodian's file was taken in, refused as a whole, or recognised as one that was loaded before.",
        order="None between files. A file has one event.",
        once=f"{_REPEATS} Keep `ce_source` and `file_id` of what was done. A file may concern several enterprises: show"
        " each its own `parts`, and the totals to nobody who may not see them all.",
        volume="One a file: a few a custodian and day.",
        personal_data="pseudonymous",
        replay="The topic keeps three days. All files are listed at `/api/v1/files`, to whom they concern.",
        changes=_FIRST,
    ),
    topics.BATCH.name: TopicNotes(
        purpose="The state of a batch after every change: progress of its proposals, accounts that left it, and its"
        " end by approval, cancellation or at the end of the day. Full state.",
        order="Events of a batch are published in the order of their versions; after a fault earlier ones may come"
        " again. Of one batch the event with the highest `version` counts.",
        once=f"{_REPEATS} Keep the highest `version` of each batch and pass over what is not above it.",
        volume="Some a batch: one for the request, one a change by a user, and progress while proposals come in.",
        personal_data="pseudonymous",
        replay=_STATE_REPLAY,
        changes=(
            *_FIRST,
            "2: when it was asked for, when it is cancelled, when it ended, and the digest of the kept decision",
        ),
    ),
    topics.ORDERS.name: TopicNotes(
        purpose="All that one approved account sends to market and moves between its sleeves. It is decided once, and"
        " what is in it is final.",
        order="Events of an account are published in the order of their versions; after a fault an earlier one may"
        " come again, also long after others.",
        once=f"{_REPEATS} Keep (`ce_source`, `ce_id`), or each `order_id`, together with what was done, in one"
        " transaction, and pass over what is kept already. Hand `idempotency_key` to whoever executes an order.",
        volume="One for each approved account. The approval of a batch of 10,000 accounts brings 10,000 in seconds.",
        personal_data="personal",
        replay="Read the topic from its beginning: it keeps 90 days. Act on ids that are not kept yet only.",
        changes=_FIRST,
    ),
    topics.SECURITY.name: TopicNotes(
        purpose="One security of the security master. A custodian's file that names an unknown security holds the"
        " account, and a security trades in the steps that are said here.",
        order=_PLATFORM_ORDER,
        once=_PLATFORM_ONCE,
        volume="One a security and change.",
        personal_data="none",
        replay=_PLATFORM_REPLAY,
        changes=_FIRST,
    ),
    topics.PRICE.name: TopicNotes(
        purpose="One numbered price set: the closing prices of a day. A set never changes; a correction is a set with"
        " a higher number. An implausible set waits until somebody has looked at it.",
        order="Sets come into force in the order of their numbers.",
        once="Sending a set again changes nothing. Other prices under a known number are refused.",
        volume="A few a day. A set holds all prices, up to 200,000, in one event of at most 4 MiB.",
        personal_data="none",
        replay="The topic keeps three days. Send a set again at any time.",
        changes=_FIRST,
    ),
    topics.MODEL.name: TopicNotes(
        purpose="A model portfolio that MODEL sleeves follow. Its weights and its cash weight add up to exactly 1.",
        order=_PLATFORM_ORDER,
        once=_PLATFORM_ONCE,
        volume="One a model and change. Every account that follows the model is evaluated again.",
        personal_data="none",
        replay=_PLATFORM_REPLAY,
        changes=_FIRST,
    ),
    topics.PORTFOLIO.name: TopicNotes(
        purpose="A target portfolio: sleeves with weights, a cash weight, and the thresholds of components without"
        " their own. Sleeve weights and the cash weight add up to exactly 1.",
        order=_PLATFORM_ORDER,
        once=_PLATFORM_ONCE,
        volume="One a portfolio and change. Every account of the portfolio is evaluated again.",
        personal_data="none",
        replay=_PLATFORM_REPLAY,
        changes=_FIRST,
    ),
    topics.ACCOUNT.name: TopicNotes(
        purpose="An account, whose it is, and its settings. A setting beyond its limits holds the account until it is"
        " mended; the event itself is taken.",
        order=_PLATFORM_ORDER,
        once=_PLATFORM_ONCE,
        volume="One an account and change.",
        personal_data="personal",
        replay=_PLATFORM_REPLAY,
        changes=_FIRST,
    ),
    topics.EXECUTION.name: TopicNotes(
        purpose="How far the execution of one order of `rebalancer.orders.v1` has come. It is shown beside the approval"
        " and changes nothing of it; that an account has settled is said by its custodian's file alone.",
        order="Of one order the event with the highest `version` counts, whatever the order of arrival. Refused are"
        " other content under a known version, a version that is more than 2^51 above the known one, an order that was"
        " never sent, and more units than it had.",
        once=_PLATFORM_ONCE,
        volume="Some an order: one when it is accepted, one a fill, one at its end.",
        personal_data="pseudonymous",
        replay="The topic keeps 90 days. Send the full state of an order again, with its version, at any time.",
        changes=_SECOND,
    ),
}
"""By name of the topic."""
