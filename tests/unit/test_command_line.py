"""Options that commands share are the fields of one dataclass."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from shared.oncall import command_line
from tests.commands import run

pytestmark = pytest.mark.fast


@dataclass(frozen=True)
class Wanted:
    code: Annotated[str | None, typer.Option(help="Of this code.")] = None
    most: Annotated[int, typer.Option(help="So many at most.")] = 20


def app() -> tuple[typer.Typer, list[object]]:
    """Return an app with one command of shared options and one of its own, and what the command was given."""
    group, given = command_line.group("A test."), list[object]()

    @group.command()
    @command_line.with_options(Wanted)
    def look(context: typer.Context, wanted: Wanted, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Look."""
        given.extend((context.obj, wanted, loud))

    return group, given


def test_the_fields_of_the_dataclass_are_options_of_the_command() -> None:
    group, given = app()
    assert run(group, "target", "look", "--code", "x", "--loud", "--most", "3") == 0
    assert given == ["target", Wanted("x", 3), True]


def test_an_option_that_is_not_given_has_the_default_of_its_field() -> None:
    group, given = app()
    assert run(group, "target", "look") == 0
    assert given == ["target", Wanted(), False]


def test_the_help_lists_them_in_the_parameters_position(capsys: pytest.CaptureFixture[str]) -> None:
    run(app()[0], "target", "look", "--help")
    shown = capsys.readouterr().out
    assert [option for option in shown.split() if option.startswith("--")] == ["--code", "--most", "--loud", "--help"]
    assert "Of this code." in shown


def test_a_command_without_the_parameter_is_a_mistake() -> None:
    def look(context: typer.Context) -> None:
        """Look."""

    with pytest.raises(ValueError, match="not in list"):
        command_line.with_options(Wanted)(look)
