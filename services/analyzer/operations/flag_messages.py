"""Messages of flags: FLAGS chunks for batch, and the public event of each flag that has not been announced."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.compute as pc

from services.analyzer.columns import flags
from services.analyzer.columns.flags import FlagIds
from services.analyzer.domain.layout import KEY_SHIFT, SLEEVE_MASK
from services.analyzer.settings import SERVICE
from services.analyzer.store import flags as flag_store
from services.analyzer.store.database import Session, read_incarnation
from services.analyzer.store.flags import StoredFlags
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from shared.contracts import chunks
from shared.contracts.topics import ACCOUNT_FLAG, FLAGS
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.incarnation import of_incarnation
from shared.kafka.messages import Outgoing


@dataclass(frozen=True)
class FlagMessages:
    """Flags as they are stored, and everything to publish of them.

    chunks: for batch, in any order.  public: of each flag not yet announced, to be sent by send_flags.FlagSender alone.
    """

    stored: StoredFlags
    chunks: list[Outgoing]
    public: list[Outgoing]


def messages_of(session: Session, names: Names, stored: StoredFlags) -> FlagMessages:
    """Return these flags with their chunks for batch, and the public events not yet announced."""
    ids = ids_of(session, names, stored)
    return FlagMessages(stored, flag_chunks(stored, ids), _of_incarnation(session, public_events(stored, ids)))


def events_again(session: Session, names: Names, accounts: Sequence[str]) -> list[Outgoing]:
    """Return the public events of these accounts' flags as they are stored, whether or not they are announced."""
    stored = flag_store.read(session, accounts)
    unannounced = replace(stored, announced=np.zeros(len(stored), bool))
    return _of_incarnation(session, public_events(unannounced, ids_of(session, names, stored)))


def _of_incarnation(session: Session, events: Iterator[Outgoing]) -> list[Outgoing]:
    found = list(events)
    return of_incarnation(found, read_incarnation(session)) if found else []


def ids_of(session: Session, names: Names, stored: StoredFlags) -> FlagIds:
    """Return the ids of the numbers in these flags."""
    keys = stored.reasons.key
    return FlagIds(
        names.id_column(session, PORTFOLIO, stored.numbers["portfolio_no"]),
        names.id_column(session, SLEEVE, np.where(keys < 0, -1, keys & SLEEVE_MASK)),
        names.id_column(session, SECURITY, keys >> KEY_SHIFT),
    )


def flag_chunks(stored: StoredFlags, ids: FlagIds) -> list[Outgoing]:
    """Return these flags in chunks of at most MAX_CHUNK_ACCOUNTS accounts and of the size limit of a chunk.

    The time of a chunk is its newest evaluation, so that the same flags always make the same bytes.
    """
    if not len(stored):
        return []
    rows = flags.flag_rows(stored, ids)
    found = []
    for start in range(0, len(stored), chunks.MAX_CHUNK_ACCOUNTS):
        for piece in messages.split_by_size(rows.slice(start, chunks.MAX_CHUNK_ACCOUNTS)):
            key = str(piece.column("account_id")[0])
            name = event_id("flags", key, len(piece), *piece.column("flag_version").to_pylist())
            at: datetime = pc.max(piece.column("evaluated_at")).as_py()
            found.append(messages.chunk(FLAGS, key, piece, {}, event_id=name, source=SERVICE, at=at))
    return found


def public_events(stored: StoredFlags, ids: FlagIds) -> Iterator[Outgoing]:
    """Yield the public event of each flag that has not been announced: an AccountFlag at its time of evaluation.

    Whose the account is stands beside the flag, not in it, and so is part of the id.
    """
    instants = {us: _instant(us) for us in np.unique(stored.numbers["evaluated_us"][~stored.announced]).tolist()}
    evaluated = stored.numbers["evaluated_us"].tolist()
    for row, body in flags.public_bodies(stored, ids):
        account_id = body["account_id"]
        name = event_id("account-flag", account_id, body["version"], body["enterprise_id"], body["advisor_id"])
        at = instants[evaluated[row]]
        owner = (body["enterprise_id"],)
        yield messages.plain_event(
            ACCOUNT_FLAG, account_id, body, event_id=name, source=SERVICE, at=at, enterprises=owner
        )


def _instant(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
