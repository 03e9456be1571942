"""What crosses the door, in both directions, and what is told when there is nobody behind it."""

import asyncio

import httpx
import pytest

from tests.gateway.house import House, problem_of

pytestmark = pytest.mark.integration


async def test_a_read_goes_through_with_who_asks(house: House, pat: httpx.AsyncClient) -> None:
    house.inside.content = b'{"rows":[],"of":"batch"}'
    house.inside.headers |= {"ETag": '"7"', "X-Internal": "not for outside", "Set-Cookie": "a=b"}
    answer = await pat.get(
        "/api/v1/queue/accounts?tile=HIGH_CASH&tile=LOW_CASH&f=cash.gte.1&q=a%26b&sort=-max_drift&page=2&size=50",
        headers={"X-Principal": "forged", "Authorization": "Bearer x"},
    )
    assert (answer.status_code, answer.content) == (200, house.inside.content)
    assert answer.headers["etag"] == '"7"' and answer.headers["cache-control"] == "no-store"
    assert "x-internal" not in answer.headers and "set-cookie" not in answer.headers
    request, _ = house.inside.seen[0]
    assert request.url.path == "/v1/queue/accounts"
    assert request.url.query == "tile=HIGH_CASH&tile=LOW_CASH&f=cash.gte.1&q=a%26b&sort=-max_drift&page=2&size=50"
    assert "cookie" not in request.headers and "authorization" not in request.headers
    assert request.headers["x-request-id"] == answer.headers["x-request-id"]
    assert (house.inside.who().subject, house.inside.who().enterprises) == ("pat", ["E1"])


async def test_a_command_goes_through_with_its_key_and_version(house: House, pat: httpx.AsyncClient) -> None:
    house.inside.status = 202
    house.inside.headers |= {"Location": "/v1/batches/7", "ETag": '"1"', "Idempotency-Replayed": "true"}
    body = b'{"selection":{"kind":"matching","tiles":["HIGH_CASH"]},"expected_count":2884}'
    answer = await pat.post(
        "/api/v1/batches",
        content=body,
        headers=await house.csrf(pat)
        | {"Content-Type": "application/json", "Idempotency-Key": "k-1", "If-Match": '"3"'},
    )
    assert (answer.status_code, answer.headers["location"]) == (202, "/api/v1/batches/7")
    assert (answer.headers["etag"], answer.headers["idempotency-replayed"]) == ('"1"', "true")
    request, received = house.inside.seen[0]
    assert received == body, "the very bytes that were sent"
    assert (request.headers["idempotency-key"], request.headers["if-match"]) == ("k-1", '"3"')
    assert "x-csrf-token" not in request.headers


async def test_a_refusal_inside_is_passed_on_as_it_is(house: House, pat: httpx.AsyncClient) -> None:
    house.inside.status = 409
    house.inside.headers["Content-Type"] = "application/problem+json"
    house.inside.content = (
        b'{"type":"/problems/count_changed","title":"t","status":409,"detail":"d","code":"count_changed","count":9}'
    )
    answer = await pat.get("/api/v1/batches")
    assert (problem_of(answer)["count"], answer.content) == (9, house.inside.content)


async def test_nobody_inside_is_told_at_once_and_as_such(house: House, pat: httpx.AsyncClient) -> None:
    page = await house.csrf(pat)
    assert (await pat.get("/api/v1/batches")).status_code == 200
    await house.halt_inside()
    for answer in (await pat.get("/api/v1/batches"), await pat.post("/api/v1/runs", headers=page)):
        assert problem_of(answer)["code"] == "unavailable" and answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert "nothing was done" in answer.json()["detail"]
    assert (await pat.get("/api/v1/me")).status_code == 200


async def test_a_service_that_does_not_believe_us_does_not_sign_the_user_out(
    house: House, pat: httpx.AsyncClient
) -> None:
    house.inside.status = 401
    assert problem_of(await pat.get("/api/v1/batches"))["code"] == "unavailable"


@pytest.mark.parametrize("path", ["/api/v1/accounts/..", "/api/v1/accounts/%2e%2e", "/api/v1/files/."])
async def test_no_path_leads_out_of_its_place(house: House, pat: httpx.AsyncClient, path: str) -> None:
    # Written by hand: a client library would tidy the path before sending it.
    reader, writer = await asyncio.open_connection("127.0.0.1", house.settings.http_port)
    cookie = f"{house.parts.cookies.session}={pat.cookies[house.parts.cookies.session]}"
    writer.write(f"GET {path} HTTP/1.0\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    assert status in (404, 422) and house.inside.seen == []


async def test_bad_input_is_refused_at_the_door_with_its_place(house: House, pat: httpx.AsyncClient) -> None:
    page = await house.csrf(pat)
    refused = problem_of(await pat.post("/api/v1/batches", headers=page, json={"expected_count": 0}))
    assert refused["code"] == "bad_input"
    assert {error["pointer"] for error in refused["errors"]} == {"/body/selection", "/body/expected_count"}
    assert problem_of(await pat.get("/api/v1/batches?page=0"))["status"] == 422
    assert house.inside.seen == []


async def test_bodies_over_the_limit_are_refused(house: House, pat: httpx.AsyncClient) -> None:
    page = await house.csrf(pat) | {"Content-Type": "application/json"}
    large = b'{"x":"' + b"x" * house.settings.body_limit_bytes + b'"}'

    async def dribbled() -> object:
        for start in range(0, len(large), 100_000):
            yield large[start : start + 100_000]

    announced = await pat.post("/api/v1/batches", headers=page, content=large)
    unannounced = await pat.post("/api/v1/batches", headers=page, content=dribbled())  # type: ignore[arg-type]  # bytes
    for answer in (announced, unannounced):
        assert problem_of(answer)["status"] == 413 and "1,000,000 bytes" in answer.json()["detail"]
    assert house.inside.seen == []


async def test_a_large_file_is_passed_through_in_pieces(house: House, pat: httpx.AsyncClient) -> None:
    house.inside.status = 202
    content = b"L|" * 3_000_000
    answer = await pat.post(
        "/api/v1/files",
        params={"name": "lots 1.psv"},
        content=content,
        headers=await house.csrf(pat) | {"Content-Type": "application/octet-stream"},
    )
    request, received = house.inside.seen[0]
    assert answer.status_code == 202 and received == content
    assert request.url.query == "name=lots%201.psv" or request.url.query == "name=lots+1.psv"
    assert request.headers["content-type"] == "application/octet-stream"
