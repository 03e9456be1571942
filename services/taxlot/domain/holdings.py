"""The stored lots of an account, and whether a proposal may rest on them.

Source: architecture "Request path".
"""

from dataclasses import dataclass
from typing import Any, Final

STALE_LOTS: Final = "STALE_LOTS"
DATA_HOLD: Final = "DATA_HOLD"
HoldingRow = tuple[Any, ...]
"""An account to publish: account, enterprise, advisor, lots_version, as_of, cash in cents, hold code, hold text, lots
document (None: no lots, or held), file id, when the file came."""


@dataclass(frozen=True)
class StoredHolding:
    """What is stored of one account; document None: no lots are stored, or the account is held."""

    lots_version: int
    hold_text: str | None
    document: bytes | None


def failure_of(account_id: str, facts_version: int, stored: StoredHolding | None) -> tuple[str | None, str | None]:
    """Return code and sentence of an account that cannot be proposed for, (None, None) for one that can.

    facts_version: the lots_version that the facts of the request rest on.
    """
    if stored is None:
        return STALE_LOTS, f"no custodial file has reported account {account_id} yet"
    if stored.hold_text is not None:
        return DATA_HOLD, stored.hold_text
    if stored.lots_version != facts_version or stored.document is None:
        newer = f"lots version {stored.lots_version} is newer than the facts' version {facts_version}"
        return STALE_LOTS, f"{newer}; the account is being analysed again, then propose once more"
    return None, None
