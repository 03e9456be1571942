"""Where a stack keeps its things: a checkout made again at the same place never meets the files of the one before."""

import shutil
from pathlib import Path

from deploy.stack.layout import Layout, write_json


def test_database_files_are_of_one_stack_and_not_of_a_place(tmp_path: Path) -> None:
    """Run by root, they lie outside the checkout: deleting it leaves them, with a password nobody knows any more."""
    layout = Layout(tmp_path / "state")
    layout.make()
    write_json(layout.state_file, {"ports": {}})
    first = layout.postgres_home
    layout.make()
    assert layout.postgres_home == first
    shutil.rmtree(layout.state)
    layout.make()
    assert layout.postgres_home != first or not first.exists()
