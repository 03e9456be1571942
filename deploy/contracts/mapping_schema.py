"""The JSON Schema of mappings of custodians' formats: docs/mapping.schema.json, made from the model."""

from pathlib import Path
from typing import Final

from deploy.contracts.examples import as_committed
from deploy.stack.layout import CHECKOUT
from services.taxlot.mapping.model import FormatMapping

PATH: Final = CHECKOUT / "docs" / "mapping.schema.json"


def generated() -> str:
    """Return the text of the schema."""
    schema = FormatMapping.model_json_schema(by_alias=True)
    return as_committed({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def write(path: Path = PATH) -> bool:
    """Write the schema; say whether it changed."""
    text = generated()
    if path.is_file() and path.read_text() == text:
        return False
    path.write_text(text)
    return True
