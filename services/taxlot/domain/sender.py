"""The rights a file acts on (those of its sender, or of the custodian's own feed) and the accounts it may change.

Source: architecture "Tenancy".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True)
class Sender:
    """subject: who sent the file; None: the custodian's feed (inbox or command).

    enterprises and advisors: those whose accounts at the custodian the file may change; None: all.
    """

    subject: str | None
    enterprises: tuple[str, ...] | None
    advisors: tuple[str, ...] | None

    @property
    def rights(self) -> str:
        """A text that is equal for equal rights: the same bytes sent with other rights are another file."""
        if self.subject is None:
            return ""
        return "|".join(
            "*" if names is None else ",".join(sorted(names)) for names in (self.enterprises, self.advisors)
        )


FEED: Final = Sender(None, None, None)
NOBODY: Final = Sender("", (), ())


def with_feed_scope(sender: Sender, custodian: str, feeds: Mapping[str, tuple[str, ...]]) -> Sender:
    """Return the sender, a feed limited to the enterprises that the settings name for its custodian (default: all)."""
    if sender.subject is not None:
        return sender
    return Sender(None, feeds.get(custodian), None)


@dataclass(frozen=True)
class KnownAccount:
    """An account at a custodian.

    owner: its enterprise and advisor.  as_of: date of its last good file, None before the first.  content: digest of
    its stored lots and cash, None if none are stored or it is held.  own_roles: what it says of single securities,
    numbers of HoldingRole by security id.
    """

    account_id: str
    account_number: str
    apm_sleeve_id: str
    owner: tuple[str, str]
    as_of: date | None
    content: bytes | None
    own_roles: Mapping[str, int] | None = None


class AccountScope:
    """The accounts that one file may change.  A number that several of them have identifies none of them.

    later: accounts that it does not change although their last good file is not of a later date.
    """

    def __init__(self, accounts: Sequence[KnownAccount], data_date: date) -> None:
        self.accounts = accounts
        self._data_date = data_date
        self.later: frozenset[str] = frozenset()
        self._by_number: defaultdict[str, list[KnownAccount]] = defaultdict(list)
        for account in accounts:
            self._by_number[account.account_number].append(account)

    def of_number(self, number: str) -> Sequence[KnownAccount]:
        """Return the accounts of a number: none if it is unknown, another sender's, or no number at all."""
        return self._by_number.get(number, ())

    def own_roles(self) -> dict[str, Mapping[str, int]]:
        """Return what accounts say of single securities, by account number; a number of several accounts has none."""
        return {
            number: accounts[0].own_roles
            for number, accounts in self._by_number.items()
            if len(accounts) == 1 and accounts[0].own_roles
        }

    def is_newer(self, account: KnownAccount) -> bool:
        """Say whether the account has newer data than this file: a good file of a later date, or it is `later`."""
        if account.account_id in self.later:
            return True
        return account.as_of is not None and account.as_of > self._data_date

    def numbers(self) -> dict[str, str]:
        """Return the account number of each account id."""
        return {account.account_id: account.account_number for account in self.accounts}
