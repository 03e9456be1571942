"""`python -m deploy.ui_rules`: write what the interface repeats of the API's rules into ui/src/shared/api/rules.ts.

Roles by operation, filter fields by list and the values of the field `result` stand in `shared/contracts`. The pages
use them to say beforehand what the server would refuse. A test compares the committed file with `document`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from deploy.stack.layout import CHECKOUT
from shared.contracts.filter_fields import (
    ATTENTION,
    BATCH_FIELDS,
    LARGE_TURNOVER_PERCENT,
    QUEUE_FIELDS,
    RESULTS,
    FieldKind,
)
from shared.contracts.roles import RULES

FILE: Final[Path] = CHECKOUT / "ui" / "src" / "shared" / "api" / "rules.ts"


def main() -> None:
    """Write the file."""
    FILE.write_text(document())


def document() -> str:
    """Return the TypeScript module: roles, kinds of fields, values of fields and limits as constants."""
    return "\n".join(
        [
            "// Made by `python -m deploy.ui_rules` from shared/contracts; not edited by hand.",
            "",
            "/** Of each operation of the API: the roles that may use it. */",
            *_constant("ROLES", {name: _list(sorted(roles)) for name, roles in RULES.items()}),
            "",
            "/** Of each field that the queue filters by: how its values are written. */",
            *_constant("QUEUE_FIELD_KINDS", _kinds(QUEUE_FIELDS)),
            "",
            "/** Of each field that a batch's accounts are filtered by: how its values are written. */",
            *_constant("BATCH_FIELD_KINDS", _kinds(BATCH_FIELDS)),
            "",
            "/** Values of the field `result`. */",
            f"export const RESULTS = {_list(RESULTS)} as const;",
            "",
            "/** Values of the field `attention`. */",
            f"export const ATTENTION = {_list(ATTENTION)} as const;",
            "",
            "/** Buys and sells above so many percent of the value of an account are a large turnover. */",
            f"export const LARGE_TURNOVER_PERCENT = {LARGE_TURNOVER_PERCENT};",
            "",
        ]
    )


def _kinds(fields: Mapping[str, FieldKind]) -> dict[str, str]:
    return {name: json.dumps(kind.name.lower()) for name, kind in fields.items()}


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(json.dumps(text) for text in texts)}]"


def _constant(name: str, values: Mapping[str, str]) -> list[str]:
    return [f"export const {name} = {{", *(f"  {key}: {value}," for key, value in values.items()), "} as const;"]


if __name__ == "__main__":
    main()
