"""Every account can be found: by the beginnings of words, by where it is, within what one may see, page by page."""

from typing import Any, get_args

import pytest

from services.batch.operations.account_states import AccountStates
from services.batch.store import account_search
from shared.contracts.codes import FlagState
from shared.contracts.query import ListedState
from tests.batch import build
from tests.batch.harness import Harness, User

pytestmark = pytest.mark.integration

SMITHS = {
    "A1": {"account_number": "8841-2210", "name": "Anna Smith-Jones IRA", "tax_household_id": "HH-77"},
    "A2": {"account_number": "8841-2299", "name": "Brian O'Brien Trust", "advisor_id": "D2"},
    "A3": {"account_number": "7700-0001", "name": "Smithson & Söhne GmbH", "tax_household_id": "HH-77"},
    "B1": {"account_number": "8841-2210", "name": "Anna Smith-Jones", "enterprise_id": "E2", "advisor_id": "D9"},
}


async def _smiths(harness: Harness) -> None:
    await harness.handlers.on_accounts([build.an_account(account, **values) for account, values in SMITHS.items()])


async def found(user: User, **query: Any) -> list[str]:
    page = await user.get("/v1/accounts", **query)
    assert (page["total"], page["has_more"]) == (len(page["rows"]), False)
    return [row["account_id"] for row in page["rows"]]


@pytest.mark.parametrize(
    ("terms", "accounts"),
    [
        ("8841", ["A1", "A2"]),
        ("8841-22", ["A1", "A2"]),
        ("8841-2210", ["A1"]),
        ("2210", ["A1"]),
        ("841", []),
        ("smith", ["A3", "A1"]),
        ("SMITH", ["A3", "A1"]),
        ("smith-jones", ["A1"]),
        ("jones", ["A1"]),
        ("mith", []),
        ("o'brien", ["A2"]),
        ("brien", ["A2"]),
        ("SÖHNE", ["A3"]),
        ("smith 88", ["A1"]),
        ("anna ira", ["A1"]),
        ("anna trust", []),
        ("d2", ["A2"]),
        ("hh-77", ["A3", "A1"]),
        ("HH anna", ["A1"]),
        ("hh-78", []),
        ("  smith   gmbh ", ["A3"]),
        ("", ["A3", "A1", "A2"]),
        ("%", []),
        ("_", []),
        ("&", ["A3"]),
        ("\\", []),
        ("'", []),
    ],
)
async def test_an_account_is_found_by_how_its_words_begin(harness: Harness, terms: str, accounts: list[str]) -> None:
    await _smiths(harness)
    assert await found(harness.user(), q=terms) == accounts


async def test_an_account_that_changes_is_found_by_its_new_words_alone(harness: Harness) -> None:
    await _smiths(harness)
    pat, bob = harness.user(), harness.user("Bob", enterprises=["E2"])
    renamed = build.an_account("A1", version=2, account_number="8841-2210", name="Anna Miller", enterprise_id="E2")
    moved = build.an_account("A3", version=2, **SMITHS["A3"] | {"tax_household_id": "HH-78"})
    await harness.handlers.on_accounts([renamed, moved, build.an_account("A9", name="Anna New")])
    assert (await found(pat, q="hh-77"), await found(pat, q="hh-78")) == ([], ["A3"])
    assert (await found(pat, q="anna"), await found(bob, q="anna")) == (["A9"], ["A1", "B1"])
    assert (await found(bob, q="smith"), await found(bob, q="mill")) == (["B1"], ["A1"])
    await harness.handlers.on_accounts([renamed])  # delivered once more
    assert len(harness.sql("SELECT word FROM account_word WHERE account_id = 'A1' AND word = 'miller'")) == 1


async def test_nobody_finds_an_account_of_others(harness: Harness) -> None:
    await _smiths(harness)
    assert await found(harness.user("Dora", advisors=["D2"]), q="8841") == ["A2"]
    assert await found(harness.user("Bob", enterprises=["E2"]), q="8841") == ["B1"]
    for nobody in (harness.user("Eve", advisors=[]), harness.user("Eve", enterprises=[])):
        assert (await found(nobody), await found(nobody, q="smith")) == ([], [])


async def _everywhere(harness: Harness) -> dict[str, Any]:
    """Have accounts everywhere in the work, one of them not evaluated yet; return the request."""
    await harness.queue("Q1", "P1", "P2", "P3")
    await harness.queue("H1", state=int(FlagState.HELD), tiles=0, hold_code="BAD_SIGN", hold_text="line 3: negative")
    await harness.queue("S1", state=int(FlagState.SETTLING), tiles=0)
    await harness.queue("O1", state=int(FlagState.OFF), tiles=0)
    await harness.queue("C1", state=int(FlagState.CLEAR), tiles=0)
    await harness.handlers.on_accounts([build.an_account("N1")])
    approved = await harness.user().pending("P3")
    assert (await harness.user().do(approved, "approve")).status_code == 200
    return await harness.user().pending("P1", "P2")


async def test_accounts_are_listed_by_where_they_are(harness: Harness) -> None:
    batch = await _everywhere(harness)
    pat = harness.user()
    listed = {state: await found(pat, state=state) for state in get_args(ListedState)}
    assert listed == {
        "HELD": ["H1"],
        "SETTLING": ["P3", "S1"],
        "IN_BATCH": ["P1", "P2"],
        "OFF": ["O1"],
        "CLEAR": ["C1"],
    }
    assert await found(pat) == ["C1", "H1", "N1", "O1", "P1", "P2", "P3", "Q1", "S1"]
    assert await found(pat, state="SETTLING", q="00s") == ["S1"]
    rows = {row["account_id"]: row for row in (await pat.get("/v1/accounts"))["rows"]}
    assert (rows["P1"]["open_batch"], rows["Q1"]["open_batch"]) == (batch["batch_id"], None)
    assert {account for account, row in rows.items() if not row["is_evaluated"]} == {"N1"}
    assert {account: row["hold_text"] for account, row in rows.items() if row["hold_text"]} == {
        "H1": "line 3: negative"
    }


async def test_lists_agree_with_the_tiles_and_with_the_states_that_are_published(harness: Harness) -> None:
    await _everywhere(harness)
    pat = harness.user()
    tiles = await pat.get("/v1/queue/tiles")
    lists = {state: await found(pat, state=state) for state in get_args(ListedState)}
    counted = {"HELD": tiles["held"], "SETTLING": tiles["settling"], "IN_BATCH": tiles["in_batches"]}
    assert counted == {state: len(lists[state]) for state in counted}
    states = AccountStates(harness.database, harness.clock)
    while await states.publish_some():
        pass
    published = dict(harness.sql("SELECT account_id, state FROM account_state"))
    assert {account for account, state in published.items() if state == "QUEUED"} == set(await pat.queued())
    assert all(account in lists[state] for account, state in published.items() if state in lists)


async def test_a_held_account_in_a_request_is_in_both_lists(harness: Harness) -> None:
    await harness.queue("A1", "A2")
    await harness.user().pending("A1", "A2")
    held = {"state": int(FlagState.HELD), "tiles": 0, "hold_code": "X", "hold_text": "look", "flag_version": 2}
    await harness.flag(build.a_flag("A1", **held), build.a_flag("A2", state=int(FlagState.CLEAR), flag_version=2))
    pat = harness.user()
    assert [await found(pat, state=state) for state in ("HELD", "IN_BATCH", "CLEAR")] == [["A1"], ["A1", "A2"], ["A2"]]


async def test_pages_hold_every_account_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    await harness.queue(*[f"A{number:02}" for number in range(7)])
    pat = harness.user()

    async def pages(**query: Any) -> tuple[list[str], set[tuple[int, bool]]]:
        shown = [await pat.get("/v1/accounts", size=3, page=page, **query) for page in (1, 2, 3, 4)]
        rows = [row["account_id"] for page in shown for row in page["rows"]]
        return rows, {(page["total"], page["has_more"]) for page in shown}

    everyone = [f"A{number:02}" for number in range(7)]
    assert await pages() == (everyone, {(7, False)})
    assert await pages(q="00a") == (everyone, {(7, False)})
    monkeypatch.setattr(account_search, "MOST_LISTED", 5)
    assert await pages() == (everyone[:5], {(5, True)})
    monkeypatch.setattr(account_search, "MOST_FOUND", 6)
    rows, counts = await pages(q="00a")
    assert (len(set(rows)), counts) == (6, {(6, True)})


async def test_a_search_of_too_many_words_says_so(harness: Harness) -> None:
    pat = harness.user()
    assert await found(pat, q=" ".join(["a"] * 12)) == []
    response = await pat.ask("GET", "/v1/accounts", params={"q": " ".join(["a"] * 13)})
    assert (response.status_code, response.json()["detail"]) == (
        422, "A search takes at most 12 words. Leave some out.",
    )  # fmt: skip
    assert (await pat.ask("GET", "/v1/accounts", params={"state": "QUEUED"})).status_code == 422
