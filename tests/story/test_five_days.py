"""Five days in a row all that is flagged is approved, filled and settled; accounts are worth what custodians say."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from deploy.client import StackClient
from deploy.custodian.books import accounts_of as accounts_in
from deploy.custodian.fills import Account
from deploy.custodian.journal import Journal
from deploy.sample.beside import BOND, IDS, OPTION, PENSION, SWEEP
from deploy.sample.make import load_universe, read_book
from deploy.sample.universe import price_set
from deploy.stack import Stack
from shared.contracts.platform import AccountChanged
from tests.books import accounts_of
from tests.story.conftest import SignIn, all_orders, next_day
from tests.waiting import aside, until

pytestmark = pytest.mark.timeout(900, func_only=True)


TREATED_AS = {
    SWEEP: "Counts as cash, is never traded",
    PENSION: "Locked: counts in the account's value, is never traded",
    BOND: "Locked: counts in the account's value, is never traded",
    OPTION: "Excluded: not in the account's value, never traded",
}


def test_for_five_days_a_sweep_fund_is_cash_and_nobody_trades_it(
    stack: Stack, book: Path, client: StackClient, sign_in: SignIn
) -> None:
    """Every night the custodian sweeps what cash is left into the fund, and takes from it what the buys have cost."""
    accounts = {account.account_number: account for account in accounts_of(book) if account.rebalancer_on}
    traded = 0
    for _ in range(5):
        traded += _approve_all(client)
        next_day(stack, book)
        prices, held = _closed(stack, book)
        sweeping = [
            number for number in accounts if any(lot.security_id == SWEEP for lot in held[number].lots.values())
        ]
        assert len(sweeping) > 240 // 20
        for number in sweeping:
            account = accounts[number]
            until(
                lambda: _shown(client, account.account_id),  # noqa: B023  # it ends here
                lambda seen: seen == _worth(account, held[number], prices),  # noqa: B023
            )
    assert traded > 0
    ordered = {order.security_id for event in aside(all_orders(stack.urls["kafka"])) for order in event.orders}
    assert ordered and not ordered & set(IDS), "no order for the fund, nor for what is locked or excluded"

    page = sign_in("ops", "rebalance-ops")
    for security, sentence in TREATED_AS.items():
        account = next(
            account for account in accounts_of(book)
            if account.enterprise_id == "E1" and account.account_number in accounts
            and any(lot.security_id == security for lot in held[account.account_number].lots.values())
        )  # fmt: skip
        page.goto(f"{stack.urls['gateway']}/accounts/{account.account_id}")
        row = page.get_by_role("table", name="Positions").get_by_role("row").filter(has_text=security)
        expect(row).to_contain_text(sentence)


def _approve_all(client: StackClient) -> int:
    """Approve trades for every account of the queue; return for how many."""
    flagged = [row["account_id"] for row in client.queue()["rows"] if row["state"] == "FLAGGED"]
    if not flagged:
        return 0
    made = client.propose(flagged)
    batch = until(lambda: client.batch(made["batch_id"]), lambda seen: seen["status"] != "WORKING", within_s=180)
    if batch["status"] != "PENDING_APPROVAL":
        return 0
    proposed = [row for row in client.rows(batch["batch_id"]) if row["state"] == "PROPOSED"]
    client.command(batch, "approve")
    return len(proposed)


def _closed(stack: Stack, book: Path) -> tuple[dict[str, Decimal], dict[str, Account]]:
    """Return the custodians' last prices, as dollars a unit, and what their accounts hold, by number."""
    state = Path(stack.env["REBALANCER_STATE_DIR"]) / "custodian"
    journal = Journal.load(state / "journal.json")
    assert journal is not None
    manifest, securities = load_universe(book)
    points = price_set(securities, journal.book_day).prices
    prices = {point.security_id: Decimal(point.price) for point in points}
    folder = state / f"book-{journal.book_day}"
    held: dict[str, Account] = {}
    for custodian in manifest["custodians"]:
        for part in read_book(folder, custodian):
            held |= accounts_in(part)
    return prices | {BOND: prices[BOND] / 100}, held


def _worth(account: AccountChanged, held: Account, prices: dict[str, Decimal]) -> tuple[Decimal, Decimal]:
    """Return value and available cash of an account in dollars, as its custodian's books have it."""
    units: dict[tuple[str, str], Decimal] = {}
    for lot in held.lots.values():
        key = lot.security_id, lot.sleeve_id
        units[key] = units.get(key, Decimal(0)) + Decimal(lot.quantity_micro) / 10**6
    cents = Decimal("0.01")
    worth = {key: (held_units * prices[key[0]]).quantize(cents, ROUND_HALF_UP) for key, held_units in units.items()}
    fund = sum(value for (security, _), value in worth.items() if security == SWEEP)
    others = sum(value for (security, _), value in worth.items() if security not in (SWEEP, OPTION))
    cash = Decimal(held.cash_cents) / 100 + fund - Decimal(account.cash_set_aside)
    return others + cash, cash


def _shown(client: StackClient, account_id: str) -> tuple[Decimal, Decimal]:
    view = client.ask("batch", "GET", f"/v1/accounts/{account_id}")
    return Decimal(view["market_value"] or "0"), Decimal(view["cash"] or "0")
