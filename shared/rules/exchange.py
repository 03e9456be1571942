"""Prints the sessions of the New York exchange, a date a line, from 1990 to about a year ahead.

Run as a program of its own by `trading_calendar`: the calendar's library works with pandas, which would stay in the
memory of every service (45 MB) for one list of dates.
"""

import exchange_calendars


def main() -> None:
    """Print them in order."""
    calendar = exchange_calendars.get_calendar("XNYS", start="1990-01-01")
    print("\n".join(stamp.date().isoformat() for stamp in calendar.sessions))


if __name__ == "__main__":
    main()
