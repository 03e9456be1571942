"""A day as a sheet of lines, one form for the same facts, and how two sheets of it differ.  Pure.

Each line is JSON with sorted keys and no spaces.  One sheet is rebuilt from the event log, the other from the stores.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import orjson

LineKey = tuple[str, int, str, str]
"""Kind of a line, then what it is about: batch (0: none), account and order ("": none); also the order of a sheet."""


class LineKind(StrEnum):
    """What a line of a day says."""

    BATCH = "batch"
    MEMBER = "member"
    ORDERS = "orders"
    EXECUTION = "execution"
    QUEUE = "queue"
    FLAG = "flag"


@dataclass(frozen=True)
class SheetLine:
    """One fact of a day.  content: canonical JSON; origin: the table it stands in, or topic/partition/offset."""

    key: LineKey
    content: bytes
    origin: str


@dataclass(frozen=True)
class LineDifference:
    """Lines about one thing that are not the same on both sides; one of the sides may have none."""

    key: LineKey
    log: Sequence[SheetLine]
    store: Sequence[SheetLine]


@dataclass
class OldForms:
    """Events whose form says less than the store: what they cannot say is left out of the store's lines too.

    batches: told of by an early release, without instants and digest.  orders: by batch and account, of an early
    release, without decider, session and terms of the orders.  foreign: by batch and account, sent under another
    incarnation than the database has, so that the ids of the orders are not known to it.  unvalued: by batch and
    account, of a release without value and price factor of orders.  unchained: batches, told of without their links.
    """

    batches: set[int] = field(default_factory=set)
    orders: set[tuple[int, str]] = field(default_factory=set)
    foreign: set[tuple[int, str]] = field(default_factory=set)
    unvalued: set[tuple[int, str]] = field(default_factory=set)
    unchained: set[int] = field(default_factory=set)


_INSTANTS_OF_BATCH: Final = ("requested_at", "cancel_at", "decided_at", "decision_sha256")
_LATER_OF_ORDERS: Final = ("trade_date", "session", "decided_by")
_LATER_OF_ORDER: Final = ("order_type", "time_in_force", "currency", "idempotency_key")
_IDS_OF_ORDER: Final = ("order_id", "idempotency_key")
_VALUE_OF_ORDER: Final = ("price_factor", "value")


def sheet_line(kind: LineKind, batch: int, account: str, order: str, facts: dict[str, Any], origin: str) -> SheetLine:
    """Return a line; facts that are None are left out."""
    body = {name: value for name, value in facts.items() if value is not None} | {"kind": str(kind)}
    return SheetLine((kind, batch, account, order), orjson.dumps(body, option=orjson.OPT_SORT_KEYS), origin)


def batch_line(facts: dict[str, Any], origin: str) -> SheetLine:
    """Return the line of a batch.

    While proposals come in, counts rise between two versions, and no event says so: the line leaves them out.
    """
    if facts["status"] == "WORKING":
        facts = {name: value for name, value in facts.items() if name not in ("working", "proposed", "failed")}
    if facts.get("decided_at") is None:
        facts = {name: value for name, value in facts.items() if name != "decision_sha256"}
    return sheet_line(LineKind.BATCH, facts["batch_id"], "", "", facts, origin)


def without_instants(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a batch as events of early releases told them."""
    return {name: value for name, value in facts.items() if name not in _INSTANTS_OF_BATCH}


def execution_line(facts: dict[str, Any], origin: str) -> SheetLine:
    """Return the line of the newest report about an order."""
    return sheet_line(LineKind.EXECUTION, facts["batch_id"], facts["account_id"], facts["order_id"], facts, origin)


def instant_text(at: datetime) -> str:
    """Return an instant as events write it: UTC, with microseconds unless they are 0."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def reduced(body: dict[str, Any], *, is_old: bool, is_foreign: bool, is_unvalued: bool) -> dict[str, Any]:
    """Return the facts of orders without what an old or foreign event cannot say."""
    if not is_old and not is_foreign and not is_unvalued:
        return body
    gone = (*(_LATER_OF_ORDER if is_old else ()), *(_IDS_OF_ORDER if is_foreign else ()))
    gone = (*gone, *(_VALUE_OF_ORDER if is_unvalued else ()))
    kept = {name: value for name, value in body.items() if not (is_old and name in _LATER_OF_ORDERS)}
    kept["orders"] = [{name: value for name, value in of.items() if name not in gone} for of in body["orders"]]
    kept["lots"] = [{name: value for name, value in of.items() if name not in gone} for of in body["lots"]]
    return kept


def compare_lines(log: Iterable[SheetLine], store: Iterable[SheetLine]) -> Iterator[LineDifference]:
    """Yield what differs, in the order of a sheet.  The same line twice on a side is the same fact."""
    sides = [{line.content: line for line in reversed(list(side))} for side in (log, store)]
    differing: dict[LineKey, tuple[list[SheetLine], list[SheetLine]]] = defaultdict(lambda: ([], []))
    for number, (side, other) in enumerate((sides, sides[::-1])):
        for content in sorted(side.keys() - other.keys()):
            differing[side[content].key][number].append(side[content])
    for key in sorted(differing):
        yield LineDifference(key, *differing[key])


def without(lines: Iterable[SheetLine], kinds: Sequence[LineKind], accounts: Set[str]) -> list[SheetLine]:
    """Return the lines that are not of these kinds about these accounts."""
    return [line for line in lines if line.key[0] not in kinds or line.key[2] not in accounts]


def written(lines: Iterable[SheetLine]) -> bytes:
    """Return a sheet as text: each fact once, in order, a line each."""
    ordered = sorted({(line.key, line.content) for line in lines})
    return b"".join(content + b"\n" for _, content in ordered)


def digest_of(sheet: bytes) -> str:
    """Return the SHA-256 of a sheet in hex."""
    return hashlib.sha256(sheet).hexdigest()


def changed_fields(difference: LineDifference) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, with both values, if there is one line on each side; else nothing."""
    if len(difference.log) != 1 or len(difference.store) != 1:
        return {}
    log, store = orjson.loads(difference.log[0].content), orjson.loads(difference.store[0].content)
    names = sorted(log.keys() | store.keys())
    return {name: (log.get(name), store.get(name)) for name in names if log.get(name) != store.get(name)}
