"""Mappings themselves: those that are wrong are refused with the path of the fault, and a command tries them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from benchmarks.mapped import FORMATS, Format
from deploy.contracts import mapping_schema
from services.taxlot.cli.map import app
from services.taxlot.mapping.mapping_file import MappingRefused, read_mapping
from services.taxlot.mapping.samples import check_samples
from tests.commands import run
from tests.taxlot.mapped import (
    MAPPINGS,
    NAMES,
    altered,
    content_of,
    edited,
    mapping_of,
    sample_of,
    tried,
)  # fmt: skip

pytestmark = pytest.mark.fast
CSV, FIXED, XML = "westfield-csv", "summit-clearing", "meridian-xml"


WITH_UNIT_COST = content_of(CSV)["lot"] | {"unit_cost": {"column": "Price"}}


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (CSV, {"colour": "red"}, "colour: Extra inputs"),
        (CSV, {"rows": [{"is": "lot"}, {"is": "cash"}]}, "takes all rows"),
        (CSV, {"rows": [{"is": "lot"}]}, "of none that it is cash"),
        (CSV, {"account": {"column": "Account Number", "pad_to": 8, "strip_zeros": True}}, "leading zeros"),
        (CSV, {"missing": [0]}, "missing.0: Input should be a valid string"),
        (CSV, {"data_date": {"search": "head", "pattern": "(["}}, "no regular expression"),
        (CSV, {"data_date": {"search": "head", "pattern": "[0-9]"}}, "no group"),
        (CSV, {"data_date": {"value": "06/11/2026", "style": "MM/DD/YY"}}, "each once"),
        (CSV, {"sweep": {"securities": ["X"], "counts": "lot"}}, "`value` is needed"),
        (CSV, {"source": content_of(CSV)["source"] | {"short_width": 3}}, "short_width is less than width"),
        (CSV, {"lot": WITH_UNIT_COST, "totals": {"cost_basis": {"value": "1"}}}, "cannot have the cost basis"),
        (FIXED, {"account": {"column": "client"}}, "columns that `source` does not name: client"),
        (FIXED, {"source": {"type": "fixed", "width": 5, "columns": {"a": [3, 9]}}}, "does not lie between 1 and 5"),
        (FIXED, {"samples": []}, "samples: List should have at least 1 item"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_with_the_path_of_the_fault(
    name: str, change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(MappingRefused) as refused:
        altered(name, tmp_path, **change)
    assert says in str(refused.value)


def test_a_key_that_stands_twice_and_what_is_no_yaml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    for text, says in (("version: 1\nversion: 1\n", "stands twice"), ("a: [", "no YAML"), ("- 1", "m.yaml: mapping: ")):
        path.write_text(text)
        with pytest.raises(MappingRefused) as refused:
            read_mapping(path)
        assert says in str(refused.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cash": "1.00"}, "has cash 1.00, read were 11720.22"),
        ({"lots": 8}, "has lots 8, read were 7"),
        ({"file": "samples/none.csv"}, "cannot be read"),
        ({"quantity": "many"}, "not a plain decimal"),
    ],
)
def test_a_sample_that_does_not_pass_is_named(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    sample = content_of(CSV)["samples"][0] | change
    mapping = altered(CSV, tmp_path, samples=[sample])
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / sample_of(CSV).name).write_bytes(sample_of(CSV).read_bytes())
    with pytest.raises(MappingRefused) as refused:
        check_samples(tmp_path / f"{CSV}.yaml", mapping)
    assert says in str(refused.value)


def test_the_published_schema_is_that_of_the_model_and_every_mapping_keeps_to_it() -> None:
    assert mapping_schema.PATH.read_text() == mapping_schema.generated(), "run `python -m deploy.contracts`"
    schema = jsonschema.Draft202012Validator(json.loads(mapping_schema.generated()))
    for name in NAMES:
        assert "docs/mapping.schema.json" in (MAPPINGS / f"{name}.yaml").read_text().splitlines()[0]
        assert not list(schema.iter_errors(content_of(name)))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `map`."""
    code = run(app, None, *arguments)
    output = capsys.readouterr()
    return code, output.out, output.err


def test_map_check_shows_what_lines_become_and_what_is_not_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = str(MAPPINGS / f"{CSV}.yaml")
    code, out, err = shown(capsys, "check", mapping, str(sample_of(CSV)))
    assert (code, err) == (0, "")
    assert "line 5: L|00012345|AAPL|AAPL-05142019|2019-05-14|120|5580.00|Y||271.01|\n" in out
    assert "line 10: a sweep lot, whose money is in the cash\n" in out
    assert "line 17: added to the account's cash\n" in out
    assert "all understood: 3 accounts, 7 lots" in out
    path = str(edited(CSV, tmp_path, ('"12.5"', '"12,5"'), ('"Pending Activity"', '"Collateral"')))
    code, out, err = shown(capsys, "check", mapping, path, "--lines", "3")
    assert code == 1
    assert out.count("\nline ") == 3
    assert "line 6: quantity, cost basis or cash is not a plain decimal" in err
    assert "quantity (column 'Quantity'): \"12,5\"" in err
    assert "line 17: a row of the account is not understood" in err


def test_map_try_compares_what_the_file_says_with_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = str(MAPPINGS / f"{FIXED}.yaml")
    code, out, _ = shown(capsys, "try", mapping, str(sample_of(FIXED)))
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows["quantity"] == ["3207.4375", "3207.4375"]
    assert rows["cash"] == ["not", "stated", "-2479.25"]
    path = str(edited(FIXED, tmp_path, (" 0000000009 ", " 0000000010 ")))
    code, _, err = shown(capsys, "try", mapping, path)
    assert (code, "COUNT_MISMATCH" in err) == (1, True)


def test_map_says_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping, sample = str(MAPPINGS / f"{CSV}.yaml"), str(sample_of(CSV))
    assert shown(capsys, "samples", mapping)[:2] == (0, f"{CSV}.yaml: all samples pass\n")
    assert shown(capsys, "check", str(tmp_path / "none.yaml"), sample)[0] == 2
    assert shown(capsys, "check", mapping, str(tmp_path / "none.csv"))[0] == 1
    code, _, err = shown(capsys, "try", mapping, str(sample_of(FIXED)))
    assert (code, "REFUSED, MAPPING_MISFIT" in err) == (1, True)


@pytest.mark.parametrize("form", [form for form in FORMATS if form.mapping], ids=lambda form: form.mapping)
def test_the_book_of_the_benchmark_is_understood(form: Format, tmp_path: Path) -> None:
    path = tmp_path / form.file_name
    path.write_text("".join(form.lines(200)))
    found = tried(path, mapping_of(form.mapping or ""))
    assert (found.is_good, found.accounts, found.lots) == (True, 3, 200)
