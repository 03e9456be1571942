"""Who sees a part of a batch's accounts: every page shows that part as if there were nothing else; nothing is changed.

Each state of a batch is compared with that of a twin, a batch of the part alone.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.batch.domain.refusals import ROLES
from shared.contracts.tenancy import Scope
from shared.http.routing import Guarded, routes_of
from tests.batch.harness import Harness, Json, User

pytestmark = pytest.mark.integration

# What a part has besides, and what differs between any two batches.
_OWN = {"part", "batch_id", "version", "requested_at", "decided_at", "cancel_at", "rules", "note", "as_of", "order_id"}
# Reads of batches; each is compared in `_everything`.
READS = {
    "/v1/batches",
    "/v1/batches/{batch_id}",
    "/v1/batches/{batch_id}/accounts",
    "/v1/batches/{batch_id}/accounts/{account_id}",
    "/v1/batches/{batch_id}/trades",
    "/v1/batches/{batch_id}/trades/{security_id}",
    "/v1/batches/{batch_id}/logics",
}
# Reads of all accounts of a batch or none.
WHOLE = {"/v1/batches/{batch_id}/orders", "/v1/batches/{batch_id}/block-orders"}
BODIES: dict[str, Any] = {
    "remove_accounts": {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1},
    "undo_removal": {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1},
    "approve_rest": {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1},
    "approve_batch": None,
    "cancel_batch": None,
    "switch_logic": {"logic": "MIN_TRANSACTION"},
    "repropose_accounts": {},
    "edit_trades": {"trades": [{"security_id": "AAA", "quantity": "1"}], "note": "As the client asked."},
}


async def _mixed(harness: Harness) -> tuple[User, User, Json, Json]:
    """Return Ann, who sees all, Dora, who sees the accounts of D2, a batch of A1 to A4 and its twin of T2 to T4."""
    ann, dora = harness.user("Ann"), harness.user("Dora", advisors=["D2"])
    await harness.queue("A1", "A5")
    await harness.queue("A2", "A3", "A4", "T2", "T3", "T4", advisor_id="D2")
    mixed = await ann.propose("A1", "A2", "A3", "A4", "A5")
    twin = await ann.propose("T2", "T3", "T4")
    return ann, dora, mixed, twin


async def _both(harness: Harness, ann: User, dora: User, mixed: Json, twin: Json) -> Json:
    """Compare what is shown of both; return the part."""
    part, alone = [await _everything(dora, batch, name) for batch, name in ((mixed, "A"), (twin, "T"))]
    assert part == alone
    shown = await dora.ask("GET", f"/v1/batches/{mixed['batch_id']}/accounts")
    assert not re.search(r"A[15]\b|\bD1\b", shown.text)
    return dict(shown.json()["batch"])


async def _everything(dora: User, batch: Json, prefix: str) -> Any:
    """Return what every page shows of a batch, without what differs between a batch and its twin."""
    number = batch["batch_id"]
    pages = [await dora.get(f"/v1/batches/{number}"), await dora.get(f"/v1/batches/{number}/accounts")]
    pages += [await dora.get(f"/v1/batches/{number}/accounts", f="market_value.gte.1", sort="-name")]
    for query in ({}, {"f": "market_value.gte.1"}):
        trades = await dora.get(f"/v1/batches/{number}/trades", **query)
        pages.append(trades)
        for row in trades["rows"]:
            pages.append(await dora.get(f"/v1/batches/{number}/trades/{row['security_id']}", **query))
    pages.append(await dora.get(f"/v1/batches/{number}/logics"))
    for name in ("2", "3", "4"):
        pages.append(await dora.get(f"/v1/batches/{number}/accounts/{prefix}{name}"))
        rebalances = (await dora.get(f"/v1/accounts/{prefix}{name}"))["rebalances"]
        pages.append({"rebalances": [row for row in rebalances if row["batch_id"] == number]})
    for query in (
        {"state": "open"},
        {"state": "history"},
        {"state": "history", "f": "accounts.eq.3", "sort": "turnover"},
    ):
        listed = await dora.get("/v1/batches", **query)
        pages.append({"rows": [row for row in listed["rows"] if row["batch_id"] == number]})
    return [_same(page, prefix) for page in pages]


def _same(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {key: _same(each, prefix) for key, each in value.items() if key not in _OWN}
    if isinstance(value, list):
        return [_same(each, prefix) for each in value]
    return re.sub(rf"\b(00)?{prefix}(?=[2-4]\b)|\b{prefix}(?=[2-4]\b)", "X", value) if isinstance(value, str) else value


async def test_a_part_is_shown_as_if_there_were_nothing_else(harness: Harness) -> None:
    ann, dora, mixed, twin = await _mixed(harness)
    working = await _both(harness, ann, dora, mixed, twin)
    assert (working["accounts"], working["counts"]["working"]) == (3, 3)
    for batch in (mixed, twin):
        await harness.reply(batch["batch_id"], failing=["A3", "T3"])
    pending = await _both(harness, ann, dora, mixed, twin)
    assert (pending["counts"]["proposed"], pending["counts"]["failed"], pending["short_term"]) == (2, 1, "0.00")
    assert pending["part"] == {
        "sentence": "You see 3 of the accounts of this request; its counts and figures are of these."
        " Somebody who sees all of them decides: ask Ann, who requested it.",
        "barred": "You see only a part of this request's accounts: only somebody who sees all of them can change or"
        " decide it. Ask Ann, who requested it.",
    }
    for batch, name in ((mixed, "A4"), (twin, "T4")):
        batch |= await ann.get(f"/v1/batches/{batch['batch_id']}")
        batch |= await ann.remove(batch, name)
    await _both(harness, ann, dora, mixed, twin)
    for batch in (mixed, twin):
        batch |= await ann.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    switched = await _both(harness, ann, dora, mixed, twin)
    assert (switched["logic"], switched["estimated"]) == ("MIN_TRANSACTION", "50.00")
    for batch in (mixed, twin):
        batch |= await ann.done(batch, "approve", {"note": "A1 called about it"})
    approved = await _both(harness, ann, dora, mixed, twin)
    assert (approved["counts"]["approved"], approved["note"], approved["part"]["sentence"]) == (
        1,
        None,
        "You see 3 of the accounts of this request; its counts and figures are of these.",
    )
    assert (await ann.get(f"/v1/batches/{mixed['batch_id']}"))["part"] is None


async def test_every_read_of_batches_is_compared(harness: Harness) -> None:
    reads = {path for path, route in routes_of(harness.app) if isinstance(route, Guarded) and route.methods == {"GET"}}
    assert {path for path in reads if path.startswith("/v1/batches")} == READS | WHOLE, (
        "compare it in _everything, then name it"
    )


def _commands(harness: Harness) -> Iterator[tuple[str, str]]:
    for path, route in routes_of(harness.app):
        if isinstance(route, Guarded) and "{batch_id}" in path and route.methods != {"GET"}:
            yield path, route.operation_id or ""


async def test_every_command_on_a_part_is_refused_and_says_who_decides(harness: Harness) -> None:
    _, dora, mixed, _ = await _mixed(harness)
    await harness.reply(mixed["batch_id"])
    seen = await dora.get(f"/v1/batches/{mixed['batch_id']}")
    commands = dict(_commands(harness))
    assert set(commands.values()) == set(BODIES) and len(BODIES) >= len(ROLES) - 1
    for path, operation in commands.items():
        what = path.removeprefix("/v1/batches/{batch_id}/").format(account_id="A2")
        response = await dora.do(seen, what, BODIES[operation])
        assert (response.status_code, response.json()["code"]) == (403, "part_only"), operation
        assert response.json()["detail"] == seen["part"]["barred"]
        assert not re.search(r"A[15]\b", response.text)
    after = harness.sql("SELECT version, status, logic FROM batch WHERE batch_id = %s", mixed["batch_id"])
    assert after == [(seen["version"], "PENDING_APPROVAL", 0)]


async def test_files_of_all_orders_are_not_made_of_a_part(harness: Harness) -> None:
    ann, dora, mixed, _ = await _mixed(harness)
    await harness.reply(mixed["batch_id"])
    await ann.done(await ann.get(f"/v1/batches/{mixed['batch_id']}"), "approve")
    for path in WHOLE:
        refused = await dora.ask("GET", path.format(batch_id=mixed["batch_id"]))
        assert refused.status_code == 409, path
        assert "accounts that are not yours to see" in refused.json()["detail"]
        assert not re.search(r"A[15]\b", refused.text)


async def test_accounts_of_others_are_not_there(harness: Harness) -> None:
    _, dora, mixed, twin = await _mixed(harness)
    await harness.reply(mixed["batch_id"])
    number = mixed["batch_id"]
    theirs = await dora.ask("GET", f"/v1/batches/{number}/accounts/A1")
    nobodys = await dora.ask("GET", f"/v1/batches/{number}/accounts/A9")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.json()["detail"].replace("A1", "A9") == nobodys.json()["detail"]
    for query in ({"q": "A1"}, {"f": "advisor_id.eq.D1"}, {"f": "account_number.in.00A1|00A5"}):
        page = await dora.get(f"/v1/batches/{number}/accounts", **query)
        assert (page["rows"], page["total"], page["filtered"]["market_value"]) == ([], 0, "0.00")
    assert (await dora.get(f"/v1/batches/{twin['batch_id']}"))["part"] is None


async def test_the_database_lets_a_part_be_read_and_never_written(harness: Harness) -> None:
    _, _, mixed, _ = await _mixed(harness)
    await harness.reply(mixed["batch_id"])
    number = mixed["batch_id"]
    scope = Scope("dora", ("E1",), ("D2",))
    async with harness.database.transaction(scope) as connection:
        for table, seen in (("batch", 1), ("batch_account", 3), ("result_chunk", 0), ("decision", 0)):
            query = text(f"SELECT count(*) FROM {table} WHERE batch_id = :number")
            assert (await connection.execute(query, {"number": number})).scalar_one() == seen, table
        for statement in (
            "SELECT batch_id FROM batch WHERE batch_id = :number FOR UPDATE",
            "UPDATE batch SET status = 'CANCELLED' WHERE batch_id = :number",
        ):
            assert (await connection.execute(text(statement), {"number": number})).rowcount == 0
    with pytest.raises(DBAPIError, match="row-level security"):
        async with harness.database.transaction(scope) as connection:
            await connection.execute(text("INSERT INTO wash_recorded VALUES (:number)"), {"number": number})


@pytest.mark.parametrize(
    ("enterprises", "advisors", "seen"),
    [
        (["E1"], ["D1"], 1),
        (["E2"], ["D1"], 0),  # the enterprise of one account and the advisor of another
        (["E1", "E2"], ["D2"], 1),
        (["E2"], None, 1),
        (["E1", "E2"], None, 2),
        (["E3"], None, 0),
    ],
)
async def test_a_batch_of_several_enterprises_is_seen_by_account(
    harness: Harness, enterprises: list[str], advisors: list[str] | None, seen: int
) -> None:
    cleo = harness.user("Cleo", enterprises=["E1", "E2"])
    await harness.queue("A1")
    await harness.queue("B1", enterprise_id="E2", advisor_id="D2")
    batch = await cleo.pending("A1", "B1")
    who = harness.user("Who", enterprises=enterprises, advisors=advisors)
    listed = (await who.get("/v1/batches"))["rows"]
    assert [row["accounts"] for row in listed] == [seen] * (seen > 0)
    response = await who.ask("GET", f"/v1/batches/{batch['batch_id']}")
    assert response.status_code == (200 if seen else 404)
    if seen == 1:
        assert response.json()["enterprise_id"] == ("E2" if advisors == ["D2"] or "E1" not in enterprises else "E1")
