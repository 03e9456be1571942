"""Lists as files: exactly what the pages of the list show, only what is the caller's, and never silently less."""

import csv
import io
import zipfile
from typing import Any

import pytest

from services.batch.routes import exports as routes
from shared.contracts.tenancy import scope_of
from shared.tables.csv_file import END
from tests.batch.harness import Harness, User

pytestmark = pytest.mark.integration

Json = dict[str, Any]


def rows_of(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file that is whole."""
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    header, rows, last = lines[0], lines[1:-1], lines[-1]
    assert last[:2] == [END, "1 row" if len(rows) == 1 else f"{len(rows)} rows"]
    return [dict(zip(header, row, strict=True)) for row in rows]


async def taken(who: User, path: str, **query: Any) -> list[dict[str, str]]:
    """Return the rows of an exported file."""
    response = await who.ask("GET", f"/v1/exports/{path}", params=query)
    assert response.status_code == 200, response.text
    rows = rows_of(response.content)
    assert response.headers["x-rows"] == str(len(rows))
    return rows


async def listed(who: User, path: str, **query: Any) -> list[Json]:
    """Return the rows of all pages of a list, two at a time."""
    found: list[Json] = []
    for page in range(1, 100):
        rows = (await who.get(path, **query, page=page, size=2))["rows"]
        if not rows:
            break
        found += rows
    return found


async def _queue(harness: Harness) -> None:
    await harness.queue("A1", value_cents=-300, tiles=3)
    await harness.queue("A2", value_cents=999_999_999_999_999, portfolio_id="P2")
    await harness.queue("A3", value_cents=20_000, max_drift_ppb=None, drifted=0)
    await harness.queue("A4", value_cents=20_000, drifted=4)
    await harness.queue("A5", value_cents=None, source="REBALANCER_ON")


QUEUE_QUERIES: list[Json] = [
    {},
    {"sort": "-market_value"},
    {"f": "market_value.gte.200"},
    {"f": ["market_value.gte.1", "drifted.gte.1"], "sort": "max_drift"},
    {"q": "00a3"},
    {"tile": "HIGH_CASH", "sort": "-account_number"},
    {"f": "account_number.eq.none"},
]


@pytest.mark.parametrize("query", QUEUE_QUERIES)
async def test_the_file_of_the_queue_is_its_list(harness: Harness, query: Json) -> None:
    await _queue(harness)
    pat = harness.user()

    shown = await listed(pat, "/v1/queue/accounts", **query)
    rows = await taken(pat, "queue", **query)

    assert [row["Account id"] for row in rows] == [row["account_id"] for row in shown]
    for row, account in zip(rows, shown, strict=True):
        assert row["Market value"] == (account["market_value"] or "")
        assert row["Max drift"] == (account["max_drift"] or "")
        drifted = account["drifted_components"]
        assert row["Drifted"] == ("" if drifted is None else str(drifted)), "what is not known is no 0"
        assert row["Needed since"] == account["needed_since"]


async def _batch(harness: Harness, pat: User) -> Json:
    """A request of seven accounts: one failed, one removed, others proposed."""
    names = [f"A{number}" for number in range(1, 8)]
    for index, name in enumerate(names):
        await harness.queue(name, advisor_id=f"D{1 + index % 2}")
    batch = await pat.propose(*names)
    await harness.reply(batch["batch_id"], failing=["A3"])
    return await pat.remove(await pat.get(f"/v1/batches/{batch['batch_id']}"), "A5")


BATCH_QUERIES: list[Json] = [
    {},
    {"sort": "-account_number"},
    {"sort": "-market_value", "f": "advisor_id.eq.D2"},
    {"f": "result.in.FAILED|REMOVED"},
    {"f": "short_term.gte.0.01"},
    {"q": "a6"},
]
FIGURES = {
    "Market value": "market_value", "Buys": "buys", "Sells $": "sells_value", "Short-term G&L": "short_term",
    "Long-term G&L": "long_term", "Estimated G&L": "estimated", "Over budget": "over_budget", "Ending cash": "end_cash",
    "Wash sale": "wash_disallowed", "Earlier losses": "wash_earlier", "Result": "result",
}  # fmt: skip


@pytest.mark.parametrize("query", BATCH_QUERIES)
async def test_the_file_of_a_request_is_its_list_open_and_decided(harness: Harness, query: Json) -> None:
    pat = harness.user()
    batch = await _batch(harness, pat)
    path = f"batches/{batch['batch_id']}/accounts"

    async def compare() -> None:
        shown = await listed(pat, f"/v1/{path}", **query)
        rows = await taken(pat, path, **query)
        assert [row["Account id"] for row in rows] == [row["account_id"] for row in shown]
        for row, account in zip(rows, shown, strict=True):
            for header, field in FIGURES.items():
                assert row[header] == ("" if account[field] is None else str(account[field])), header
            sent = account["execution"]
            assert row["Orders sent"] == ("" if sent is None else str(sent["orders"]))

    await compare()
    await pat.done(batch, "approve")
    await compare()


@pytest.mark.parametrize("query", BATCH_QUERIES)
async def test_the_file_of_trades_has_each_order_of_what_is_traded(harness: Harness, query: Json) -> None:
    pat = harness.user()
    batch = await _batch(harness, pat)
    path = f"batches/{batch['batch_id']}/accounts"

    async def compare(state: str) -> None:
        wanted = []
        for account in await listed(pat, f"/v1/{path}", **query):
            if account["state"] != state:
                continue
            page = await pat.get(f"/v1/{path}/{account['account_id']}")
            proposal = next(each for each in page["proposals"] if each["logic"] == page["logic"])
            wanted += [
                (account["account_id"], order["security_id"], order["side"].title(), order["quantity"], order["price"],
                 order["value"])
                for order in proposal["orders"]
            ]  # fmt: skip
        rows = await taken(pat, f"batches/{batch['batch_id']}/trades", **query)
        columns = ("Account id", "Security", "Side", "Quantity", "Price", "Value")
        assert [tuple(row[column] for column in columns) for row in rows] == wanted

    await compare("PROPOSED")
    await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    await compare("PROPOSED")
    await pat.done(batch, "approve")
    await compare("APPROVED")


async def test_a_cancelled_request_has_no_trades(harness: Harness) -> None:
    pat = harness.user()
    batch = await _batch(harness, pat)
    await pat.done(batch, "cancel")

    assert await taken(pat, f"batches/{batch['batch_id']}/trades") == []


async def test_the_file_of_history_is_its_list(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    for name, what in (("A1", "approve"), ("A2", "cancel")):
        await pat.done(await pat.pending(name), what, {"note": f"=for {name}"})
    await pat.pending("A3")

    rows = await taken(pat, "history")

    shown = (await pat.get("/v1/batches", state="history"))["rows"]
    assert [row["Request"] for row in rows] == [str(batch["batch_id"]) for batch in shown]
    assert [row["Result"] for row in rows] == ["Cancelled", "Complete"]
    assert [row["Note"] for row in rows] == ["'=for A2", "'=for A1"]
    assert [row["Decided at"] for row in rows] == ["2026-06-12T14:00:00Z"] * 2


async def test_xlsx_holds_the_same_and_says_what_it_is(harness: Harness) -> None:
    await _queue(harness)

    response = await harness.user().ask("GET", "/v1/exports/queue?format=xlsx&f=market_value.gte.200&sort=name")

    assert response.headers["content-disposition"] == 'attachment; filename="accounts-2026-06-12.xlsx"'
    assert response.headers["content-type"].endswith("spreadsheetml.sheet")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        sheet, about = (archive.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2))
    assert sheet.count("<row ") == 1 + 3
    assert ">00A2<" in sheet and "<v>200.00</v>" in sheet
    assert "<v>9999999999999.99</v>" in sheet, "the most that money can be, to the cent"
    for said in ("accounts", "market_value.gte.200", "name", "2026-06-12 10:00 New York", "Pat", "3"):
        assert f">{said}<" in about


def paths_of(batch_id: object) -> list[str]:
    return ["queue", f"batches/{batch_id}/accounts", f"batches/{batch_id}/trades", "history"]


async def test_others_get_nothing_of_it_and_who_sees_a_part_gets_that_part(harness: Harness) -> None:
    pat, bob = harness.user(), harness.user("Bob", enterprises=["E2"])
    dora = harness.user("Dora", advisors=["D1"])
    batch = await _batch(harness, pat)
    await harness.queue("Q1", advisor_id="D1")
    await harness.queue("Q2", advisor_id="D2")

    assert [row["Account id"] for row in await taken(dora, "queue")] == ["A3", "A5", "Q1"]
    assert await taken(bob, "queue") == []
    assert await taken(bob, "history") == []
    _, accounts, trades, _ = paths_of(batch["batch_id"])
    for path in (accounts, trades):
        theirs = await bob.ask("GET", f"/v1/exports/{path}")
        assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")
    assert [row["Account id"] for row in await taken(dora, accounts)] == ["A1", "A3", "A5", "A7"]
    assert {row["Account id"] for row in await taken(dora, trades)} == {"A1", "A7"}


@pytest.mark.parametrize("path", paths_of(1)[:3])
async def test_what_cannot_be_read_is_said_before_the_first_byte(harness: Harness, path: str) -> None:
    for query in ({"f": "size.gte.1"}, {"sort": "size"}, {"format": "pdf"}, {"check": "1"}):
        refused = await harness.user().ask("GET", f"/v1/exports/{path}", params=query)
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_input")


async def test_no_more_are_taken_out_at_once_than_can_be(harness: Harness) -> None:
    await _queue(harness)
    pat = harness.user()
    async with harness.database.export(scope_of(pat.principal)), harness.database.export(scope_of(pat.principal)):
        busy = await pat.ask("GET", "/v1/exports/queue")
        assert (busy.status_code, busy.json()["code"]) == (503, "busy")
        assert "Try again in a minute" in busy.json()["detail"]
        assert await pat.queued(), "the pages go on"
    for _ in range(5):
        assert len(await taken(pat, "queue")) == 5, "each gave its place back"
        assert (await pat.ask("GET", "/v1/exports/queue?sort=size")).status_code == 422


async def test_a_check_says_whether_it_could_be_made(harness: Harness) -> None:
    await _queue(harness)
    checked = await harness.user().ask("GET", "/v1/exports/queue?check=true")
    assert (checked.status_code, checked.headers["x-rows"], checked.content) == (204, "5", b"")
    absent = await harness.user().ask("GET", "/v1/exports/batches/99/trades?check=true")
    assert absent.status_code == 404


async def test_a_list_longer_than_a_sheet_is_refused_as_xlsx(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    await _queue(harness)
    monkeypatch.setattr(routes, "MOST_ROWS", 4)
    refused = await harness.user().ask("GET", "/v1/exports/queue?format=xlsx")
    assert refused.status_code == 422
    assert "Take it out as CSV" in refused.json()["detail"]
    assert (await harness.user().ask("GET", "/v1/exports/queue")).status_code == 200
