"""`python -m services.auditor replay DAY`: is what the stores have of a day what the event log says?

Exit codes: 0 identical, 1 lines differ, 2 it could not be compared (the reason is on standard error).
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
import typer
from aiokafka.errors import KafkaError

from services.auditor.columns.sheets import LineDifference, LineKind, changed_fields, digest_of, written
from services.auditor.operations.replay import CannotReplay, DayComparison, replay
from services.auditor.settings import SERVICE, Settings
from shared.contracts.rights import rights_of
from shared.kafka.access import explained
from shared.kafka.faults import is_transient
from shared.oncall import progress_bar
from shared.runtime import log
from shared.runtime.clock import clock_of

_SHOWN: Final = 20
_LONGEST: Final = 600  # characters of a line on the screen; files have all
_UNREADABLE: Final = 5


def run(settings: Settings, day: str, write: Path | None) -> None:
    """Compare a day and say what was found; always exits.  write: a folder for the sheets."""
    log.configure("auditor-replay", "ERROR")
    try:
        asked = date.fromisoformat(day)
    except ValueError:
        _stop(f"{day!r} is no day: give it as YYYY-MM-DD")
    try:
        with progress_bar.bar(f"event log of {asked}", "messages of a topic") as show:
            found = asyncio.run(_compare(settings, asked, show))
    except CannotReplay as refused:
        _stop(str(refused))
    except KafkaError as error:
        _stop(asyncio.run(explained(settings.broker, error, rights_of(SERVICE))))
    except Exception as error:
        if not is_transient(error):
            raise
        _stop(f"database or broker does not answer just now ({' '.join(str(error).split())[:200] or error!r})")
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for name, lines in (("log", found.log), ("store", found.store), ("rebuilt", found.rebuilt)):
            (write / f"{asked}.{name}.jsonl").write_bytes(written(lines))
    print("\n".join(report(asked, found)))
    raise typer.Exit(0 if found.is_identical else 1)


async def _compare(settings: Settings, day: date, show: Any) -> DayComparison:
    now = clock_of(settings.clock_file).now()
    return await replay(settings, day, now, lambda _topic, done, total: show(done, total))


def report(day: date, found: DayComparison) -> Iterator[str]:
    """Yield what a person reads: counts, then "identical" or what differs."""
    yield f"{day}: {found.messages} messages of the event log"
    for name, lines in (("event log", found.log), ("stores", found.store)):
        counts = Counter(line.key[0] for line in {line.content: line for line in lines}.values())
        text = ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)) or "nothing"
        yield f"  {name:<10}{text}; sha256 {digest_of(written(lines))}"
    if not found.is_over:
        yield f"the day is not over: what happens while it is read may differ; {found.unpublished} messages wait"
    elif found.unpublished:
        yield f"{found.unpublished} messages wait in the outbox: what they say is not in the log yet"
    if found.rebuilt:
        yield (
            f"{len(found.rebuilt)} lines of the queue are rebuilt and not compared: of {found.moved} accounts that have"
            " moved since the store keeps the present alone, and of others a newer flag"
        )
    for sentence in found.unreadable[:_UNREADABLE]:
        yield f"unreadable: {sentence}"
    if len(found.unreadable) > _UNREADABLE:
        yield f"... and {len(found.unreadable) - _UNREADABLE} more messages that cannot be read"
    if found.is_identical:
        yield "identical"
        return
    yield f"{len(found.differences)} differences"
    for difference in found.differences[:_SHOWN]:
        yield from _shown(difference)
    if len(found.differences) > _SHOWN:
        yield f"... and {len(found.differences) - _SHOWN} more; --write DIRECTORY keeps both sides whole"


def _shown(difference: LineDifference) -> Iterator[str]:
    kind, batch, account, order = difference.key
    about = f"batch {batch}"
    if kind != LineKind.BATCH:
        about = " ".join(part for part in (kind, account, order, f"of batch {batch}" * bool(batch)) if part)
    fields = changed_fields(difference)
    says = ", ".join(f"{name}: log {_text(log)}, store {_text(store)}" for name, (log, store) in fields.items())
    if not difference.store:
        says = "the stores do not have it"
    elif not difference.log:
        says = "the event log does not have it"
    yield f"{about}: {says or 'several lines'}"[:_LONGEST]
    for name, lines in (("log  ", difference.log), ("store", difference.store)):
        for line in lines:
            yield f"  {name} {line.origin}: {line.content.decode()}"[:_LONGEST]


def _text(value: object) -> str:
    return orjson.dumps(value).decode()[:80]


def _stop(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)
