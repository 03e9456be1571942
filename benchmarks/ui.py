"""`python -m benchmarks.ui`: how long a person waits at the screen, in a real browser on the real stack.

A request of many accounts is proposed and reviewed in Chromium: navigation, scrolling, sorting, filtering, selecting,
cancelling, approving.  Beside each figure stands that of a bare page in the same browser: the same table as plain HTML
without any program, served from memory.  Times are taken inside the page, from the navigation or the click to the next
frame that shows the outcome; the main thread's work is what the browser itself counts.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks import loop
from benchmarks.browser import ENTERPRISE, USER
from benchmarks.loop import Row
from benchmarks.machine import describe
from deploy.browser import obtain
from deploy.client import StackClient
from deploy.stack import Stack, ui
from deploy.stack.steps import Silent

_PATIENCE_MS: Final = 300_000
_ROWS, _FEW = 200, 50  # of a page: as it is shown at first, and the fewest that a person can choose
_FRAMES: Final = 120
_TIMES: Final = 9

# The instant of the first frame with rows, in ms since the navigation began.
_WATCH: Final = """
window.shownMs = new Promise((done) => {
  const seen = () => document.querySelector("table.grid tbody tr") !== null;
  const look = () => (seen() ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look));
  look();
});
"""
# Clicks, and resolves with the ms until the frame in which `until` holds and nothing is being fetched.
_CLICK: Final = """
([selector, text, until, patience]) => new Promise((done, fail) => {
  const named = (element) => element.textContent.trim().match(new RegExp(text));
  const target = [...document.querySelectorAll(selector)].find(named);
  if (!target) { fail(new Error(`nothing to click: ${selector} ${text}`)); return; }
  const holds = new Function("before", `return ${until}`);
  const before = document.querySelector("table.grid tbody")?.textContent;
  const began = performance.now();
  target.click();
  const look = () => {
    const ms = performance.now() - began;
    if (holds(before)) done(ms);
    else if (ms > patience) fail(new Error(`${text}: nothing came of it in ${patience} ms`));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""
_SCROLL: Final = """
async (frames) => {
  const places = [document.scrollingElement, document.querySelector(".grid-scroller")];
  const place = places.find((one) => one && one.scrollHeight > one.clientHeight + 1);
  for (let frame = 0; frame < frames; frame += 1) {
    place.scrollTop += 40;
    await new Promise(requestAnimationFrame);
  }
}
"""
_OTHER_ROWS: Final = (
    'document.querySelector(".grid-scroller").dataset.busy === "false"'
    ' && document.querySelector("table.grid tbody").textContent !== before'
)


class Screen:
    """A signed-in page, and what it measures."""

    def __init__(self, page: Page, gateway: str) -> None:
        self.page, self._gateway = page, gateway
        page.set_default_timeout(_PATIENCE_MS)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.add_init_script(_WATCH)
        self._browser: CDPSession = page.context.new_cdp_session(page)
        self._browser.send("Performance.enable")

    def sign_in(self) -> None:
        """Sign in at the real issuer."""
        self.page.goto(f"{self._gateway}/auth/login?return_to=/accounts")
        self.page.locator("[name=login]").fill(USER[0])
        self.page.locator("[name=password]").fill(USER[1])
        self.page.get_by_role("button", name="Sign in").click()
        self.idle()

    def idle(self) -> None:
        """Wait until nothing is being fetched."""
        self.page.locator("main[data-idle]").wait_for()

    def opened_ms(self, path: str) -> float:
        """Open a page of the interface; return the ms until its first rows."""
        self.page.goto(self._gateway + path)
        shown: float = self.page.evaluate("window.shownMs")
        return shown

    def clicked_ms(self, selector: str, text: str, until: str) -> float:
        """Click what has this text; return the ms until the frame in which the expression `until` holds."""
        took: float = self.page.evaluate(_CLICK, [selector, text, until, _PATIENCE_MS])
        return took

    def scrolled_ms(self) -> float:
        """Scroll through the page; return the ms of the main thread's work a frame."""
        before = self._worked_s()
        self.page.evaluate(_SCROLL, _FRAMES)
        return (self._worked_s() - before) * 1000 / _FRAMES

    def _worked_s(self) -> float:
        metrics: list[dict[str, Any]] = self._browser.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ui", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000, help="accounts of the book (default 100000)")
    parser.add_argument("--positions", type=int, default=15, help="positions an account (default 15)")
    parser.add_argument("--lots", type=int, default=2, help="lots a position (default 2)")
    parser.add_argument("--large", type=int, default=10_000, help="accounts of the request (default 10000)")
    options = parser.parse_args()
    say("building the interface")
    ui.build(Silent())
    with tempfile.TemporaryDirectory(prefix="rebalancer-ui-") as folder, Stack(Path(folder) / "stack") as stack:
        loop.set_morning(stack)
        book = loop.write_book(Path(folder), options, say)
        loop.load_platform(stack, book)
        loop.wait_for_accounts(stack, options.accounts, say)
        loop.file_to_flags(stack, book, options, say)
        with sync_playwright() as playwright, StackClient(stack, [ENTERPRISE]) as client:
            browser = playwright.chromium.launch(executable_path=obtain())
            rows = _measure(Screen(browser.new_page(), stack.urls["gateway"]), stack, client, options)
            browser.close()
    print(f"\n{describe()}")
    print(f"book: {options.accounts:,} accounts; pages of {_ROWS} rows\n")
    print(f"| {'what':<58} | {'measured':>12} | {'reach':>10} |")
    print(f"|{'-' * 60}|{'-' * 13}:|{'-' * 11}:|")
    for row in rows:
        print(f"| {row.what:<58} | {row.measured:>12} | {row.reach:>10} |")


def _measure(screen: Screen, stack: Stack, client: StackClient, options: argparse.Namespace) -> list[Row]:
    screen.sign_in()
    _, batch = loop.to_pending(stack, client, options.large, say)
    bare = _bare(screen)
    path, size = f"/pending/{batch['batch_id']}", f"?size={_FEW}"
    say("opening, scrolling, sorting and filtering the request")
    first_ms = screen.opened_ms(path)
    rows = [
        Row("bare page: first rows after navigation", f"{bare[0]:.0f} ms", ""),
        Row("bare page: main thread a scrolled frame", f"{bare[1]:.1f} ms", ""),
        Row(f"request of {batch['accounts']:,}: first rows, first time", f"{first_ms:.0f} ms", "600 ms"),
        Row("  the same, opened again (median)", f"{_median(lambda: screen.opened_ms(path)):.0f} ms", "600 ms"),
        Row("  the same, pages of 50 rows (median)", f"{_median(lambda: screen.opened_ms(path + size)):.0f} ms", ""),
    ]
    screen.opened_ms(path)
    screen.idle()
    rows.append(Row("  main thread a scrolled frame", f"{_median(screen.scrolled_ms):.1f} ms", "10 ms"))
    screen.opened_ms(path)
    screen.idle()
    sort = _median(lambda: screen.clicked_ms(".grid-sort", "^Market value", _OTHER_ROWS))
    rows.append(Row("  sorted by another column", f"{sort:.0f} ms", "300 ms"))
    chip = _median(lambda: screen.clicked_ms(".attention-chip", "", _OTHER_ROWS))
    rows.append(Row("  filtered by a chip, and back", f"{chip:.0f} ms", "300 ms"))
    rows += _selected(screen, client)
    rows.append(_decided(screen, batch, "Cancel"))
    _, again = loop.to_pending(stack, client, options.large, say)
    rows.append(_decided(screen, again, "Approve"))
    return rows


def _bare(screen: Screen) -> tuple[float, float]:
    """Return what a page without a program takes: ms until its rows, ms of the main thread a scrolled frame."""
    cells = "".join(f"<td>Cell {number}</td>" for number in range(16))
    rows = "".join(f"<tr><th>Row {number}</th>{cells}</tr>" for number in range(_ROWS))
    html = f"<!doctype html><title>Bare</title><table class=grid><tbody>{rows}</tbody></table>"
    screen.page.route("**/bare", lambda route: route.fulfill(body=html, content_type="text/html"))
    return _median(lambda: screen.opened_ms("/bare")), _median(screen.scrolled_ms)


def _selected(screen: Screen, client: StackClient) -> list[Row]:
    """Select everything that a filter leaves: fifty accounts, and all of the queue."""
    least = client.queue(size=50, sort="-market_value")["rows"][-1]["market_value"]
    found = []
    for path in (f"/accounts?f=market_value.gte.{least}", "/accounts?sort=account_number"):  # not as it was left
        screen.opened_ms(path)
        screen.idle()
        offer = screen.page.get_by_role("button", name="Select all").last.inner_text()
        said = 'document.querySelector(".selection-bar [role=status]").textContent.includes("selected of all")'
        cleared = f"!{said}"

        def both() -> float:
            took_ms = screen.clicked_ms(".selection-bar button", "^Select all", said)  # noqa: B023  # called at once
            screen.clicked_ms(".selection-bar button", "^Clear selection", cleared)  # noqa: B023  # called at once
            return took_ms

        found.append(Row(f"queue: {offer}", f"{_median(both):.0f} ms", ""))
    return found


def _decided(screen: Screen, batch: dict[str, Any], decision: str) -> Row:
    """Decide a request; the time is from the confirmation to the frame without its dialog."""
    say(f"{decision} of {batch['counts']['proposed']:,} accounts")
    screen.opened_ms(f"/pending/{batch['batch_id']}")
    screen.idle()
    dialog = '[...document.querySelectorAll("[role=dialog],[role=alertdialog]")].length'
    screen.page.get_by_role("button", name=decision).first.click()
    screen.page.get_by_role("button", name=f"{decision} {batch['counts']['proposed']:,}").wait_for()
    screen.idle()
    took_ms = screen.clicked_ms("button", f"^{decision} [0-9,]+$", f"{dialog} === 0")
    return Row(f"{decision.lower()} of {batch['counts']['proposed']:,} accounts", f"{took_ms:.0f} ms", "2000 ms")


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(_TIMES))


def say(text: str) -> None:
    """Print what is being done to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
