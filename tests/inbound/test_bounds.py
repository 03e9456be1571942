"""Every bound of an inbound event, just inside and just outside; a refusal names field, value and what is allowed."""

from typing import Any

import pytest

from shared.contracts import topics
from shared.contracts.platform import PricePoint, PricesPublished
from shared.contracts.topics import Topic
from shared.kafka.messages import BadMessage, decoder
from tests.inbound.events import ACCOUNT, MODEL, PART, PORTFOLIO, PRICES, SECURITY, SLEEVE, Body, message

BODIES = {
    topics.SECURITY.name: SECURITY,
    topics.PRICE.name: PRICES,
    topics.MODEL.name: MODEL,
    topics.PORTFOLIO.name: PORTFOLIO,
    topics.ACCOUNT.name: ACCOUNT,
}
PICK: Body = {"security_id": "AAA", "lot_id": "L 1", "units": "1"}
BAR: Body = {"security_id": "AAA", "kind": "DO_NOT_BUY"}
DIGITS, CONTROL = "should match pattern", "control characters are not allowed"

TAKEN: list[tuple[Topic, Body]] = [
    (topics.ACCOUNT, {"version": 2**53 - 1}),
    (topics.ACCOUNT, {"rebalancer_on_count": 10**9}),
    (topics.ACCOUNT, {"rebalancer_on_count": 0}),
    (topics.ACCOUNT, {"name": "Zoë O'Neil-Łukasz 明 \u00a0 x"}),
    (topics.ACCOUNT, {"name": "n" * 200}),
    (topics.ACCOUNT, {"account_number": "9" * 64}),
    (topics.ACCOUNT, {"last_rebalanced": "1970-01-01"}),
    (topics.ACCOUNT, {"last_rebalanced": "2099-12-31"}),
    (topics.ACCOUNT, {"cash_reserve": "9999999999999.99"}),
    (topics.ACCOUNT, {"threshold": "999.123456789"}),
    (topics.ACCOUNT, {"lot_picks": [PICK] * 1000}),
    (topics.ACCOUNT, {"restrictions": [BAR] * 1000}),
    (topics.SECURITY, {"lot_size": 1_000_000}),
    (topics.PRICE, {"price_set": 2**53 - 1}),
    (topics.PRICE, {"prices": []}),
    (topics.PRICE, {"prices": [0] * 1000}),
    (topics.MODEL, {"holdings": [PART, *[{**PART, "weight": "0"}] * 1999]}),
]

REFUSED: list[tuple[Topic, Body, str]] = [
    (topics.ACCOUNT, {"version": 0}, "version is 0: Input should be greater than or equal to 1"),
    (topics.ACCOUNT, {"version": 2**53}, "version is 9007199254740992: Input should be less than or equal to"),
    (topics.ACCOUNT, {"version": 2**70}, "version is "),
    (topics.ACCOUNT, {"version": "5"}, "version is '5': Input should be a valid integer"),
    (topics.ACCOUNT, {"version": True}, "version is True: Input should be a valid integer"),
    (topics.ACCOUNT, {"version": 5.0}, "version is 5.0: Input should be a valid integer"),
    (topics.ACCOUNT, {"rebalancer_on": 1}, "rebalancer_on is 1: Input should be a valid boolean"),
    (topics.ACCOUNT, {"rebalancer_on_count": 2**40}, "rebalancer_on_count is 1099511627776: Input should be less than"),
    (topics.ACCOUNT, {"rebalancer_on_count": -1}, "rebalancer_on_count is -1"),
    (topics.ACCOUNT, {"name": ""}, "name is ''"),
    (topics.ACCOUNT, {"name": "n" * 201}, "should have at most 200 characters"),
    (topics.ACCOUNT, {"name": "A\u0000nn"}, f"name is 'A\\x00nn': character 2 is U+0000: {CONTROL}"),
    (topics.ACCOUNT, {"name": "Ann\n"}, f"character 4 is U+000A: {CONTROL}"),
    (topics.ACCOUNT, {"name": "Ann\u0085"}, f"character 4 is U+0085: {CONTROL}"),
    (topics.ACCOUNT, {"name": "A\u2028nn"}, f"character 2 is U+2028: {CONTROL}"),
    (topics.ACCOUNT, {"name": "A\ud800nn"}, "Invalid JSON"),
    (topics.ACCOUNT, {"advisor_id": "V\u0000"}, f"advisor_id is 'V\\x00': String {DIGITS}"),
    (topics.ACCOUNT, {"account_id": "a1\n"}, DIGITS),
    (topics.ACCOUNT, {"account_number": "9" * 65}, "account_number"),
    (topics.ACCOUNT, {"custody": "JOINT"}, "custody is 'JOINT'"),
    (topics.ACCOUNT, {"last_rebalanced": "9999-12-31"}, "is '9999-12-31': a date is from 1970-01-01 to 2099-12-31"),
    (topics.ACCOUNT, {"last_rebalanced": "1969-12-31"}, "a date is from"),
    (topics.ACCOUNT, {"last_rebalanced": 20_000}, "last_rebalanced is 20000: a date is YYYY-MM-DD"),
    (topics.ACCOUNT, {"last_rebalanced": "2026-01-02T00:00:00"}, "a date is YYYY-MM-DD"),
    (topics.ACCOUNT, {"cash_reserve": "1.5"}, f"cash_reserve is '1.5': String {DIGITS}"),
    (topics.ACCOUNT, {"cash_reserve": "10000000000000.00"}, DIGITS),
    (topics.ACCOUNT, {"cash_reserve": "\u0661\u0662.\u0660\u0660"}, DIGITS),
    (topics.ACCOUNT, {"cash_reserve": 5}, "cash_reserve is 5: Input should be a valid string"),
    (topics.ACCOUNT, {"threshold": "0.1234567891"}, DIGITS),
    (topics.ACCOUNT, {"threshold": "\u0660"}, DIGITS),
    (topics.ACCOUNT, {"lot_picks": [PICK] * 1001}, "lot_picks: List should have at most 1000 items"),
    (topics.ACCOUNT, {"lot_picks": [PICK | {"lot_id": "L\t1"}]}, "lot_picks.0.lot_id is 'L\\t1': character 2"),
    (topics.ACCOUNT, {"lot_picks": [PICK | {"units": "1e9"}]}, DIGITS),
    (topics.ACCOUNT, {"restrictions": [BAR] * 1001}, "restrictions: List should have at most 1000 items"),
    (topics.SECURITY, {"lot_size": 1_000_001}, "lot_size is 1000001"),
    (topics.SECURITY, {"name": "A\u0000"}, CONTROL),
    (topics.SECURITY, {"version": 2**63}, "version"),
    (topics.PRICE, {"price_set": 2**62}, "price_set is 4611686018427387904: Input should be less than or equal to"),
    (topics.PRICE, {"price_set": 0}, "price_set is 0"),
    (topics.PRICE, {"as_of": "9999-12-31"}, "as_of is '9999-12-31': a date is from"),
    (topics.PRICE, {"prices": [{"security_id": "A", "price": "1"}] * 200_001}, "prices has 200001 entries, 200000"),
    (topics.PRICE, {"prices": [0] * 1001}, "prices has over 1000 entries that are none"),
    (topics.MODEL, {"holdings": [PART, *[{**PART, "weight": "0"}] * 2000]}, "holdings: List should have at most 2000"),
    (topics.MODEL, {"holdings": [{**PART, "weight": "0.9"}]}, "add up to 0.9, they must add up to 1"),
    (topics.MODEL, {"holdings": [{**PART, "weight": "2"}], "cash_weight": "-1"}, "a weight is negative"),
    (topics.PORTFOLIO, {"sleeves": [SLEEVE, *[SLEEVE | {"weight": "0"}] * 100]}, "sleeves: List should have at most"),
    (topics.PORTFOLIO, {"version": -1}, "version is -1"),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "change"), TAKEN)
def test_what_is_just_inside_is_taken(topic: Topic, change: Body) -> None:
    assert decoder(topic)(message(topic, BODIES[topic.name] | change)) is not None


@pytest.mark.parametrize(("topic", "change", "text"), REFUSED)
def test_what_is_just_outside_is_refused_with_field_value_and_limit(topic: Topic, change: Body, text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        decoder(topic)(message(topic, BODIES[topic.name] | change))
    assert refused.value.code == "invalid_event"
    assert text in refused.value.detail
    assert len(refused.value.detail) < 400
    assert refused.value.detail.isascii()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"security_id": "BBB", "price": 1.5}, "'BBB': price is 1.5: Input should be a valid string"),
        ({"security_id": "BBB", "price": "-1"}, "'BBB': price is '-1': String should match"),
        ({"security_id": "BBB"}, "'BBB': price: Field required"),
        ({"security_id": "B\u0000", "price": "1"}, "'B\\x00': security_id is 'B\\x00': String should match"),
        ({"price": "1"}, "None: security_id: Field required"),
        ("BBB", "the whole message is 'BBB'"),
        (None, "the whole message is None"),
    ],
)
def test_a_bad_price_puts_aside_that_price_never_its_set(entry: Any, problem: str) -> None:
    body = PRICES | {"prices": [entry, {"security_id": "AAA", "price": "1.1234567"}]}
    read = decoder(topics.PRICE)(message(topics.PRICE, body))
    assert isinstance(read, PricesPublished)
    assert read.prices == [PricePoint(security_id="AAA", price="1.1234567")]
    (unread,) = read.unread
    assert unread.startswith(problem)
    assert "unread" not in read.model_dump()
