"""The newest prices and targets of one process, kept in memory: what every evaluation of a chunk starts from."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from services.analyzer.columns.evaluation import Context
from services.analyzer.settings import Settings
from services.analyzer.store.database import Session
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.pgcopy import NULL
from services.analyzer.store.price_sets import PriceBook, Prices
from services.analyzer.store.security_master import HeldSecurities, SecurityBook
from services.analyzer.store.targets import StoredTarget, TargetBook
from shared.rules.trading_calendar import business_date
from shared.runtime.clock import Clock


class Contexts:
    """Gives each chunk the newest prices and targets, read again only when they have changed."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self.prices = PriceBook()
        self.targets = TargetBook()
        self.securities = SecurityBook()

    def now(self) -> datetime:
        """Return the time of the clock."""
        return self._clock.now()

    def of(self, session: Session, rows: AccountRows, trigger: str) -> Context:
        """Return the newest prices, roles of securities, and targets of these accounts.  trigger: as in Context."""
        prices = self.prices.newest(session)
        portfolios = rows.ints("a.portfolio_no")
        targets = self.targets.of(session, np.unique(portfolios[portfolios != NULL]).tolist())
        return self._context(prices, self.securities.newest(session), targets, trigger)

    def without_targets(self, session: Session, trigger: str) -> Context:
        """Return the newest prices and roles of securities, and no targets."""
        return self._context(self.prices.newest(session), self.securities.newest(session), {}, trigger)

    def _context(
        self, prices: Prices, securities: HeldSecurities, targets: Mapping[int, StoredTarget], trigger: str
    ) -> Context:
        now = self._clock.now()
        return Context(
            prices=prices,
            securities=securities,
            targets=targets,
            today=business_date(now, self._settings.cut_off),
            now=now,
            trigger=trigger,
            price_age_sessions=self._settings.price_age_sessions,
        )
