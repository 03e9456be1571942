"""What those see who need contrast, colours of their own, or a page at twice its size."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.screens.pages import FILLED, PAGES, PENDING
from tests.screens.served import serve, show

pytestmark = pytest.mark.browser


def open_page(page: Page, built_ui: Path, path: str, width: int = 1280) -> None:
    """Show a page with rows in it."""
    serve(page, built_ui, PENDING if path == "/pending" else FILLED)
    show(page, path, width)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)


CONTRAST = """(input) => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ink = light(getComputedStyle(input, "::placeholder").color);
  const paper = light(getComputedStyle(input).backgroundColor);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/accounts", "/pending/7"])
def test_placeholders_can_be_read(page: Page, built_ui: Path, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    open_page(page, built_ui, path)
    inputs = page.locator("input[placeholder]:not([placeholder=''])").all()
    assert inputs, "the page has a field with a placeholder"
    for field in inputs:
        assert field.evaluate(CONTRAST) >= 4.5


LOOK = """(element) => {
  const style = getComputedStyle(element);
  const line = (side) => [style[`border${side}Style`], style[`border${side}Width`], style[`border${side}Color`]];
  const outline = style.outlineStyle === "none" ? "none" : [style.outlineStyle, style.outlineWidth, style.outlineColor];
  return JSON.stringify([outline, line("Bottom"), line("Top"), style.color, style.fill, style.stroke]);
}"""


def look(element: Locator) -> str:
    """Return what of an element can be seen besides its background, which the system's colours replace."""
    return str(element.evaluate(LOOK))


def test_states_can_be_told_in_the_colours_of_the_system(page: Page, built_ui: Path) -> None:
    page.emulate_media(forced_colors="active")
    open_page(page, built_ui, "/accounts")
    tile = page.get_by_role("button", name="High Cash")
    row = page.get_by_role("grid").get_by_role("row").nth(1).get_by_role("gridcell").last
    before = look(tile), look(row)
    page.get_by_role("checkbox", name="Select account 0012-000001").click()
    tile.click()
    expect(tile).to_have_attribute("aria-pressed", "true")
    page.get_by_role("checkbox", name="Select account 0012-000001").check()
    page.mouse.move(0, 0)
    assert look(tile) != before[0] and look(row) != before[1]
    tabs = page.get_by_role("navigation", name="Main")
    assert look(tabs.get_by_role("link", name="Accounts to Rebalance")) != look(
        tabs.get_by_role("link", name="History")
    )


def test_states_of_a_request_can_be_told_in_the_colours_of_the_system(page: Page, built_ui: Path) -> None:
    page.emulate_media(forced_colors="active")
    open_page(page, built_ui, "/pending/7")
    grid = page.get_by_role("grid")
    cells = [grid.get_by_role("row").nth(at).get_by_role("gridcell").last for at in (1, 3)]
    assert look(cells[0]) != look(cells[1]), "a removed account looks other than one that is proposed"
    chip = page.get_by_role("button", name="stale").first
    before = look(chip)
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    page.mouse.move(0, 0)
    assert look(chip) != before


def test_the_logic_that_is_shown_can_be_told_in_the_colours_of_the_system(page: Page, built_ui: Path) -> None:
    page.emulate_media(forced_colors="active")
    open_page(page, built_ui, "/pending/7/accounts/A1")
    shown = page.locator(".shown-logic .mantine-SegmentedControl-label")
    assert look(shown.nth(0)) != look(shown.nth(1))
    drawing = page.locator("svg.band-bar").first
    looks = [look(drawing.locator(name)) for name in (".band-range", ".band-weight")]
    assert looks[0] != looks[1]


# What stands outside the window, and is in nothing that scrolls by itself; and what lies on something else of its kind.
OUT_OF_REACH = """() => {
  const shown = (element) =>
    element.checkVisibility({ checkVisibilityCSS: true }) && element.getBoundingClientRect().width > 1;
  const scrolls = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(at).overflowX)) return true;
    return false;
  };
  const things = [...document.querySelectorAll("h1, h2, p, a, button, input, select, dd, dt, .tag")]
    .filter((element) => shown(element) && !element.classList.contains("skip-link") && !scrolls(element));
  const out = things.filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1);
  const controls = things.filter((element) => element.matches("a, button, input, select"));
  const over = controls.filter((element) => {
    const box = element.getBoundingClientRect();
    return controls.some((other) => {
      if (other === element || other.contains(element) || element.contains(other)) return false;
      const that = other.getBoundingClientRect();
      const wide = Math.min(box.right, that.right) - Math.max(box.left, that.left);
      const high = Math.min(box.bottom, that.bottom) - Math.max(box.top, that.top);
      return wide > 2 && high > 2 && !other.closest(".mantine-InputWrapper-root, .mantine-SegmentedControl-root");
    });
  });
  const told = (element) => `${element.tagName} ${element.textContent || element.getAttribute("aria-label")}`;
  return { wide: document.documentElement.scrollWidth, out: out.map(told), over: over.map(told) };
}"""


@pytest.mark.parametrize("width", [640, 320])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_lost_at_twice_and_four_times_the_size(page: Page, built_ui: Path, path: str, width: int) -> None:
    """A window of 1280 pixels at 200 % shows 640, at 400 % 320.  Source: WCAG 2.2, 1.4.4, 1.4.10; tables scroll."""
    open_page(page, built_ui, path, width)
    found = page.evaluate(OUT_OF_REACH)
    assert found == {"wide": width, "out": [], "over": []}


@pytest.mark.parametrize("path", ["/accounts", "/pending/7"])
def test_columns_that_stay_leave_room_for_the_others_at_twice_the_size(page: Page, built_ui: Path, path: str) -> None:
    open_page(page, built_ui, path, 640)
    scroller = page.locator(".grid-scroller").last
    scroller.evaluate("(element) => { element.scrollLeft = element.scrollWidth; element.scrollIntoView(); }")
    last = page.get_by_role("grid").last.get_by_role("row").nth(1).get_by_role("gridcell").last
    expect(last).to_be_in_viewport()
    assert last.evaluate(
        "(cell) => { const box = cell.getBoundingClientRect();"
        " return cell.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)); }"
    )
