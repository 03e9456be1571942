"""How long a change takes to a signed-in browser: from an account's new settings to the push about the queue."""

import asyncio
import contextlib
import json
import re
import time
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import orjson

from deploy.stack import Stack
from shared.contracts import topics
from shared.contracts.platform import AccountChanged
from shared.kafka import messages
from shared.kafka.publisher import Publisher

USER = ("ops", "rebalance-ops")
ENTERPRISE = "E1"
PATIENCE_S = 20.0
_REST_S = 0.3  # longer than the gateway gathers changes, so that each event is pushed alone


async def sign_in(gateway: str) -> httpx.AsyncClient:
    """Sign in at the real issuer as a browser does and return a client with the session's cookie."""
    client = httpx.AsyncClient(follow_redirects=True, timeout=30)
    form = await client.get(f"{gateway}/auth/login")
    ticket = re.search(r'name="ticket" value="([^"]+)"', form.text)
    if ticket is None:
        raise RuntimeError(f"no sign-in form behind {gateway}/auth/login")
    response = await client.post(
        form.url.join("/authorize"), data={"ticket": unescape(ticket[1]), "login": USER[0], "password": USER[1]}
    )
    response.raise_for_status()
    (await client.get(f"{gateway}/api/v1/me")).raise_for_status()
    return client


def event_ages(stack: Stack, book: Path, count: int) -> list[float]:
    """Return, for `count` settings changes sent one by one, the seconds from sending to the push in a browser."""
    return asyncio.run(_event_ages(stack, book, count))


async def _event_ages(stack: Stack, book: Path, count: int) -> list[float]:
    accounts = _accounts(book, count)
    arrivals: asyncio.Queue[float] = asyncio.Queue()
    client = await sign_in(stack.urls["gateway"])
    ages: list[float] = []
    async with contextlib.aclosing(client), Publisher(stack.urls["kafka"], "bench") as publisher:
        listening = asyncio.create_task(_listen(client, stack.urls["gateway"], arrivals))
        try:
            for number, account in enumerate(accounts):
                await asyncio.sleep(_REST_S)
                while not arrivals.empty():
                    arrivals.get_nowait()
                changed = account.model_copy(
                    update={"version": account.version + 1, "cash_set_aside": f"{number + 1}.00"}
                )
                sent = messages.event(
                    topics.ACCOUNT,
                    account.account_id,
                    changed,
                    event_id=f"bench-{account.account_id}-{changed.version}",
                    source="bench",
                    at=datetime.now(UTC),
                )
                started = time.monotonic()
                await publisher.send([sent])
                ages.append(await asyncio.wait_for(arrivals.get(), PATIENCE_S) - started)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return ages


async def _listen(client: httpx.AsyncClient, gateway: str, arrivals: asyncio.Queue[float]) -> None:
    """Note the time of every push about the queue."""
    async with client.stream("GET", f"{gateway}/api/v1/events", timeout=None) as stream:
        async for line in stream.aiter_lines():
            if line == "event: queue":
                arrivals.put_nowait(time.monotonic())


def _accounts(book: Path, count: int) -> list[AccountChanged]:
    """Return the first accounts of the enterprise that have the rebalancer on."""
    chosen: list[AccountChanged] = []
    with (book / "platform" / "accounts.jsonl").open("rb") as lines:
        for line in lines:
            account = AccountChanged.model_validate(orjson.loads(line))
            if account.enterprise_id == ENTERPRISE and account.rebalancer_on and account.portfolio_id:
                chosen.append(account)
                if len(chosen) == count:
                    return chosen
    raise ValueError(
        json.dumps({"asked": count, "found": len(chosen), "hint": "a larger --accounts or fewer --events"})
    )
