"""The built interface in a browser, with an API that answers from memory: for what only a layout can show."""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from playwright.sync_api import Page, Route

SITE: Final = "http://interface.test"
ME: Final = {
    "subject": "u1", "name": "Jo", "roles": ["trader", "approver", "operator"], "enterprises": ["E1"], "advisors": None,
    "csrf": "token",
}  # fmt: skip
TILES: Final = {
    "first_rebalance": 0, "high_cash": 0, "low_cash": 0, "position_drift": 0, "no_target": 0, "total": 0, "held": 0,
    "settling": 0, "in_batches": 0, "last_analysis": None, "analysed_accounts": None,
}  # fmt: skip


def serve(page: Page, built_ui: Path, responses: Mapping[str, Any]) -> None:
    """Let the page find the interface at SITE, and its API with these responses by path under /api/v1."""
    known = {"/me": ME, "/queue/tiles": TILES, "/batches": {"rows": [], "total": 0}} | dict(responses)

    def respond(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/api/v1/"):
            found = known.get(path.removeprefix("/api/v1"))
            if found is None:
                route.fulfill(status=404, json={"title": "There is no such thing", "status": 404, "code": "not_found"})
            else:
                route.fulfill(body=orjson.dumps(found), content_type="application/json")
            return
        file = built_ui / path.lstrip("/")
        file = file if file.is_file() else built_ui / "index.html"
        route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/html")

    page.route(f"{SITE}/**", respond)


def show(page: Page, path: str, width: int, height: int = 800) -> None:
    """Open a page of the interface in a window of this size and wait until nothing is being fetched."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(SITE + path)
    page.locator("main[data-idle]").wait_for()
