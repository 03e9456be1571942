"""docs/logs.md: the closed lists of the log's fields and events as a page, with searches for who is on call."""

from collections.abc import Iterator
from typing import Final

import shared.runtime.log_fields
from shared.runtime.log_events import CANONICAL, EVENTS
from shared.runtime.log_fields import FIELDS

DECLARED_IN: Final = shared.runtime.log_fields.__name__
_HEAD: Final = f"""# Logs

Generated from `{DECLARED_IN}` and `log_events` by `make observe-files`; a test compares. Every process writes one JSON object
a line to standard output, lines of libraries included. Each request and each message taken in has **one canonical line**
({" and ".join(f"`{name}`" for name in CANONICAL)}); other lines say what went wrong or what a sweep did. Probes and scrapes have no line, nor have the
events that the gateway only passes on to browsers.

A line has no field that is not listed here, and no value of another form than its field's. Names of people, numbers of accounts
at custodians, amounts, tokens, passwords, cookies, headers and queries have no field. Of an exception a line has class, code and
places in the code; its text only where it is about a connection or a count, because other texts quote what they refuse. What the
refused thing was is where it may be seen by those who have the right: a dead letter (`dlq show`), the ledger of files, the response.
A field left out for its form is counted (`rebalancer_log_fields_dropped_total`): that is a fault of ours.

## Searches

With all logs in one place, here as files (`make up` writes them to `.local/logs`); `jq` selects, any log store can do the same.

**What happened to a request that a user quotes.** The id of a refusal (`instance`, and `X-Request-Id` of every response) is its
`trace_id`, in all services; where the client brought a trace of its own the id is `<trace_id>-<span_id>`.

    cat *.log | jq -c 'select(.trace_id == "0af7651916cd43dd8448eb211c80319c" or .group_trace_id == "0af7651916cd43dd8448eb211c80319c")' | jq -s 'sort_by(.ts)[]'

**What a batch or an account went through.** Ids are in the lines of all services, also where a new trace begins: a request that
is sent again, an end of day, a file.

    cat *.log | jq -c 'select(.batch_id == 4711 or .batch_id == "4711")' | jq -s 'sort_by(.ts)[] | [.ts, .service, .event, .topic, .outcome, .duration_ms]'

**What was slow, and what was tried more than once.**

    cat *.log | jq -c 'select((.event == "http.answered" and .duration_ms > 1000) or (.event == "message.handled" and (.attempts > 1 or .outcome != "ok")))'

**What a user did**, by the subject that the issuer gives; a line has only its digest.

    actor=$(printf 'actor:%s' "$SUBJECT" | sha256sum | cut -c1-16); cat *.log | jq -c --arg actor "$actor" 'select(.actor == $actor)'

The audit log has who did what and is the record; the log is for finding faults.

## Fields
"""  # noqa: E501  # a command is one line


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_fields(), "", "## Events", "", *_events(), ""])


def _fields() -> Iterator[str]:
    yield from ("| field | form | meaning |", "|---|---|---|")
    yield from (f"| `{name}` | {field.form} | {field.meaning} |" for name, field in FIELDS.items())


def _events() -> Iterator[str]:
    yield from ("| event | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in EVENTS.items())
