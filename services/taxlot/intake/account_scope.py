"""What a file may change: the accounts at its custodian that its sender's rights cover, found by number."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from services.taxlot.store.platform import KnownAccount


class Reach:
    """The accounts within reach of one file. A number may stand for several of them: then it is nobody's."""

    def __init__(self, accounts: Sequence[KnownAccount], data_date: date) -> None:
        self.accounts = accounts
        self._data_date = data_date
        self._by_number: defaultdict[str, list[KnownAccount]] = defaultdict(list)
        for account in accounts:
            self._by_number[account.account_number].append(account)

    def of_number(self, number: str) -> Sequence[KnownAccount]:
        """Return the accounts of a number: none when it is unknown, of somebody else, or no number at all."""
        return self._by_number.get(number, ())

    def is_newer(self, account: KnownAccount) -> bool:
        """Say whether what we have of the account is of a later date than the file: nothing goes back in time."""
        return account.as_of is not None and account.as_of > self._data_date

    def number_of(self) -> dict[str, str]:
        """Return the account number of each account id."""
        return {one.account_id: one.account_number for one in self.accounts}
