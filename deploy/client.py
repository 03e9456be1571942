"""A small client of a running stack: sends users' requests to the services, with a principal signed by the stack's key.

Tests and benchmarks use it; people use the browser.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from deploy.stack import Stack
from shared.contracts.principal import Principal
from shared.http.principal import HEADER, Errand, sign
from shared.runtime.clock import FileClock


class Refused(Exception):
    """The service answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class StackClient:
    """Requests of one user with certain grants."""

    def __init__(
        self,
        stack: Stack,
        enterprises: Sequence[str],
        *,
        name: str = "Pat Operations",
        roles: Sequence[str] = ("viewer", "trader", "approver", "operator", "admin"),
        advisors: Sequence[str] | None = None,
    ) -> None:
        self._stack = stack
        self._clock = FileClock(Path(stack.env["REBALANCER_CLOCK_FILE"]))
        self._key = stack.addresses.secrets["principal_key"]
        self._principal = Principal.model_validate(
            {
                "subject": name.lower().replace(" ", "."),
                "name": name,
                "roles": list(roles),
                "enterprises": list(enterprises),
                "advisors": None if advisors is None else list(advisors),
            }
        )
        self._http = httpx.Client(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def ask(self, service: str, method: str, path: str, **options: Any) -> Any:
        """Send one request and return the JSON answer.  Raises Refused with the problem when it is refused.

        A command without a given key gets a new idempotency key.
        """
        headers = self.signed(service, method, path)
        headers |= (_once() if method == "POST" else {}) | options.pop("headers", {})
        response = self._http.request(method, self._stack.urls[service] + path, headers=headers, **options)
        if response.is_error:
            raise Refused(response.status_code, response.json())
        return response.json()

    def signed(self, service: str, method: str, path: str) -> dict[str, str]:
        """Return the header that says who sends this request, for those who send it by themselves."""
        errand = Errand(service, method, path)
        return {HEADER: sign(self._principal, self._key, self._clock.now(), errand)}

    def tiles(self) -> dict[str, Any]:
        """Return the counts of the queue."""
        response: dict[str, Any] = self.ask("batch", "GET", "/v1/queue/tiles")
        return response

    def queue(self, size: int = 500, **query: Any) -> dict[str, Any]:
        """Return a page of the queue."""
        response: dict[str, Any] = self.ask("batch", "GET", "/v1/queue/accounts", params={"size": size, **query})
        return response

    def propose(self, ids: Sequence[str], logic: str = "BEST_FIT", label: str = "") -> dict[str, Any]:
        """Make a batch of these accounts and return its summary."""
        return self.propose_matching({"kind": "ids", "ids": list(ids)}, len(ids), logic, label)

    def propose_matching(
        self,
        selection: dict[str, Any],
        expected: int,
        logic: str = "BEST_FIT",
        label: str = "",
        *,
        liquidate: bool = False,
    ) -> dict[str, Any]:
        """Make a batch of a selection of so many accounts; liquidate: also of those that have no target."""
        body = {"selection": selection, "expected_count": expected, "logic": logic, "label": label}
        body |= {"confirm_liquidation": liquidate}
        response: dict[str, Any] = self.ask("batch", "POST", "/v1/batches", json=body)
        return dict(response["batch"])

    def batch(self, batch_id: int) -> dict[str, Any]:
        """Return the summary of a batch."""
        response: dict[str, Any] = self.ask("batch", "GET", f"/v1/batches/{batch_id}")
        return response

    def rows(self, batch_id: int) -> list[dict[str, Any]]:
        """Return every account row of a batch."""
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            response = self.ask("batch", "GET", f"/v1/batches/{batch_id}/accounts", params={"size": 500, "page": page})
            rows += response["rows"]
            if len(rows) >= response["total"] or not response["rows"]:
                return rows
            page += 1

    def command(
        self, batch: dict[str, Any], what: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """Approve, cancel, ... a batch at the version seen, and return its summary afterwards.

        key: idempotency key of a command that is sent again because its outcome is unknown; by default a new key.
        """
        response: dict[str, Any] = self.ask(
            "batch",
            "POST",
            f"/v1/batches/{batch['batch_id']}/{what}",
            json=body,
            headers=_once(key) | {"If-Match": f'"{batch["version"]}"'},
        )
        return dict(response["batch"])


def _once(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid.uuid4())}
