"""One account for the account page: facts, settings, positions with weight, target and band, and why it is flagged."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from services.analyzer.columns import evaluation, facts_rows
from services.analyzer.columns.holds import holds, named
from services.analyzer.domain import eligibility, messages
from services.analyzer.domain import request as joining
from services.analyzer.domain.layout import (
    KEY_SHIFT,
    NO_TARGET_HEAD,
    NONE,
    RESTRICTION,
    SLEEVE_MASK,
    Ragged,
    Setting,
    TargetField,
    key_of,
)
from services.analyzer.operations.context import Contexts
from services.analyzer.store import facts
from services.analyzer.store.database import Session
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from services.analyzer.store.pgcopy import NULL
from shared.contracts.codes import FlagState, HoldingRole, LotMethod, Restriction, Tile
from shared.contracts.holding_roles import PRICE_FACTORS
from shared.contracts.problems import NotFound, OurFault
from shared.contracts.tenancy import Scope
from shared.fixed_point.arithmetic import muldiv_half_away, value_cents
from shared.fixed_point.limits import PPB
from shared.fixed_point.records import Records, records
from shared.fixed_point.text import text_of, usd
from shared.kafka.faults import Blame, blame
from shared.kafka.isolation import note_account_fault
from shared.rules.bands import position_band, position_side, shown_weight


def account_view(session: Session, names: Names, contexts: Contexts, account_id: str, scope: Scope) -> dict[str, Any]:
    """Return an account of the scope as JSON; money, quantities and weights are text.

    Raises NotFound if there is no such account, and with the same text and timing if it is outside the scope;
    OurFault if our own code raises at it.
    """
    visible = facts.visible(session, scope, account_id)
    if not visible:
        raise NotFound(f"There is no account {account_id}, or it is not yours to see.")
    try:
        return _view(session, names, contexts, account_id)
    except Exception as error:
        if blame(error) is not Blame.OURS:
            raise
        where = "an operator finds it in the analyzer's log (account.cannot)"
        raise OurFault(f"{note_account_fault(account_id, error)}; {where}") from error


def _view(session: Session, names: Names, contexts: Contexts, account_id: str) -> dict[str, Any]:
    rows = facts.read_rows(session, facts.BY_IDS, [account_id])
    context = contexts.of(session, rows, "view")
    measured = evaluation.measure(rows, context)
    portfolios, securities = named(rows, measured)
    portfolio_ids = names.ids(session, PORTFOLIO, sorted(portfolios))
    security_ids = names.ids(session, SECURITY, sorted(securities))
    codes, texts = holds(rows, context, measured, portfolio_ids, security_ids)
    out = measured.out[0]
    portfolio_no = int(rows.ints("a.portfolio_no")[0])
    return {
        "account_id": account_id,
        "portfolio_id": None if portfolio_no == NULL else names.ids(session, PORTFOLIO, [portfolio_no])[portfolio_no],
        "facts_version": int(rows.ints("a.facts_version")[0]),
        "lots_version": int(rows.ints("a.lots_version")[0]),
        "as_of": _date(rows, "a.as_of"),
        "price_set": context.prices.price_set,
        "prices_as_of": None if context.prices.as_of is None else context.prices.as_of.isoformat(),
        "state": FlagState(int(out.state)).name,
        "tiles": [tile.name for tile in Tile if int(out.tiles) & tile],
        "last_rebalanced": _date(rows, "a.last_rebalanced"),
        "settling_since": _date(rows, "a.settle_date"),
        "epoch": int(rows.ints("a.epoch")[0]),
        "hold_code": codes[0],
        "hold_text": texts[0],
        "cash": usd(int(rows.ints("a.cash_cents")[0])),
        "cash_equivalents": usd(int(out.equivalents)) if out.value > 0 else None,
        "market_value": usd(int(out.value)) if out.value > 0 else None,
        "settings": _settings(session, names, rows, measured),
        "positions": _positions(session, names, rows, measured, context),
        "reasons": _reasons(session, names, measured.reasons.data),
    }


def _settings(session: Session, names: Names, rows: AccountRows, measured: evaluation.Measurement) -> dict[str, Any]:
    own, cash_target = rows.settings[0], int(measured.out[0].cash_target)
    target = int(measured.target_of[0])
    head = measured.heads[target] if target >= 0 else NO_TARGET_HEAD

    def weight(setting: Setting, field: TargetField | None) -> str:
        value = int(own[setting])
        return text_of(int(head[field]) if value == NONE and field is not None else value, 9, trim=True)

    rules, roles = rows.restrictions.data, rows.own_roles.data
    numbers = [*rules.security.tolist(), *rules.substitute.tolist(), *roles.security.tolist()]
    named = names.ids(session, SECURITY, [number for number in numbers if number >= 0])
    return {
        "rebalancer_on": bool(own[Setting.REBALANCER_ON]),
        "do_not_trade": bool(own[Setting.DO_NOT_TRADE]),
        "taxable": bool(own[Setting.TAXABLE]),
        "lot_method": LotMethod(int(own[Setting.LOT_METHOD])).name,
        "gain_budget_short": _limit(int(own[Setting.GAIN_BUDGET_SHORT_CENTS])),
        "gain_budget_total": _limit(int(own[Setting.GAIN_BUDGET_TOTAL_CENTS])),
        "no_short_term_gains": bool(own[Setting.NO_SHORT_TERM_GAINS]),
        "threshold": weight(Setting.THRESHOLD_PPB, TargetField.THRESHOLD_PPB),
        "precision": weight(Setting.PRECISION_PPB, TargetField.PRECISION_PPB),
        "floor": weight(Setting.FLOOR_PPB, TargetField.FLOOR_PPB),
        "cash_threshold": weight(Setting.CASH_THRESHOLD_PPB, TargetField.CASH_THRESHOLD_PPB),
        "cash_target": text_of(int(head[TargetField.CASH_PPB]) if cash_target == NONE else cash_target, 9, trim=True),
        "min_trade_usd": usd(int(own[Setting.MIN_TRADE_CENTS])),
        "min_trade_weight": weight(Setting.MIN_TRADE_PPB, None),
        "cash_reserve": usd(int(own[Setting.RESERVE_CENTS])),
        "cash_set_aside": usd(int(own[Setting.SET_ASIDE_CENTS])),
        "restrictions": [
            {
                "security_id": named[int(rule.security)],
                "restrictions": [restriction.name for restriction in Restriction if int(rule.kinds) & restriction],
                "substitute_id": named.get(int(rule.substitute)),
            }
            for rule in rules
        ],
        "holding_roles": [
            {"security_id": named[int(own_role.security)], "role": HoldingRole(int(own_role.role)).name}
            for own_role in roles
        ],
        "lot_picks": [
            {"security_id": security, "lot_id": lot, "sleeve_id": sleeve, "quantity": text_of(units, 6, trim=True)}
            for security, lot, sleeve, units in orjson.loads(rows.text("a.lot_picks", 0) or "[]")
        ],
    }


def _limit(cents: int) -> str | None:
    return None if cents == NONE else usd(cents)


def _positions(
    session: Session, names: Names, rows: AccountRows, measured: evaluation.Measurement, context: evaluation.Context
) -> list[dict[str, Any]]:
    """Return every position in order of security and sleeve, weighed where V is known, with targets as flags judge."""
    total = int(measured.out[0].value)
    heads, targets = facts_rows.targets_with_none(measured)
    target_of = facts_rows.target_rows_of(measured.target_of, heads)
    judged = {int(row.key): row for row in measured.judged[: int(measured.out[0].judged)]}
    rules = rows.restrictions if judged else Ragged(np.zeros(2, np.int64), records(RESTRICTION, 0))
    securities, sleeves = joining.numbers_named(rules, rows.holdings, targets)
    security_ids, sleeve_ids = names.ids(session, SECURITY, securities), names.ids(session, SLEEVE, sleeves)
    positions = joining.join(
        rows.settings,
        rules,
        rows.holdings,
        target_of,
        heads,
        targets,
        joining.ranks(security_ids),
        joining.ranks(sleeve_ids),
    )
    roles = joining.AccountRoles(rows.own_roles, context.securities.roles)
    role_of = roles.of(np.zeros(len(positions.security_no), np.int64), positions.security_no)
    price_of = joining.by_number(context.prices.micro, positions.security_no, 0)
    divisor_of = joining.by_number(context.securities.divisor, positions.security_no, 1)
    own_floor = int(rows.settings[0, Setting.FLOOR_PPB])
    floor = int(heads[target_of[0], TargetField.FLOOR_PPB]) if own_floor == NONE else own_floor
    triggering = set(measured.reasons.data.key.tolist())
    found = []
    for row in range(len(positions.security)):
        index = positions.security[row]
        number, role = int(positions.security_no[index]), HoldingRole(int(role_of[index]))
        position, divisor = positions.values[row], int(divisor_of[index])
        quantity, target = int(position.quantity), int(position.target)
        key, own = key_of(number, int(positions.sleeve_no[row])), target * PPB + int(position.rest)
        after = judged.get(key)
        if judged and after is None and quantity == 0 and own == 0:
            continue  # a substitute that cannot be used
        # What is EXCLUDED is not valued: its price may be of something else than a unit.
        unit, counts = int(price_of[index]), role is not HoldingRole.EXCLUDED
        value = value_cents(quantity // divisor, unit)
        is_valued, is_managed = counts and unit > 0, role is HoldingRole.MANAGED
        exact, relative = (own, int(position.threshold)) if after is None else (int(after.exact), int(after.threshold))
        low, high = position_band(exact, relative, floor)
        shown = shown_weight(value, total) if total > 0 and is_valued else None
        found.append(
            {
                "security_id": security_ids[number],
                "sleeve_id": sleeve_ids[int(positions.sleeve_no[row])],
                "quantity": text_of(quantity, 6, trim=True),
                "price": text_of(unit, 6, trim=True) if unit > 0 else None,
                "price_factor": PRICE_FACTORS[divisor],
                "value": usd(value) if is_valued else None,
                "weight": None if shown is None else text_of(shown, 9),
                "target": text_of(target if after is None else int(after.shown), 9),
                "low": text_of(muldiv_half_away(low, 1, 10**9), 9),
                "high": text_of(muldiv_half_away(high, 1, 10**9), 9),
                "can_trigger": is_managed and bool(position.can_trigger),
                "outside": key in triggering
                if judged
                else is_managed
                and shown is not None
                and position_side(value, shown, total, exact, relative, floor) != 0,
                "role": role.name,
                "target_exact": text_of(exact, 18, trim=True),
                **_substitution(rules.data, security_ids, number, None if exact == own else own),
            }
        )
    return found


def _substitution(
    rules: Records, security_ids: Mapping[int, str], number: int, portfolio_target: int | None
) -> dict[str, Any]:
    """Return what the portfolio itself says of a security, in 1e-18, and which one stands in for which.

    portfolio_target: None where substitution did not change it.
    """
    if portfolio_target is None:
        return {"portfolio_target": None, "replaced_by": None, "replaces": []}
    named = [(int(rule.security), int(rule.substitute)) for rule in rules if rule.substitute != NONE]
    return {
        "portfolio_target": text_of(portfolio_target, 18, trim=True),
        "replaced_by": next((security_ids[by] for replaced, by in named if replaced == number), None),
        "replaces": sorted(
            security_ids[replaced] for replaced, by in named if by == number and replaced in security_ids
        ),
    }


def _reasons(session: Session, names: Names, reasons: Records) -> list[str]:
    keys = [key for key in reasons.key.tolist() if key >= 0]
    securities = names.ids(session, SECURITY, [key >> KEY_SHIFT for key in keys])
    sleeves = names.ids(session, SLEEVE, [key & SLEEVE_MASK for key in keys])
    return [
        messages.reason(
            securities.get(int(reason.key) >> KEY_SHIFT),
            sleeves.get(int(reason.key) & SLEEVE_MASK),
            int(reason.weight),
            int(reason.target),
            int(reason.low),
            int(reason.high),
        )
        for reason in reasons
    ]


def _date(rows: AccountRows, name: str) -> str | None:
    number = int(rows.days(name)[0])
    return None if number == NULL else eligibility.day_of(number).isoformat()
