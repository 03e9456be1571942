"""Accounts of a tax household and what approvals bought for them: the facts of the wash-sale check.

Source: product 5, "Wash-sale check".
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from shared.rules.relief.lots import Ints


class Member(NamedTuple):
    """An account of a household.

    is_seen: it has good lots and is not on hold.  document: its last good lots.  epoch: of its newest approval whose
    trades these lots show.  None of these is read for an account that is alone in its household: it is checked on the
    lots of its own proposal.
    """

    account_id: str
    account_number: str
    enterprise_id: str
    household_id: str
    taxable: bool
    is_seen: bool
    document: bytes | None
    epoch: int = 0


class ApprovedBuy(NamedTuple):
    """Micro-units of a security bought on the market by an approval that no good file has shown yet."""

    account_id: str
    security_id: str
    trade_date: date
    units: int


class ApprovedSales(NamedTuple):
    """Columns: that an approval of the account sold the security on the market, at a gain or a loss.

    trade_day: days since 1970-01-01.
    """

    account_id: Sequence[str]
    security_id: Sequence[str]
    trade_day: Ints


NO_SALES: Final = ApprovedSales([], [], np.zeros(0, np.int64))


class HouseholdFacts(NamedTuple):
    """All members of some households, the approved buys of these members, and approved sales, of others too."""

    members: Sequence[Member]
    approved: Sequence[ApprovedBuy]
    sold: ApprovedSales = NO_SALES
