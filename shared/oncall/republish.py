"""`python -m services.<owner> republish ...`: what the owner stores is published again, in groups, with progress.

Safe beside running services: what goes out carries the versions it had, and whoever has them passes it over.
"""

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from shared.oncall.progress_bar import bar


@dataclass(frozen=True)
class Wanted:
    """What is to be published again. accounts: of these, empty: of all; enterprise: of this one, None: of every one."""

    kind: str
    enterprise: str | None = None
    accounts: list[str] = field(default_factory=list)
    public: bool = False

    @property
    def filters(self) -> dict[str, object]:
        """The parameters of FILTER."""
        return {"enterprise": self.enterprise, "accounts": self.accounts or None}


# For queries over accounts `a`, in order of id, after the last one of the group before.
FILTER = (
    "a.account_id > %(after)s AND (%(enterprise)s::text IS NULL OR a.enterprise_id = %(enterprise)s)"
    " AND (%(accounts)s::text[] IS NULL OR a.account_id = ANY(%(accounts)s))"
)


def parse(service: str, kinds: dict[str, str], arguments: Sequence[str], *, public: bool = False) -> Wanted:
    """Return what is asked for; kinds: what each word publishes.  Ends the process with 2 when it cannot be read."""
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service} republish", description="Publish again what the store holds."
    )
    commands = parser.add_subparsers(dest="kind", required=True)
    for kind, what in kinds.items():
        command = commands.add_parser(kind, help=what)
        command.add_argument("--every", action="store_true", help="of all accounts; without it say of which")
        command.add_argument("--enterprise", help="of the accounts of this enterprise")
        command.add_argument("--account", action="append", default=[], help="of this account; may be given again")
        if public:
            command.add_argument("--public", action="store_true", help="the public events too")
    asked = parser.parse_args(arguments)
    if not (asked.every or asked.enterprise or asked.account):
        parser.error("say of which accounts: --account, --enterprise, or --every")
    return Wanted(asked.kind, asked.enterprise, asked.account, public and asked.public)


async def report(wanted: Wanted, total: int, groups: AsyncIterator[int]) -> int:
    """Show the progress of groups as they are published, each a number of accounts; return 1 when there were none."""
    done = 0
    with bar(f"republish {wanted.kind}", "accounts") as progress:
        async for count in groups:
            done += count
            progress(done, total)
    print(f"{wanted.kind} of {done} accounts published again")
    if not done:
        print("the store holds none such", file=sys.stderr)
    return int(not done)
