"""Sample users of the local stack: who may sign in here, and what the gateway's table should grant them.

The issuer says only who somebody is; `entitlements()` is what the gateway is seeded with.
"""

import hmac
from dataclasses import dataclass
from typing import Final

from shared.contracts.principal import Principal


@dataclass(frozen=True)
class User:
    """A sample user: the name to sign in with, a password that protects nothing, and a sentence on what they may do."""

    login: str
    word: str
    name: str
    may: str

    @property
    def subject(self) -> str:
        """Identity in tokens and in the gateway's table."""
        return f"sample-{self.login}"

    @property
    def email(self) -> str:
        """Address in tokens; the domain is reserved and reaches nobody."""
        return f"{self.login}@example.test"


USERS: Final = (
    User(
        "ops",
        "rebalance-ops",
        "Olivia Operations",
        "operations at Northgate Wealth: propose, approve, load files, all advisors",
    ),
    User("approver", "rebalance-approver", "Arthur Approver", "approves and cancels at Northgate Wealth, all advisors"),
    User(
        "advisor", "rebalance-advisor", "Anna Advisor", "proposes for the accounts of one advisor at Northgate Wealth"
    ),
    User("auditor", "rebalance-auditor", "August Auditor", "reads everything at all enterprises, changes nothing"),
    User("sre", "rebalance-sre", "Selma Reliability", "sees the operations page /ops, and no account"),
    User("ops2", "rebalance-ops2", "Oscar Operations", "operations at Harbor Advisors: propose, approve, load files"),
)


def entitlements() -> list[Principal]:
    """Return what each user may see and do: subject, name, roles, enterprises, advisors (None: all of them)."""
    grants: dict[str, dict[str, object]] = {
        "ops": {"roles": ["viewer", "trader", "approver", "operator"], "enterprises": ["E1"]},
        "approver": {"roles": ["viewer", "approver"], "enterprises": ["E1"]},
        "advisor": {"roles": ["viewer", "trader"], "enterprises": ["E1"], "advisors": ["E1-ADV1"]},
        "auditor": {"roles": ["auditor"], "enterprises": ["E1", "E2", "E3"]},
        "sre": {"roles": ["admin"], "enterprises": []},
        "ops2": {"roles": ["viewer", "trader", "approver", "operator"], "enterprises": ["E2"]},
    }
    return [
        Principal.model_validate({"subject": user.subject, "name": user.name, **grants[user.login]}) for user in USERS
    ]


def user_of(login: str, word: str) -> User | None:
    """Return the user with this name (or address) and password, else None."""
    wanted = login.strip().lower()
    for user in USERS:
        if wanted in (user.login, user.email) and hmac.compare_digest(user.word.encode(), word.encode()):
            return user
    return None
