"""Figures of approved accounts: those that add up give nothing, and each contradiction is named."""

from collections.abc import Callable
from typing import Any

import pytest

from services.auditor.columns.figures import odd_figures
from services.auditor.domain.figures import add_up
from services.auditor.store.orders import ApprovedAccount
from shared.contracts.codes import Term
from tests.auditor.harness import AuditHarness
from tests.batch import build

Row = dict[str, Any]


def a_row(account_id: str) -> Row:
    """Return the result of an account: ten of AAA sold at a long-term gain, two of BBB crossed."""
    keys = {"account_id": account_id, "enterprise_id": "E1", "advisor_id": "D1", "epoch": 4, "liquidate": False}
    return build.a_result(keys)


def odd(*rows: Row, logic: int = 0) -> dict[str, list[str]]:
    """Return what does not add up of these rows, the last first."""
    accounts = [
        ApprovedAccount(12, row["account_id"], "E1", 4, 1, number, logic, build.TRADE_DATE, build.MORNING)
        for number, row in reversed(list(enumerate(rows)))
    ]
    return dict(odd_figures(build.results(list(rows), 12).value, accounts))


@pytest.mark.fast
@pytest.mark.parametrize("logic", [0, 1, 2])
def test_figures_that_add_up_give_nothing(logic: int) -> None:
    rows = [build.with_tax_aware(a_row(account_id), 4, "limit") for account_id in ("A1", "A2")]
    assert odd(*rows, logic=logic) == {}


@pytest.mark.fast
def test_an_account_without_trades_adds_up_and_one_without_a_summary_does_not() -> None:
    nothing: Row = dict.fromkeys(("sleeve_trades", "orders", "slices", "transfers", "taxes"))
    still = {"end_cash_cents": 800_000, "sells": 0, "sells_cents": 0}
    quiet = a_row("A1")
    quiet |= nothing | {"proposals": [proposal | still for proposal in quiet["proposals"]]}
    assert odd(quiet, a_row("A2")) == {}
    assert odd(quiet | {"proposals": None}, a_row("A2")) == {"A1": ["a summary"]}


def _add(table: str, name: str, units: int, entry: int = 0) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        row[table][entry][name] += units

    return change


def _basis_unknown(row: Row) -> None:
    row["slices"][0] |= {"basis_cents": None, "gain_cents": None}


def _short(row: Row) -> None:
    row["slices"][0]["term"] = int(Term.SHORT)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_add("proposals", "end_cash_cents", 1), ["cash"]),
        (_add("proposals", "sells", 1), ["number of sells"]),
        (_add("proposals", "buys", 1), ["number of buys"]),
        (_add("proposals", "buys_cents", 1), ["cash", "value of buys"]),
        (_add("proposals", "sells_cents", -1), ["cash", "value of sells"]),
        (_add("orders", "value_cents", 1), ["value of sells", "proceeds of lots"]),
        (_add("orders", "quantity_micro", 1), ["units of sleeves and orders", "units sold from lots"]),
        (_add("sleeve_trades", "quantity_micro", 1), ["units of sleeves and orders"]),
        (_add("sleeve_trades", "crossed_micro", -1, 1), ["crossed units", "units of sleeves and orders"]),
        (_add("transfers", "quantity_micro", -1), ["units moved with lots"]),
        (_add("slices", "quantity_micro", -1), ["units sold from lots"]),
        (_add("slices", "proceeds_cents", 1), ["gain of a lot", "proceeds of lots"]),
        (_add("slices", "basis_cents", 1), ["gain of a lot"]),
        (_add("slices", "security", 1), ["units sold from lots", "proceeds of lots"]),
        (_add("taxes", "estimated_cents", 1), ["estimated gain"]),
        (_add("taxes", "no_basis_proceeds_cents", 1), ["proceeds without basis"]),
        (_short, ["short gain", "long gain"]),
        (_basis_unknown, ["long gain", "estimated gain", "proceeds without basis"]),
    ],
)
def test_each_contradiction_is_named_at_its_account(change: Callable[[Row], None], named: list[str]) -> None:
    wrong = a_row("A2")
    change(wrong)
    assert odd(a_row("A1"), wrong, a_row("A3")) == {"A2": named}


@pytest.mark.fast
def test_a_sentence_names_ten_accounts_and_counts_the_rest() -> None:
    assert add_up(12, {}) is None
    difference = add_up(12, {f"A{number:02}": ["cash"] for number in range(12)})
    assert difference is not None
    assert difference.says.startswith("batch 12: figures do not add up of A00 (cash); A01 (cash)")
    assert difference.says.endswith("A09 (cash) and 2 more")


@pytest.mark.integration
async def test_an_approval_on_figures_that_do_not_add_up_is_found(audit: AuditHarness) -> None:
    await audit.approved("A1")
    await audit.batch.queue("A2")
    user = audit.batch.user()
    batch = await user.propose("A2")
    taxes = a_row("A2")["taxes"]
    taxes[0]["estimated_cents"] += 1
    await audit.batch.reply(batch["batch_id"], taxes=taxes)
    await user.done(await user.get(f"/v1/batches/{batch['batch_id']}"), "approve")
    await audit.publish()
    audit.analyze()
    (difference,) = await audit.found()
    assert difference.says == f"batch {batch['batch_id']}: figures do not add up of A2 (estimated gain)"
