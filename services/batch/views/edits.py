"""What a person made of an account's orders, as the API shows it."""

from datetime import datetime

import orjson

from services.batch.domain.figures import LOGIC_NAMES
from services.batch.views.sentences import units
from shared.contracts.api_proposals import EditedOrderView, EditView


def edit_view(document: str | None) -> EditView | None:
    """Return the edit of an account from its stored document; None if it has none."""
    if document is None:
        return None
    edit = orjson.loads(document)
    return EditView(
        logic=LOGIC_NAMES[edit["logic"]],
        by=edit["name"],
        at=datetime.fromisoformat(edit["at"]),
        note=edit["note"],
        orders=[
            EditedOrderView(
                security_id=order["security_id"],
                side="BUY" if order["proposed"] > 0 else "SELL",
                proposed=units(order["proposed"]),
                quantity=units(order["quantity"]),
            )
            for order in edit["orders"]
        ],
    )
