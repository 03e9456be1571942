"""Known weaknesses of what is locked, asked of the Open Source Vulnerabilities database.

Asked for is every package of the bill of materials, of Python and of the interface, whether it runs, builds or tests.
Nothing but names and versions is sent.  A service that does not answer, or answers something else, is no good news:
NotScanned says so.

Source: OSV API, `POST /v1/querybatch`, whose results stand in the order of the queries.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

SERVICE: Final = "https://api.osv.dev/v1/querybatch"
MOST: Final = 1000
"""Queries of one request; the service takes no more."""
_PATIENCE_S: Final = 30.0
_MOST_PAGES: Final = 20


class NotScanned(Exception):
    """Nobody has said which weaknesses are known; the sentence says why."""


def known(packages: Sequence[str], service: str = SERVICE) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the advisories of each package that has one.

    packages: package URLs with a version.  Raises NotScanned if the service does not answer for every one of them.
    """
    found: dict[str, set[str]] = {}
    for begin in range(0, len(packages), MOST):
        queries: list[tuple[str, str]] = [(package, "") for package in packages[begin : begin + MOST]]
        for _ in range(_MOST_PAGES):
            results = _ask(service, queries)
            for (package, _token), result in zip(queries, results, strict=True):
                if ids := set(_ids(result)):
                    found.setdefault(package, set()).update(ids)
            queries = [
                (package, str(result["next_page_token"]))
                for (package, _token), result in zip(queries, results, strict=True)
                if result.get("next_page_token")
            ]
            if not queries:
                break
        else:
            raise NotScanned(f"{service} has more pages of advisories than {_MOST_PAGES}")
    return {package: tuple(sorted(found[package])) for package in sorted(found)}


def _ask(service: str, queries: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return a result for each query of a package and a page.  Raises NotScanned."""
    asked = [{"package": {"purl": package}, **({"page_token": page} if page else {})} for package, page in queries]
    request = urllib.request.Request(  # noqa: S310  # the address is a constant, or given by who runs the command
        service, json.dumps({"queries": asked}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:  # noqa: S310
            results: Any = json.load(response)["results"]
    except urllib.error.HTTPError as error:
        raise NotScanned(f"{service} answers {error.code} {error.reason}") from error
    except OSError as error:
        raise NotScanned(f"{service} does not answer: {getattr(error, 'reason', error)}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise NotScanned(f"{service} answers something else than results") from error
    if not isinstance(results, list) or len(results) != len(asked) or not all(isinstance(r, dict) for r in results):
        raise NotScanned(f"{service} has not answered for each of {len(asked)} packages")
    return results


def _ids(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of a result's advisories.  Raises NotScanned."""
    try:
        yield from (str(advisory["id"]) for advisory in result.get("vulns") or ())
    except (LookupError, TypeError) as error:
        raise NotScanned("an advisory has no id") from error
