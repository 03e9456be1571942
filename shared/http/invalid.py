"""What is wrong with a value that was sent, in words for people; programs read pointers and details in `errors`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.contracts.problems import BadInput

_NAMES: Final[Mapping[str, str]] = {
    "account_id": "the account",
    "batch_id": "the number of the request",
    "confirm_liquidation": "the consent to sell everything",
    "expected_count": "the number of accounts that you saw",
    "f": "a filter",
    "file_id": "the file",
    "format": "the form of the file",
    "idempotency-key": "the mark that keeps a command from being done twice",
    "if-match": "the version that you saw",
    "label": "the name of the request",
    "logic": "the trade logic",
    "name": "the file's name",
    "note": "the note",
    "page": "the page",
    "q": "the search text",
    "selection": "the selection",
    "size": "the number of rows on a page",
    "sort": "the order of the list",
    "state": "which requests are asked for",
    "tile": "a tile",
}
_WHAT: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "literal_error": "is none of those that can be chosen",
    "enum": "is none of those that can be chosen",
    "greater_than_equal": "must be {ge:,} or more",
    "less_than_equal": "must be {le:,} or less",
    "string_too_long": "is longer than {max_length:,} letters",
    "string_too_short": "is too short",
    "too_long": "has more than {max_length:,} parts",
    "too_short": "has too few parts",
    "string_pattern_mismatch": "has letters or signs that it cannot have",
    "string_type": "must be text",
    "bool_type": "must be yes or no",
} | dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "must be a whole number")
_IN_ADDRESS: Final = "Nothing was changed. Open the page from its list again, or take it out of the address."
_IN_COMMAND: Final = "Nothing was done. Correct it and try again; if it goes on, load the page again."
_LONGEST: Final = 40


def refused(pointer: str, what: str, detail: str, value: object = None) -> BadInput:
    """Return the refusal of one value.

    pointer: where it stands, such as /query/page; what: for people, what is wrong with it, the sentence after its name;
    detail: the same for programs; value: shown where it is a number or a short text.
    """
    return _refusal([{"pointer": pointer, "detail": detail}], pointer, what, value)


def refused_by_model(errors: Sequence[Mapping[str, Any]]) -> BadInput:
    """Return the refusal of what a model did not accept: the first fault for people, all of them for programs."""
    found = [
        {"pointer": "/" + "/".join(str(part) for part in error["loc"]), "detail": error["msg"]} for error in errors
    ]
    first = errors[0]
    what = _WHAT.get(first["type"], "cannot be read as it was sent").format_map(first.get("ctx", {}))
    return _refusal(found, found[0]["pointer"], what, first.get("input"))


def _refusal(errors: list[dict[str, str]], pointer: str, what: str, value: object) -> BadInput:
    where, _, rest = pointer.removeprefix("/").partition("/")
    named = [part for part in rest.split("/") if part and not (part.isascii() and part.isdigit())]
    name = next((_NAMES[part.lower()] for part in reversed(named) if part.lower() in _NAMES), None)
    if name is None:
        name = f"the value '{_shown(named[-1].replace('_', ' '))}'" if named else "what was sent"
    remedy = _IN_ADDRESS if where in ("path", "query") else _IN_COMMAND
    is_plain = isinstance(value, int | str) and not isinstance(value, bool) and value != ""
    given = f", and '{_shown(str(value))}' was given" if is_plain and "longer" not in what else ""
    return BadInput(f"{name[0].upper()}{name[1:]} {what}{given}. {remedy}", errors=errors)


def _shown(text: str) -> str:
    plain = "".join(letter if letter.isprintable() and not "\ud800" <= letter <= "\udfff" else "?" for letter in text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
