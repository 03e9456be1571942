"""The sample book: the same from the same arguments, valid by the contracts, and interesting."""

import csv
import gzip
from collections import Counter, defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sample import beside
from deploy.sample.book import cents
from deploy.sample.faults import write_faults
from deploy.sample.files import decimal_text
from deploy.sample.make import BookOptions, load_universe, make
from deploy.sample.market import DATA, DAYS_TO_COME, NoPrices
from deploy.sample.publish import EVENTS
from deploy.sample.universe import price_set, universe
from shared.contracts.custody import COLUMNS, MORE_COLUMNS, trailer_line
from shared.fixed_point.text import scaled, text_of
from shared.rules.trading_calendar import is_session, session_after, session_before
from tests.deploy_sample import plain_flags

pytestmark = pytest.mark.fast
AS_OF = date(2025, 11, 24)
QUANTITY, BASIS, CASH = COLUMNS.index("quantity"), COLUMNS.index("cost_basis"), COLUMNS.index("cash")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make(BookOptions(600, 7, AS_OF), folder, lambda _: None)
    write_faults(folder, lambda _: None)
    return folder


def lot_files(folder: Path) -> dict[str, list[list[str]]]:
    return {path.name: [line.split("|") for line in path.read_text().splitlines()] for path in folder.glob("*.lots")}


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        make(BookOptions(50, seed, AS_OF), tmp_path / name, lambda _: None)
    assert everything(tmp_path / "one") == everything(tmp_path / "two")
    assert (
        everything(tmp_path / "one")["platform/accounts.jsonl"]
        != everything(tmp_path / "three")["platform/accounts.jsonl"]
    )


def test_every_platform_event_fits_its_contract_and_names_what_exists(sample: Path) -> None:
    for name, topic in EVENTS:
        for body in plain_flags.read(sample, name):
            topic.content.model_validate(body)  # type: ignore[union-attr]  # these topics hold models, not chunks
    securities = {security["security_id"] for security in plain_flags.read(sample, "securities")}
    portfolios = plain_flags.targets(sample)
    assert {key[1] for _, weights, _ in portfolios.values() for key in weights} <= securities
    assert all(sum(part[0] for part in weights.values()) + cash == 1 for _, weights, cash in portfolios.values())
    accounts = plain_flags.read(sample, "accounts")
    assert {account["portfolio_id"] for account in accounts if "portfolio_id" in account} <= set(portfolios)
    assert len({account["account_number"] for account in accounts}) == len(accounts) == 600
    assert {part["security_id"] for account in accounts for part in account["restrictions"]} <= securities


def test_half_of_the_taxable_accounts_have_gain_limits_some_of_zero(sample: Path) -> None:
    names = ("gain_budget_short", "gain_budget_total", "no_short_term_gains")
    accounts = plain_flags.read(sample, "accounts")
    limits = [{name: account[name] for name in names if name in account} for account in accounts]
    taxable = [found for account, found in zip(accounts, limits, strict=True) if account["custody"] == "TAXABLE"]
    assert 0.4 < sum(map(bool, taxable)) / len(taxable) < 0.6
    assert sum(map(bool, limits)) == sum(map(bool, taxable))
    assert {"gain_budget_total": "0.00"} in taxable and {"no_short_term_gains": True} in taxable


def test_about_two_fifths_are_flagged_and_every_queue_has_accounts(sample: Path) -> None:
    tiles = plain_flags.tiles(sample)
    counts = Counter(tile for found in tiles.values() for tile in found)
    assert 0.33 < sum(1 for found in tiles.values() if found) / len(tiles) < 0.5
    for tile in ("FIRST_REBALANCE", "HIGH_CASH", "LOW_CASH", "POSITION_DRIFT"):
        assert counts[tile] > 0.03 * len(tiles), counts
    dates = plain_flags.last_rebalanced(sample).values()
    assert 0.75 < sum(1 for day in dates if day is not None) / 600 < 0.85
    assert all(is_session(day) and day < AS_OF for day in dates if day is not None)


def test_files_are_the_documented_format_and_their_trailers_add_up(sample: Path) -> None:
    accounts = {account["account_number"]: account["custodian"] for account in plain_flags.read(sample, "accounts")}
    seen: list[str] = []
    for name, lines in lot_files(sample / "files").items():
        custodian = name[:4]
        assert "|".join(lines[0]) == f"H|CUSTODY_LOTS|1|{custodian}|2025-11-24|REFRESHED|2025-11-24T23:10:00Z"
        records = lines[1:-1]
        assert {len(record) for record in records} == {len(COLUMNS) + len(MORE_COLUMNS)}
        sums = [
            sum(scaled(record[field], decimals) for record in records if record[field])
            for field, decimals in ((QUANTITY, 6), (BASIS, 2), (CASH, 2))
        ]
        assert "|".join(lines[-1]) + "\n" == trailer_line(len(records), *sums)
        numbers_of_cash = [
            number for number, last in zip(numbers(records), [*numbers(records)[1:], ""], strict=True) if number != last
        ]
        assert [
            record[1] for record in records if record[0] == "C"
        ] == numbers_of_cash  # each account once, its cash last
        assert {accounts[number] for number in numbers_of_cash} == {custodian}
        keys = [(record[1], record[3], record[8]) for record in records if record[0] == "L"]
        assert len(set(keys)) == len(keys)
        seen += numbers_of_cash
    assert sorted(seen) == sorted(accounts)


def test_some_lots_have_a_second_date_and_some_were_inherited(sample: Path) -> None:
    lots = [record for lines in lot_files(sample / "files").values() for record in lines if record[0] == "L"]
    tacked = [(date.fromisoformat(record[4]) - date.fromisoformat(record[11])).days for record in lots if record[11]]
    assert tacked and set(tacked) == {300}
    assert {record[12] for record in lots} == {"", "LONG"}


def numbers(records: list[list[str]]) -> list[str]:
    return [record[1] for record in records]


def test_lots_were_bought_at_the_closes_of_their_days(sample: Path) -> None:
    _, held = load_universe(sample)
    days = {str(day): row for row, day in enumerate(held.market.known_days())}
    history = held.market.history()
    checked = 0
    for lines in lot_files(sample / "files").values():
        for _, _, security, _, acquired, quantity, basis, *_ in (line for line in lines[1:-1] if line[0] == "L"):
            if not acquired or acquired == "1900-01-01" or not basis or security in beside.IDS:
                continue
            price = Decimal(int(history[days[acquired], held.ids.index(security)])) / 10**6
            exact = (Decimal(quantity) * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
            assert (price > 0, Decimal(basis)) == (True, exact)
            checked += 1
    assert checked > 1_000


def test_there_are_short_and_long_terms_gains_and_losses_unknown_basis_and_fractions(sample: Path) -> None:
    lots = [line for lines in lot_files(sample / "files").values() for line in lines[1:-1] if line[0] == "L"]
    year_ago = session_before(AS_OF, 253).isoformat()
    gains = [Decimal(lot[5]) * Decimal(lot[9]) - Decimal(lot[6]) for lot in lots if lot[6]]
    assert sum(lot[4] > year_ago for lot in lots) > len(lots) / 5 < sum("" < lot[4] < year_ago for lot in lots)
    assert sum(gain > 0 for gain in gains) > len(gains) / 10 < 3 * sum(gain < 0 for gain in gains)
    assert sum(not lot[6] for lot in lots) > len(lots) / 100
    assert {"", "1900-01-01"} <= {lot[4] for lot in lots}
    assert {lot[2] for lot in lots if "." in lot[5]} - set(beside.IDS) == {"SIZE", "USMV", "VLUE"}


def test_some_accounts_hold_a_sweep_fund_a_locked_fund_a_bond_or_a_short_option(sample: Path) -> None:
    records = [line for lines in lot_files(sample / "files").values() for line in lines[1:-1]]
    held = {name: {line[1]: scaled(line[5], 6) for line in records if line[2] == name} for name in beside.IDS}
    cash = {line[1]: scaled(line[CASH], 2) for line in records if line[0] == "C"}
    assert all(len(accounts) >= 600 // 50 for accounts in held.values())
    assert {cash[account] for account in held[beside.SWEEP]} == {0}
    assert min(held[beside.SWEEP].values()) > 0 > max(held[beside.OPTION].values())
    assert {units % (1000 * 10**6) for units in held[beside.BOND].values()} == {0}, "bonds come in $1,000 of face"
    accounts = plain_flags.read(sample, "accounts")
    kept = {account["account_number"] for account in accounts if account.get("holding_roles")}
    assert kept == held[beside.BOND].keys()


def test_a_book_of_accounts_that_are_alike_has_nothing_beside(tmp_path: Path) -> None:
    make(BookOptions(60, 1, AS_OF, positions=10), tmp_path, lambda _: None)
    records = [line for lines in lot_files(tmp_path / "files").values() for line in lines[1:-1]]
    assert not {line[2] for line in records} & set(beside.IDS)


def test_some_accounts_have_a_security_too_much_in_one_sleeve_and_too_little_in_another(sample: Path) -> None:
    prices = {point["security_id"]: float(point["price"]) for point in plain_flags.read(sample, "prices")[0]["prices"]}
    prices[beside.BOND] /= 100
    worth: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    value: Counter[str] = Counter()
    for line in (line for lines in lot_files(sample / "files").values() for line in lines[1:-1]):
        dollars = float(line[5]) * prices[line[2]] if line[0] == "L" else float(line[10])
        worth[line[1]][line[8], line[2]] += dollars  # type: ignore[assignment]  # counts of dollars
        value[line[1]] += dollars  # type: ignore[assignment]  # counts of dollars
    plans = plain_flags.targets(sample)
    crossing = 0
    for account in plain_flags.read(sample, "accounts"):
        number, signs = account["account_number"], defaultdict(set)
        weights = plans[account["portfolio_id"]][1] if "portfolio_id" in account else {}
        for (sleeve, security), (target, _, _) in weights.items():
            gap = worth[number][sleeve, security] / value[number] - float(target)
            if abs(gap) > 0.04 * float(target):  # beyond the default precision band: a rebalance would trade it
                signs[security].add(gap > 0)
        crossing += any(len(both) == 2 for both in signs.values())
    assert crossing > 10


def test_positions_and_lots_can_be_asked_for_and_more_securities_are_made_than_are_real(tmp_path: Path) -> None:
    manifest = make(BookOptions(60, 1, AS_OF, positions=30, lots=3), tmp_path, lambda _: None)
    assert manifest["synthetic_securities"] == 17
    lots = [line for lines in lot_files(tmp_path / "files").values() for line in lines[1:-1] if line[0] == "L"]
    owners = [
        account["account_number"] for account in plain_flags.read(tmp_path, "accounts") if "last_rebalanced" in account
    ]
    mean_lots = np.mean([sum(line[1] == owner for line in lots) for owner in owners])
    assert 80 < mean_lots <= 90  # 30 positions of 3 lots, less where a whole-share position has fewer units than lots
    names = {security["security_id"]: security["name"] for security in plain_flags.read(tmp_path, "securities")}
    assert names["AAPL"] == "Apple Inc."
    assert names["AAPL.2"].startswith("Synthetic")


def test_prices_are_the_real_ones_moved_session_by_session() -> None:
    held = universe(AS_OF)
    with gzip.open(DATA / "sp500_dataset.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    known = len(rows) - DAYS_TO_COME
    for day, row in (
        (AS_OF, rows[known - 1]),
        (session_after(AS_OF), rows[known]),
        (session_before(AS_OF, 1000), rows[known - 1001]),
        (session_after(AS_OF, DAYS_TO_COME), rows[-1]),
    ):
        assert held.market.close(day)[held.ids.index("XOM")] == scaled(row["XOM"], 6)
    assert price_set(held, session_after(AS_OF, 3)).price_set == 4
    with pytest.raises(NoPrices, match="end 250 sessions after"):
        price_set(held, session_after(AS_OF, DAYS_TO_COME + 1))
    with pytest.raises(NoPrices, match="is no session"):
        price_set(held, date(2025, 11, 27))


def test_each_fault_stands_where_the_manifest_says(sample: Path) -> None:
    files = orjson.loads((sample / "faults" / "manifest.json").read_bytes())["files"]
    rows, total, stale = files
    lines = (sample / "faults" / rows["name"]).read_text().splitlines()
    bad = {held["code"]: lines[held["line"] - 1].split("|") for held in rows["held"]}
    assert all(bad[held["code"]][1] == held["account_number"] for held in rows["held"])
    assert bad["NOT_A_NUMBER"][5] == "12O.5"
    assert bad["SHORT_POSITION"][5].startswith("-")
    assert bad["FUTURE_ACQUIRED"][4] > AS_OF.isoformat()
    assert bad["UNKNOWN_SECURITY"][2] not in {
        security["security_id"] for security in plain_flags.read(sample, "securities")
    }
    doubled = lines.index("|".join(bad["DUPLICATE_LOT"]))
    assert lines[doubled] == lines[doubled + 1]
    assert (total["code"], stale["code"]) == ("TOTAL_MISMATCH", "STALE_DATE")
    wrong = (sample / "faults" / total["name"]).read_text().splitlines()
    cash = sum(scaled(line.split("|")[CASH], 2) for line in wrong[1:-1] if line[0] == "C")
    assert scaled(wrong[-1].split("|")[4], 2) == cash + 1
    head = (sample / "faults" / stale["name"]).read_text().split("\n", 1)[0].split("|")
    assert head[4] == session_before(AS_OF, 30).isoformat()


@given(st.lists(st.none() | st.integers(-(10**17), 10**17)), st.sampled_from([2, 6]), st.booleans())
def test_columns_become_the_text_that_single_values_do(values: list[int | None], decimals: int, trim: bool) -> None:
    """Writing a column gives the same text as writing each value alone."""
    shown = decimal_text(pa.array(values, pa.int64()), decimals, trim=trim).to_pylist()
    assert shown == [None if value is None else text_of(value, decimals, trim=trim) for value in values]


@given(st.integers(0, 10**13), st.integers(0, 10**10))
def test_cents_are_exact_in_64_bits(quantity: int, price: int) -> None:
    """Quantity x price rounds half away from zero, as exact integers say."""
    found = int(cents(np.array([quantity], np.int64), np.array([price], np.int64))[0])
    assert found == (quantity * price + 5 * 10**9) // 10**10
