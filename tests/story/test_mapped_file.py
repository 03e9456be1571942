"""A custodian's own XML file from upload to the next day: a sweep fund, a locked and an inherited lot."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from playwright.sync_api import expect

from deploy.client import StackClient
from deploy.custodian.books import accounts_of as accounts_in
from deploy.custodian.fills import Account, Lot, settle, swept
from deploy.sample.beside import PENSION, SWEEP
from deploy.sample.make import load_universe, read_book
from deploy.sample.publish import drop, platform_event
from deploy.sample.universe import price_set
from deploy.stack import Stack
from shared.contracts.platform import AccountChanged
from shared.contracts.topics import ACCOUNT
from shared.fixed_point.text import scaled, text_of
from shared.kafka.publisher import Publisher
from tests.books import AS_OF, accounts_of, load_platform, morning_after
from tests.story.conftest import SignIn, next_day, orders_released
from tests.waiting import aside, until

pytestmark = pytest.mark.timeout(600, func_only=True)
MERIDIAN, NUMBER, INHERITED = "MERIDIAN", "M0001234", "I1"
TRADED = date(2026, 6, 12)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, built_ui: Path, book: Path) -> Iterator[Stack]:
    """The whole system on a Friday morning, with the mapping of MERIDIAN in force."""
    env = {"REBALANCER_MAPPINGS": f"{MERIDIAN}=meridian-xml"}
    with Stack(tmp_path_factory.mktemp("story") / "stack", env=env) as stack:
        morning_after(stack)
        load_platform(stack, book)
        yield stack


def test_a_mapped_file_is_taken_in_traded_and_settled(
    stack: Stack, book: Path, client: StackClient, sign_in: SignIn, tmp_path: Path
) -> None:
    held, moved = _moved_to_meridian(stack, book)
    page = sign_in("ops", "rebalance-ops")
    page.get_by_role("link", name="Files").click()
    page.get_by_label("Custodian files").set_input_files(_file(tmp_path, held, book, AS_OF))
    expect(page.get_by_role("row").filter(has_text="meridian-")).to_contain_text("Taken in")

    account_id = moved.account_id
    until(lambda: _view(client, account_id)["state"], lambda state: state == "FLAGGED")
    page.goto(f"{stack.urls['gateway']}/accounts/{account_id}")
    positions = page.get_by_role("table", name="Positions").get_by_role("row")
    expect(positions.filter(has_text=SWEEP)).to_contain_text("Counts as cash, is never traded")
    expect(positions.filter(has_text=PENSION)).to_contain_text("Locked: counts in the account's value, is never traded")

    batch_id = int(client.propose([account_id])["batch_id"])
    until(lambda: client.batch(batch_id)["status"], lambda status: status == "PENDING_APPROVAL")
    page.goto(f"{stack.urls['gateway']}/pending/{batch_id}/accounts/{account_id}")
    sold = page.get_by_role("table", name="Lots sold").get_by_role("row").filter(has_text=INHERITED)
    expect(sold).to_contain_text("Long")
    page.goto(f"{stack.urls['gateway']}/pending/{batch_id}")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Approve 1").click()

    (released,) = orders_released(stack.urls["kafka"], batch_id, 1)
    assert not {SWEEP, PENSION} & {order.security_id for order in released.orders}
    until(lambda: _view(client, account_id)["state"], lambda state: state == "SETTLING")
    prices = {point.security_id: scaled(point.price, 6) for point in price_set(load_universe(book)[1], TRADED).prices}
    done = settle(held, released, prices, TRADED)
    assert not done.refused
    next_day(stack, book)
    drop(_file(tmp_path, swept(done.account), book, TRADED), Path(stack.env["REBALANCER_INBOX_DIR"]))
    after = until(lambda: _view(client, account_id), lambda view: view["state"] not in ("SETTLING", "OFF"))
    assert after["state"] in ("CLEAR", "FLAGGED"), after["hold_text"]
    assert _view(client, account_id)["last_rebalanced"] == TRADED.isoformat()


def _moved_to_meridian(stack: Stack, book: Path) -> tuple[Account, AccountChanged]:
    """Have an account of E1 with a sweep fund be at MERIDIAN from now on, with more to hold; return what it holds."""
    books: dict[str, Account] = {}
    for custodian in load_universe(book)[0]["custodians"]:
        for part in read_book(book / "book", custodian):
            books |= accounts_in(part)
    account = next(
        account for account in accounts_of(book)
        if account.enterprise_id == "E1" and account.rebalancer_on and account.portfolio_id
        and account.custody == "TAXABLE" and not account.do_not_trade
        and any(lot.security_id == SWEEP for lot in books[account.account_number].lots.values())
    )  # fmt: skip
    moved = account.model_copy(update={"version": 2, "custodian": MERIDIAN, "account_number": NUMBER})
    aside(_publish(stack, moved))
    own = books[account.account_number]
    # The format has no sleeves: what is new belongs to the advisor's.
    lots = [replace(lot, sleeve_id="APM") for lot in own.lots.values()]
    known = {lot.security_id for lot in lots}
    other = next(name for name in load_universe(book)[1].ids if name not in known and name not in _wanted(book, moved))
    lots.append(Lot(other, INHERITED, "APM", date(2026, 6, 1), 40 * 10**6, 100_000, covered=True))
    lots.append(Lot(PENSION, "P1", "APM", date(2020, 1, 2), 25 * 10**6, 25_000, covered=True))
    return Account({(lot.lot_id, lot.sleeve_id): lot for lot in lots}, own.cash_cents), moved


def _wanted(book: Path, account: AccountChanged) -> str:
    """Return the portfolio of an account and all models, as they were written: to see what is named in none of them."""
    platform = book / "platform"
    portfolios = (platform / "portfolios.jsonl").read_text().splitlines()
    own = [line for line in portfolios if f'"{account.portfolio_id}"' in line]
    return "".join([*own, (platform / "models.jsonl").read_text()])


async def _publish(stack: Stack, account: AccountChanged) -> None:
    async with Publisher(stack.addresses.kafka, "platform") as publisher:
        body = account.model_dump(mode="json", exclude_none=True)
        await publisher.send([platform_event(ACCOUNT, body, datetime.now(UTC))])


def _view(client: StackClient, account_id: str) -> dict[str, object]:
    view: dict[str, object] = client.ask("batch", "GET", f"/v1/accounts/{account_id}")
    return view


def _file(folder: Path, held: Account, book: Path, day: date) -> Path:
    """Write what the account holds as MERIDIAN prints it."""
    points = price_set(load_universe(book)[1], day).prices
    prices = {point.security_id: point.price for point in points}
    path = folder / f"meridian-{day:%Y%m%d}.xml"
    lots = "\n".join(_element(lot, prices) for lot in _without_sleeves(held))
    cash = text_of(held.cash_cents, 2)
    path.write_text(
        f'<Query scope="all"><Statement account="{NUMBER}" asOf="{day};201500"><OpenLots>\n{lots}\n</OpenLots>'
        f'<CashBalance currency="USD" amount="{cash}"/></Statement></Query>\n'
    )
    return path


def _without_sleeves(held: Account) -> Iterable[Lot]:
    """Return the lots as a custodian has them that knows no sleeves: each once."""
    found: dict[tuple[str, str], Lot] = {}
    for lot in held.lots.values():
        key = lot.security_id, lot.lot_id
        there = found.get(key)
        if there is None:
            found[key] = lot
            continue
        known = None if lot.basis_cents is None or there.basis_cents is None else lot.basis_cents + there.basis_cents
        found[key] = replace(there, quantity_micro=there.quantity_micro + lot.quantity_micro, basis_cents=known)
    return found.values()


def _element(lot: Lot, prices: dict[str, str]) -> str:
    attributes = {
        "currency": "USD", "symbol": lot.security_id, "id": lot.lot_id,
        "opened": "" if lot.acquired is None else f"{lot.acquired};093000",
        "position": text_of(lot.quantity_micro, 6, trim=True),
        "cost": "" if lot.basis_cents is None else text_of(lot.basis_cents, 2), "mark": prices[lot.security_id],
        "covered": "true" if lot.covered else "false", "heldSince": "",
        "origin": "INHERITED" if lot.lot_id == INHERITED else "",
    }  # fmt: skip
    return f"<OpenLot {' '.join(f'{name}={quoteattr(value)}' for name, value in attributes.items())}/>"
