"""Over any sequence of batches every unit bought disallows at most one loss: as a plain model of single units says.

The household has two taxable accounts and an IRA; lots are bought outside too, and shown late.  Lots are sold again by
later batches, and a file shows that some days later, or never.  What taxlot lists for a batch is what it lists indeed:
nothing that neither a loss nor a buy after an approved sale asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.batch.columns.wash_approvals import uses_of
from services.batch.columns.wash_earlier import earlier_of
from services.batch.operations.wash_sales import washes_of
from shared.contracts.codes import Bought
from shared.rules.relief.wash import LISTED_DAYS, LOSS_DAYS, WASH_DAYS

pytestmark = pytest.mark.fast
EPOCH: Final = date(1970, 1, 1)
START: Final = (date(2026, 6, 12) - EPOCH).days
ACCOUNTS: Final = ("A1", "A2", "IRA")
Listed = tuple[int, int, str, int, int, int | None]
Figures = tuple[int, int, int, int]  # disallowed of own losses, of that for good; of earlier losses, of that for good


@dataclass(frozen=True)
class Batch:
    """Approved so many days after the one before, traded on the next day if after the close.

    sells: units that each account sells at a loss of $1 a unit; buys: units that each buys; again: units of its oldest
    shown lots bought lately that each sells without a loss; unseen: days until a file shows these gone.
    """

    days: int
    late: bool
    sells: tuple[int, int, int]
    buys: tuple[int, int, int]
    again: tuple[int, int, int] = (0, 0, 0)
    unseen: int = 100


@dataclass(frozen=True)
class Outside:
    """A lot that nobody's batch bought: `after` days after the start, shown `shown` days later."""

    account: int
    after: int
    shown: int
    units: int


NONE: Final = (0, 0, 0)
few = st.just(NONE) | st.tuples(*[st.sampled_from([0, 0, 1, 3])] * 3)
outside = st.lists(
    st.builds(Outside, st.integers(0, 2), st.integers(-35, 40), st.integers(0, 5), st.integers(2, 9)),
    min_size=1,
    max_size=6,
)
batches = st.lists(
    st.builds(Batch, st.sampled_from([0, 1, 7, 14, 30]), st.booleans(), few, few, few, st.sampled_from([0, 1, 7, 100])),
    min_size=1,
    max_size=6,
)


def sessions(sequence: Sequence[Batch]) -> list[int]:
    """The day on which each batch trades, after the one before."""
    found: list[int] = []
    for batch in sequence:
        found.append((found[-1] if found else START) + batch.days + batch.late)
    return found


def without_settling(sequence: Sequence[Batch]) -> list[Batch]:
    """The batches without accounts that another batch trades on the same session: they settle.  Source: product 3."""
    traded: dict[int, set[int]] = {}
    kept: list[Batch] = []
    for batch, day in zip(sequence, sessions(sequence), strict=True):
        settling = traded.setdefault(day, set())
        trades = {"sells": batch.sells, "buys": batch.buys, "again": batch.again}
        free: Any = {
            name: tuple(0 if account in settling else units for account, units in enumerate(of))
            for name, of in trades.items()
        }
        settling |= {account for account in range(3) if any(of[account] for of in trades.values())}
        kept.append(replace(batch, **free))
    return kept


def sold_again(lots: Sequence[Outside], sequence: Sequence[Batch]) -> list[dict[int, int]]:
    """Units of each lot of outside that each batch sells, by number of the lot.

    Units that disallow a loss leave last.  Lots of batches' buys are sold in no sequence: files give them other names.
    """
    left = [lot.units for lot in lots]
    found: list[dict[int, int]] = []
    for batch, today in zip(sequence, sessions(sequence), strict=True):
        wanted, sales = list(batch.again), dict[int, int]()
        for index, lot in sorted(enumerate(lots), key=lambda numbered: numbered[1].after):
            if START + lot.after + lot.shown <= today and (units := min(left[index], wanted[lot.account])):
                sales[index] = units
                left[index] -= units
                wanted[lot.account] -= units
        found.append(sales)
    return found


def listed(lots: Sequence[Outside], sequence: Sequence[Batch], number: int) -> list[Listed]:
    """Every lot and approved buy known at a batch: account, kind, lot, day, units, approvals that the lot shows."""
    days = sessions(sequence)
    today = days[number]
    again = sold_again(lots, sequence)
    found: list[Listed] = []
    for index, lot in enumerate(lots):
        of_account = [
            of for of in range(number)
            if days[of] + sequence[of].unseen > today and any(lots[sold].account == lot.account for sold in again[of])
        ]  # fmt: skip
        shown = min(of_account, default=number)
        units = lot.units - sum(again[of].get(index, 0) for of in range(shown))
        if units and START + lot.after + lot.shown <= today:
            found.append((lot.account, int(Bought.LOT), f"O{index}", START + lot.after, units, shown))
    for of in range(number):
        kind = Bought.APPROVED if days[of] == today else Bought.LOT
        name = f"B{of}" if kind == Bought.LOT else ""
        found += [
            (account, int(kind), name, days[of], units, None)
            for account, units in enumerate(sequence[of].buys)
            if units
        ]
    return found


def result(
    batch: Batch, known: Sequence[Listed], today: int, last_sale: int, again: Sequence[tuple[int, str, int]]
) -> Any:
    """The tables of one chunk with the three accounts, and their purchases as taxlot lists them.

    again: account, lot and units of lots bought lately that it sells.
    """
    after_sale = today - last_sale <= LOSS_DAYS
    slices: list[dict[str, Any]] = []
    buys: list[dict[str, Any]] = []
    purchases: list[dict[str, Any]] = []
    for owner, (sells, buys_units) in enumerate(zip(batch.sells, batch.buys, strict=True)):
        common = {"owner": owner, "security": "AAA", "logic": 0}
        if sells:
            slices.append(common | {"lot_id": f"OLD{today}", "sleeve_id": "S", "units": sells, "gain": -100 * sells})
        slices += [
            common | {"lot_id": lot, "sleeve_id": "S", "units": units, "gain": 0}
            for account, lot, units in again if account == owner
        ]  # fmt: skip
        if buys_units:
            buys.append(common | {"units": buys_units})
        if (sells and owner < 2) or (after_sale and (sells or buys_units)):
            first = today - (LISTED_DAYS if after_sale else WASH_DAYS)
            purchases += [
                {"owner": owner, "security": "AAA", "account_id": ACCOUNTS[account], "account_number": "",
                 "taxable": account < 2, "kind": kind, "lot_id": lot, "sleeve_id": "S" if lot else "", "units": units,
                 "bought": day, "logic": -1, "epoch": 2**31 - 1 if shown is None else shown}
                for account, kind, lot, day, units, shown in known if first <= day <= today + WASH_DAYS
            ]  # fmt: skip
    text: pa.DataType = pa.string()
    number: pa.DataType = pa.int64()
    of_slices: dict[str, pa.DataType] = {
        "owner": number, "security": text, "logic": number, "lot_id": text, "sleeve_id": text, "units": number,
        "gain": number,
    }  # fmt: skip
    of_buys: dict[str, pa.DataType] = {"owner": number, "security": text, "logic": number, "units": number}
    of_purchases: dict[str, pa.DataType] = {
        "owner": number, "security": text, "account_id": text, "account_number": text, "taxable": pa.bool_(),
        "kind": number, "lot_id": text, "sleeve_id": text, "units": number, "bought": number, "logic": number,
        "epoch": number,
    }  # fmt: skip
    columns = ((slices, of_slices), (buys, of_buys), (purchases, of_purchases))
    tables = [pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))) for rows, types in columns]
    return (*tables, pa.table({"count": pa.array([1] * 3, number)}))


def by_rule(lots: Sequence[Outside], sequence: Sequence[Batch]) -> list[Figures]:
    """What the product displays of each batch, and records of it."""
    displayed: list[Figures] = []
    sold: list[tuple[int, int, int, int]] = []  # batch, account, day, units
    uses: list[dict[str, Any]] = []
    rows: list[Any] = [
        SimpleNamespace(
            household="H", account_id=name, account_number=name, taxable=name != "IRA", enterprise_id="E1",
            advisor_id="D1",
        )
        for name in ACCOUNTS
    ]  # fmt: skip
    last_sale = START - 1_000
    again = [
        [(lots[index].account, f"O{index}", units) for index, units in sales.items()]
        for sales in sold_again(lots, sequence)
    ]
    for number, (batch, today) in enumerate(zip(sequence, sessions(sequence), strict=True)):
        used: dict[tuple[int, str], int] = {}
        for use in uses:
            key = (use["loss_batch_id"], use["loss_account_id"])
            used[key] = used.get(key, 0) + use["units"]
        losses = [
            ("H", "AAA", of, day, of + 1, ACCOUNTS[account], "", f"OLD{day}", "S", left, 100 * left)
            for of, account, day, units in sold
            if today - day <= LOSS_DAYS and (left := units - used.get((of, ACCOUNTS[account]), 0))
        ]
        units_used = [
            (
                "H",
                "AAA",
                use["bought_account_id"],
                use["kind"],
                use["lot_id"],
                (use["bought"] - EPOCH).days,
                use["units"],
            )
            for use in uses
            if (use["bought"] - EPOCH).days >= today - LISTED_DAYS
        ]
        sales = [
            ("AAA", ACCOUNTS[account], lot, "S", of + 1, units)
            for of in range(number) for account, lot, units in again[of]
        ]  # fmt: skip
        tables = [result(batch, listed(lots, sequence, number), today, last_sale, again[number])]
        found = washes_of(rows, tables, today, earlier_of(losses, units_used, [], sales)).to_pylist()
        texts = ("wash_cents", "wash_permanent_cents", "wash_earlier_cents", "wash_earlier_permanent_cents")
        own, own_permanent, earlier, permanent = (sum(int(row[name].strip("{}")) for row in found) for name in texts)
        displayed.append((own, own_permanent, earlier, permanent))
        approved: list[Any] = [
            SimpleNamespace(**vars(row), washes=shown["washes"], earlier_losses=shown["earlier_losses"])
            for row, shown in zip(rows, found, strict=True)
        ]
        traded_before = date.fromordinal(EPOCH.toordinal() + today - batch.late)
        of_batch: Any = SimpleNamespace(batch_id=number, logic=0, trade_date=traded_before)
        uses += uses_of(of_batch, EPOCH + timedelta(days=today), approved).to_pylist()
        sold += [(number, account, today, units) for account, units in enumerate(batch.sells[:2]) if units]
        last_sale = today if any(batch.sells) or again[number] else last_sale
    return displayed


def by_model(lots: Sequence[Outside], sequence: Sequence[Batch]) -> list[Figures]:
    """The same with single units bought and sold, each of which remembers whether its match was displayed."""
    bought: list[dict[str, Any]] = [
        {"day": START + lot.after, "from": START + lot.after + lot.shown, "account": lot.account, "lot": f"O{index}",
         "batch": None, "free": True}
        for index, lot in enumerate(lots) for _ in range(lot.units)
    ]  # fmt: skip
    losses: list[dict[str, Any]] = []
    displayed: list[Figures] = []
    again = sold_again(lots, sequence)
    for number, (batch, today) in enumerate(zip(sequence, sessions(sequence), strict=True)):
        for index, units in again[number].items():
            of_lot = sorted((unit for unit in bought if unit["lot"] == f"O{index}"), key=lambda unit: not unit["free"])
            for gone in of_lot[:units]:
                bought.remove(gone)
        for account in range(3):
            bought += [
                {"day": today, "from": today, "account": account, "lot": f"B{number}", "batch": number, "free": True}
                for _ in range(batch.buys[account])
            ]
            if account < 2:
                losses += [{"day": today, "batch": number, "open": True} for _ in range(batch.sells[account])]

        def order(unit: dict[str, Any], today: int = today, number: int = number) -> Any:
            is_ours = unit["batch"] is not None and unit["day"] == today
            kind = Bought.LOT if not is_ours else Bought.PROPOSED if unit["batch"] == number else Bought.APPROVED
            return unit["day"], int(kind), unit["account"], unit["lot"] if kind == Bought.LOT else ""

        known = sorted((unit for unit in bought if unit["free"] and unit["from"] <= today), key=order)
        figures = [0, 0, 0, 0]
        for loss in losses:
            if not loss["open"] or today - loss["day"] > LOSS_DAYS:
                continue
            unit = next((unit for unit in known if abs(unit["day"] - loss["day"]) <= WASH_DAYS), None)
            if unit is None:
                continue
            known.remove(unit)
            is_own = loss["batch"] == number
            if is_own or unit["batch"] == number:  # others' purchases of an earlier loss are no news of this batch
                assert unit["free"], "a unit disallows one loss"
                loss["open"] = unit["free"] = False
                at = 0 if is_own else 2
                figures[at] += 100
                figures[at + 1] += 100 if unit["account"] == 2 else 0
        displayed.append((figures[0], figures[1], figures[2], figures[3]))
    return displayed


@given(outside, batches)
@example([Outside(0, 2, 0, 2)], [Batch(0, False, (2, 0, 0), NONE), Batch(5, False, NONE, (0, 2, 0))])
@example([Outside(0, 2, 0, 2)], [Batch(0, True, (2, 0, 0), NONE), Batch(5, True, NONE, (0, 0, 2))])
@example([Outside(1, -11, 0, 10)], [Batch(0, False, NONE, NONE, (0, 10, 0)), Batch(0, False, (10, 0, 0), NONE)])
@example(
    [Outside(1, -11, 0, 10)],
    [
        Batch(0, False, NONE, NONE, (0, 3, 0)),
        Batch(7, False, NONE, NONE, (0, 3, 0), 0),
        Batch(1, False, (9, 0, 0), NONE),
    ],
)
@settings(max_examples=400, deadline=None)
def test_every_unit_disallows_at_most_one_loss_over_any_sequence_of_batches(
    lots: list[Outside], sequence: list[Batch]
) -> None:
    approved = without_settling(sequence)
    assert by_rule(lots, approved) == by_model(lots, approved)
