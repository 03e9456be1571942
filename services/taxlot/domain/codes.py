"""The codes of docs/custodial-files.md and the sentence each is shown with."""

from dataclasses import dataclass
from typing import Final

# Why an account is held, in the order in which a record is judged; the index in this tuple is its code (0: good).
ROW_CODES: Final = (
    "",
    "BAD_RECORD",
    "BAD_TEXT",
    "NOT_A_NUMBER",
    "OUT_OF_RANGE",
    "SHORT_POSITION",
    "BAD_SIGN",
    "BAD_DATE",
    "FUTURE_ACQUIRED",
    "BAD_TERM",
    "BAD_COVERED",
    "UNKNOWN_SECURITY",
    "DUPLICATE_LOT",
    "CASH_MISSING",
    "CASH_TWICE",
    "NOT_TOGETHER",
)
MISSING_FROM_FILE: Final = "MISSING_FROM_FILE"
# Of a custodian's own format, why an account is held.
NOT_UNDERSTOOD: Final = "NOT_UNDERSTOOD"
TOTAL_DIFFERS: Final = "TOTAL_DIFFERS"
COST_DIFFERS: Final = "COST_DIFFERS"
TOO_MANY_LOTS: Final = "TOO_MANY_LOTS"
TOO_MANY_POSITIONS: Final = "TOO_MANY_POSITIONS"

# Why an account is reported, or held if the settings say so.
LARGE_CHANGE: Final = "LARGE_CHANGE"

# Why a file of a custodian's own format is refused: its mapping does not fit it; none, or several, are for it.
MAPPING_MISFIT: Final = "MAPPING_MISFIT"
MAPPING_UNCLEAR: Final = "MAPPING_UNCLEAR"

# Why a file is refused that was not read to its end.
NOT_A_FILE: Final = "NOT_A_FILE"
NOT_TAKEN_IN: Final = "NOT_TAKEN_IN"

_SENTENCES: Final = {
    "BAD_RECORD": "the record has not the eleven or thirteen fields of an L or C record",
    "BAD_TEXT": "an identifier is missing, too long or has characters that are not allowed",
    "NOT_A_NUMBER": "quantity, cost basis or cash is not a plain decimal number",
    "OUT_OF_RANGE": "a number is beyond the limits of the format",
    "SHORT_POSITION": "the quantity is negative; if it is no error, the holding role of the security, or of the account"
    " for it, can be set to EXCLUDED, which leaves the short position out",
    "BAD_SIGN": "the cost basis is negative",
    "BAD_DATE": "acquired or holding since is no calendar date",
    "FUTURE_ACQUIRED": "acquired or holding since lies after the date of the file",
    "BAD_TERM": "term is neither empty nor LONG",
    "BAD_COVERED": "covered is neither Y nor N",
    "UNKNOWN_SECURITY": "the security is not in the security master",
    "DUPLICATE_LOT": "the same security, lot id and sleeve stand twice in the account",
    "CASH_MISSING": "the account has no cash record",
    "CASH_TWICE": "the account has more than one cash record",
    "NOT_TOGETHER": "the records of the account do not stand together",
    "AMBIGUOUS_NUMBER": "the account number stands for more than one account at this custodian; the platform must tell"
    " them apart",
    TOO_MANY_LOTS: "the account has more lots than can be worked with",
    TOO_MANY_POSITIONS: "the account has more positions than can be worked with",
    NOT_UNDERSTOOD: "a row of the account is not understood by the mapping of its format",
    TOTAL_DIFFERS: "the file's own total of the account is another than its rows add up to",
    COST_DIFFERS: "the cost of a lot is another than its quantity times its cost per unit",
    LARGE_CHANGE: "the account changed by more than the limit since its last file, without trades of ours; the next"
    " file that still says so is taken",
    MISSING_FROM_FILE: "the account is not in a file that should hold every account",
}


def printable(text: str) -> str:
    """Return a text from outside with its unprintable characters escaped: databases, logs and pages accept it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@dataclass(frozen=True)
class DataHold:
    """Why one account is held. line: 1 is the file's first; 0 when no line is to blame. detail: the values at fault."""

    code: str
    line: int
    detail: str = ""

    def text(self, file_name: str) -> str:
        """Return the sentence users read: file, line, reason."""
        where = f"{file_name}, line {self.line}" if self.line else file_name
        return f"{where}: {_SENTENCES[self.code]}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class FileNote:
    """A remark on a file that is reported and holds no account."""

    code: str
    line: int
    account_number: str
    text: str
    account_id: str | None = None  # the account it concerns; None: the whole file


class FileRefused(Exception):
    """The whole file is refused; nothing of it is applied. `code` as documented, the message says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
