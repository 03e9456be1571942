"""One account at which our own code raises is held alone, or fails its request alone; the others go on as ever."""

from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from services.analyzer.columns import evaluation, incoming
from services.analyzer.columns import flags as publish
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.store import runs
from shared.contracts import topics
from shared.contracts.chunks import FlagState
from shared.kafka.failure_limit import TooMany
from shared.kafka.isolation import OUR_FAULT
from tests.analyzer.desk import MONDAY, Desk, account, held, holdings, noon, portfolio, recall, request

pytestmark = pytest.mark.integration
ACCOUNTS = ("a1", "a2", "a3", "a4", "a5")
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}
TUESDAY = date(2026, 1, 6)
Plant = Callable[[Desk, pytest.MonkeyPatch], Callable[[], object]]


def _in_kernel(_: Desk, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The real measuring raises for every chunk that holds a3; returned is what mends it."""
    measure = evaluation.measure

    def raises(rows: Any, context: Any) -> Any:
        if "a3" in rows.account_id.to_pylist():
            raise IndexError("index 7 is out of bounds")
        return measure(rows, context)

    patch.setattr(evaluation, "measure", raises)
    return lambda: patch.setattr(evaluation, "measure", measure)


def _in_document(desk: Desk, _: pytest.MonkeyPatch) -> Callable[[], object]:
    """The stored settings of a3 have lost a byte: they cannot be read."""
    (whole,) = desk.row("SELECT settings FROM analyzer.account_facts WHERE account_id = 'a3'")
    change = "UPDATE analyzer.account_facts SET settings = %s WHERE account_id = 'a3' RETURNING 1"
    desk.row(change, whole[:-1])
    return lambda: desk.row(change, whole)


def _in_spell(desk: Desk, _: pytest.MonkeyPatch) -> Callable[[], object]:
    """The stored history of a3 cannot be read, not even to hold it."""
    desk.row("UPDATE analyzer.flag SET causes = 'what' WHERE account_id = 'a3' RETURNING 1")
    return lambda: None


def _in_target(desk: Desk, _: pytest.MonkeyPatch) -> Callable[[], object]:
    """The newest target of a3's portfolio, which is a3's alone, has lost a byte: also when a3 is to be held."""
    number, whole = desk.row(
        "SELECT portfolio_no, document FROM analyzer.target JOIN analyzer.account_facts USING (portfolio_no)"
        " WHERE account_id = 'a3'"
    )
    change = "UPDATE analyzer.target SET document = %s, target_version = target_version + 100 WHERE portfolio_no = %s"
    desk.row(f"{change} RETURNING 1", whole[:-1], number)
    return lambda: desk.row(f"{change} RETURNING 1", whole, number)


def _in_telling(_: Desk, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The real making of messages raises for every chunk that holds a3, unless that is held."""
    rows = publish.flag_rows

    def raises(stored: Any, ids: Any) -> Any:
        if ("a3", None) in zip(stored.account_id.to_pylist(), stored.hold_code.to_pylist(), strict=True):
            raise KeyError("what")
        return rows(stored, ids)

    patch.setattr(publish, "flag_rows", raises)
    return lambda: patch.setattr(publish, "flag_rows", rows)


def _faults() -> float:
    return REGISTRY.get_sample_value("rebalancer_account_faults_total") or 0


async def _book(desk: Desk) -> None:
    """Five accounts, a3 with a portfolio of its own, all flagged since Monday; it is Tuesday, all is read."""
    desk.at(noon(MONDAY).replace(hour=7))  # no daily run
    await desk.book(*ACCOUNTS)
    await desk.rules.on_portfolios([portfolio(1, portfolio_id="P2")])
    await desk.rules.on_accounts([account("a3", 2, portfolio_id="P2", last_rebalanced=date(2025, 12, 1))])
    await desk.rules.on_holdings(holdings(*(held(one, 1, **DRIFTED) for one in ACCOUNTS)))
    desk.at(noon(TUESDAY).replace(hour=7))
    await desk.since()


async def _sweep(desk: Desk) -> dict[str, list[Any]]:
    """Analyse the whole book and return what was published."""
    with desk.parts.database.session() as session:
        assert runs.start(session, "ON_DEMAND", TUESDAY, noon(TUESDAY)) is not None
    assert await desk.sweeper.step()
    return await desk.since()


def _assert_a3_alone_is_held(published: dict[str, list[Any]]) -> None:
    rows = {row["account_id"]: row for row in published[topics.FLAGS.name]}
    assert {name: (row["state"], row["hold_code"]) for name, row in rows.items()} == {
        name: (FlagState.HELD, OUR_FAULT) if name == "a3" else (FlagState.FLAGGED, None) for name in ACCOUNTS
    }
    assert "account.cannot" in rows["a3"]["hold_text"]
    assert all(len(row["reasons"]) == (0 if name == "a3" else 2) for name, row in rows.items())
    events = {one.account_id: one.state for one in published[topics.ACCOUNT_FLAG.name]}
    assert events["a3"] == "HELD"


@pytest.mark.parametrize("plant", [_in_kernel, _in_document, _in_spell, _in_target, _in_telling])
async def test_an_event_s_account_at_which_our_code_raises_is_held_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """Mended, it is flagged again by the next analysis, and its spell goes on where its history could be read."""
    await _book(desk)
    mend, before = plant(desk, monkeypatch), _faults()
    await desk.rules.on_holdings(holdings(*(held(one, 2, cash="101", **DRIFTED) for one in ACCOUNTS)))
    _assert_a3_alone_is_held(await desk.since())
    assert _faults() == before + 1
    mend()
    found = {row["account_id"]: row for row in (await _sweep(desk))[topics.FLAGS.name]}
    assert {row["state"] for row in found.values()} == {FlagState.FLAGGED}
    since = TUESDAY if plant in (_in_spell, _in_target) else MONDAY
    assert (found["a3"]["needed_since"], found["a1"]["needed_since"]) == (since, MONDAY)


@pytest.mark.parametrize("plant", [_in_kernel, _in_document, _in_spell, _in_target, _in_telling])
async def test_a_shard_s_account_at_which_our_code_raises_is_held_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """The shard ends, and the run with it; the other accounts are told of as ever."""
    await _book(desk)
    mend, before = plant(desk, monkeypatch), _faults()
    published = await _sweep(desk)
    _assert_a3_alone_is_held(published)
    assert len(published[topics.ANALYSIS.name]) == 1
    assert _faults() == before + 1
    mend()
    assert {row["state"] for row in (await _sweep(desk))[topics.FLAGS.name]} == {FlagState.FLAGGED}


async def test_what_the_world_is_at_fault_for_holds_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await _book(desk)

    def raises(*_: Any) -> Any:
        raise psycopg.OperationalError("the database is away")

    monkeypatch.setattr(evaluation, "measure", raises)
    before = _faults()
    with pytest.raises(psycopg.OperationalError):
        await desk.rules.on_holdings(holdings(*(held(one, 2, **DRIFTED) for one in ACCOUNTS)))
    with pytest.raises(psycopg.OperationalError):
        await _sweep(desk)
    assert (await desk.flags(), _faults()) == ({}, before)
    assert desk.row("SELECT count(*) FROM analyzer.flag WHERE hold_code IS NOT NULL") == (0,)


@pytest.mark.parametrize("plant", [_in_kernel, _in_document])
async def test_a_request_s_account_at_which_our_code_raises_fails_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    await _book(desk)

    async def facts() -> dict[str, Any]:
        await desk.rules.on_request(topics.WORK_FACTS)(request(*ACCOUNTS))
        return {row["account_id"]: row for row in (await desk.since())[topics.WORK_FACTS.name]}

    sound = await facts()
    mend, before = plant(desk, monkeypatch), _faults()
    hurt = await facts()
    assert tuple(hurt) == ACCOUNTS
    assert (hurt["a3"]["failure_code"], hurt["a3"]["positions"]) == (OUR_FAULT, [])
    assert "a3" in hurt["a3"]["failure_text"]
    assert _faults() == before + 1
    assert {name: row for name, row in hurt.items() if name != "a3"} == {
        name: row for name, row in sound.items() if name != "a3"
    }
    mend()
    assert await facts() == sound


async def test_a_stored_flag_that_cannot_be_read_holds_its_account_and_the_others_are_told(desk: Desk) -> None:
    """Its figures have lost bytes: found when batch asks for the flags once more."""
    await _book(desk)
    desk.row("UPDATE analyzer.flag SET figures = '\\x00', causes = 'what' WHERE account_id = 'a3' RETURNING 1")
    await desk.rules.on_recall(recall(*ACCOUNTS))
    _assert_a3_alone_is_held(await desk.since())
    await desk.rules.on_recall(recall(*ACCOUNTS))
    assert len(await desk.flags()) == len(ACCOUNTS)


async def test_holdings_that_our_code_cannot_take_in_hold_their_account(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told once more after the mend, they are taken in: their version is the same."""
    await _book(desk)
    module: Any = incoming
    found = module.bad_holdings

    def raises(positions: Any, cash: Any) -> Any:
        if 12_300 in cash.tolist():
            raise OverflowError("too large")
        return found(positions, cash)

    monkeypatch.setattr(incoming, "bad_holdings", raises)
    told = holdings(*(held(one, 2, cash="123" if one == "a3" else "101", **DRIFTED) for one in ACCOUNTS))
    await desk.rules.on_holdings(told)
    flags = await desk.flags()
    assert {name: flags[name]["hold_code"] for name in ACCOUNTS} == dict.fromkeys(ACCOUNTS) | {"a3": OUR_FAULT}
    assert "account a3: a fault of ours (OverflowError)" in flags["a3"]["hold_text"]
    monkeypatch.setattr(incoming, "bad_holdings", found)
    await desk.rules.on_holdings(told)
    flags = await desk.flags()
    assert {flags[name]["state"] for name in ACCOUNTS} == {FlagState.FLAGGED}
    assert flags["a3"]["cash_cents"] == 12_300


MANY = tuple(f"m{number:02d}" for number in range(24))


async def _crowd(desk: Desk, patch: pytest.MonkeyPatch, fails: Callable[[str], bool]) -> Callable[[], object]:
    """Many accounts, evaluated and well; then the real measuring raises for some.  Returned is what mends it."""
    desk.at(noon(MONDAY).replace(hour=7))
    await desk.book(*MANY)
    await desk.rules.on_holdings(holdings(*(held(one, 1, **DRIFTED) for one in MANY)))
    await desk.since()
    measure = evaluation.measure

    def raises(rows: Any, context: Any) -> Any:
        if any(map(fails, rows.account_id.to_pylist())):
            raise IndexError("index 7 is out of bounds")
        return measure(rows, context)

    patch.setattr(evaluation, "measure", raises)
    return lambda: patch.setattr(evaluation, "measure", measure)


def _held_ones(desk: Desk) -> int:
    return int(desk.row("SELECT count(*) FROM analyzer.flag WHERE hold_code IS NOT NULL")[0])


async def test_a_fault_at_every_account_of_an_event_holds_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    mend, before = await _crowd(desk, monkeypatch, lambda _: True), _faults()
    told = holdings(*(held(one, 2, **DRIFTED) for one in MANY))
    for _ in range(2):
        with pytest.raises(TooMany):
            await desk.rules.on_holdings(told)
    with pytest.raises(TooMany):
        await desk.rules.on_request(topics.WORK_FACTS)(request(*MANY))
    assert {name: rows for name, rows in (await desk.since()).items() if rows} == {}
    assert (_held_ones(desk), _faults()) == (0, before)
    mend()
    await desk.rules.on_holdings(told)
    assert {row["state"] for row in (await desk.flags()).values()} == {FlagState.FLAGGED}


async def _new_start(desk: Desk) -> None:
    """Sweep as a process that has just been started.  Raises as `step`."""
    parts = desk.parts
    await Sweeper(parts.database, parts.evaluator, parts.publisher, parts.clock, desk.settings).step()


async def test_a_fault_at_every_account_of_a_book_stops_its_analysis_and_holds_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many new starts; after the mend the run ends."""
    mend = await _crowd(desk, monkeypatch, lambda _: True)
    with desk.parts.database.session() as session:
        runs.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    for _ in range(desk.settings.suspect_starts + 2):
        with pytest.raises(TooMany):
            await _new_start(desk)
    assert _held_ones(desk) == 0
    mend()
    await _new_start(desk)
    published = await desk.since()
    assert len(published[topics.ANALYSIS.name]) == 1
    assert {row["state"] for row in published[topics.FLAGS.name]} == {FlagState.FLAGGED}


async def test_accounts_that_alone_break_our_code_do_not_stop_the_analysis_of_others_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but two of a small book: after some new starts each of them is held alone, the two are told, the run ends."""
    await _crowd(desk, monkeypatch, lambda name: name < MANY[22])
    with desk.parts.database.session() as session:
        runs.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    for _ in range(desk.settings.suspect_starts):
        with pytest.raises(TooMany):
            await _new_start(desk)
        assert _held_ones(desk) == 0
    await _new_start(desk)
    published = await desk.since()
    assert len(published[topics.ANALYSIS.name]) == 1
    held_ones = {row["account_id"]: row["hold_code"] for row in published[topics.FLAGS.name]}
    assert held_ones == dict.fromkeys(MANY[:22], OUR_FAULT) | dict.fromkeys(MANY[22:])
