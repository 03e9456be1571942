"""An order that was proposed of an account, as lists of trades hold it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProposedOrder:
    """An order of one account.  quantity_micro: above zero buys; reason: a code of `Reason`."""

    security_id: str
    quantity_micro: int
    price_micro: int
    value_cents: int
    reason: int
