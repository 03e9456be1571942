"""Releases of the gateway's API, and what the present one breaks of them.  Comparing is pure.

A release is the OpenAPI document as it was, under docs/api/released/<n>, and is never changed.  Whoever calls the API
must be taken as before, so what is asked for only ever shrinks; whoever reads a response finds every field there.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.contracts.compatibility import Difference, Kind, differences
from deploy.contracts.releases import seal
from deploy.stack.layout import CHECKOUT

PRESENT: Final = CHECKOUT / "ui" / "openapi.json"
RELEASED: Final = CHECKOUT / "docs" / "api" / "released"
DOCUMENT: Final = "openapi.json"
_BREAKS_CALLERS: Final = frozenset(
    {Kind.FIELD_REMOVED, Kind.REQUIRED_FIELD_ADDED, Kind.BECAME_REQUIRED, Kind.NARROWED, Kind.CHANGED}
)
_BREAKS_READERS: Final = frozenset({Kind.FIELD_REMOVED, Kind.BECAME_OPTIONAL, Kind.WIDENED, Kind.CHANGED})
_Document = Mapping[str, Any]


def cut(number: int, root: Path = RELEASED) -> Path:
    """Keep the committed document as release `number` and return its folder.

    Raises FileExistsError if there is such a release: what is released stays as it is.
    """
    folder = root / str(number)
    folder.mkdir(parents=True)
    shutil.copyfile(PRESENT, folder / DOCUMENT)
    seal(folder)
    return folder


def document_of(folder: Path) -> dict[str, Any]:
    """Return the document of a release."""
    found: dict[str, Any] = json.loads((folder / DOCUMENT).read_text())
    return found


def broken(before: _Document, after: _Document) -> list[str]:
    """Return a sentence for each thing that somebody who uses the earlier API would miss in the later one."""
    return list(_Comparison(before, after).all())


class _Comparison:
    def __init__(self, before: _Document, after: _Document) -> None:
        self._before, self._after = before, after

    def all(self) -> Iterator[str]:
        for path, methods in self._before["paths"].items():
            for method, was in methods.items():
                now = self._after["paths"].get(path, {}).get(method)
                name = f"{method.upper()} {path}"
                if now is None:
                    yield f"{name} is gone"
                    continue
                yield from (f"{name}: {found}" for found in self._operation(was, now))

    def _operation(self, was: _Document, now: _Document) -> Iterator[str]:
        if was.get("operationId") != now.get("operationId"):
            yield f"it was called {was.get('operationId')}, and is {now.get('operationId')}"
        yield from self._parameters(was, now)
        old, new = was.get("requestBody", {}), now.get("requestBody", {})
        if new.get("required") and not old.get("required"):
            yield "a body is required"
        yield from self._contents("body", old, new, _BREAKS_CALLERS)
        for status, response in was["responses"].items():
            if not status.startswith("2"):
                continue  # how a refusal looks is the same for all of them
            if status not in now["responses"]:
                yield f"it no longer responds {status}"
            else:
                yield from self._contents(f"response {status}", response, now["responses"][status], _BREAKS_READERS)

    def _parameters(self, was: _Document, now: _Document) -> Iterator[str]:
        old, new = (
            {(given["in"], given["name"]): given for given in each.get("parameters", [])} for each in (was, now)
        )
        for key, given in new.items():
            if given.get("required") and not old.get(key, {}).get("required"):
                yield f"the parameter {key[1]} is required"
        for key, given in old.items():
            if key not in new:
                yield f"the parameter {key[1]} is gone"
                continue
            for found in self._schemas(given.get("schema", {}), new[key].get("schema", {}), _BREAKS_CALLERS):
                yield f"the parameter {key[1]}: {found}"

    def _contents(self, what: str, old: _Document, new: _Document, breaks: frozenset[Kind]) -> Iterator[str]:
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{what}: {kind} is gone"
                continue
            for found in self._schemas(content.get("schema", {}), new["content"][kind].get("schema", {}), breaks):
                yield f"{what}: {found}"

    def _schemas(self, old: _Document, new: _Document, breaks: frozenset[Kind]) -> Iterator[Difference]:
        before, after = _with_objects(old, self._before), _with_objects(new, self._after)
        return (found for found in differences(before, after) if found.kind in breaks)


def _with_objects(schema: _Document, document: _Document) -> dict[str, Any]:
    """Return a schema with the objects it may refer to, alternatives under the one name that the comparison knows."""
    whole: dict[str, Any] = _one_name({**schema, "$defs": document.get("components", {}).get("schemas", {})})
    return whole


def _one_name(part: Any) -> Any:
    if isinstance(part, dict):
        return {("anyOf" if name == "oneOf" else name): _one_name(value) for name, value in part.items()}
    return [_one_name(value) for value in part] if isinstance(part, list) else part
