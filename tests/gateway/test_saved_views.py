"""Saved views: whose they are, who sees and changes them, names, versions, limits, and what is put on record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from shared.contracts.tenancy import Scope
from shared.postgres.pool import Requests, pool
from tests.gateway.harness import Harness, problem_of, records

pytestmark = pytest.mark.integration
CONTENT = {"tiles": ["HIGH_CASH"], "f": ["market_value.gte.10000"], "q": "smith", "sort": "-max_drift"}
LAYOUT = {"order": ["account_number", "cash"], "hidden": ["cash"]}


def a_view(**part: Any) -> dict[str, Any]:
    return {"list": "queue", "name": "Big", "shared_with": None, "content": CONTENT | {"layout": LAYOUT}} | part


class Person:
    """Somebody who is signed in, and the page they sit at."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def ask(self, method: str, path: str = "", version: int | None = None, **options: Any) -> httpx.Response:
        seen = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.client.request(method, f"/api/v1/views{path}", headers=self.headers | seen, **options)

    async def save(self, **part: Any) -> dict[str, Any]:
        response = await self.ask("POST", json=a_view(**part))
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def names(self, of_list: str = "queue") -> list[str]:
        response = await self.ask("GET", params={"list": of_list})
        assert response.status_code == 200, response.text
        return [view["name"] for view in response.json()["rows"]]


@pytest.fixture
async def people(harness: Harness) -> AsyncIterator[dict[str, Person]]:
    """Pat and Olivia of E1, Ada who administers it, and Eve of E2."""
    rights = {
        "pat": (("viewer",), ("E1",)), "olivia": (("trader",), ("E1", "E2")), "ada": (("admin",), ("E1",)),
        "eve": (("approver",), ("E2",)),
    }  # fmt: skip
    async with AsyncExitStack() as ends:
        found = {}
        for name, (roles, enterprises) in rights.items():
            await harness.grant(name, roles, enterprises)
            client = await ends.enter_async_context(harness.client())
            await harness.sign_in(client, name)
            found[name] = Person(client, await harness.csrf(client))
        yield found


async def test_a_view_comes_back_as_it_was_saved_to_its_owner_alone(people: dict[str, Person]) -> None:
    saved = await people["pat"].save(name="  Big  ")
    assert saved | {"view_id": 0} == a_view() | {
        "view_id": 0, "version": 1, "owner": "Pat", "is_mine": True, "may_change": True,
    }  # fmt: skip
    (found,) = (await people["pat"].ask("GET", params={"list": "queue"})).json()["rows"]
    assert found == saved
    assert await people["pat"].names("request") == []
    for other in ("olivia", "ada", "eve"):
        assert await people[other].names() == []
        for method, body in (("PUT", a_view(name="Theirs")), ("DELETE", None)):
            refused = await people[other].ask(method, f"/{saved['view_id']}", version=1, json=body)
            assert problem_of(refused)["code"] == "not_found"
    assert await people["pat"].names() == ["Big"]


async def test_a_shared_view_is_seen_in_its_enterprise_and_changed_by_its_owner_or_an_administrator(
    people: dict[str, Person],
) -> None:
    shared = await people["olivia"].save(name="Team", shared_with="E1")
    path = f"/{shared['view_id']}"
    seen = {name: (await person.ask("GET", params={"list": "queue"})).json()["rows"] for name, person in people.items()}
    may = {name: [(row["owner"], row["is_mine"], row["may_change"]) for row in rows] for name, rows in seen.items()}
    assert may == {
        "pat": [("Olivia", False, False)], "olivia": [("Olivia", True, True)], "ada": [("Olivia", False, True)],
        "eve": [],
    }  # fmt: skip
    for method, body in (("PUT", a_view(name="Mine", shared_with="E1")), ("DELETE", None)):
        problem = problem_of(await people["pat"].ask(method, path, version=1, json=body))
        assert problem["code"] == "forbidden" and "Olivia" in problem["detail"]
    renamed = await people["ada"].ask("PUT", path, version=1, json=a_view(name="Ours", shared_with="E1"))
    assert (renamed.json()["name"], renamed.json()["owner"], renamed.json()["version"]) == ("Ours", "Olivia", 2)
    hidden = await people["ada"].ask("PUT", path, version=2, json=a_view(name="Ours", shared_with=None))
    assert problem_of(hidden)["code"] == "forbidden"
    moved = await people["olivia"].ask("PUT", path, version=2, json=a_view(name="Ours", shared_with="E2"))
    assert moved.status_code == 200
    assert [await people[name].names() for name in ("pat", "olivia", "ada", "eve")] == [[], ["Ours"], [], ["Ours"]]
    assert (await people["olivia"].ask("DELETE", path, version=3)).status_code == 204
    assert await people["eve"].names() == []


async def test_a_view_is_not_shared_with_an_enterprise_of_others(people: dict[str, Person]) -> None:
    assert problem_of(await people["pat"].ask("POST", json=a_view(shared_with="E2")))["code"] == "not_found"
    mine = await people["pat"].save()
    refused = await people["pat"].ask("PUT", f"/{mine['view_id']}", version=1, json=a_view(shared_with="E2"))
    assert problem_of(refused)["code"] == "not_found"


async def test_an_owner_who_left_the_enterprise_sees_what_it_shares_no_more(
    harness: Harness, people: dict[str, Person]
) -> None:
    shared = await people["olivia"].save(shared_with="E1")
    await harness.grant("olivia", ("trader",), ("E2",))
    assert await people["olivia"].names() == []
    assert problem_of(await people["olivia"].ask("DELETE", f"/{shared['view_id']}", version=1))["code"] == "not_found"
    assert await people["pat"].names() == ["Big"]


async def test_a_name_stands_once_among_ones_own_and_once_among_those_shared(people: dict[str, Person]) -> None:
    pat, olivia = people["pat"], people["olivia"]
    await pat.save()
    await olivia.save()
    shared = await pat.save(shared_with="E1")
    await pat.save(list="history")
    for person, part in ((pat, {"name": "BIG"}), (olivia, {"name": "big", "shared_with": "E1"})):
        problem = problem_of(await person.ask("POST", json=a_view(**part)))
        assert (problem["code"], problem["status"]) == ("view_name_taken", 422)
        assert "Choose another name" in problem["detail"]
    other = await pat.save(name="Other")
    taken = await pat.ask("PUT", f"/{other['view_id']}", version=1, json=a_view())
    assert problem_of(taken)["code"] == "view_name_taken"
    assert (await olivia.ask("POST", json=a_view(shared_with="E2"))).status_code == 201
    assert shared["version"] == 1 and sorted(await pat.names()) == ["Big", "Big", "Other"]


async def test_a_repeated_command_acts_once(people: dict[str, Person]) -> None:
    pat = people["pat"]
    first, second = await pat.save(), await pat.save()
    assert first == second and await pat.names() == ["Big"]
    path = f"/{first['view_id']}"
    changes = [(await pat.ask("PUT", path, version=1, json=a_view(name="Large"))).json() for _ in range(2)]
    assert changes[0] == changes[1] and changes[0]["version"] == 2


async def test_what_was_changed_meanwhile_is_neither_overwritten_nor_deleted(people: dict[str, Person]) -> None:
    pat = people["pat"]
    path = f"/{(await pat.save())['view_id']}"
    assert (await pat.ask("PUT", path, version=1, json=a_view(name="Large"))).status_code == 200
    for method, body in (("PUT", a_view(name="Small")), ("DELETE", None)):
        refused = problem_of(await pat.ask(method, path, version=1, json=body))
        assert (refused["code"], refused["version"]) == ("version_changed", 2)
        assert problem_of(await pat.ask(method, path, json=body))["code"] == "version_missing"
        wrong = await pat.client.request(
            method, f"/api/v1/views{path}", headers=pat.headers | {"If-Match": "x"}, json=body
        )
        assert problem_of(wrong)["code"] == "bad_input"
    assert await pat.names() == ["Large"]


async def test_there_are_only_so_many(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("services.gateway.domain.saved_view", "services.gateway.saved_views.saved_views"):
        monkeypatch.setattr(f"{module}.MOST_OF_A_LIST", 3)
    pat = people["pat"]
    tried = await asyncio.gather(*[pat.ask("POST", json=a_view(name=f"View {number}")) for number in range(8)])
    assert sorted(response.status_code for response in tried) == [201] * 3 + [422] * 5
    refused = [problem_of(response) for response in tried if response.status_code == 422]
    assert {problem["code"] for problem in refused} == {"too_many_views"}
    assert "Delete one" in refused[0]["detail"]
    await pat.save(list="history")
    shared = await pat.save(shared_with="E1")
    turned = await pat.ask("PUT", f"/{shared['view_id']}", version=1, json=a_view())
    assert problem_of(turned)["code"] == "too_many_views"


@pytest.mark.parametrize(
    "part",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 61},
        {"name": "a\nb"},
        {"list": "files"},
        {"content": {"f": ["x"] * 21}},
        {"content": {"q": "x" * 201}},
        {"content": {"sort": "a b"}},
        {"content": {"tiles": ["NONE"]}},
        {"content": {"layout": {"order": ["x"] * 101, "hidden": []}}},
        {"content": {"layout": {"order": ["<b>"], "hidden": []}}},
        {"content": {"f": ["name.in." + "x" * 1000] * 20}},
        {"owner": "eve"},
    ],
    ids=str,
)
async def test_what_is_no_view_is_refused(people: dict[str, Person], part: dict[str, Any]) -> None:
    assert problem_of(await people["pat"].ask("POST", json=a_view(**part)))["status"] == 422
    assert await people["pat"].names() == []


async def test_the_record_says_who_saved_shared_and_deleted_and_no_word_of_the_view(
    harness: Harness, people: dict[str, Person]
) -> None:
    olivia = people["olivia"]
    view = await olivia.save(name="Clients of Smith", shared_with="E1")
    number = str(view["view_id"])
    await olivia.ask("DELETE", f"/{number}", version=1)
    found = [record for record in await records(harness) if record["action"].endswith("_view")]
    assert [(record["action"], record["outcome"], record["subject"]) for record in found] == [
        ("save_view", "ASKED", "olivia"), ("save_view", "DONE", "olivia"),
        ("delete_view", "ASKED", "olivia"), ("delete_view", "DONE", "olivia"),
    ]  # fmt: skip
    assert found[0]["more"] == {"list": "queue", "shared_with": "E1"}
    assert [record["ids"] for record in found] == [[], [number], [number], [number]]
    assert "mith" not in str(found) and "market_value" not in str(found)


async def test_the_database_itself_shows_nobody_a_view_of_others(harness: Harness, people: dict[str, Person]) -> None:
    """Without the predicate of our queries: row-level security alone."""
    await people["pat"].save(name="Pat's")
    await people["olivia"].save(name="Shared", shared_with="E1")
    seen = {}
    for subject, enterprises in (("pat", ("E1",)), ("ada", ("E1",)), ("eve", ("E2",)), ("", ())):
        seen[subject] = await _visible(harness, subject, enterprises)
    assert seen == {"pat": ["Pat's", "Shared"], "ada": ["Shared"], "eve": [], "": []}


async def _visible(harness: Harness, subject: str, enterprises: tuple[str, ...]) -> list[str]:
    settings = harness.settings
    async with (
        pool(settings.database_url, "gateway", size=1) as work,
        Requests(settings.requests_database_url, work, "gateway", size=1) as requests,
        requests.scoped(Scope(subject, enterprises, None)) as connection,
    ):
        rows = await (await connection.execute("SELECT name FROM saved_view ORDER BY name")).fetchall()
    return [row[0] for row in rows]
