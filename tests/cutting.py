"""A way to the database that can be cut at exactly one moment: when a COMMIT passes."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

# The whole message, as the protocol writes it; in a pipeline, name and text of a statement; and the server's answer.
_COMMIT, _IN_PIPELINE, _COMMITTED = b"Q\x00\x00\x00\x0bCOMMIT\x00", b"\x00COMMIT\x00", b"C\x00\x00\x00\x0bCOMMIT\x00"
When = Literal["never", "before", "after"]


@dataclass
class Way:
    """A proxy of one server. cut: what becomes of the next COMMIT: it is lost on its way (before), or its answer is.

    With either the connection ends; the next ones are whole again, but for `more` times.
    of: a part of a statement; only transactions in which it passed are cut.  shut: no new connection comes through;
    shuts: it is shut with the next cut.
    """

    host: str
    port: int
    cut: When = "never"
    of: bytes = b""
    more: int = 0
    shut: bool = False
    shuts: bool = False
    cuts: list[When] = field(default_factory=list)

    def lose(self, cut: When, of: str = "", times: int = 1, *, shuts: bool = False) -> None:
        """Cut so many COMMITs, one after another."""
        self.cut, self.of, self.more, self.shuts = cut, of.encode(), times - 1, shuts

    async def pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        if self.shut:
            to_client.transport.abort()
            return
        server, to_server = await asyncio.open_connection(self.host, self.port)
        back = asyncio.create_task(_carry(server, to_client))
        passed = b""  # of this transaction
        try:
            while data := await client.read(65536):
                passed += data
                if _is_commit(data) and self.cut != "never" and self.of in passed:
                    when = self._next()
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    if when == "after":
                        to_server.write(data)
                        await server.readuntil(_COMMITTED)  # the server says so, and nobody hears it
                    return
                passed = b"" if _is_commit(data) else passed[-100_000:]
                to_server.write(data)
                await to_server.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # one side has ended, or the test: the other is closed below
        finally:
            back.cancel()
            to_client.transport.abort()
            to_server.transport.abort()

    def _next(self) -> When:
        when = self.cut
        self.cuts.append(when)
        self.shut = self.shuts
        if self.more:
            self.more -= 1
        else:
            self.cut = "never"
        return when


def _is_commit(data: bytes) -> bool:
    return data.endswith(_COMMIT) or _IN_PIPELINE in data


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.transport.abort()


@contextmanager
def way_to(database_url: str) -> Iterator[tuple[Way, str]]:
    """Open a way to the server of the address; give it and the address that leads through it.

    It is carried by a thread of its own: a test may wait for the database where its own loop does not turn.
    """
    address = urlsplit(database_url)
    way = Way(address.hostname or "", address.port or 0)
    opened: Future[tuple[int, Callable[[], object]]] = Future()

    async def carry() -> None:
        ended = asyncio.Event()
        async with await asyncio.start_server(way.pass_on, "127.0.0.1", 0) as server:
            end = partial(asyncio.get_running_loop().call_soon_threadsafe, ended.set)
            opened.set_result((server.sockets[0].getsockname()[1], end))
            await ended.wait()

    with ThreadPoolExecutor(1) as thread:
        carrying = thread.submit(asyncio.run, carry())
        port, end = opened.result(timeout=30)
        try:
            yield way, database_url.replace(f"{address.hostname}:{address.port}/", f"127.0.0.1:{port}/")
        finally:
            end()
            carrying.result(timeout=30)
