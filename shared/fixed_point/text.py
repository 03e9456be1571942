"""The one place that turns decimal text into scaled integers and back; nothing here is ever a float.

Source: product 1, "Money is exact".
"""

import re

_PLAIN = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]+)?")


class InexactText(ValueError):
    """The text is not a plain decimal number, or has more decimals than the scale holds."""


def scaled(text: str, decimals: int, what: str = "number") -> int:
    """Return `text` as an integer in units of 10**-decimals, e.g. scaled("1.25", 2) == 125.

    Raises InexactText when the text is not a plain decimal or carries more than `decimals` significant decimals.
    """
    cleaned = text.strip()
    if not _PLAIN.fullmatch(cleaned):
        raise InexactText(f"{what}: {text!r} is not a plain decimal number such as 1234.56")
    whole, _, fraction = cleaned.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise InexactText(f"{what}: {text!r} has more than {decimals} decimals")
    sign = -1 if whole.startswith("-") else 1
    return sign * int(whole.lstrip("+-") + fraction.ljust(decimals, "0"))


def rounded(text: str, decimals: int, what: str = "number") -> int:
    """Return `text` in units of 10**-decimals, rounded half away from zero, e.g. rounded("-1.255", 2) == -126.

    Raises InexactText when the text is not a plain decimal.
    """
    given = len(text.strip().partition(".")[2])
    if given <= decimals:
        return scaled(text, decimals, what)
    value = scaled(text, given, what)
    unit: int = 10 ** (given - decimals)
    magnitude = (2 * abs(value) + unit) // (2 * unit)
    return -magnitude if value < 0 else magnitude


def text_of(value: int, decimals: int, *, trim: bool = False) -> str:
    """Return the scaled integer as plain decimal text, e.g. text_of(-125, 2) == "-1.25".

    With trim=True trailing zeros of the fraction go ("1.500000" -> "1.5"); money keeps its two decimals.
    """
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**decimals)
    digits = str(fraction).zfill(decimals) if decimals else ""
    if trim:
        digits = digits.rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def usd(cents: int) -> str:
    """Return cents as dollars text with two decimals: usd(123456) == "1234.56"."""
    return text_of(cents, 2)
