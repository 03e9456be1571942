"""The closed lists of the log: every field a line may have and every event it may report.

A field of another name is not written, nor a value of another form: names of people, numbers of accounts at custodians,
amounts, tokens, passwords, cookies and query strings have no field.  docs/logs.md is made of these tables.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.runtime.redaction import scrubbed

_WORD: Final = re.compile(r"[A-Za-z0-9_.:/{}*+#-]{1,200}", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9._:@-]{1,64}", re.ASCII)
_FILE: Final = re.compile(r"[A-Za-z0-9_.-]{1,120}", re.ASCII)
_MOST: Final = 100  # words of a list
_MOST_IDS: Final = 5
_LONGEST_NOTE: Final = 300


class RefusedValue(ValueError):
    """A value has not the form of its field; the message names the form, never the value."""


@dataclass(frozen=True)
class Field:
    """form: of its values, a key of FORMS; meaning: a phrase, with the unit."""

    form: str
    meaning: str


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedValue("number")
    return value


def _matching(pattern: re.Pattern[str], form: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        text = str(value)
        if not isinstance(value, str | int) or isinstance(value, bool) or pattern.fullmatch(text) is None:
            raise RefusedValue(form)
        return value if isinstance(value, int) else text

    return check


def _words(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise RefusedValue("words")
    return [_matching(_WORD, "words")(word) for word in value[:_MOST]]


def _ids(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise RefusedValue("ids")
    return [_matching(_ID, "ids")(part) for part in value[:_MOST_IDS]]


def _file_name(value: Any) -> Any:
    """Return a plain name as it is; people may give a file any name, so another one is not refused but not shown."""
    return value if isinstance(value, str) and _FILE.fullmatch(value) else "[not shown]"


def _note(value: Any) -> Any:
    return scrubbed(str(value), _LONGEST_NOTE)


FORMS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "number": _number,
    "word": _matching(_WORD, "word"),
    "words": _words,
    "id": _matching(_ID, "id"),
    "ids": _ids,
    "file name": _file_name,
    "note": _note,
}
"""Checks by form: each returns the value to write and raises RefusedValue.

A note is text of ours or of a library, with whatever looks like a secret replaced.
"""

FIELDS: Final[Mapping[str, Field]] = {
    # Of every line.
    "ts": Field("word", "when, UTC"),
    "level": Field("word", "`debug`, `info`, `warning`, `error` or `critical`"),
    "event": Field("word", "what happened, one of the events below"),
    "service": Field("word", "process"),
    "version": Field("word", "release of the process"),
    "trace_id": Field("id", "trace: the request, file or run that this belongs to, in all services"),
    "span_id": Field("id", "span: this request, message or sweep within the trace"),
    "parent_id": Field("id", "span that caused this one"),
    "request_id": Field("id", "what the response and its refusal name: the trace id, or what the client named"),
    # Of requests.
    "method": Field("word", "HTTP method"),
    "route": Field("word", "template of the path, never the path; `unmatched` for unknown ones"),
    "status": Field("word", "HTTP status (499: the client hung up), or the status of a file or price set"),
    "duration_ms": Field("number", "milliseconds until the response began, or for which a group was handled"),
    "bytes": Field("number", "bytes of the response's body, or of the message's value"),
    "bytes_in": Field("number", "bytes of the request's body that were read"),
    "actor": Field("id", "user: the first 16 hex digits of SHA-256 of `actor:` and the subject"),
    "enterprise": Field("ids", "enterprises of the user, or the enterprise of the message; at most five"),
    "upstream": Field("word", "service to which the gateway forwards, or process that it reads"),
    "address": Field("word", "address of a client whose connection was cut"),
    # Of messages.
    "topic": Field("word", "Kafka topic"),
    "partition": Field("number", "partition of the topic"),
    "offset": Field("number", "offset in the partition"),
    "key": Field("word", "what the key of the message is, such as `account_id`; never the key itself"),
    "outcome": Field("word", "`ok`, `dead_letter`, `deleted` (a tombstone) or `again` (not done, delivered again)"),
    "attempts": Field("number", "how often it was tried"),
    "rows": Field("number", "accounts of a chunk, or rows of a table"),
    "age_ms": Field("number", "milliseconds from the broker's append to this line"),
    "group_trace_id": Field("id", "trace in which messages of several traces were handled together"),
    "messages": Field("number", "messages"),
    "partitions": Field("number", "partitions"),
    "group": Field("word", "consumer group"),
    "stuck": Field("words", "partitions or components that do not move"),
    "found": Field("number", "messages found"),
    "asked": Field("number", "messages looked for"),
    "because": Field("note", "what the broker refuses, and what to do"),
    "letters": Field("number", "dead letters allowed beyond the limits"),
    # What it is about.
    "account_id": Field("id", "account, by the platform's id; of several the first"),
    "batch_id": Field("id", "batch"),
    "file_id": Field("id", "custodial file, by our number"),
    "file": Field("file name", "name of a file in the inbox"),
    "run_id": Field("id", "analysis, by its id"),
    "run_no": Field("number", "analysis, by its number"),
    "shard": Field("number", "part of an analysis"),
    "price_set": Field("number", "price set"),
    "row": Field("number", "row of the outbox"),
    "schema": Field("word", "schema of the database"),
    "part": Field("word", "component of a service"),
    "sampler": Field("word", "timer that reads gauges"),
    "receiver": Field("word", "service that is sent something again"),
    "kind": Field("word", "kind of an analysis"),
    "invariant": Field("word", "what must always agree"),
    "subject": Field("note", "what an invariant is broken for, such as `batch 12`"),
    "difference": Field("note", "what does not agree: ids and numbers"),
    # Counts and times.
    "accounts": Field("number", "accounts"),
    "flagged": Field("number", "accounts that need rebalancing"),
    "held": Field("number", "accounts held"),
    "files": Field("number", "files"),
    "records": Field("number", "records of the audit log"),
    "heads": Field("number", "ends of chains of hashes"),
    "passed_over": Field("number", "ends of chains that were seen before a restore that was dealt with"),
    "problems": Field("number", "problems found"),
    "failures": Field("number", "failures so far"),
    "pause_s": Field("number", "seconds until the next try"),
    "waited_s": Field("number", "seconds waited"),
    "silent_s": Field("number", "seconds without a sign of life"),
    "again_at": Field("word", "when it is tried again"),
    "last_session": Field("word", "last date of the trading calendar"),
    "days_left": Field("number", "days until then"),
    "pid": Field("number", "process at the database"),
    "state": Field("word", "state of that process"),
    "exit": Field("number", "code with which the process ends"),
    "seq": Field("number", "newest record of the audit log"),
    "hash": Field("id", "its hash"),
    "reason": Field("word", "a fixed word for why"),
    "code": Field("word", "code of a refusal or of a dead letter"),
    "waiting_for": Field("note", "what the start of a process waits for"),
    # Of exceptions: their texts only where they cannot hold data.
    "error_type": Field("word", "classes of the exception, from its cause to what was raised, with `/` between them"),
    "error_code": Field("word", "its code: SQLSTATE, error number, code of a refusal"),
    "error_text": Field("note", "its text, of the database or broker being away and of few more; scrubbed"),
    "error_at": Field("word", "innermost place in our code"),
    "stack": Field("words", "places of the exception and its causes, innermost last; without values"),
    # Of libraries.
    "logger": Field("word", "library that wrote the line"),
    "message": Field("note", "its first line, scrubbed"),
    "suppressed": Field("number", "equal lines left out before this one"),
    "dropped": Field("number", "fields left out of this line because they are not in this list"),
}
"""Every field a line may have."""


def refusal(name: str, value: Any) -> str | None:
    """Return why a field must not be written so, None if it may."""
    if name not in FIELDS:
        return f"{name} is not in the list of fields"
    try:
        FORMS[FIELDS[name].form](value)
    except RefusedValue as error:
        return f"{name} is not of the form {error}"
    return None


def admitted(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that may be written, with their values as they are written, and why others may not.

    None stands for a value that nobody knows: the field is left out.
    """
    written, refused = {}, []
    for name, value in fields.items():
        if value is None:
            continue
        field = FIELDS.get(name)
        if field is None:
            refused.append(f"{name} is not in the list of fields")
            continue
        try:
            written[name] = FORMS[field.form](value)
        except RefusedValue as error:
            refused.append(f"{name} is not of the form {error}")
    return written, refused
