"""Who asks: the principal that the gateway signs and every service verifies.

Source: product 1, architecture "Tenancy".
"""

from typing import Literal

from shared.contracts.types import Identity, OutboundModel

RoleName = Literal["viewer", "trader", "approver", "operator", "admin", "auditor"]


class Principal(OutboundModel):
    """Who asks, as the gateway vouches for it: entitlements come from our tables, never from the browser."""

    subject: str
    name: str
    roles: list[RoleName]  # operator: loads files and starts analyses
    enterprises: list[Identity]
    advisors: list[Identity] | None = None  # None: all advisors of these enterprises
