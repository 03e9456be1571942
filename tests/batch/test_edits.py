"""Edited trades: refused or computed again, marked, frozen with the decision, dropped with a warning.

Source: product 6 (edit); docs/decisions/0035-edited-trades.md.
"""

from typing import Any

import orjson
import pytest

from shared.contracts.codes import Reason
from tests.batch import build
from tests.batch.harness import Harness, Json, User

pytestmark = pytest.mark.integration
PATH = "accounts/A1/edits"


def an_edit(quantity: str = "4", note: str = "The client keeps the rest.", security: str = "AAA") -> Json:
    """Make the sell of ten AAA one of so many."""
    return {"trades": [{"security_id": security, "quantity": quantity}], "note": note}


def sells(units: int) -> Json:
    """What a result says of an account that sells so many of AAA under Best Fit, and five under Min Transaction."""
    return {
        "proposals": [build._proposal(0, units), build._proposal(1, 5)],
        "sleeve_trades": [
            build._trade(0, 0, -units, 0, Reason.TO_TARGET),
            build._trade(1, 0, -5, 0, Reason.TO_EDGE),
        ],
        "orders": [build._order(0, units, Reason.TO_TARGET), build._order(1, 5, Reason.TO_EDGE)],
        "slices": [build._slice(0, units, "A1"), build._slice(1, 5, "A1")],
        "taxes": [build._tax(0, units), build._tax(1, 5)],
        "transfers": None,
    }  # fmt: skip


async def compute(harness: Harness, batch: Json, units: int, **values: Any) -> None:
    """Reply to the newest request for edited accounts as the services would."""
    (row,), meta = harness.sent_chunks("work.edits")[-1]
    assert meta["batch_id"] == str(batch["batch_id"])
    made = build.a_result(row, **({"edits": row["edits"]} | sells(units) | values))
    await harness.handlers.on_results([build.results([made], batch["batch_id"], int(meta["attempt"]))])


async def edited(harness: Harness, pat: User, quantity: str = "4") -> Json:
    """A batch of A1 and A2, pending approval, with A1's sell of ten made another one."""
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    batch = await pat.done(batch, PATH, an_edit(quantity))
    await compute(harness, batch, int(quantity))
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


async def test_an_edited_account_is_computed_again_before_it_can_be_approved(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    before = await pat.pending("A1", "A2")
    batch = await pat.done(before, PATH, an_edit())
    assert (batch["version"], batch["status"], batch["counts"]["working"]) == (before["version"] + 1, "WORKING", 1)
    assert (await pat.do(batch, "approve")).json()["code"] == "batch_not_pending"
    ((row,), meta) = harness.sent_chunks("work.edits")[0]
    assert row["edits"] == [{"logic": 0, "security": 0, "quantity_micro": -4_000_000}]
    assert (meta["attempt"], row["price_set"], row["lots_version"], len(row["positions"])) == ("2", 1, 1, 3)
    await compute(harness, batch, 4)
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["long_term"], batch["logic"]) == ("PENDING_APPROVAL", "140.00", "BEST_FIT")
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="attention.eq.EDITED")
    assert [(found["account_id"], found["edited_by"], found["sells_value"]) for found in page["rows"]] == [
        ("A1", "Pat", "400.00")
    ]
    assert page["attention"]["edited"] == 1
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert view["edit"] == {
        "logic": "BEST_FIT", "by": "Pat", "at": "2026-06-12T14:00:00Z", "note": "The client keeps the rest.",
        "orders": [{"security_id": "AAA", "side": "SELL", "proposed": "10", "quantity": "4"}],
    }  # fmt: skip
    assert view["proposals"][0]["trades"][0]["sentence"].startswith("Its order was edited: sells from ")
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A2"))["edit"] is None
    await pat.done(batch, "approve")
    sent = {event["account_id"]: event["orders"][0]["quantity"] for event in harness.sent("rebalancer.orders.v1")}
    assert sent == {"A1": "4", "A2": "10"}


async def test_the_decision_holds_the_proposal_and_the_edit_with_who_and_why(harness: Harness) -> None:
    pat = harness.user()
    batch = await edited(harness, pat)
    ((proposed_in,),) = harness.sql("SELECT min(chunk_id) FROM result_chunk WHERE batch_id = %s", batch["batch_id"])
    await pat.done(batch, "approve")
    manifest = orjson.loads(harness.decision(batch["batch_id"]))
    of = {account["account_id"]: account["edit"] for account in manifest["accounts"]}
    assert of["A2"] is None
    assert orjson.loads(of["A1"]) == {
        "logic": 0, "by": "pat", "name": "Pat", "at": "2026-06-12T14:00:00Z", "note": "The client keeps the rest.",
        "version": batch["version"] - 1, "chunk_id": proposed_in, "row_no": 0,
        "orders": [{"security_id": "AAA", "proposed": -10_000_000, "quantity": -4_000_000}],
    }  # fmt: skip
    assert str(proposed_in) in manifest["answers"]
    assert (await pat.ask("POST", "/v1/history/check", json={"enterprise_id": "E1"})).json()["findings"] == []
    with pytest.raises(Exception, match="cannot be changed"):
        harness.sql("UPDATE batch_account SET edit = NULL WHERE batch_id = %s RETURNING 1", batch["batch_id"])


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (an_edit("61"), "edit_refused", "Selling 61 AAA is more than the 60 that the account can sell"),
        (an_edit("4.5"), "edit_refused", "AAA trades in whole units, and 4.5 is none of them"),
        (an_edit("10"), "edit_refused", "These are the proposed quantities"),
        (an_edit(security="BBB"), "edit_refused", "No trade of BBB is proposed"),
        (an_edit(note=" "), "note_missing", "Say why you edit these trades"),
    ],
)
async def test_what_cannot_be_edited_is_refused_in_words_and_changes_nothing(
    harness: Harness, body: Json, code: str, detail: str
) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    refused = await pat.do(batch, PATH, body)
    assert refused.json()["code"] == code
    assert refused.json()["detail"].startswith(detail)
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["version"] == batch["version"]
    assert not harness.sent_chunks("work.edits")


async def test_others_and_those_who_see_an_older_version_cannot_edit(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    assert (await harness.user("Vic", roles=["viewer", "approver"]).do(batch, PATH, an_edit())).status_code == 403
    assert (await harness.user("Oz", enterprises=["E2"]).do(batch, PATH, an_edit())).status_code == 404
    assert (await pat.do(batch, "accounts/A9/edits", an_edit())).status_code == 404
    assert (await pat.do(batch, PATH, an_edit(), version=batch["version"] - 1)).status_code == 412
    batch = await pat.remove(batch, "A1")
    assert (await pat.do(batch, PATH, an_edit())).json()["code"] == "not_editable"


async def test_a_stale_proposal_cannot_be_edited_and_proposing_again_drops_the_edit(harness: Harness) -> None:
    pat = harness.user()
    batch = await edited(harness, pat)
    await harness.flag(build.a_flag("A1", flag_version=2, lots_version=2))
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (await pat.do(batch, PATH, an_edit("3"))).json()["code"] == "not_editable"
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.STALE")
    assert page["rows"][0]["result"].endswith(" Its edited trades are dropped when it is proposed again.")
    batch = await pat.done(batch, "repropose", {})
    rows, attempt = harness.requested(batch["batch_id"])[-1]
    await harness.handlers.on_results([harness.results_for(rows, batch["batch_id"], attempt, lots_version=2)])
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert (view["edit"], view["account"]["sells_value"]) == (None, "1000.00")


async def test_an_edit_replaces_the_one_before_and_the_proposed_quantity_drops_it(harness: Harness) -> None:
    pat = harness.user()
    batch = await edited(harness, pat)
    batch = await pat.done(batch, PATH, an_edit("7", note="Seven after all."))
    await compute(harness, batch, 7)
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    edit = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1"))["edit"]
    (order,) = edit["orders"]
    assert (edit["note"], order["proposed"], order["quantity"]) == ("Seven after all.", "10", "7")
    batch = await pat.done(batch, PATH, an_edit("10"))
    await harness.reply(batch["batch_id"])
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert (view["batch"]["status"], view["edit"], view["account"]["sells_value"]) == (
        "PENDING_APPROVAL", None, "1000.00",
    )  # fmt: skip


async def test_another_logic_says_how_many_edits_it_drops_before_it_does(harness: Harness) -> None:
    pat = harness.user()
    batch = await edited(harness, pat)
    refused = (await pat.do(batch, "logic", {"logic": "MIN_TRANSACTION"})).json()
    assert (refused["code"], refused["count"]) == ("edits_dropped", 1)
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1"))["edit"] is not None
    batch = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION", "drop_edits": True})
    assert (batch["status"], batch["logic"], batch["counts"]["working"]) == ("WORKING", "MIN_TRANSACTION", 1)
    await harness.reply(batch["batch_id"])
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert (view["batch"]["status"], view["edit"], view["account"]["sells"]) == ("PENDING_APPROVAL", None, 1)


async def test_a_result_that_knows_no_edits_is_not_taken_and_the_request_is_sent_again(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.done(await pat.pending("A1"), PATH, an_edit())
    await compute(harness, batch, 10, edits=None)
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "WORKING"
    harness.clock.forward(seconds=harness.settings.answer_within_s + 1)
    await harness.sweeps.send_again()
    sent = harness.sent_chunks("work.edits")
    assert [meta["attempt"] for _, meta in sent] == ["2", "3"]
    assert sent[0][0] == sent[1][0]
    await compute(harness, batch, 4)
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "PENDING_APPROVAL"


async def test_an_edited_account_that_is_removed_and_put_back_keeps_its_edit(harness: Harness) -> None:
    pat = harness.user()
    batch = await edited(harness, pat)
    batch = await pat.remove(batch, "A1")
    body = {"selection": {"kind": "ids", "ids": ["A1"]}, "expected_count": 1}
    batch = await pat.done(batch, "removals/undo", body)
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert (view["edit"]["orders"][0]["quantity"], view["account"]["sells_value"]) == ("4", "400.00")


async def test_an_edited_account_that_is_removed_does_not_come_back_under_another_logic(harness: Harness) -> None:
    pat = harness.user()
    batch = await pat.remove(await edited(harness, pat), "A1")
    batch = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    body = {"selection": {"kind": "ids", "ids": ["A1"]}, "expected_count": 1}
    refused = (await pat.do(batch, "removals/undo", body)).json()
    assert refused["code"] == "undo_barred"
    assert "1 account: its trades were edited under another trade logic" in refused["detail"]
    batch = await pat.done(batch, "logic", {"logic": "BEST_FIT"})
    assert (await pat.done(batch, "removals/undo", body))["counts"]["proposed"] == 2
