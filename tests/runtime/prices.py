"""The message that tests of consumption send: small, and of a topic with one partition."""

from datetime import date

from shared.contracts import topics
from shared.contracts.platform import PricesPublished
from shared.messages import Outgoing


def price_set(number: int) -> Outgoing:
    """Return the message of a price set without prices."""
    told = PricesPublished(price_set=number, as_of=date(2026, 1, 2), prices=[]).model_dump_json().encode()
    return Outgoing(topics.PRICE.name, b"1", told, {})
