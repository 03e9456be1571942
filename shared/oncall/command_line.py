"""The frame of `python -m services.<name>`: what the command lines of all services have in common.

Exit codes: 0 done, 1 it could not be done (the reason is on standard error), 2 arguments or settings are wrong.
Source: docs/on-call.md.
"""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from shared.runtime.version import VERSION

FORWARD: Final[dict[str, Any]] = {
    "allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": [],
}  # fmt: skip
"""Context settings of a command whose arguments belong to another typer app; see `forward`."""
_Settings = TypeVar("_Settings", bound=BaseSettings)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"rebalancer {VERSION}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
]
"""The parameter that gives the main command of an app the option --version."""


def _instant(given: str | datetime) -> datetime:
    """Return an instant in UTC.  Raises BadParameter when it is none or has no zone."""
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if found.tzinfo is None:
        raise typer.BadParameter("an instant needs its zone, e.g. 2026-01-02T15:04:05Z")
    return found.astimezone(UTC)


Instant = Annotated[
    datetime,
    typer.Option(
        "--since",
        parser=_instant,
        metavar="INSTANT",
        help="The moment restored to, or somewhat earlier; with its zone: 2026-01-02T15:04:05Z.",
    ),
]
"""The parameter that gives a command the option --since."""


def group(description: str) -> typer.Typer:
    """Return an app of several commands; errors and help are plain text, and a command must be named."""
    app = typer.Typer(help=description, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback()(_nothing)  # without a callback typer makes a group of one command that command
    return app


def build(service: str, description: str) -> typer.Typer:
    """Return the app of a service with the commands that every service has: `dlq`."""
    app = group(description)

    @app.command(context_settings=FORWARD)
    def dlq(context: typer.Context) -> None:
        """Dead letters: list, show, replay, suspects, skip, release."""
        from shared.oncall import dlq as commands

        forward(context, commands.app, commands.Source.of(service))

    return app


def forward(context: typer.Context, app: typer.Typer, target: object) -> None:
    """Hand the arguments of a command on to an app, whose commands find `target` as `context.obj`; does not return.

    The app is imported by the caller, so that a service loads the libraries of a command only for that command.
    """
    app(list(context.args), prog_name=context.command_path, obj=target)


def with_options(kind: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each field of a dataclass: the field's name, default and typer annotation.

    The command has one parameter of the dataclass, in whose position the options are listed.  So several commands share
    their options, and none has a parameter for each.  Raises ValueError if the command has no such parameter.
    """
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)]
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        parameters = list(signature.parameters.values())
        index = [parameter.annotation for parameter in parameters].index(kind)
        name = parameters[index].name

        @functools.wraps(command)
        def run(**given: Any) -> None:
            own = {option: given.pop(option) for option in names}
            command(**given, **{name: kind(**own)})

        parameters[index : index + 1] = options
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return run

    return decorate


def read_settings(kind: type[_Settings], **given: Any) -> _Settings:
    """Return settings from the environment; `given` goes before it.

    Raises Exit(2), after printing each variable that is wrong.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        for problem in error.errors():
            field = "".join(f"REBALANCER_{str(name).upper()}: " for name in problem["loc"][:1])
            print(f"{field}{problem['msg']}", file=sys.stderr)
        raise typer.Exit(2) from None


def _nothing() -> None:
    """Nothing is done before the command."""
