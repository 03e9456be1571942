"""What of an exception and of a library's text may stand in the log.

Texts of exceptions quote what they refuse: a line of a file, a row of a table, a request.  So an exception is written
as its class, its code and the places it came through; its text only where it is about a connection or a count.
"""

import errno
import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final

_HIDDEN: Final = "[redacted]"
_LONGEST_TEXT: Final = 300
_FRAMES: Final = 12  # of one exception, the innermost
_CAUSES: Final = 5
_ROOT: Final = Path(__file__).parents[2]
# Of PostgreSQL's classes of errors those about connections, resources, locks and the operator; others quote values.
_AWAY: Final = ("08", "25", "40", "53", "55", "57", "58")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)
_SENSITIVE: Final = (
    r"(?:authorization|cookie|password|passwd|pwd|passfile|secret|token|api[_-]?key|assertion|credential|x-principal"
    r"|x-csrf-token|csrf|session|code_verifier|nonce)"
)
_PATTERNS: Final = (
    (re.compile(r"eyJ[\w-]+\.[\w.-]+"), _HIDDEN),  # a JSON Web Token
    (re.compile(r"(?i)\b(?:bearer|basic|negotiate)\s+\S+"), _HIDDEN),
    (re.compile(rf"(?i)([\w-]*{_SENSITIVE}[\w-]*)[\"']?\s*[=:].*"), rf"\1={_HIDDEN}"),
    (re.compile(r"://[^/\s@]*@"), f"://{_HIDDEN}@"),  # user and password of an address
    (re.compile(r"(/[^\s?\"']*)\?[^\s\"']*"), rf"\1?{_HIDDEN}"),  # a query
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _HIDDEN),  # an address of mail
    (re.compile(r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b|(?<![.\w])[0-9]{8,}\b"), _HIDDEN),  # of a person, an account
)
# As psycopg lists the servers of an address that names several.
_TRIED: Final = re.compile(r"^- host: '([^']*)', port: '([^']*)'.*failed: (.+)$", re.MULTILINE)


def scrubbed(text: str, most: int = _LONGEST_TEXT) -> str:
    """Return the first line of a text with whatever looks like a secret replaced, cut to `most` characters."""
    line = text.partition("\n")[0][: 4 * most]
    for pattern, instead in _PATTERNS:
        line = pattern.sub(instead, line)
    return line[:most]


def error_fields(error: BaseException, *, stack: bool) -> dict[str, Any]:
    """Return the fields of an exception.  stack: with the places it and its causes came through."""
    chain = list(islice(_chain(error), _CAUSES))
    found: dict[str, Any] = {
        "error_type": "/".join(type(link).__name__ for link in reversed(chain)),
        "error_code": next(filter(None, map(_code, chain)), None),
        "error_text": next(filter(None, map(_text, chain)), None),
        "error_at": next(filter(None, (_innermost_of_ours(link) for link in reversed(chain))), None),
    }
    if stack:
        found["stack"] = [line for link in reversed(chain) for line in _came_through(link)]
    return {name: value for name, value in found.items() if value is not None}


def library_fields(logger: str, template: str, arguments: Any) -> dict[str, Any]:
    """Return the fields of a line that a library writes: its first line, without values of unknown kinds."""
    if isinstance(arguments, Mapping):
        arguments = {name: _plain(value) for name, value in arguments.items()}
    elif isinstance(arguments, tuple):
        arguments = tuple(map(_plain, arguments))
    try:
        text = template % arguments if arguments else template
    except (TypeError, ValueError, KeyError):
        text = template  # the values do not fit it
    return {"logger": logger, "message": scrubbed(text)}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception, then what it was raised from, and so on; of a group the first."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            link = link.exceptions[0]
        else:
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _code(error: BaseException) -> str | None:
    given = getattr(error, "sqlstate", None)
    if given is None and not type(error).__module__.startswith("sqlalchemy"):  # whose codes are pages of its manual
        given = getattr(error, "code", None)
    if isinstance(error, OSError) and error.errno is not None:
        given = errno.errorcode.get(error.errno)
    return given if isinstance(given, str) and _WORD.fullmatch(given) else None


def _text(error: BaseException) -> str | None:
    """Return the text of an exception if it cannot quote data."""
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if isinstance(error, OSError):
        return None if error.errno is None else os.strerror(error.errno)
    if "psycopg.Error" in kinds:
        state = getattr(error, "sqlstate", None)
        is_away = "psycopg.OperationalError" in kinds if state is None else state.startswith(_AWAY)
        return scrubbed(_each_server(str(error))) if is_away else None
    if "aiokafka.errors.KafkaError" in kinds or getattr(type(error), "is_text_plain", False):
        return scrubbed(str(error))
    return None


def _each_server(text: str) -> str:
    """Return why each of several servers did not serve: one is away, another leads no longer; else the text itself."""
    tried = "; ".join(f"{host}:{port} {why}" for host, port, why in _TRIED.findall(text))
    return f"no server served: {tried}" if tried else text


def _came_through(error: BaseException) -> list[str]:
    """Return the class of an exception and the innermost places it came through."""
    return [type(error).__name__, *(_location(frame, line) for frame, line in _frames(error.__traceback__)[-_FRAMES:])]


def _innermost_of_ours(error: BaseException) -> str | None:
    for frame, line in reversed(_frames(error.__traceback__)):
        if Path(frame.co_filename).is_relative_to(_ROOT) and "site-packages" not in frame.co_filename:
            return _location(frame, line)
    return None


def _frames(traceback: TracebackType | None) -> list[tuple[Any, int]]:
    found = []
    while traceback is not None:
        found.append((traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return found


def _location(code: Any, line: int) -> str:
    """Return file:line:function; of a library the file below site-packages."""
    path = code.co_filename.rpartition("site-packages/")[2].removeprefix(f"{_ROOT}/")
    return f"{re.sub(r'[^A-Za-z0-9_./-]', '', path)[-120:]}:{line}:{re.sub(r'[^A-Za-z0-9_.]', '', code.co_name)[:60]}"


def _plain(value: Any) -> Any:
    """Return a value of a library's line that may be written: numbers, short texts, exceptions by their class."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        text = _text(value)
        return type(value).__name__ if text is None else f"{type(value).__name__} ({text})"
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(part) for part in islice(value, 20)]
    return f"<{type(value).__name__}>"
