"""Publishing again what an owner stores, in groups of accounts, with progress: `republish` of each owner.

Safe beside running services: messages carry the versions they had, and a consumer drops versions it already has.
"""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final, LiteralString

import typer

from shared.oncall.progress_bar import bar

Every = Annotated[bool, typer.Option("--every", help="Of all accounts; without it say of which.")]
Enterprise = Annotated[str | None, typer.Option("--enterprise", help="Of the accounts of this enterprise.")]
AccountOption = Annotated[list[str] | None, typer.Option("--account", help="Of this account; may be given again.")]
Public = Annotated[bool, typer.Option("--public", help="The public events too.")]

# For queries over accounts `a` in order of id, after the last account of the group before.
FILTER: Final[LiteralString] = (
    "a.account_id > %(after)s AND (%(enterprise)s::text IS NULL OR a.enterprise_id = %(enterprise)s)"
    " AND (%(accounts)s::text[] IS NULL OR a.account_id = ANY(%(accounts)s))"
)


@dataclass(frozen=True)
class RepublishRequest:
    """What to publish again.

    accounts: ids, empty: all accounts; enterprise: None: all enterprises; public: the public events too.
    """

    kind: str
    enterprise: str | None = None
    accounts: tuple[str, ...] = ()
    public: bool = False

    @property
    def filters(self) -> dict[str, object]:
        """The parameters of FILTER, except `after`."""
        return {"enterprise": self.enterprise, "accounts": list(self.accounts) or None}


def request(
    kind: str, every: bool, enterprise: str | None, accounts: list[str] | None, public: bool = False
) -> RepublishRequest:
    """Return the request that the options describe.  Raises BadParameter when they do not say of which accounts."""
    if not (every or enterprise or accounts):
        raise typer.BadParameter("say of which accounts: --account, --enterprise, or --every")
    return RepublishRequest(kind, enterprise, tuple(accounts or ()), public)


async def report(request: RepublishRequest, total: int, groups: AsyncIterator[int]) -> int:
    """Show the progress of groups as they are published, each a number of accounts; return 1 when there were none."""
    done = 0
    with bar(f"republish {request.kind}", "accounts") as progress:
        async for count in groups:
            done += count
            progress(done, total)
    print(f"{request.kind} of {done} accounts published again")
    if not done:
        print("the store holds none such", file=sys.stderr)
    return int(not done)
