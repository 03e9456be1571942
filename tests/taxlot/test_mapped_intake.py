"""Files of custodians' own formats through the intake: the mapping in force reads them, the checks are the same."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.mapping.mapping_file import MappingRefused
from services.taxlot.settings import Settings
from tests.taxlot.files import File, good
from tests.taxlot.harness import Book
from tests.taxlot.mapped import (
    ACCOUNTS,
    IN_FORCE,
    MAPPINGS,
    altered,
    edited,
    held,
    in_force,
    mapping_of,
    sample_of,
)
from tests.waiting import until


def settings(**given: Any) -> Settings:
    """Settings with nothing but what a test names."""
    needed = {"database_url": "postgresql://x/x", "requests_database_url": "postgresql://x/x"}
    return Settings.model_validate({**needed, "kafka_url": "x:1", "http_port": 1, "principal_public_key": "x", **given})


@pytest.mark.integration
def test_each_format_is_taken_in_and_the_ledger_says_which_totals_it_lacks(known: Book) -> None:
    mappings = in_force(*IN_FORCE)
    for custodian, name in IN_FORCE.items():
        outcome = known.take_in(sample_of(name), mappings)
        assert (outcome.status, outcome.custodian, outcome.data_date) == ("LOADED", custodian, date(2026, 6, 11))
        assert (outcome.accounts, outcome.held) == (len(ACCOUNTS[custodian]), 0), held(known)
    assert outcome.reason is not None and "the file states no sum of quantity; it is unchecked" in outcome.reason
    cash = dict(known.rows("SELECT account_id, cash_cents FROM holding"))
    assert cash == {
        "A00012345": 152_075, "A00067890": 1_019_947, "A00098765": 0, "A000012345": -247_925, "A000067890": 0,
        "AM0001234": 320_550, "AM0005678": 0,
    }  # fmt: skip
    assert known.rows("SELECT records_done, records_total FROM file ORDER BY file_id") == [(12, 12), (9, 9), (6, 6)]
    assert known.take_in(sample_of("westfield-csv"), mappings).status == "DUPLICATE"


@pytest.mark.integration
def test_an_account_whose_rows_cannot_be_trusted_is_held_and_its_neighbours_go_on(known: Book, tmp_path: Path) -> None:
    path = edited(
        "westfield-csv",
        tmp_path,
        ('"12.5"', '"12,5"'),
        ('"Pending Activity"', '"Cash & Cash Investments"'),
    )
    outcome = known.take_in(path, in_force("WESTFIELD"))
    assert (outcome.status, outcome.accounts, outcome.held) == ("LOADED", 3, 2)
    assert held(known) == {"A00012345": "NOT_A_NUMBER", "A00067890": "CASH_TWICE"}
    (text,) = (row[0] for row in known.rows("SELECT hold_text FROM holding WHERE account_id = 'A00012345'"))
    assert "Westfield_Positions_20260611.csv, line 6" in text
    assert "quantity (column 'Quantity'): \"12,5\"" in text
    (text,) = (row[0] for row in known.rows("SELECT hold_text FROM holding WHERE account_id = 'A00067890'"))
    assert "line 17" in text and "the cash (Cash & Cash Investments) stands in line 16 already" in text


@pytest.mark.integration
def test_a_sweep_fund_whose_value_cannot_be_read_holds_its_account_alone(known: Book, tmp_path: Path) -> None:
    path = edited("westfield-csv", tmp_path, ('"$1.00","$1,520.75"', '"$1.00","N/A"'))
    sweep = {"securities": ["WSWPX"], "counts": "lot", "value": {"column": "Market Value"}}
    known.rows("INSERT INTO security (security_id, version, kind) VALUES ('WSWPX', 1, 'FUND') RETURNING 1")
    mappings = MappingsInForce({"WESTFIELD": altered("westfield-csv", tmp_path, sweep=sweep)})
    assert known.take_in(path, mappings).status == "LOADED"
    assert held(known) == {"A00012345": "NOT_A_NUMBER"}
    ((text,),) = known.rows("SELECT hold_text FROM holding WHERE account_id = 'A00012345'")
    assert "20260611.csv, line 10: " in text
    assert "(value of the sweep fund (column 'Market Value'): \"N/A\")" in text


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "edit", "code"),
    [
        pytest.param("westfield-csv", ('"Cost Basis"', '"Basis"'), "MAPPING_MISFIT", id="a column that is not there"),
        pytest.param("summit-clearing", (" 000000000320743750", " 000000000320743751"), "TOTAL_MISMATCH", id="a total"),
        pytest.param("summit-clearing", (" 0000000009 ", " 0000000010 "), "COUNT_MISMATCH", id="a count"),
        pytest.param("meridian-xml", ("</Query>", ""), "BAD_TRAILER", id="cut off"),
        pytest.param("meridian-xml", (";202500", ";20250"), "BAD_HEADER", id="a date of another style"),
    ],
)
def test_nothing_of_a_file_is_applied_that_the_mapping_does_not_fit(
    known: Book, tmp_path: Path, name: str, edit: tuple[str, str], code: str
) -> None:
    outcome = known.take_in(edited(name, tmp_path, edit), in_force(*IN_FORCE))
    assert (outcome.status, outcome.code) == ("REFUSED", code)
    assert known.rows("SELECT count(*) FROM holding") == [(0,)]


@pytest.mark.integration
def test_a_file_needs_one_mapping_that_is_for_its_name_and_custodian(known: Book, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(sample_of("westfield-csv").read_bytes())
    outcome = known.take_in(other, in_force("WESTFIELD"))
    assert outcome.code == "NOT_A_LOT_FILE" and "no mapping in force is for files named 'other.csv'" in str(
        outcome.reason
    )
    twice = MappingsInForce({"WESTFIELD": mapping_of("westfield-csv"), "EASTFIELD": mapping_of("westfield-csv")})
    assert known.take_in(sample_of("westfield-csv"), twice).code == "MAPPING_UNCLEAR"
    for_other = MappingsInForce({"EASTFIELD": mapping_of("westfield-csv")})
    assert known.take_in(sample_of("westfield-csv"), for_other).code == "WRONG_CUSTODIAN"


@pytest.mark.integration
def test_the_documented_format_is_taken_in_beside_any_mapping(known: Book, tmp_path: Path) -> None:
    known.add_accounts(["1"], custodian="SUMMIT")
    path = File(good("1"), custodian="SUMMIT", kind="UPDATED").write(tmp_path / "SUMMIT.LOTS.20260611")
    assert known.take_in(path, in_force("SUMMIT")).status == "LOADED"


@pytest.mark.integration
def test_what_stands_in_a_line_that_is_no_row_holds_the_accounts_around_it(known: Book, tmp_path: Path) -> None:
    path = edited("summit-clearing", tmp_path, ("000000000152075+C ", "000000000152075+C"))
    assert known.take_in(path, in_force("SUMMIT")).held == 1
    assert held(known) == {"A000012345": "NOT_UNDERSTOOD"}


@pytest.mark.fast
def test_the_settings_put_mappings_in_force() -> None:
    named = ";".join(f"{custodian}={name}" for custodian, name in IN_FORCE.items())
    assert set(MappingsInForce.of(settings(mappings=named, mappings_dir=MAPPINGS)).by_custodian) == set(IN_FORCE)
    assert MappingsInForce.of(settings()).by_custodian == {}


@pytest.mark.fast
@pytest.mark.parametrize("text", ["WESTFIELD", "WESTFIELD=", "=x", "A=x;A=y", "A=../x"])
def test_settings_that_name_no_mapping_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="not a custodian and the name of its mapping"):
        settings(mappings=text, mappings_dir=MAPPINGS)
    with pytest.raises(ValidationError, match="REBALANCER_MAPPINGS_DIR"):
        settings(mappings="A=x")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("WESTFIELD=none", "none.yaml: cannot be read"),
        ("EASTFIELD=westfield-csv", "is for the custodian 'WESTFIELD', not 'EASTFIELD'"),
    ],
)
def test_a_mapping_that_cannot_be_put_in_force_is_named(named: str, says: str) -> None:
    with pytest.raises(MappingRefused, match=says):
        MappingsInForce.of(settings(mappings=named, mappings_dir=MAPPINGS))


@pytest.mark.integration
def test_a_mapping_whose_samples_do_not_pass_is_refused_at_start(
    start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "mappings"
    (folder / "samples").mkdir(parents=True)
    altered("westfield-csv", folder)
    edited("westfield-csv", folder / "samples", ('"12.5"', '"12,5"'))
    env = {"REBALANCER_MAPPINGS": "WESTFIELD=westfield-csv", "REBALANCER_MAPPINGS_DIR": str(folder)}
    with start_worker() as worker:
        worker.env.update(env)
        done = worker.command("load", "none")
        assert done.returncode == 2
        assert "MAPPING_REFUSED: westfield-csv.yaml: the sample is not understood" in done.stderr
        assert "line 6" in done.stderr
        done = worker.command("work")
        assert (done.returncode, "MAPPING_REFUSED" in done.stderr) == (2, True), done.stderr[-500:]


@pytest.mark.integration
def test_a_mapped_file_in_the_inbox_is_published(known: Book, start_worker: Callable[..., Any]) -> None:
    env = {"REBALANCER_MAPPINGS": "WESTFIELD=westfield-csv", "REBALANCER_MAPPINGS_DIR": str(MAPPINGS)}
    with start_worker(**env, REBALANCER_INBOX_SETTLE_S="0") as worker:
        target = worker.inbox / sample_of("westfield-csv").name
        target.with_suffix(".part").write_bytes(sample_of("westfield-csv").read_bytes())
        target.with_suffix(".part").rename(target)
        until(lambda: known.rows("SELECT 1 FROM file WHERE status = 'PUBLISHED' AND custodian = 'WESTFIELD'"))
        assert (worker.inbox / "done" / target.name).is_file()
