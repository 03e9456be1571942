"""Messages of flags: FLAGS chunks for batch, and the public event of each flag that has not been announced."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.analyzer.columns import flags
from services.analyzer.columns.flags import FlagIds
from services.analyzer.domain.layout import KEY_SHIFT, SLEEVE_MASK
from services.analyzer.settings import SERVICE
from services.analyzer.store.database import Session
from services.analyzer.store.flags import StoredFlags
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from shared.contracts import chunks
from shared.contracts.topics import ACCOUNT_FLAG, FLAGS
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.messages import Outgoing


@dataclass(frozen=True)
class FlagMessages:
    """Flags as they are stored, and everything to publish of them."""

    stored: StoredFlags
    messages: list[Outgoing]


def messages_of(session: Session, names: Names, stored: StoredFlags, at: datetime) -> list[Outgoing]:
    """Return the chunks of these flags for batch, and the public events not yet announced."""
    ids = ids_of(session, names, stored)
    return [*flag_chunks(stored, ids, at), *public_events(stored, ids)]


def ids_of(session: Session, names: Names, stored: StoredFlags) -> FlagIds:
    """Return the ids of the numbers in these flags."""
    keys = stored.reasons.key
    return FlagIds(
        names.id_column(session, PORTFOLIO, stored.numbers["portfolio_no"]),
        names.id_column(session, SLEEVE, np.where(keys < 0, -1, keys & SLEEVE_MASK)),
        names.id_column(session, SECURITY, keys >> KEY_SHIFT),
    )


def flag_chunks(stored: StoredFlags, ids: FlagIds, at: datetime) -> list[Outgoing]:
    """Return these flags in chunks of at most MAX_CHUNK_ACCOUNTS accounts and of the size limit of a chunk."""
    if not len(stored):
        return []
    rows = flags.flag_rows(stored, ids)
    found = []
    for start in range(0, len(stored), chunks.MAX_CHUNK_ACCOUNTS):
        for piece in messages.split_by_size(rows.slice(start, chunks.MAX_CHUNK_ACCOUNTS)):
            key = str(piece.column("account_id")[0])
            name = event_id("flags", key, len(piece), *piece.column("flag_version").to_pylist())
            found.append(messages.chunk(FLAGS, key, piece, {}, event_id=name, source=SERVICE, at=at))
    return found


def public_events(stored: StoredFlags, ids: FlagIds) -> Iterator[Outgoing]:
    """Yield the public event of each flag that has not been announced: an AccountFlag at its time of evaluation."""
    instants = {us: _instant(us) for us in np.unique(stored.numbers["evaluated_us"][~stored.announced]).tolist()}
    evaluated = stored.numbers["evaluated_us"].tolist()
    for row, body in flags.public_bodies(stored, ids):
        account_id = body["account_id"]
        name = event_id("account-flag", account_id, body["version"])
        at = instants[evaluated[row]]
        yield messages.plain_event(ACCOUNT_FLAG, account_id, body, event_id=name, source=SERVICE, at=at)


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000).astimezone()
