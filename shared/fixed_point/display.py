"""Weights and amounts as people read them.  Apart from `text`, whose users need no compiled kernel."""

from shared.fixed_point.arithmetic import muldiv_half_away
from shared.fixed_point.limits import PPB
from shared.fixed_point.text import text_of


def percent(ppb: int) -> str:
    """Return a weight as percent, rounded half away from zero to two decimals: percent(74_240_000) == "7.42%".

    ppb: parts per billion of account value.
    """
    return _signed(ppb, f"{text_of(abs(muldiv_half_away(ppb, 1, PPB // 10_000)), 2)}%")


def dollars(cents: int) -> str:
    """Return an amount of dollars as people read it: dollars(-123_456) == "($1,234.56)"."""
    whole, part = divmod(abs(cents), 100)
    return _signed(cents, f"${whole:,}.{part:02d}")


def _signed(value: int, text: str) -> str:
    """Return the text of a figure; a negative one stands in parentheses, as in the interface."""
    return f"({text})" if value < 0 else text
