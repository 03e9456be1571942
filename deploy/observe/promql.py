"""Which series and labels a PromQL expression names: enough of its grammar to compare it with the catalogue."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<text>"[^"]*"|'[^']*')|(?P<window>\[[^\]]*\])|(?P<number>\b[0-9][\w.]*)|(?P<name>[a-zA-Z_:][\w:]*)"""
    r"""|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^(){},=<>])|(?P<space>\s+)""",
)
_GROUPING: Final = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS: Final = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


class UnknownSyntax(ValueError):
    """The expression has a character that this reader does not know."""


@dataclass(frozen=True)
class Named:
    """What an expression names.

    series: each selected series with the labels its matchers name, in order; grouped: labels in `by (...)` and others.
    """

    series: tuple[tuple[str, frozenset[str]], ...]
    grouped: frozenset[str]


def names(expression: str) -> Named:
    """Return the series and labels that an expression names.  Raises UnknownSyntax."""
    tokens = list(_tokens(expression))
    series: list[tuple[str, frozenset[str]]] = []
    grouped: set[str] = set()
    index = 0
    while index < len(tokens):
        kind, token = tokens[index]
        following = tokens[index + 1][1] if index + 1 < len(tokens) else ""
        if kind != "name" or token.lower() in _WORDS:
            index += 1
        elif token in _GROUPING:
            inside, index = _until(tokens, index + 1, "(", ")")
            grouped |= {name for what, name in inside if what == "name"}
        elif following == "{":
            inside, index = _until(tokens, index + 1, "{", "}")
            series.append((token, frozenset(name for what, name in inside if what == "name")))
        elif following == "(" or following in _GROUPING:  # a function or an aggregation
            index += 1
        else:
            series.append((token, frozenset()))
            index += 1
    return Named(tuple(series), frozenset(grouped))


def faults(expression: str, known: Mapping[str, frozenset[str]], everywhere: frozenset[str]) -> list[str]:
    """Return what an expression names and nothing has.

    known: every series with its labels; everywhere: labels that Prometheus adds to each.
    """
    named = names(expression)
    found = [f"no series {name}" for name, _ in named.series if name not in known]
    found += [
        f"{name} has no label {label}"
        for name, labels in named.series
        for label in sorted(labels - known.get(name, labels) - everywhere)
    ]
    carried = frozenset[str]().union(*(known.get(name, frozenset()) for name, _ in named.series)) | everywhere
    return found + [f"grouped by {label}, which no series of it has" for label in sorted(named.grouped - carried)]


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    index = 0
    while index < len(expression):
        match = _TOKEN.match(expression, index)
        if match is None:
            raise UnknownSyntax(f"{expression!r} at {index}: {expression[index]!r}")
        if match.lastgroup not in ("space", "text", "window", "number"):
            yield str(match.lastgroup), match.group()
        index = match.end()


def _until(tokens: list[tuple[str, str]], start: int, opening: str, closing: str) -> tuple[list[tuple[str, str]], int]:
    """Return the tokens between a bracket at `start` and its end, and the index behind it; none without a bracket."""
    if start >= len(tokens) or tokens[start][1] != opening:
        return [], start
    end = next((index for index in range(start, len(tokens)) if tokens[index][1] == closing), len(tokens) - 1)
    return tokens[start + 1 : end], end + 1
