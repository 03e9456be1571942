"""`python -m deploy.trading_calendar`: write the list of New York sessions and closes anew from `exchange-calendars`.

The library works with pandas and is a dependency of development only: services read the committed list.
The list ends with the second year after the present one, as far ahead as the exchange announces its holidays; so it is
renewed once a year, or when the exchange announces a closure.  See docs/upgrading.md.
"""

import sys
from datetime import date

import exchange_calendars

from deploy.stack.layout import CHECKOUT
from shared.rules.trading_calendar import FILE, HEADER, NEW_YORK
from shared.runtime.clock import SystemClock

FIRST = date(1990, 1, 1)
YEARS_AHEAD = 2


def listed(end: date) -> str:
    """Return the text of the list up to and including `end`: a header, then a line for each session."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=end.isoformat())
    closes = calendar.closes.dt.tz_convert(NEW_YORK.key)
    lines = [f"{day:%Y-%m-%d},{close:%H:%M}" for day, close in closes.items()]
    return "\n".join([HEADER, *lines, ""])


def main() -> int:
    """Write the list and say what it covers; return 0."""
    end = date(SystemClock().now().year + YEARS_AHEAD, 12, 31)
    text = listed(end)
    (CHECKOUT / "shared" / "rules" / FILE).write_text(text)
    print(f"shared/rules/{FILE}: {text.count(':')} sessions from {FIRST.year} to the end of {end.year}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
