"""A way to the database that can be cut at exactly one moment: when a COMMIT passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # the whole message, as the protocol writes it
When = Literal["never", "before", "after"]


@dataclass
class Way:
    """A proxy of one server. cut: what becomes of the next COMMIT: it is lost on its way (before), or its answer is.

    With either the connection ends; the next ones are whole again.
    """

    host: str
    port: int
    cut: When = "never"
    cuts: list[When] = field(default_factory=list)

    async def pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        server, to_server = await asyncio.open_connection(self.host, self.port)
        back = asyncio.create_task(_carry(server, to_client))
        try:
            while data := await client.read(65536):
                if data.endswith(COMMIT) and self.cut != "never":
                    when, self.cut = self.cut, "never"
                    self.cuts.append(when)
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    if when == "after":
                        to_server.write(data)
                        await server.read(65536)  # it is committed: the server says so, and nobody hears it
                    return
                to_server.write(data)
                await to_server.drain()
        except ConnectionError:
            pass  # one side has ended: the other is closed below
        finally:
            back.cancel()
            to_client.transport.abort()
            to_server.transport.abort()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.transport.abort()


@asynccontextmanager
async def way_to(database_url: str) -> AsyncIterator[tuple[Way, str]]:
    """Open a way to the server of the address; give it and the address that leads through it."""
    place = urlsplit(database_url)
    way = Way(place.hostname or "", place.port or 0)
    async with await asyncio.start_server(way.pass_on, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield way, database_url.replace(f":{place.port}/", f":{port}/")
