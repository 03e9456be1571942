"""What benchmarks measure still runs: the data they make fit the contracts of today."""

import pytest

from benchmarks.work import Work, works

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("work", works(), ids=lambda work: work.what.strip(" ."))
def test_a_work_runs_on_a_few_accounts(work: Work) -> None:
    assert work.run(20).rate > 0
