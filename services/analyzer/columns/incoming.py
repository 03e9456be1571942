"""From messages to rows of facts: ids become numbers, limits are checked, a violation holds its own account."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from services.analyzer.domain.account import (
    BAD_HOLDINGS,
    BadSettings,
    bad_holdings,
    own_roles_of,
    picks_of,
    securities_named,
    settings_of,
)
from services.analyzer.domain.layout import (
    HOLDING,
    KEY_SHIFT,
    OFF_SETTINGS,
    SLEEVE_MASK,
    Ints,
    Ragged,
    Setting,
    to_bytes,
)
from services.analyzer.store.facts_merge import AccountApproval, HoldingsChunk
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from services.analyzer.store.pgcopy import NULL
from shared.columnar import Arrow, array, entries, joined
from shared.contracts.platform import AccountChanged
from shared.contracts.succession import content_of
from shared.fixed_point.records import records_of
from shared.fixed_point.text import InexactText
from shared.kafka.isolation import replace_faulty_rows
from shared.kafka.messages import Chunk, decided_at_of


def holdings(names: Names, group: Sequence[Chunk]) -> HoldingsChunk:
    """Return the newest row of each account in these HOLDINGS chunks, in order of account id.

    An account at which our own code raises is held.  Raises TooMany if these are too many.
    """
    rows = joined([chunk.rows for chunk in group])
    return replace_faulty_rows("take in holdings", rows, lambda part: _merged(names, part), _held_row)[1]


def _held_row(row: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    replaced: dict[str, Any] = {"hold_code": code, "hold_text": text, "cash_cents": None, "holdings": None}
    columns = [
        array([replaced[field.name]], field.type) if field.name in replaced else row.column(field.name)
        for field in row.schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=row.schema)


def _merged(names: Names, batch: pa.RecordBatch) -> HoldingsChunk:
    rows: Any = _newest(pa.Table.from_batches([batch]))
    listed = _single(rows, "holdings")
    positions = _positions(names, listed)
    cash = rows.column("cash_cents").fill_null(0).to_numpy().astype(np.int64)
    codes: list[str | None] = rows.column("hold_code").to_pylist()
    texts: list[str | None] = rows.column("hold_text").to_pylist()
    accounts: list[str] = rows.column("account_id").to_pylist()
    for index, problem in bad_holdings(positions, cash).items():
        if codes[index] is None:
            row, text = problem
            where = "" if row is None else f"{_position_name(names, positions, row)}: "
            codes[index], texts[index] = BAD_HOLDINGS, f"Account {accounts[index]}: {where}{text}."
    return HoldingsChunk(
        account_id=_single(rows, "account_id"),
        enterprise_id=_single(rows, "enterprise_id"),
        advisor_id=_single(rows, "advisor_id"),
        lots_version=rows.column("lots_version").to_numpy(),
        as_of=rows.column("as_of").cast(pa.int32()).to_numpy().astype(np.int64),
        file_id=_single(rows, "file_id"),
        cash_cents=cash,
        hold_code=codes,
        hold_text=texts,
        starts=positions.starts * HOLDING.itemsize,
        securities=np.unique(positions.data.key >> KEY_SHIFT),
        documents=np.frombuffer(positions.data.tobytes(), np.uint8),
        received_at=rows.column("received_at").cast(pa.int64()).fill_null(NULL).to_numpy(),
    )


def approvals(group: Sequence[Chunk]) -> list[AccountApproval]:
    """Return the approvals of these REBALANCED chunks, in their order."""
    found: list[AccountApproval] = []
    for chunk in group:
        decided_at = decided_at_of(chunk.meta)
        columns = [chunk.rows.column(name).to_pylist() for name in ("account_id", "epoch", "trade_date", "session")]
        found += [
            AccountApproval(account, epoch, day, session or day, decided_at)
            for account, epoch, day, session in zip(*columns, strict=True)
        ]
    return found


def accounts(names: Names, events: Sequence[AccountChanged], problems: dict[str, str]) -> list[Sequence[Any]]:
    """Return the rows of incoming_account, in its order of columns; each account at most once.

    problems: filled with what is wrong with settings, by account id.
    """
    portfolios = names.numbers(PORTFOLIO, (event.portfolio_id for event in events if event.portfolio_id is not None))
    securities = names.numbers(SECURITY, {name for event in events for name in securities_named(event)})
    rows: list[Sequence[Any]] = []
    for event in events:
        problem: str | None = None
        picks: str | None = None
        own_roles: bytes | None = None
        try:
            settings = settings_of(event, securities.__getitem__)
            roles = own_roles_of(event, securities.__getitem__)
            own_roles = to_bytes(np.array(roles, np.int64)) if roles else None
            picked = picks_of(event)
            picks = orjson.dumps(picked).decode() if picked else None
        except (BadSettings, InexactText) as error:
            problem = str(error)
            problems[event.account_id] = problem
            settings = OFF_SETTINGS.copy()
            settings[Setting.REBALANCER_ON] = int(event.rebalancer_on)
        rows.append(
            (
                event.account_id,
                event.enterprise_id,
                event.advisor_id,
                event.version,
                None if event.portfolio_id is None else portfolios[event.portfolio_id],
                event.custodian,
                event.account_number,
                event.name,
                event.tax_household_id,
                event.custody,
                event.rebalancer_on_count,
                event.last_rebalanced,
                to_bytes(settings),
                problem,
                picks,
                own_roles,
                content_of(event),
            )
        )
    return rows


def _newest(rows: Any) -> Any:
    """Return each account once, with its highest lots_version (the last of equals), in order of account id."""
    ids = rows.column("account_id").to_numpy()
    versions = rows.column("lots_version").to_numpy()
    order = np.lexsort((np.arange(len(ids)), versions, ids.astype(str)))
    last = np.ones(len(order), bool)
    last[:-1] = ids[order][1:] != ids[order][:-1]
    return rows.take(array(order[last]))


def _positions(names: Names, listed: Arrow) -> Ragged:
    """Return the holdings of all accounts as HOLDING records, in order of key inside each account."""
    flat, starts = entries(listed)
    keys = _keys(names, flat)
    owner = np.repeat(np.arange(len(listed)), np.diff(starts))
    order = np.lexsort((keys, owner))
    quantities = flat.field("quantity_micro").to_numpy(zero_copy_only=False)
    return Ragged(starts, records_of(HOLDING, key=keys[order], quantity=quantities[order]))


def _keys(names: Names, flat: Arrow) -> Ints:
    securities = names.column(SECURITY, flat.field("security_id"))
    return np.asarray(securities << KEY_SHIFT | names.column(SLEEVE, flat.field("sleeve_id")), np.int64)


def _single(rows: Any, name: str) -> Arrow:
    column = rows.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _position_name(names: Names, positions: Ragged, row: int) -> str:
    """Return security and sleeve of a position."""
    key = int(positions.data[row].key)
    security, sleeve = names.known_id(SECURITY, key >> KEY_SHIFT), names.known_id(SLEEVE, key & SLEEVE_MASK)
    return f"{security} in sleeve {sleeve}"
