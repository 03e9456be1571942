"""Control of a running supervisor: one JSON request and one JSON reply per connection on a Unix socket."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.stack.errors import StackError

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def ask(path: Path, request: dict[str, Any], timeout_s: float = 90.0) -> dict[str, Any]:
    """Send one request and return the reply.

    Raises ConnectionError when no supervisor listens, StackError if it refuses, TimeoutError if it does not reply.
    """
    if not path.exists():
        raise ConnectionRefusedError(f"no supervisor at {path}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel, _socket_address(path) as address:
        channel.settimeout(timeout_s)
        channel.connect(address)
        channel.sendall(json.dumps(request).encode() + b"\n")
        with channel.makefile() as lines:
            line = lines.readline()
    if not line:
        raise ConnectionResetError("the supervisor ended")
    reply: dict[str, Any] = json.loads(line)
    if "refused" in reply:
        raise StackError(str(reply["refused"]))
    result: dict[str, Any] = reply["done"]
    return result


async def serve(path: Path, handler: Handler) -> asyncio.Server:
    """Listen on the socket, readable by its owner only, and answer each request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line:
            writer.write(json.dumps(await _reply(handler, json.loads(line))).encode() + b"\n")
            await writer.drain()
        writer.close()

    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _socket_address(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    return await asyncio.start_unix_server(talk, sock=listener)


async def _reply(handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"done": await handler(request)}
    except LookupError as error:
        return {"refused": str(error.args[0])}


@contextmanager
def _socket_address(path: Path) -> Iterator[str]:
    """Yield the socket's name below its open directory: Unix allows 107 bytes, and a path may be longer."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
