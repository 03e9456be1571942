"""One account at which our own code raises is held alone, or fails its request alone; the others go on as ever."""

from collections.abc import Callable
from datetime import date
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from services.analyzer.columns import evaluation, flags, incoming
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.store import run_start
from shared.contracts import topics
from shared.contracts.codes import FlagState
from shared.kafka.failure_limit import TooMany
from shared.kafka.isolation import OUR_FAULT
from tests.analyzer.builders import MONDAY, account, held, holdings, noon, portfolio, recall, request
from tests.analyzer.harness import Harness

pytestmark = pytest.mark.integration
ACCOUNTS = ("a1", "a2", "a3", "a4", "a5")
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}
TUESDAY = date(2026, 1, 6)
Plant = Callable[[Harness, pytest.MonkeyPatch], Callable[[], object]]


def _in_kernel(_: Harness, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The real measuring raises for every chunk that holds a3; returned is what mends it."""
    measure = evaluation.measure

    def raises(rows: Any, context: Any) -> Any:
        if "a3" in rows.account_id.to_pylist():
            raise IndexError("index 7 is out of bounds")
        return measure(rows, context)

    patch.setattr(evaluation, "measure", raises)
    return lambda: patch.setattr(evaluation, "measure", measure)


def _in_document(harness: Harness, _: pytest.MonkeyPatch) -> Callable[[], object]:
    """The stored settings of a3 have lost a byte: they cannot be read."""
    (whole,) = harness.row("SELECT settings FROM analyzer.account_facts WHERE account_id = 'a3'")
    change = "UPDATE analyzer.account_facts SET settings = %s WHERE account_id = 'a3' RETURNING 1"
    harness.row(change, whole[:-1])
    return lambda: harness.row(change, whole)


def _in_episode(harness: Harness, _: pytest.MonkeyPatch) -> Callable[[], object]:
    """The stored history of a3 cannot be read, not even to hold it."""
    harness.row("UPDATE analyzer.flag SET causes = 'what' WHERE account_id = 'a3' RETURNING 1")
    return lambda: None


def _in_target(harness: Harness, _: pytest.MonkeyPatch) -> Callable[[], object]:
    """The newest target of a3's portfolio, which is a3's alone, has lost a byte: also when a3 is to be held."""
    number, whole = harness.row(
        "SELECT portfolio_no, document FROM analyzer.target JOIN analyzer.account_facts USING (portfolio_no)"
        " WHERE account_id = 'a3'"
    )
    change = "UPDATE analyzer.target SET document = %s, target_version = target_version + 100 WHERE portfolio_no = %s"
    harness.row(f"{change} RETURNING 1", whole[:-1], number)
    return lambda: harness.row(f"{change} RETURNING 1", whole, number)


def _in_messages(_: Harness, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The real making of messages raises for every chunk that holds a3, unless that is held."""
    rows = flags.flag_rows

    def raises(stored: Any, ids: Any) -> Any:
        if ("a3", None) in zip(stored.account_id.to_pylist(), stored.hold_code.to_pylist(), strict=True):
            raise KeyError("what")
        return rows(stored, ids)

    patch.setattr(flags, "flag_rows", raises)
    return lambda: patch.setattr(flags, "flag_rows", rows)


def _faults() -> float:
    return REGISTRY.get_sample_value("rebalancer_account_faults_total") or 0


async def _book(harness: Harness) -> None:
    """Five accounts, a3 with a portfolio of its own, all flagged since Monday; it is Tuesday, all is read."""
    harness.at(noon(MONDAY).replace(hour=7))  # no daily run
    await harness.book(*ACCOUNTS)
    await harness.handlers.on_portfolios([portfolio(1, portfolio_id="P2")])
    await harness.handlers.on_accounts([account("a3", 2, portfolio_id="P2", last_rebalanced=date(2025, 12, 1))])
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **DRIFTED) for name in ACCOUNTS)))
    harness.at(noon(TUESDAY).replace(hour=7))
    await harness.published()


async def _sweep(harness: Harness) -> dict[str, list[Any]]:
    """Analyse the whole book and return what was published."""
    with harness.database.session() as session:
        assert run_start.start(session, "ON_DEMAND", TUESDAY, noon(TUESDAY)) is not None
    assert await harness.sweeper.step()
    return await harness.published()


def _assert_a3_alone_is_held(published: dict[str, list[Any]]) -> None:
    rows = {row["account_id"]: row for row in published[topics.FLAGS.name]}
    assert {name: (row["state"], row["hold_code"]) for name, row in rows.items()} == {
        name: (FlagState.HELD, OUR_FAULT) if name == "a3" else (FlagState.FLAGGED, None) for name in ACCOUNTS
    }
    assert "account.cannot" in rows["a3"]["hold_text"]
    assert all(len(row["reasons"]) == (0 if name == "a3" else 2) for name, row in rows.items())
    events = {event.account_id: event.state for event in published[topics.ACCOUNT_FLAG.name]}
    assert events["a3"] == "HELD"


@pytest.mark.parametrize("plant", [_in_kernel, _in_document, _in_episode, _in_target, _in_messages])
async def test_an_event_s_account_at_which_our_code_raises_is_held_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """Mended, it is flagged again by the next analysis, and its episode goes on where its history could be read."""
    await _book(harness)
    mend, before = plant(harness, monkeypatch), _faults()
    await harness.handlers.on_holdings(holdings(*(held(name, 2, cash="101", **DRIFTED) for name in ACCOUNTS)))
    _assert_a3_alone_is_held(await harness.published())
    assert _faults() == before + 1
    mend()
    found = {row["account_id"]: row for row in (await _sweep(harness))[topics.FLAGS.name]}
    assert {row["state"] for row in found.values()} == {FlagState.FLAGGED}
    since = TUESDAY if plant in (_in_episode, _in_target) else MONDAY
    assert (found["a3"]["needed_since"], found["a1"]["needed_since"]) == (since, MONDAY)


@pytest.mark.parametrize("plant", [_in_kernel, _in_document, _in_episode, _in_target, _in_messages])
async def test_a_shard_s_account_at_which_our_code_raises_is_held_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    """The shard ends, and the run with it; the other accounts are published as ever."""
    await _book(harness)
    mend, before = plant(harness, monkeypatch), _faults()
    published = await _sweep(harness)
    _assert_a3_alone_is_held(published)
    assert len(published[topics.ANALYSIS.name]) == 1
    assert _faults() == before + 1
    mend()
    assert {row["state"] for row in (await _sweep(harness))[topics.FLAGS.name]} == {FlagState.FLAGGED}


async def test_what_the_world_is_at_fault_for_holds_nobody(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    await _book(harness)

    def raises(*_: Any) -> Any:
        raise psycopg.OperationalError("the database is away")

    monkeypatch.setattr(evaluation, "measure", raises)
    before = _faults()
    with pytest.raises(psycopg.OperationalError):
        await harness.handlers.on_holdings(holdings(*(held(name, 2, **DRIFTED) for name in ACCOUNTS)))
    with pytest.raises(psycopg.OperationalError):
        await _sweep(harness)
    assert (await harness.flags(), _faults()) == ({}, before)
    assert harness.row("SELECT count(*) FROM analyzer.flag WHERE hold_code IS NOT NULL") == (0,)


@pytest.mark.parametrize("plant", [_in_kernel, _in_document])
async def test_a_request_s_account_at_which_our_code_raises_fails_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    await _book(harness)

    async def facts() -> dict[str, Any]:
        await harness.handlers.on_request(topics.WORK_FACTS)(request(*ACCOUNTS))
        return {row["account_id"]: row for row in (await harness.published())[topics.WORK_FACTS.name]}

    sound = await facts()
    mend, before = plant(harness, monkeypatch), _faults()
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


async def test_a_stored_flag_that_cannot_be_read_holds_its_account_and_the_others_are_told(harness: Harness) -> None:
    """Its figures have lost bytes: found when batch asks for the flags once more."""
    await _book(harness)
    harness.row("UPDATE analyzer.flag SET figures = '\\x00', causes = 'what' WHERE account_id = 'a3' RETURNING 1")
    await harness.handlers.on_recall(recall(*ACCOUNTS))
    _assert_a3_alone_is_held(await harness.published())
    await harness.handlers.on_recall(recall(*ACCOUNTS))
    assert len(await harness.flags()) == len(ACCOUNTS)


async def test_holdings_that_our_code_cannot_take_in_hold_their_account(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told once more after the mend, they are taken in: their version is the same."""
    await _book(harness)
    module: Any = incoming
    found = module.bad_holdings

    def raises(positions: Any, cash: Any) -> Any:
        if 12_300 in cash.tolist():
            raise OverflowError("too large")
        return found(positions, cash)

    monkeypatch.setattr(incoming, "bad_holdings", raises)
    message = holdings(*(held(name, 2, cash="123" if name == "a3" else "101", **DRIFTED) for name in ACCOUNTS))
    await harness.handlers.on_holdings(message)
    flags = await harness.flags()
    assert {name: flags[name]["hold_code"] for name in ACCOUNTS} == dict.fromkeys(ACCOUNTS) | {"a3": OUR_FAULT}
    assert "account a3: a fault of ours (OverflowError)" in flags["a3"]["hold_text"]
    monkeypatch.setattr(incoming, "bad_holdings", found)
    await harness.handlers.on_holdings(message)
    flags = await harness.flags()
    assert {flags[name]["state"] for name in ACCOUNTS} == {FlagState.FLAGGED}
    assert flags["a3"]["cash_cents"] == 12_300


MANY = tuple(f"m{number:02d}" for number in range(24))


async def _crowd(harness: Harness, patch: pytest.MonkeyPatch, fails: Callable[[str], bool]) -> Callable[[], object]:
    """Many accounts, evaluated and well; then the real measuring raises for some.  Returned is what mends it."""
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book(*MANY)
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **DRIFTED) for name in MANY)))
    await harness.published()
    measure = evaluation.measure

    def raises(rows: Any, context: Any) -> Any:
        if any(map(fails, rows.account_id.to_pylist())):
            raise IndexError("index 7 is out of bounds")
        return measure(rows, context)

    patch.setattr(evaluation, "measure", raises)
    return lambda: patch.setattr(evaluation, "measure", measure)


def _held_ones(harness: Harness) -> int:
    return int(harness.row("SELECT count(*) FROM analyzer.flag WHERE hold_code IS NOT NULL")[0])


async def test_a_fault_at_every_account_of_an_event_holds_nobody(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend, before = await _crowd(harness, monkeypatch, lambda _: True), _faults()
    message = holdings(*(held(name, 2, **DRIFTED) for name in MANY))
    for _ in range(2):
        with pytest.raises(TooMany):
            await harness.handlers.on_holdings(message)
    with pytest.raises(TooMany):
        await harness.handlers.on_request(topics.WORK_FACTS)(request(*MANY))
    assert {name: rows for name, rows in (await harness.published()).items() if rows} == {}
    assert (_held_ones(harness), _faults()) == (0, before)
    mend()
    await harness.handlers.on_holdings(message)
    assert {row["state"] for row in (await harness.flags()).values()} == {FlagState.FLAGGED}


async def _new_start(harness: Harness) -> None:
    """Sweep as a process that has just been started.  Raises as `step`."""
    dependencies = harness.dependencies
    await Sweeper(
        dependencies.database, dependencies.evaluator, dependencies.publisher, dependencies.clock, harness.settings
    ).step()


async def test_a_fault_at_every_account_of_a_book_stops_its_analysis_and_holds_nobody(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many new starts; after the mend the run ends."""
    mend = await _crowd(harness, monkeypatch, lambda _: True)
    with harness.database.session() as session:
        run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    for _ in range(harness.settings.suspect_starts + 2):
        with pytest.raises(TooMany):
            await _new_start(harness)
    assert _held_ones(harness) == 0
    mend()
    await _new_start(harness)
    published = await harness.published()
    assert len(published[topics.ANALYSIS.name]) == 1
    assert {row["state"] for row in published[topics.FLAGS.name]} == {FlagState.FLAGGED}


async def test_accounts_that_alone_break_our_code_do_not_stop_the_analysis_of_others_for_ever(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but two of a small book: after some restarts each is held alone, the two are published, the run ends."""
    await _crowd(harness, monkeypatch, lambda name: name < MANY[22])
    with harness.database.session() as session:
        run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    for _ in range(harness.settings.suspect_starts):
        with pytest.raises(TooMany):
            await _new_start(harness)
        assert _held_ones(harness) == 0
    await _new_start(harness)
    published = await harness.published()
    assert len(published[topics.ANALYSIS.name]) == 1
    held_ones = {row["account_id"]: row["hold_code"] for row in published[topics.FLAGS.name]}
    assert held_ones == dict.fromkeys(MANY[:22], OUR_FAULT) | dict.fromkeys(MANY[22:])
