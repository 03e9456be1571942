"""The operations page, for whoever has neither Prometheus nor Grafana: one page of HTML that refreshes by itself.

It shows nothing of any tenant: no accounts, no batches by number, no enterprise.  So the role `admin` sees all of it,
whatever enterprises it was granted with.
"""

import time
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.gateway.dependencies import dependencies_of
from services.gateway.domain import operations
from services.gateway.domain.operations import NOT_KNOWN, FigureRow, ProcessReading, duration
from services.gateway.routes.door import door
from services.gateway.routes.pages import page
from shared.contracts.problems import NotSignedIn
from shared.contracts.roles import SEE_OPERATIONS
from shared.http import routing

REFRESH_S: Final = 10
router = routing.open_router()  # a browser is sent to sign in, and hears why not; both decided here

_HEAD: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Operations - Rebalancer</title>
<script src="/ops/refresh.js" defer></script>
<style>
body { font: 1rem/1.4 system-ui, sans-serif; max-width: 70rem; margin: 1rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
caption { text-align: left; font-size: 1.25rem; font-weight: 600; padding: .5rem 0 }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid; vertical-align: top }
.wrong { font-weight: 700 }
</style></head>
"""
_SCRIPT: Final = f"""// Loads the figures again every {REFRESH_S} s, unless paused; says so if that fails.
const paused = document.getElementById("paused");
const state = document.getElementById("state");
async function refresh() {{
  if (paused.checked) return;
  try {{
    const response = await fetch("/ops", {{ cache: "no-store", redirect: "error" }});
    if (!response.ok) throw new Error(response.statusText);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    document.getElementById("figures").replaceWith(fresh.getElementById("figures"));
    state.textContent = "";
  }} catch (error) {{
    state.textContent = "This page could not be refreshed: what it shows is getting older. Load it again.";
  }}
}}
setInterval(refresh, {REFRESH_S * 1000});
"""


@router.get("/ops", response_class=HTMLResponse)
async def see_operations(request: Request) -> Response:
    """Return the page; a browser without a session is sent to sign in, and one without the role hears so."""
    try:
        principal = await door(request)
    except NotSignedIn:
        return RedirectResponse("/auth/login?return_to=/ops", 303)
    if SEE_OPERATIONS.isdisjoint(principal.roles):
        needed = " or ".join(sorted(SEE_OPERATIONS))
        return page(403, "This page is for operations", f"It needs the role {needed}.", ("/", "To the queue"))
    readings, age_s = await dependencies_of(request).processes.read()
    text = rendered(readings, operations.rows(readings, time.time()), age_s)
    return HTMLResponse(text, headers={"Cache-Control": "no-store"})


@router.get("/ops/refresh.js")
async def get_refresh_script() -> Response:
    """Return the script that refreshes the page; it holds nothing of the system."""
    return Response(_SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def rendered(readings: Sequence[ProcessReading], rows: Sequence[FigureRow], age_s: float) -> str:
    """Return the whole page.  age_s: how old the readings are, in seconds."""
    return _HEAD + "\n".join(_body(readings, rows, age_s))


def _body(readings: Sequence[ProcessReading], rows: Sequence[FigureRow], age_s: float) -> Iterator[str]:
    wrong = [row for row in rows if row.is_wrong]
    down = [reading.name for reading in readings if not reading.up or reading.waiting_for]
    yield "<body><main><h1>Operations</h1>"
    yield f'<p><label><input type="checkbox" id="paused"> Do not refresh every {REFRESH_S} s</label></p>'
    yield '<p id="state" role="status"></p><div id="figures">'
    yield f"<p>Read {duration(age_s)} ago. {_summary(len(readings), down, wrong)}</p>"
    yield "<table><caption>Processes</caption><thead><tr>"
    yield from (f'<th scope="col">{name}</th>' for name in _PROCESS_COLUMNS)
    yield "</tr></thead><tbody>"
    yield from map(_process, readings)
    yield "</tbody></table><table><caption>Figures</caption><thead><tr>"
    yield from (f'<th scope="col">{name}</th>' for name in _FIGURE_COLUMNS)
    yield "</tr></thead><tbody>"
    yield from map(_figure, rows)
    yield "</tbody></table></div></main></body></html>"


_PROCESS_COLUMNS: Final = ("process", "state", "version", "commit", "heard", "waits for", "troubles")
_FIGURE_COLUMNS: Final = ("figure", "value", "from", "what to do")


def _summary(processes: int, down: Sequence[str], wrong: Sequence[FigureRow]) -> str:
    if not processes:
        return "No process is watched: set REBALANCER_WATCHED."
    if not down and not wrong:
        return "Everything responds, and nothing is beyond its limit."
    away = f"Not well: {escape(', '.join(down))}. " if down else ""
    return away + (f"Beyond its limit: {escape('; '.join(row.title for row in wrong))}." if wrong else "")


def _process(reading: ProcessReading) -> str:
    version, commit = reading.made_of
    state = "does not respond" if not reading.up else "not ready" if reading.waiting_for else "ready"
    heard = NOT_KNOWN if reading.age_s is None else f"{duration(reading.age_s)} ago"
    troubles = f"{reading.troubles}, see its /readyz" if reading.troubles else "none"
    cells = (state, version, commit, heard, "; ".join(reading.waiting_for) or "nothing", troubles)
    if not reading.up:
        cells = (state, version, commit, heard, NOT_KNOWN, NOT_KNOWN)
    return _row(reading.name, cells, is_wrong=state != "ready")


def _figure(row: FigureRow) -> str:
    since = NOT_KNOWN if row.age_s is None else f"{duration(row.age_s)} ago"
    todo = f"docs/runbooks/{row.alert}.md" if row.alert else ""
    return _row(row.title, (row.value, since, todo), is_wrong=row.is_wrong)


def _row(head: str, cells: Sequence[str], *, is_wrong: bool) -> str:
    mark = ' class="wrong"' if is_wrong else ""
    text = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr{mark}><th scope="row">{"! " if is_wrong else ""}{escape(head)}</th>{text}</tr>'
