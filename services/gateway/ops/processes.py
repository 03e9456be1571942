"""Reads probes and metrics of every process of the system, at most once in a few seconds whoever looks.

A process that does not respond is no error here: it is what the page is for.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.gateway.domain.operations import ProcessReading, Samples
from shared.runtime import log

_FRESH_S: Final = 3.0
_PATIENCE_S: Final = 2.0
_KEPT_S: Final = 600.0
"""Figures of a process that does not respond are shown so long, with their age; then nothing is known of it."""
_LARGEST: Final = 4_000_000
_SHOWN: Final = 200
_log = log.get(__name__)


def targets_of(watched: str) -> dict[str, str]:
    """Return the address of each process by name, from `name=address,...`.  Raises ValueError for another form."""
    found = {}
    for entry in filter(None, (part.strip() for part in watched.split(","))):
        name, equals, address = entry.partition("=")
        if not (equals and name and address.startswith(("http://", "https://"))):
            raise ValueError(f"{entry!r} is not name=address")
        found[name.strip()] = address.strip().rstrip("/")
    return found


class ProcessWatch:
    """The processes of the system as they responded last."""

    def __init__(
        self, http: httpx.AsyncClient, targets: Mapping[str, str], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._targets = dict(targets)
        self._now_s = now_s
        self._seen: dict[str, tuple[float, Samples]] = {}
        self._read_s: float | None = None
        self._readings: list[ProcessReading] = []
        self._lock = asyncio.Lock()

    async def read(self) -> tuple[list[ProcessReading], float]:
        """Return a reading of each process, by name, and how old all of it is in seconds."""
        async with self._lock:
            if self._read_s is None or self._now_s() - self._read_s > _FRESH_S:
                self._readings = list(
                    await asyncio.gather(*(self._process(name, url) for name, url in self._targets.items()))
                )
                self._read_s = self._now_s()
            return self._readings, self._now_s() - self._read_s

    async def _process(self, name: str, url: str) -> ProcessReading:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                ready, exported = await asyncio.gather(self._get(f"{url}/readyz"), self._get(f"{url}/metrics"))
            exported.raise_for_status()
            samples = _samples(exported.text)
            self._seen[name] = (self._now_s(), samples)
            waiting, troubles = _readiness(ready)
        except (httpx.HTTPError, TimeoutError, OSError, ValueError) as error:
            _log.info("ops.no_reading", upstream=name, error=error)
            seen_s, samples = self._seen.get(name, (0.0, ()))
            age_s = self._now_s() - seen_s if samples else _KEPT_S
            return ProcessReading(name, False, *((age_s, samples) if age_s < _KEPT_S else (None, ())))
        return ProcessReading(name, True, 0.0, samples, waiting, troubles)

    async def _get(self, url: str) -> httpx.Response:
        """Return a response.  Raises httpx.HTTPError, and ValueError if it is too large to be one of ours."""
        response = await self._http.get(url)
        if len(response.content) > _LARGEST:
            raise ValueError(f"{len(response.content)} bytes are no probe")
        return response


def _samples(text: str) -> Samples:
    """Return the series of an exposition.  Raises ValueError if it is none, as of a process that was cut off."""
    return [
        (sample.name, dict(sample.labels), float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("rebalancer_") and not sample.name.endswith("_bucket")
    ]


def _readiness(response: httpx.Response) -> tuple[tuple[str, ...], int]:
    """Return why a process is not ready, and how many troubles it names.  Raises ValueError if it is not our reply.

    Troubles may name accounts and batches of anybody, so only their number is shown.
    """
    body: Any = response.json()
    if not isinstance(body, dict):
        raise ValueError(f"no readiness: {str(body)[:_SHOWN]}")
    waiting = tuple(str(reason)[:_SHOWN] for reason in body.get("waiting_for") or ())
    return waiting or (() if response.status_code < 400 else (f"HTTP {response.status_code}",)), len(
        body.get("troubles") or ()
    )
