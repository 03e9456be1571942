"""Which headers are forwarded in both directions, and the responses while a service is away."""

import asyncio

import httpx
import pytest

from tests.gateway.harness import Harness, problem_of

pytestmark = pytest.mark.integration


async def test_a_read_goes_through_with_who_asks(harness: Harness, pat: httpx.AsyncClient) -> None:
    harness.inside.content = b'{"rows":[],"of":"batch"}'
    harness.inside.headers |= {"ETag": '"7"', "X-Internal": "not for outside", "Set-Cookie": "a=b"}
    response = await pat.get(
        "/api/v1/queue/accounts?tile=HIGH_CASH&tile=LOW_CASH&f=cash.gte.1&q=a%26b&sort=-max_drift&page=2&size=50",
        headers={"X-Principal": "forged", "Authorization": "Bearer x"},
    )
    assert (response.status_code, response.content) == (200, harness.inside.content)
    assert response.headers["etag"] == '"7"' and response.headers["cache-control"] == "no-store"
    assert "x-internal" not in response.headers and "set-cookie" not in response.headers
    request, _ = harness.inside.seen[0]
    assert request.url.path == "/v1/queue/accounts"
    assert request.url.query == "tile=HIGH_CASH&tile=LOW_CASH&f=cash.gte.1&q=a%26b&sort=-max_drift&page=2&size=50"
    assert "cookie" not in request.headers and "authorization" not in request.headers
    assert request.headers["x-request-id"] == response.headers["x-request-id"]
    assert (harness.inside.who().subject, harness.inside.who().enterprises) == ("pat", ["E1"])


async def test_a_command_goes_through_with_its_key_and_version(harness: Harness, pat: httpx.AsyncClient) -> None:
    harness.inside.status = 202
    harness.inside.headers |= {"Location": "/v1/batches/7", "ETag": '"1"', "Idempotency-Replayed": "true"}
    body = b'{"selection":{"kind":"matching","tiles":["HIGH_CASH"]},"expected_count":2884}'
    response = await pat.post(
        "/api/v1/batches",
        content=body,
        headers=await harness.csrf(pat)
        | {"Content-Type": "application/json", "Idempotency-Key": "k-1", "If-Match": '"3"'},
    )
    assert (response.status_code, response.headers["location"]) == (202, "/api/v1/batches/7")
    assert (response.headers["etag"], response.headers["idempotency-replayed"]) == ('"1"', "true")
    request, received = harness.inside.seen[0]
    assert received == body, "the very bytes that were sent"
    assert (request.headers["idempotency-key"], request.headers["if-match"]) == ("k-1", '"3"')
    assert "x-csrf-token" not in request.headers


async def test_a_refusal_inside_is_passed_on_as_it_is(harness: Harness, pat: httpx.AsyncClient) -> None:
    harness.inside.status = 409
    harness.inside.headers["Content-Type"] = "application/problem+json"
    harness.inside.content = (
        b'{"type":"/problems/count_changed","title":"t","status":409,"detail":"d","code":"count_changed","count":9}'
    )
    response = await pat.get("/api/v1/batches")
    assert (problem_of(response)["count"], response.content) == (9, harness.inside.content)


async def test_nobody_inside_is_told_at_once_and_as_such(harness: Harness, pat: httpx.AsyncClient) -> None:
    page = await harness.csrf(pat)
    assert (await pat.get("/api/v1/batches")).status_code == 200
    await harness.halt_inside()
    for response in (await pat.get("/api/v1/batches"), await pat.post("/api/v1/runs", headers=page)):
        assert problem_of(response)["code"] == "unavailable" and response.status_code == 503
        assert response.headers["retry-after"] == "2"
        assert "nothing was done" in response.json()["detail"]
    assert (await pat.get("/api/v1/me")).status_code == 200


async def test_a_service_that_does_not_believe_us_does_not_sign_the_user_out(
    harness: Harness, pat: httpx.AsyncClient
) -> None:
    harness.inside.status = 401
    assert problem_of(await pat.get("/api/v1/batches"))["code"] == "unavailable"


@pytest.mark.parametrize("path", ["/api/v1/accounts/..", "/api/v1/accounts/%2e%2e", "/api/v1/files/."])
async def test_no_path_leads_out_of_its_place(harness: Harness, pat: httpx.AsyncClient, path: str) -> None:
    # Written by hand: a client library would tidy the path before sending it.
    reader, writer = await asyncio.open_connection("127.0.0.1", harness.settings.http_port)
    cookie = f"{harness.dependencies.cookies.session}={pat.cookies[harness.dependencies.cookies.session]}"
    writer.write(f"GET {path} HTTP/1.0\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    assert status in (404, 422) and harness.inside.seen == []


async def test_bad_input_is_refused_at_the_door_with_its_place(harness: Harness, pat: httpx.AsyncClient) -> None:
    page = await harness.csrf(pat)
    refused = problem_of(await pat.post("/api/v1/batches", headers=page, json={"expected_count": 0}))
    assert refused["code"] == "bad_input"
    assert {error["pointer"] for error in refused["errors"]} == {"/body/selection", "/body/expected_count"}
    assert problem_of(await pat.get("/api/v1/batches?page=0"))["status"] == 422
    assert harness.inside.seen == []


async def test_bodies_over_the_limit_are_refused(harness: Harness, pat: httpx.AsyncClient) -> None:
    page = await harness.csrf(pat) | {"Content-Type": "application/json"}
    large = b'{"x":"' + b"x" * harness.settings.body_limit_bytes + b'"}'

    async def dribbled() -> object:
        for start in range(0, len(large), 100_000):
            yield large[start : start + 100_000]

    announced = await pat.post("/api/v1/batches", headers=page, content=large)
    unannounced = await pat.post("/api/v1/batches", headers=page, content=dribbled())  # type: ignore[arg-type]  # bytes
    for response in (announced, unannounced):
        assert problem_of(response)["status"] == 413 and "1,000,000 bytes" in response.json()["detail"]
    assert harness.inside.seen == []


async def test_a_large_file_is_passed_through_in_pieces(harness: Harness, pat: httpx.AsyncClient) -> None:
    harness.inside.status = 202
    content = b"L|" * 3_000_000
    response = await pat.post(
        "/api/v1/files",
        params={"name": "lots 1.psv"},
        content=content,
        headers=await harness.csrf(pat) | {"Content-Type": "application/octet-stream"},
    )
    request, received = harness.inside.seen[0]
    assert response.status_code == 202 and received == content
    assert request.url.query == "name=lots%201.psv" or request.url.query == "name=lots+1.psv"
    assert request.headers["content-type"] == "application/octet-stream"
