"""Clients of the gateway that read slowly or not at all, and one that reads, over lines like those of the world."""

import socket
import threading
from typing import Self

import httpx
import orjson

STREAM = "/api/v1/events"
_SEGMENT_BYTES = 1400
"""As over a real line: with the loopback's pieces of 64 kB the system would keep megabytes for each connection."""
_RECEIVED_BYTES = 4096
_AGAIN_S = 0.5


class SlowReader:
    """Asks for a path again and again in one piece and then reads a byte now and then, or none at all."""

    def __init__(self, browser: httpx.Client, path: str, times: int = 1) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        asked = f"GET {path} HTTP/1.1\r\nHost: {browser.base_url.netloc.decode()}\r\nCookie: {cookies}\r\n\r\n"
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED_BYTES)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
        self._socket.connect((browser.base_url.host, browser.base_url.port))
        self._socket.sendall(asked.encode() * times)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def read_a_byte(self) -> None:
        """Read one byte, if the connection is still there."""
        try:
            self._socket.recv(1, socket.MSG_DONTWAIT)
        except (BlockingIOError, ConnectionError):
            return


class PromptReader:
    """A page that follows live updates and keeps the ids of all batches that it was notified of."""

    def __init__(self, browser: httpx.Client) -> None:
        self.seen: set[str] = set()
        self._browser = browser
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="prompt reader")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        """Read, and connect again after the last id when the stream ends, as a browser does."""
        last: dict[str, str] = {}
        while not self._ended.is_set():
            with self._browser.stream("GET", STREAM, headers={"Accept": "text/event-stream", **last}) as response:
                if not response.is_success:  # the gateway has only just begun, and does not know of changes yet
                    self._ended.wait(_AGAIN_S)
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "id":
                        last = {"Last-Event-ID": value}
                    elif name == "data":
                        self.seen.add(str(orjson.loads(value).get("id")))
                    if self._ended.is_set():
                        break
