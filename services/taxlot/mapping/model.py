"""The mapping of a custodian's format: one declarative file.

Texts are compared after blanks at both ends are taken off.  What the mapping does not say is not read.
Source: product 2, "Each custodian writes its own format".
"""

import hashlib
import re
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from services.taxlot.domain.date_styles import date_tokens
from services.taxlot.mapping.forms import Delimited, FixedWidth, Xml
from services.taxlot.mapping.strict import Column, Strict, check_group, check_pattern

RowKind = Literal["lot", "cash", "total", "skip"]


class Matches(Strict):
    """A condition: the text of the column matches the regular expression from its begin to its end."""

    matches: str

    @model_validator(mode="after")
    def _readable(self) -> "Matches":
        check_pattern(self.matches)
        return self

    def pattern(self) -> re.Pattern[str]:
        """Return the compiled pattern."""
        return re.compile(self.matches)


Condition = Annotated[
    dict[Column, list[str] | Matches],
    Field(description="By column: the texts it may have (any of them), or a pattern; all columns must agree."),
]


class FileFact(Strict):
    """Where a fact about the whole file stands: a fixed value, or text found by a pattern or at an XML attribute."""

    value: str | None = Field(None, description="The fact itself, when no file says it.")
    search: Literal["head", "tail", "file_name"] | None = Field(
        None,
        description="Where `pattern` is searched: in the lines before the body, in the lines after it, or in the"
        " file's name.",
    )
    pattern: str | None = Field(
        None, description="A regular expression; its group `value` is the fact. ^ stands for the begin of a line."
    )
    attribute: str | None = Field(None, description="XML: `Element@attribute` of an element around the records.")
    style: str | None = Field(None, description="Of a date: its style, such as MM/DD/YYYY.")
    meanings: dict[str, str] = Field(default_factory=dict, description="What a text found stands for.")

    @model_validator(mode="after")
    def _one_way(self) -> "FileFact":
        ways = (self.value is not None, self.search is not None, self.attribute is not None)
        if sum(ways) != 1 or (self.search is None) != (self.pattern is None):
            raise ValueError("say one of: value; search with pattern; attribute")
        if self.pattern is not None:
            check_group(self.pattern)
        if self.style is not None:
            date_tokens(self.style)
        return self


class NumberStyle(Strict):
    """How numbers are written."""

    currency: str = Field("", max_length=4, description="A sign that may stand before the digits, such as $.")
    thousands: Literal["", ",", ".", " ", "'"] = Field("", description="Separator of groups of three digits.")
    decimal: Literal[".", ","] = "."
    plus: bool = Field(False, description="A + may stand before the digits.")
    parentheses: bool = Field(False, description="(1.00) is -1.00.")
    trailing_minus: bool = Field(False, description="1.00- is -1.00.")

    @model_validator(mode="after")
    def _distinct(self) -> "NumberStyle":
        if self.thousands == self.decimal or not self.currency.isascii():
            raise ValueError("thousands and decimal must differ, and the currency sign must be ASCII")
        return self


class Signs(Strict):
    """A column of its own for the sign of a number, which then carries none itself."""

    column: Column
    negative: list[str] = Field(min_length=1)
    positive: list[str] = Field(min_length=1, description='"" is a blank.')


class Factor(Strict):
    """Numbers of the rows that fulfil the condition are moved by powers of ten: a bond's price, units in thousands."""

    when: Condition
    times: Literal["0.0001", "0.001", "0.01", "0.1", "10", "100", "1000", "10000"]


class NumberField(Strict):
    """A number of a row."""

    column: Column
    style: NumberStyle | None = Field(None, description="If it differs from `numbers`.")
    implied_decimals: int | None = Field(
        None, ge=0, le=9, description="The digits are whole, so many of them are decimals; no point is written."
    )
    sign: Signs | None = None
    factors: list[Factor] = Field(default_factory=list, description="The first whose condition holds counts.")
    missing: list[str] | None = Field(None, description="What means missing here, if it differs from `missing`.")


class TextField(Strict):
    """An identifier of a row, made of a column's text."""

    column: Column
    remove: str = Field("", description="Characters that are taken out.")
    replace: dict[str, str] = Field(default_factory=dict, description="Texts that are replaced, in this order.")
    pad_to: int | None = Field(None, ge=1, le=64, description="Filled up with leading zeros to so many characters.")
    strip_zeros: bool = Field(False, description="Leading zeros are taken off.")
    names: dict[str, str] = Field(
        default_factory=dict, description="What the whole text (after the other steps) stands for."
    )
    missing: list[str] | None = Field(None, description="What means missing here, if it differs from `missing`.")

    @model_validator(mode="after")
    def _zeros_one_way(self) -> "TextField":
        if self.pad_to is not None and self.strip_zeros:
            raise ValueError("leading zeros are either added (pad_to) or taken off (strip_zeros)")
        return self


class DateField(Strict):
    """A date of a row."""

    column: Column
    styles: list[str] = Field(
        min_length=1,
        description="YYYY, MM or M, DD or D, MON (three English letters), hh mm ss (read, not kept), all else as it"
        " stands; * at the end: the rest is not looked at. The first style that fits counts.",
    )
    missing: list[str] | None = Field(None, description="What means missing here, if it differs from `missing`.")

    @model_validator(mode="after")
    def _readable(self) -> "DateField":
        for style in self.styles:
            date_tokens(style)
        return self


class Codes(Strict):
    """A column with codes for two states."""

    column: Column
    yes: list[str] = Field(min_length=1)
    no: list[str] = Field(min_length=1)


class Side(Strict):
    """A column that says whether a quantity is held or owed; a short quantity is negative whatever its sign."""

    column: Column
    long: list[str] = Field(min_length=1)
    short: list[str] = Field(min_length=1)


class LotId(Strict):
    """The name of a lot: a column's text, or texts of several columns joined by `-`."""

    columns: list[Column] = Field(min_length=1, max_length=4)
    remove: str = Field("", description="Characters that are taken out.")
    number_equal: bool = Field(
        False, description="Equal names of an account are numbered in the order of the file: X, X-2, X-3."
    )


class LotFields(Strict):
    """What a lot row has."""

    security: TextField
    lot_id: LotId
    quantity: NumberField
    side: Side | None = None
    acquired: DateField | None = Field(None, description="None: no lot has a date, every term is unknown.")
    holding_since: DateField | None = Field(None, description="The date from which the term counts.")
    term: Codes | None = Field(None, description="`yes`: long-term whatever the dates, as what was inherited is.")
    cost_basis: NumberField | None = Field(
        None, description="Dollars of the whole lot. None, and no `unit_cost`: every basis is unknown."
    )
    unit_cost: NumberField | None = Field(
        None,
        description="Dollars a unit; `factors` says where it is in percent of face, or of one share of an option. The"
        " basis is quantity x this where `cost_basis` is missing; where both are given they must agree.",
    )
    price: NumberField | None = None
    covered: Codes | Literal["Y", "N"] = "N"
    sleeve: TextField | None = None


class CashFields(Strict):
    """What a cash row has.  Rows of different kinds are added up; two of the same kind hold the account."""

    amount: NumberField
    kind: Column | None = Field(None, description="The column that tells balances apart, such as cash and margin.")
    kinds: list[str] | None = Field(None, description="The texts that `kind` may have.")
    absent: Literal["hold", "zero"] = Field("hold", description="An account without any cash row: held, or no cash.")


class Sweep(Strict):
    """Securities whose money stands as a lot and inside the cash figure: which of the two counts.

    `cash`: the lots are passed over.  `lot`: their value is taken out of the cash figure.
    """

    securities: list[str] = Field(min_length=1)
    counts: Literal["cash", "lot"]
    value: NumberField | None = Field(None, description="With `lot`: the column with the value in dollars.")

    @model_validator(mode="after")
    def _has_value(self) -> "Sweep":
        if (self.counts == "lot") != (self.value is not None):
            raise ValueError("`value` is needed when the lot counts, and only then")
        return self


class Check(Strict):
    """What a total row says of the lots of its account or of one security in it."""

    of: Literal["account", "security"]
    quantity: NumberField | None = None
    cost_basis: NumberField | None = None


class RowRule(Strict):
    """What rows that fulfil a condition are; the first rule that fits counts.  Without `when`: all other rows."""

    when: Condition | None = None
    is_: RowKind = Field(alias="is")
    check: Check | None = Field(None, description="Of a total: what is compared.")

    @model_validator(mode="after")
    def _only_totals_check(self) -> "RowRule":
        if self.check is not None and self.is_ != "total":
            raise ValueError("only a total has something to check")
        return self


class Sample(Strict):
    """A file that the mapping is tried with before it is put in force, and what must come of it."""

    file: str
    accounts: int
    lots: int
    quantity: str = Field(description="Sum of units.")
    cost_basis: str = Field(description="Sum of what is known, in dollars.")
    cash: str = Field(description="In dollars.")


class PromisedTotals(Strict):
    """What the file says of itself as a whole; what is not named here is lacking, and the ledger says so."""

    records: FileFact | None = None
    records_of: list[RowKind] = Field(["lot", "cash"], description="Which rows are counted.")
    quantity: FileFact | None = None
    cost_basis: FileFact | None = None
    cash: FileFact | None = None
    implied_decimals: dict[Literal["quantity", "cost_basis", "cash"], int] = Field(
        default_factory=dict, description="Of sums that are written without a point."
    )


class FormatMapping(Strict):
    """A custodian's format."""

    version: Literal[1]
    custodian: FileFact
    data_date: FileFact = Field(description="The day the file is of.")
    kind: FileFact = Field(description="REFRESHED (every account is in the file) or UPDATED (only what changed).")
    file_names: list[str] = Field(
        min_length=1, description="Patterns of names such as WEST_*.csv: which files in the inbox are of this format."
    )
    encoding: Literal["utf-8", "latin-1", "cp1252"] = Field("utf-8", description="A byte order mark is passed over.")
    source: Delimited | FixedWidth | Xml = Field(discriminator="type")
    header: str | None = Field(None, description="What the first line begins with.")
    trailer: str | None = Field(None, description="What the last line begins with; without it the file was cut off.")
    missing: list[str] = Field(default_factory=lambda: [""], description="Texts that mean: missing, not known.")
    numbers: NumberStyle = Field(default_factory=NumberStyle)
    account: TextField
    grouped: bool = Field(
        True, description="All rows of an account stand together; false: they are brought together, in memory."
    )
    rows: list[RowRule] = Field(min_length=1)
    lot: LotFields
    cash: CashFields
    sweep: Sweep | None = None
    totals: PromisedTotals = Field(default_factory=PromisedTotals)
    samples: list[Sample] = Field(min_length=1)

    @model_validator(mode="after")
    def _columns_are_there(self) -> "FormatMapping":
        known = self.source.columns
        if known is not None:
            above = self.source.sections if isinstance(self.source, Delimited) else {}
            lacking = sorted(self.columns() - set(known) - set(above) - {"element"})
            if lacking:
                raise ValueError(f"columns that `source` does not name: {', '.join(lacking)}")
        if self.lot.unit_cost is not None and self.totals.cost_basis is not None:
            raise ValueError(
                "`totals` cannot have the cost basis where it comes of `unit_cost`: printed costs are rounded"
            )
        kinds = {rule.is_ for rule in self.rows}
        if "lot" not in kinds or ("cash" not in kinds and self.cash.absent == "hold"):
            raise ValueError("`rows` says of no row that it is a lot, or of none that it is cash")
        if any(rule.when is None for rule in self.rows[:-1]):
            raise ValueError("a rule without `when` takes all rows, so it must be the last")
        return self

    def fingerprint(self) -> bytes:
        """Return what is equal for mappings that make the same of every file: names of files and samples are left out.

        Keys that stand at their default are left out too, so that a release with more keys changes no fingerprint.
        """
        said = self.model_dump_json(exclude={"file_names", "samples"}, exclude_defaults=True)
        return hashlib.sha256(said.encode()).digest()

    def columns(self) -> set[str]:
        """Return the names of all columns that the mapping reads."""
        return _columns_in(self.account) | _columns_in(self.lot) | _columns_in(self.cash) | _rule_columns(self)


def _rule_columns(mapping: FormatMapping) -> set[str]:
    found: set[str] = set()
    for rule in mapping.rows:
        found |= set(rule.when or {}) | (set() if rule.check is None else _columns_in(rule.check))
    return found | (set() if mapping.sweep is None or mapping.sweep.value is None else _columns_in(mapping.sweep.value))


def _columns_in(model: BaseModel) -> set[str]:
    """Return the names in fields `column`, `columns`, `kind` and the conditions, of a part and all its parts."""
    found: set[str] = set()
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name in ("column", "kind") and isinstance(value, str):
            found.add(value)
        elif name == "columns" or name == "when":
            found |= set(value)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, BaseModel):
                found |= _columns_in(part)
    return found
