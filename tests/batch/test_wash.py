"""The wash-sale check of a batch: what is shown, when it is shown, and that it stays what it was at the decision."""

from datetime import date

import orjson
import pytest
from sqlalchemy import event

from shared.contracts.codes import Bought
from tests.batch import build
from tests.batch.harness import Harness, Json, User, bought, buying, figures, losing, reply, sold

pytestmark = pytest.mark.integration


async def proposed(harness: Harness, pat: User, **accounts: Json) -> Json:
    """A batch of these accounts with these results, pending approval."""
    await harness.queue(*accounts)
    batch = await pat.propose(*accounts)
    await reply(harness, batch["batch_id"], accounts)
    shown = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert shown["status"] == "PENDING_APPROVAL"
    return shown


async def test_what_remains_of_an_own_recent_lot_disallows_its_share(harness: Harness) -> None:
    """Six of the ten units bought on June 1 are sold again by this batch: 4 of 10 units, $100 x 4 / 10 = $40."""
    pat = harness.user()
    slices = [sold("L1", 10, -100), sold("A1-NEW", 6, 5, acquired=date(2026, 6, 1))]
    batch = await proposed(harness, pat, A1=losing(bought("A1", 10), slices=slices, household=None), A2={})
    assert await figures(pat, batch) == {"A1": ("40.00", "0.00"), "A2": ("0.00", "0.00")}
    totals = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts"))["totals"]
    assert (totals["wash_disallowed"], totals["wash_permanent"], totals["wash_unchecked"]) == ("40.00", "0.00", 0)
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    first, second = view["proposals"][0]["slices"]
    assert first["washes"] == [
        {"quantity": "4", "disallowed": "40.00", "permanent": False, "bought": "2026-06-01", "source": "LOT",
         "account_number": "00A1", "lot_id": "A1-NEW"}
    ]  # fmt: skip
    assert second["washes"] == []
    assert view["wash_note"].startswith("Checked for wash sales: ")
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A2"))["wash_note"].startswith("Nothing is sold")


async def test_an_ira_that_buys_in_the_same_batch_makes_the_loss_permanent_until_it_is_removed(
    harness: Harness,
) -> None:
    """Taxable A1 loses $100 on ten; an approved buy of A3 takes 2 ($20), the IRA's buy of today 5 of 8 left ($50)."""
    pat = harness.user()
    approved = bought("A3", 2, Bought.APPROVED, bought=date(2026, 6, 11))
    ira = buying(5, taxable=False)
    batch = await proposed(harness, pat, A1=losing(approved), A2=ira, A4=buying(5, household="H2"))
    assert await figures(pat, batch, f="wash_disallowed.gte.0.01") == {"A1": ("70.00", "50.00")}
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    washes = view["proposals"][0]["slices"][0]["washes"]
    assert [(wash["source"], wash["permanent"], wash["quantity"]) for wash in washes] == [
        ("APPROVED", False, "2"), ("PROPOSED", True, "5"),
    ]  # fmt: skip
    batch = await pat.remove(batch, "A2")
    assert (await figures(pat, batch))["A1"] == ("20.00", "0.00")
    batch = await pat.remove(batch, "A4")  # another household: nothing changes
    assert (await figures(pat, batch))["A1"] == ("20.00", "0.00")


async def test_losses_of_an_ira_are_not_checked(harness: Harness) -> None:
    pat = harness.user()
    ira = losing(bought("A1", 10), taxable=False, wash_accounts=None, purchases=None)
    batch = await proposed(harness, pat, A1=ira)
    assert await figures(pat, batch) == {"A1": ("0.00", "0.00")}
    note = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1"))["wash_note"]
    assert note.startswith("Not checked for wash sales: losses of this account are not taxed. Its buys were checked ")


async def test_each_logic_is_checked_by_its_own_trades(harness: Harness) -> None:
    """Best Fit sells at a loss and nobody buys; Min Transaction sells five at a loss of $50 and A2 buys one: $10."""
    pat = harness.user()
    slices = [sold("L1", 10, -100), sold("L1", 5, -50, logic=1)]
    batch = await proposed(harness, pat, A1=losing(slices=slices), A2=buying(1, logic=1))
    assert await figures(pat, batch) == {"A1": ("0.00", "0.00"), "A2": ("0.00", "0.00")}
    batch = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (await figures(pat, batch))["A1"] == ("10.00", "0.00")
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert [len(proposal["slices"][0]["washes"]) for proposal in view["proposals"]] == [0, 1]
    assert [proposal["row"]["wash_disallowed"] for proposal in view["proposals"]] == ["0.00", "10.00"]


async def test_two_accounts_that_tell_of_the_same_purchase_share_it(harness: Harness) -> None:
    """A3's lot of four units stands beside both: A1 comes first by account id and takes it all."""
    pat = harness.user()
    batch = await proposed(harness, pat, A1=losing(bought("A3", 4)), A2=losing(bought("A3", 4)))
    assert await figures(pat, batch) == {"A1": ("40.00", "0.00"), "A2": ("0.00", "0.00")}
    batch = await pat.remove(batch, "A1")
    assert (await figures(pat, batch))["A2"] == ("40.00", "0.00")


async def test_an_own_lot_is_named_by_its_number_whoever_tells_of_it(harness: Harness) -> None:
    """A2's recent lot stands without number beside A2 itself and with it beside A1."""
    pat = harness.user()
    own = bought("A2", 4, account_number="")
    batch = await proposed(harness, pat, A2=losing(own), A1=losing(bought("A2", 4)))
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    (wash,) = view["proposals"][0]["slices"][0]["washes"]
    assert (wash["account_number"], wash["disallowed"]) == ("00A2", "40.00")


async def test_nothing_is_claimed_before_every_result_is_in_and_while_some_are_proposed_again(harness: Harness) -> None:
    pat = harness.user()
    accounts = {"A1": losing(), "A2": buying(5)}
    await harness.queue(*accounts)
    batch = await pat.propose(*accounts)
    await reply(harness, batch["batch_id"], {"A1": accounts["A1"]})
    assert await figures(pat, batch) == {"A1": (None, None), "A2": (None, None)}
    note = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1"))["wash_note"]
    assert note == "Not checked for wash sales."
    totals = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts"))["totals"]
    assert (totals["wash_disallowed"], totals["wash_unchecked"]) == ("0.00", 1)
    await reply(harness, batch["batch_id"], {"A2": accounts["A2"]})
    assert (await figures(pat, batch))["A1"] == ("50.00", "0.00")
    await harness.flag(build.a_flag("A2", flag_version=2, lots_version=2))
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    batch = await pat.done(batch, "repropose", {})
    assert (await figures(pat, batch))["A1"] == (None, None)
    await reply(harness, batch["batch_id"], {"A2": buying(2, lots_version=2)})
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "PENDING_APPROVAL"
    assert (await figures(pat, batch))["A1"] == ("20.00", "0.00")


async def test_history_shows_what_was_decided_on_and_the_decision_holds_it(harness: Harness) -> None:
    pat = harness.user()
    batch = await proposed(harness, pat, A1=losing(bought("A3", 4)), A2=buying(1))
    path = f"/v1/batches/{batch['batch_id']}/accounts/A1"
    before = await pat.get(path)
    await pat.done(batch, "approve")
    after = await pat.get(path)
    assert after["account"]["wash_disallowed"] == "50.00"
    assert (after["proposals"][0]["slices"], after["wash_note"]) == (
        before["proposals"][0]["slices"],
        before["wash_note"],
    )
    (first, _) = orjson.loads(harness.decision(batch["batch_id"]))["accounts"]
    assert first["wash_cents"] == [5_000, 0]
    assert [wash["cents"] for wash in orjson.loads(first["washes"])] == [4_000, 1_000]


async def test_a_purchase_in_an_account_one_may_not_see_has_no_name(harness: Harness) -> None:
    """A9 of the same household belongs to another advisor: its units count, its number and lot are not told."""
    pat = harness.user()
    await harness.handlers.on_accounts([build.an_account("A9", advisor_id="D2")])
    batch = await proposed(harness, pat, A1=losing(bought("A9", 3)))
    path = f"/v1/batches/{batch['batch_id']}/accounts/A1"
    (mine,) = (await harness.user("Sam", advisors=["D1"]).get(path))["proposals"][0]["slices"][0]["washes"]
    assert (mine["account_number"], mine["lot_id"], mine["disallowed"]) == (None, None, "30.00")
    (all_,) = (await pat.get(path))["proposals"][0]["slices"][0]["washes"]
    assert (all_["account_number"], all_["lot_id"]) == ("00A9", "A9-NEW")


async def test_a_logic_that_failed_buys_nothing(harness: Harness) -> None:
    """A2's orders of Min Transaction are in the result although its lots did not fit: they are not made."""
    pat = harness.user()
    other = buying(5, logic=1)
    row = build.a_result(
        {"account_id": "A2", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
    )
    failed = [row["proposals"][0], row["proposals"][1] | {"failure_code": "LOTS_DO_NOT_FIT", "failure_text": "no"}]
    slices = [sold("L1", 5, -50, logic=1)]
    batch = await proposed(harness, pat, A1=losing(slices=slices), A2=other | {"proposals": failed})
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert [proposal["row"]["wash_disallowed"] for proposal in view["proposals"]] == ["0.00", "0.00"]


async def test_without_any_loss_no_result_is_read_again(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    statements: list[str] = []
    event.listen(
        harness.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    await harness.reply(batch["batch_id"])
    assert not [
        statement for statement in statements if "FROM result_chunk" in statement or "incoming_wash" in statement
    ]
    assert await figures(pat, batch) == {"A1": ("0.00", "0.00"), "A2": ("0.00", "0.00")}
