"""`python -m services.analyzer prices list | show | accept | reject | withdraw | tell`: price sets, by hand.

Each command is one transaction; given again after a lost answer to its COMMIT it is done once.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Final

import typer

from services.analyzer.operations import price_sets as pricing
from services.analyzer.operations.price_sets import CannotDecide
from services.analyzer.settings import Settings
from services.analyzer.store import price_sets, runs, withdrawals
from services.analyzer.store.database import Database, Session
from services.analyzer.store.price_sets import PriceSetStatus, PriceSetView
from shared.fixed_point.text import text_of
from shared.oncall import command_line, outages
from shared.postgres.commits import until_known_now
from shared.runtime.clock import clock_of

app = command_line.group("Price sets, by hand.")
PriceSetArgument = Annotated[int, typer.Argument(metavar="PRICE_SET", help="Its number, as `prices list` shows it.")]
ByOption = Annotated[str, typer.Option(help="Who decides.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept.")]
_WITHDRAWN: Final = (
    "once the sweeper has told batch, proposals made on it cannot be approved any more; approvals made before stand:"
    " `python -m services.batch withdrawn` lists them"
)


@app.command("list")
def list_sets(context: typer.Context, limit: Annotated[int, typer.Option(help="So many at most.")] = 20) -> None:
    """Print the newest price sets and what was decided of each."""

    def lines(session: Session) -> Iterable[str]:
        _, number = price_sets.in_force(session)
        return [_line(view, number) for view in price_sets.views(session, limit=limit)] or ["there is none"]

    _print(context.obj, lines)


@app.command()
def show(context: typer.Context, price_set: PriceSetArgument) -> None:
    """Print one set: why it waits, which prices wait, who decided what."""
    _print(context.obj, lambda session: _shown(session, price_set))


@app.command()
def tell(context: typer.Context) -> None:
    """Have batch told again which sets were withdrawn, as every daily analysis does."""

    def lines(session: Session) -> Iterable[str]:
        count = withdrawals.publish_again(session)
        return [f"{count} price sets that were withdrawn once are published again by the sweeper"]

    _print(context.obj, lines)


@app.command()
def accept(
    context: typer.Context,
    price_set: PriceSetArgument,
    by: ByOption,
    reason: ReasonOption,
    security: Annotated[
        list[str] | None, typer.Option(help="Of an accepted set: only this price that waits; may be given again.")
    ] = None,
) -> None:
    """Let a set count that was put aside, rejected or withdrawn; or single prices of it."""
    settings: Settings = context.obj
    if not security:
        _decide(settings, "accept", price_set, "ACCEPTED", by, reason)
        return
    securities, clock = security, clock_of(settings.clock_file)

    def lines(session: Session) -> Iterable[str]:
        opened = pricing.accept_prices(session, clock, settings, price_set, securities, by, reason)
        return _done(session, "accept", price_set, opened)

    _print(settings, lines)


@app.command()
def reject(context: typer.Context, price_set: PriceSetArgument, by: ByOption, reason: ReasonOption) -> None:
    """Turn a set down that was put aside."""
    _decide(context.obj, "reject", price_set, "REJECTED", by, reason)


@app.command()
def withdraw(context: typer.Context, price_set: PriceSetArgument, by: ByOption, reason: ReasonOption) -> None:
    """Take an accepted set back: the one accepted before it counts again."""
    _decide(context.obj, "withdraw", price_set, "WITHDRAWN", by, reason)


def _decide(settings: Settings, command: str, price_set: int, status: PriceSetStatus, by: str, reason: str) -> None:
    """Give a set a status, open the analysis that follows from it, and print both."""
    clock = clock_of(settings.clock_file)

    def lines(session: Session) -> Iterable[str]:
        opened = pricing.decide(session, clock, settings, price_set, status, by, reason)
        return _done(session, command, price_set, opened)

    _print(settings, lines)


def _done(session: Session, command: str, price_set: int, opened: int | None) -> list[str]:
    """Return what a decision has led to.  opened: the number of the analysis it opened."""
    _, number = price_sets.in_force(session)
    lines = [f"price set {price_set}: {command} is done; in force is {number or 'none'}"]
    if command == "withdraw":
        lines.append(_WITHDRAWN)
    run = None if opened is None else runs.get(session, opened)
    return lines if run is None else [*lines, f"all accounts are evaluated again: run {run.run_id}"]


def _print(settings: Settings, lines_of: Callable[[Session], Iterable[str]]) -> None:
    """Do the work of a command in one transaction and print its lines.

    Raises typer.Exit with 1 if the command cannot be done.
    """
    with outages.reported(), Database(settings.database_url, size=1) as database:

        def work() -> Iterable[str]:
            with database.session() as session:
                return lines_of(session)

        try:
            lines = until_known_now(work)
        except CannotDecide as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
    print("\n".join(lines))


def _line(view: PriceSetView, in_force: int | None) -> str:
    mark = ", in force" if view.price_set == in_force else ""
    waits = f", {len(view.withheld)} prices wait" if view.withheld else ""
    why = f": {'; '.join(view.reasons)}" if view.status == "HELD" else ""
    return f"{view.price_set} of {view.as_of}: {view.status}{mark}, {view.priced} prices{waits}{why}"


def _shown(session: Session, price_set: int) -> list[str]:
    """Return the lines about a price set.  Raises CannotDecide if there is no such set."""
    found = price_sets.views(session, price_set)
    if not found:
        raise CannotDecide(f"there is no price set {price_set}; `prices list` shows those there are")
    (view,) = found
    lines = [_line(view, price_sets.in_force(session)[1])]
    lines += [f"  looked at: {reason}" for reason in view.reasons]
    lines += [
        f"  waits: {name}, {text_of(price, 6, trim=True)} after {text_of(last, 6, trim=True)}"
        for name, price, last in view.withheld
    ]
    lines += [f"  note: {note}" for note in view.notes]
    lines += [
        f"  {did.decided_at.isoformat(timespec='seconds')} {did.decision}"
        f"{f' {did.security_id}' if did.security_id else ''} by {did.actor}: {did.reason}"
        for did in price_sets.decisions(session, price_set)
    ]
    return lines
