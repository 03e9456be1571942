"""The interface's copy of roles and filter fields is the one that is made from the contracts."""

import pytest

from deploy import ui_rules
from shared.contracts.filter_fields import BATCH_FIELDS, QUEUE_FIELDS
from shared.contracts.roles import RULES

pytestmark = pytest.mark.fast


def test_the_committed_file_is_the_present_one() -> None:
    assert ui_rules.FILE.read_text() == ui_rules.document(), "run `python -m deploy.ui_rules`"


def test_every_operation_and_every_field_stands_in_it() -> None:
    lines = ui_rules.document().splitlines()
    for name in (*RULES, *QUEUE_FIELDS, *BATCH_FIELDS):
        assert any(line.startswith(f"  {name}: ") for line in lines), name
    assert '  cancel_batch: ["approver", "trader"],' in lines
