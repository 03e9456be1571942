"""A batch's accounts as a list: the next one under a filter and sort order, what asks for a look, sums that add up."""

from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.codes import Term
from shared.contracts.filter_fields import ATTENTION
from tests.batch import build
from tests.batch.harness import Harness, User, sold

pytestmark = pytest.mark.integration

REQUESTED = {"account_id": "A1", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
IDS = ("A1", "A2", "A3", "A4", "A5", "A6")


async def _pending(harness: Harness, pat: User, **of_account: dict[str, Any]) -> dict[str, Any]:
    """Propose six accounts; A6 fails, the results of the others hold what is given for them."""
    await harness.queue(*IDS)
    batch = await pat.propose(*IDS)
    number = batch["batch_id"]
    for rows, attempt in harness.requested(number):
        made = [
            build.a_failure(row) if row["account_id"] == "A6" else build.a_result(row, **of_account[row["account_id"]])
            for row in rows
        ]
        await harness.handlers.on_results([build.results(made, number, attempt)])
    return await pat.get(f"/v1/batches/{number}")


def _gain(dollars: int, **more: Any) -> dict[str, Any]:
    """Best Fit realises a short-term gain of so many dollars; there is no gain limit unless said."""
    tax = {
        "logic": 0, "short_cents": dollars * 100, "long_cents": 0, "unknown_term_cents": 0,
        "estimated_cents": dollars * 100, "no_basis_proceeds_cents": 0,
    }  # fmt: skip
    limits = {"gain_budget_total_cents": None}
    return {"slices": [sold("L1", 10, dollars)], "taxes": [tax, tax | {"logic": 1}]} | limits | more


SORTS = ("account_number", "-account_number", "short_term", "-short_term", "market_value", "result", "-result", "name")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("f", [[], ["short_term.gte.100"], ["result.in.COMPLETE"]], ids=str)
async def test_the_next_account_is_the_next_row_of_the_list_one_came_from(
    harness: Harness, sort: str, f: list[str]
) -> None:
    """Walked from first to last and back; ties and accounts without the figure included."""
    pat = harness.user()
    gains = {"A1": 300, "A2": 100, "A3": 300, "A4": 50, "A5": 200}
    batch = await _pending(harness, pat, **{name: _gain(gain) for name, gain in gains.items()})
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    listed = [row["account_id"] for row in (await pat.get(path, f=f, sort=sort))["rows"]]
    assert len(listed) == {"": 6, "short_term.gte.100": 4, "result.in.COMPLETE": 5}["".join(f)]
    seen = [await pat.get(f"{path}/{name}", f=f, sort=sort) for name in listed]
    assert [view["next_id"] for view in seen] == [*listed[1:], None]
    assert [view["previous_id"] for view in seen] == [None, *listed[:-1]]
    assert [(view["position"], view["listed"]) for view in seen] == [(at + 1, len(listed)) for at in range(len(listed))]


async def test_an_account_that_left_the_list_still_knows_what_is_next_in_it(harness: Harness) -> None:
    pat = harness.user()
    batch = await _pending(harness, pat, **{name: _gain(100) for name in IDS[:5]})
    batch = await pat.remove(batch, "A3")
    path = f"/v1/batches/{batch['batch_id']}/accounts/A3"
    view = await pat.get(path, f="result.in.COMPLETE")
    assert (view["previous_id"], view["next_id"], view["position"], view["listed"]) == ("A2", "A4", 0, 4)
    found = await pat.get(path, q="00A3")
    assert (found["previous_id"], found["next_id"], found["position"], found["listed"]) == (None, None, 1, 1)


async def test_a_neighbour_is_never_of_an_advisor_that_one_may_not_see(harness: Harness) -> None:
    pat = harness.user()
    batch = await _pending(harness, pat, **{name: _gain(100) for name in IDS[:5]})
    dora = harness.user("Dora", advisors=["D2"])
    response = await dora.ask("GET", f"/v1/batches/{batch['batch_id']}/accounts/A3")
    assert response.status_code == 404


async def test_what_asks_for_a_look_is_counted_and_found_by_the_same_rule(harness: Harness) -> None:
    pat = harness.user()
    no_basis = {"logic": 0, "short_cents": 0, "long_cents": 0, "unknown_term_cents": 0, "estimated_cents": 0,
                "no_basis_proceeds_cents": 100_000}  # fmt: skip
    lot = sold("L9", 10, 0) | {"basis_cents": None, "gain_cents": None}
    batch = await _pending(
        harness,
        pat,
        A1=_gain(300, gain_budget_total_cents=218_90),
        A2=_gain(100),
        A3=_gain(100, taxable=False, no_short_term_gains=True),
        A4=_gain(0, slices=[lot], taxes=[no_basis, no_basis | {"logic": 1}]),
        A5=_gain(0),
    )
    await harness.flag(build.a_flag("A5", flag_version=2, lots_version=2))  # A3 is: its account says taxable
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    page = await pat.get(path)
    wanted = {
        "OVER_BUDGET": ["A1"], "SHORT_TERM_GAIN": ["A1", "A2"], "WASH_SALE": [], "UNKNOWN_BASIS": ["A4"],
        "LARGE_TURNOVER": [], "STALE": ["A3", "A5"], "FAILED": ["A6"],
    }  # fmt: skip
    assert set(wanted) == set(ATTENTION)
    assert page["attention"] == {name.lower(): len(accounts) for name, accounts in wanted.items()}
    for name, accounts in wanted.items():
        found = await pat.get(path, f=f"attention.in.{name}")
        assert [row["account_id"] for row in found["rows"]] == accounts
        assert found["attention"] == page["attention"]
    both = await pat.get(path, f="attention.in.STALE|FAILED")
    assert [row["account_id"] for row in both["rows"]] == ["A3", "A5", "A6"]
    refused = await pat.ask("GET", path, params={"f": "attention.in.LARGE"})
    assert (refused.status_code, "OVER_BUDGET" in refused.json()["errors"][0]["detail"]) == (422, True)

    over = page["rows"][0]
    assert (over["over_budget"], over["excesses"][0]["budget"], over["excesses"][0]["gains"]) == (
        "81.10", "218.90", "300.00",
    )  # fmt: skip
    assert over["excesses"][0]["sentence"] == (
        "It realises gains of $300.00, $81.10 more than the account's total gain budget of $218.90."
    )
    assert [row["over_budget"] for row in page["rows"][1:]] == ["0.00", "0.00", "0.00", "0.00", None]
    assert (page["totals"]["over_budget"], page["totals"]["budget_unchecked"]) == (1, 0)
    alone = await pat.get(f"{path}/A1")
    assert alone["account"]["excesses"] == alone["proposals"][0]["row"]["excesses"] == over["excesses"]
    assert alone["proposals"][1]["row"]["excesses"] == []
    removed = await pat.remove(await pat.get(f"/v1/batches/{batch['batch_id']}"), "A1", "A3", "A5")
    assert (await pat.get(path))["attention"]["over_budget"] == 0
    await pat.done(removed, "approve")
    assert harness.sql("SELECT gain_excesses FROM batch_account WHERE account_id = 'A2'") == [(None,)]


def _trading(buys: int, sells: int, *, value: int = 100_000_00) -> dict[str, Any]:
    """Best Fit buys and sells for so many cents in an account of this value, Min Transaction nothing."""
    first, second = build.a_result(REQUESTED)["proposals"]
    traded = first | {"value_cents": value, "buys": 1, "buys_cents": buys, "sells_cents": sells}
    return _gain(0, proposals=[traded, second | {"value_cents": value, "sells_cents": 0}])


async def test_a_turnover_is_large_above_a_quarter_of_the_value_under_the_logic_in_force(harness: Harness) -> None:
    pat = harness.user()
    batch = await _pending(
        harness,
        pat,
        A1=_trading(12_500_00, 12_500_00),  # the limit itself is not above it
        A2=_trading(12_500_00, 12_500_01),
        A3=_trading(25_000_01, 0),
        A4=_trading(0, 0),
        A5=_trading(0, 1, value=4),
    )
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    found = await pat.get(path, f="attention.in.LARGE_TURNOVER")
    assert [row["account_id"] for row in found["rows"]] == ["A2", "A3"]
    assert found["attention"]["large_turnover"] == 2
    await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (await pat.get(path))["attention"]["large_turnover"] == 0


async def test_what_exceeds_a_limit_goes_when_the_account_is_proposed_again(harness: Harness) -> None:
    pat = harness.user()
    over = _gain(300, no_short_term_gains=True)
    batch = await _pending(harness, pat, **dict.fromkeys(IDS[:5], over))
    await harness.flag(build.a_flag("A1", flag_version=2, lots_version=2))
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    batch = await pat.done(batch, "repropose", {})
    row = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts"))["rows"][0]
    assert (row["state"], row["over_budget"], row["excesses"]) == ("WORKING", None, [])


async def test_rows_add_up_to_the_sums_of_taxable_and_of_other_accounts(harness: Harness) -> None:
    pat = harness.user()
    batch = await _pending(
        harness,
        pat,
        A1=_gain(300),
        A2=_gain(100),
        A3=_gain(70, taxable=False),
        A4=_gain(-5, taxable=False),
        A5=_gain(0),
    )
    await pat.remove(batch, "A2")
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    counted = [row for row in page["rows"] if row["state"] == "PROPOSED"]
    totals = page["totals"]
    assert (totals["accounts"], totals["non_taxable"]) == (4, 2)
    for field in ("short_term", "long_term", "estimated", "no_basis_proceeds"):
        for is_taxable, name in ((True, field), (False, f"non_taxable_{field}")):
            rows = [Decimal(row[field]) for row in counted if row["taxable"] is is_taxable]
            assert sum(rows) == Decimal(totals[name]), name


async def test_gains_per_position_add_up_to_the_account_under_each_logic(harness: Harness) -> None:
    """Two sleeves, two securities, each term, a lot without basis: exact to the cent."""
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    unknown = {"basis_cents": None, "gain_cents": None}
    terms = {"short_cents": 10_01, "long_cents": -3_33, "unknown_term_cents": 7_07}
    tax = terms | {"logic": 0, "estimated_cents": 13_75, "no_basis_proceeds_cents": 20_000}
    slices = [
        sold("L1", 1, 0) | {"gain_cents": 9_99},
        sold("L2", 1, 0) | {"gain_cents": 2, "security": 1},
        sold("L3", 1, 0) | {"gain_cents": -3_33, "security": 1, "sleeve_id": "M1", "term": int(Term.LONG)},
        sold("L4", 1, 0) | {"gain_cents": 7_07, "term": int(Term.UNKNOWN), "first_long_term_day": None},
        sold("L5", 2, 0) | unknown,
    ]
    other = {"logic": 1, "short_cents": 0, "long_cents": 0, "unknown_term_cents": 0, "estimated_cents": 0}
    result = build.a_result(rows[0], slices=slices, taxes=[tax, other | {"no_basis_proceeds_cents": 0}])
    await harness.handlers.on_results([build.results([result], batch["batch_id"], attempt)])
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    for proposal in view["proposals"]:
        for field in ("short_term", "long_term", "unknown_term", "estimated", "no_basis_proceeds"):
            of_positions = [Decimal(position[field] or 0) for position in proposal["positions"]]
            assert sum(of_positions) == Decimal(proposal["row"][field]), (proposal["logic"], field)
