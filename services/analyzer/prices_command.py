"""`python -m services.analyzer prices list | show | accept | reject | withdraw | tell`: price sets, by hand."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from services.analyzer.operations import price_sets as pricing
from services.analyzer.operations.price_sets import CannotDecide
from services.analyzer.settings import Settings
from services.analyzer.store import price_sets, runs, withdrawals
from services.analyzer.store.database import Database, Session
from services.analyzer.store.price_sets import SetView, Status
from shared.fixed_point.text import text_of
from shared.postgres.commits import until_known_now
from shared.runtime.clock import Clock, clock_of

_STATUS: Final[dict[str, Status]] = {"accept": "ACCEPTED", "reject": "REJECTED", "withdraw": "WITHDRAWN"}
_HELP: Final = {
    "accept": "let a set count that was put aside, rejected or withdrawn; or single prices of it",
    "reject": "turn a set down that was put aside",
    "withdraw": "take an accepted set back: the one accepted before it counts again",
}

_WITHDRAWN: Final = (
    "once the sweeper has told batch, proposals made on it cannot be approved any more; approvals made before stand:"
    " `python -m services.batch withdrawn` lists them"
)


def run(settings: Settings, words: Sequence[str]) -> int:
    """Do what the words say; return the exit status: 0 done, 1 it cannot be done, 2 not understood.

    Raises CommitUnknown when it is not known whether it was done; given again it is done once.
    """
    try:
        asked = _parser().parse_args(words)
    except SystemExit as end:
        return int(end.code or 0)
    clock = clock_of(settings.clock_file)
    with Database(settings.database_url, size=1) as database:

        def done() -> Iterable[str]:
            with database.session() as session:
                return _answer(session, settings, clock, asked)

        try:
            lines = until_known_now(done)
        except CannotDecide as error:
            print(error, file=sys.stderr)
            return 1
    print("\n".join(lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.analyzer prices", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listed = commands.add_parser("list", help="the newest price sets and what became of each")
    listed.add_argument("--limit", type=int, default=20, help="so many at most (20)")
    commands.add_parser("tell", help="tell batch again which sets were withdrawn, as every daily analysis does")
    shown = commands.add_parser("show", help="one set: why it waits, which prices wait, who decided what")
    shown.add_argument("price_set", type=int)
    for name, text in _HELP.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("price_set", type=int)
        command.add_argument("--by", required=True, help="who decides")
        command.add_argument("--reason", required=True, help="why; it is kept")
        if name == "accept":
            command.add_argument(
                "--security", action="append", default=[], help="of an accepted set: only this price that waits"
            )
    return parser


def _answer(session: Session, settings: Settings, clock: Clock, asked: argparse.Namespace) -> Iterable[str]:
    if asked.command == "list":
        _, number = price_sets.in_force(session)
        return [_line(one, number) for one in price_sets.views(session, limit=asked.limit)] or ["there is none"]
    if asked.command == "show":
        return _shown(session, asked.price_set)
    if asked.command == "tell":
        return [f"{withdrawals.tell_again(session)} price sets that were withdrawn once are told of by the sweeper"]
    if getattr(asked, "security", None):
        opened = pricing.accept_prices(
            session, clock, settings, asked.price_set, asked.security, asked.by, asked.reason
        )
    else:
        opened = pricing.decide(
            session, clock, settings, asked.price_set, _STATUS[asked.command], asked.by, asked.reason
        )
    _, number = price_sets.in_force(session)
    told = [f"price set {asked.price_set}: {asked.command} is done; in force is {number or 'none'}"]
    if asked.command == "withdraw":
        told.append(_WITHDRAWN)
    run = None if opened is None else runs.get(session, opened)
    return told if run is None else [*told, f"all accounts are evaluated again: run {run.run_id}"]


def _line(one: SetView, in_force: int | None) -> str:
    mark = ", in force" if one.price_set == in_force else ""
    waits = f", {len(one.withheld)} prices wait" if one.withheld else ""
    why = f": {'; '.join(one.reasons)}" if one.status == "HELD" else ""
    return f"{one.price_set} of {one.as_of}: {one.status}{mark}, {one.priced} prices{waits}{why}"


def _shown(session: Session, price_set: int) -> list[str]:
    found = price_sets.views(session, price_set)
    if not found:
        raise CannotDecide(f"there is no price set {price_set}; `prices list` shows those there are")
    (one,) = found
    lines = [_line(one, price_sets.in_force(session)[1])]
    lines += [f"  looked at: {reason}" for reason in one.reasons]
    lines += [
        f"  waits: {name}, {text_of(price, 6, trim=True)} after {text_of(last, 6, trim=True)}"
        for name, price, last in one.withheld
    ]
    lines += [f"  note: {note}" for note in one.notes]
    lines += [
        f"  {did.decided_at.isoformat(timespec='seconds')} {did.decision}"
        f"{f' {did.security_id}' if did.security_id else ''} by {did.actor}: {did.reason}"
        for did in price_sets.decisions(session, price_set)
    ]
    return lines
