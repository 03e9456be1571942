"""Facts about a whole foreign file: custodian, data date, kind, and the totals it states of itself."""

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from services.taxlot.domain.codes import MAPPING_MISFIT, FileRefused
from services.taxlot.domain.date_styles import plain_date
from services.taxlot.domain.envelope import ControlTotals, Header
from services.taxlot.domain.text import is_identifier
from services.taxlot.mapping.model import FileFact, FormatMapping
from shared.contracts import custody
from shared.fixed_point.text import InexactText, rounded, scaled, text_of


@dataclass(frozen=True)
class Surroundings:
    """Where facts are looked for: the lines before and after the body, the file's name, attributes around records."""

    head: str
    tail: str
    file_name: str
    attributes: Mapping[str, str]


def header_of(mapping: FormatMapping, around: Surroundings) -> Header:
    """Return what the documented format says in its header.  Raises FileRefused (BAD_HEADER)."""
    custodian = _required(mapping.custodian, around, "custodian")
    if not is_identifier(custodian):
        raise FileRefused("BAD_HEADER", f"the custodian is {custodian[:80]!r}, which is no identifier")
    text = _required(mapping.data_date, around, "data date")
    style = mapping.data_date.style
    plain = text if style is None else plain_date(text, style)
    try:
        day = date.fromisoformat(plain or "")
    except ValueError as error:
        raise FileRefused("BAD_HEADER", f"the data date {text!r} is no date in the style {style}") from error
    kind = _required(mapping.kind, around, "kind")
    if kind not in (custody.REFRESHED, custody.UPDATED):
        raise FileRefused("BAD_HEADER", f"the kind is {kind!r}, it must be {custody.REFRESHED} or {custody.UPDATED}")
    return Header(custodian, day, kind == custody.REFRESHED, datetime.combine(day, time(), UTC))


def promised_of(mapping: FormatMapping, around: Surroundings, lines: int) -> ControlTotals:
    """Return the totals that the file states of itself.  lines: of its body, shown as the count where it states none.

    Raises FileRefused (BAD_TRAILER) if a total is not where the mapping says, or is no number.
    """
    totals = mapping.totals
    lacking = [name for name in ("records", "quantity", "cost_basis", "cash") if getattr(totals, name) is None]
    found = {
        name: 0 if name in lacking else _total(mapping, name, decimals, around)
        for name, decimals in (("records", 0), ("quantity", 6), ("cost_basis", 2), ("cash", 2))
    }
    records = lines if "records" in lacking else found["records"]
    return ControlTotals(records, found["quantity"], found["cost_basis"], found["cash"], lacking=frozenset(lacking))


def is_for(mapping: FormatMapping, file_name: str) -> bool:
    """Say whether the mapping is for files of this name; capitals do not count."""
    return any(fnmatch.fnmatchcase(file_name.lower(), pattern.lower()) for pattern in mapping.file_names)


def _total(mapping: FormatMapping, name: str, decimals: int, around: Surroundings) -> int:
    fact: FileFact = getattr(mapping.totals, name)
    text = _found(fact, around)
    if text is None:
        raise FileRefused("BAD_TRAILER", f"the total of {name} is not where the mapping says")
    style = mapping.numbers
    plain = text.replace(style.thousands, "") if style.thousands else text
    plain = plain.replace(style.currency, "") if style.currency else plain
    plain = plain.replace(",", ".") if style.decimal == "," else plain
    implied = mapping.totals.implied_decimals.get(name, 0)  # type: ignore[call-overload]
    try:
        if implied > decimals:
            plain, implied = text_of(scaled(plain, 0), implied), 0
        return rounded(plain, decimals - implied)  # as what is kept of the values is
    except InexactText as error:
        raise FileRefused("BAD_TRAILER", f"the total of {name}: {error}") from error


def _required(fact: FileFact, around: Surroundings, what: str) -> str:
    text = _found(fact, around)
    if not text:
        where = fact.attribute or fact.search
        raise FileRefused("BAD_HEADER", f"the {what} is not where the mapping says ({where})")
    return text


def _found(fact: FileFact, around: Surroundings) -> str | None:
    """Return the fact, None if it is not there.  Raises FileRefused (MAPPING_MISFIT) if `meanings` does not know it."""
    if fact.value is not None:
        return fact.value
    if fact.attribute is not None:
        text = around.attributes.get(fact.attribute)
    else:
        searched = {"head": around.head, "tail": around.tail, "file_name": around.file_name}
        match = re.search(fact.pattern or "", searched[fact.search or "head"], re.MULTILINE)
        text = None if match is None else match["value"]
    if text is None:
        return None
    text = text.strip()
    if fact.meanings and text not in fact.meanings:
        raise FileRefused(MAPPING_MISFIT, f"the mapping does not say what {text!r} stands for")
    return fact.meanings.get(text, text)
