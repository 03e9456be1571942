"""Models, portfolios and the targets computed from them.

A target gets a new target_version whenever its content changes, and only then; versions grow over all portfolios.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.analyzer.domain import target as rules
from services.analyzer.domain.layout import Target, read_target, target_documents
from services.analyzer.store.database import Session
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from shared.contracts.platform import ModelChanged, PortfolioChanged
from shared.contracts.succession import Known, admit, content_of
from shared.fixed_point.text import InexactText


@dataclass(frozen=True)
class SavedTargets:
    """portfolios: numbers of those whose accounts are to be evaluated.  refused: reasons by index in the group."""

    portfolios: list[int]
    refused: dict[int, str]


@dataclass(frozen=True)
class StoredTarget:
    """The target of a portfolio: its version, what changed it last, and either the target or its problem."""

    version: int
    cause: str
    problem: str | None
    target: Target | None


class TargetBook:
    """Targets kept in memory, each checked by its version once a chunk."""

    def __init__(self) -> None:
        self._cached: dict[int, StoredTarget] = {}

    def of(self, session: Session, portfolios: Iterable[int]) -> dict[int, StoredTarget]:
        """Return the targets of these portfolios (numbers), as far as they are known."""
        wanted = sorted(set(portfolios))
        rows = session.execute(
            "SELECT portfolio_no, target_version FROM target WHERE portfolio_no = ANY(%s)", [wanted]
        ).fetchall()
        stale = [
            number for number, version in rows if number not in self._cached or self._cached[number].version != version
        ]
        found = session.execute(
            "SELECT portfolio_no, target_version, cause, problem, document,"
            " CASE WHEN rests_version = target_version THEN rests END FROM target WHERE portfolio_no = ANY(%s)",
            [stale],
        )
        for number, version, cause, problem, document, rests in found if stale else ():
            self._cached[number] = StoredTarget(
                version, cause, problem, read_target(document, rests) if problem is None else None
            )
        return {number: self._cached[number] for number, _ in rows}


def save_models(session: Session, names: Names, events: Sequence[ModelChanged]) -> SavedTargets:
    """Store models and compute the targets that follow them.

    Accounts of a version that is stored already are evaluated again, because its first delivery may have ended halfway;
    those of an older version are not.
    """
    _lock(session)
    models: list[str] = []
    query = "SELECT model_id, version, body FROM model WHERE model_id = ANY(%s)"
    found = session.execute(query, [[event.model_id for event in events]]).fetchall()
    known = {name: Known(version, content_of(ModelChanged.model_validate_json(body))) for name, version, body in found}
    admitted = admit(events, lambda event: event.model_id, known)
    for event in admitted.newest:
        done = session.execute(
            "INSERT INTO model AS m (model_id, version, body) VALUES (%s, %s, %s) ON CONFLICT (model_id) DO UPDATE"
            " SET version = excluded.version, body = excluded.body WHERE m.version <= excluded.version",
            [event.model_id, event.version, event.model_dump_json()],
        )
        if done.rowcount:
            models.append(event.model_id)
            _compute(
                session, names, _followers(session, event.model_id), f"model {event.model_id} version {event.version}"
            )
    touched = {number for model_id in models for number in _followers(session, model_id)}
    return SavedTargets(sorted(touched), admitted.refused)


def save_portfolios(session: Session, names: Names, events: Sequence[PortfolioChanged]) -> SavedTargets:
    """Store portfolios and compute their targets."""
    numbers = names.numbers(PORTFOLIO, (event.portfolio_id for event in events))
    ids = {number: portfolio_id for portfolio_id, number in numbers.items()}
    _lock(session)
    query = "SELECT portfolio_no, version, body FROM portfolio WHERE portfolio_no = ANY(%s)"
    found = session.execute(query, [sorted(ids)]).fetchall()
    known = {
        ids[number]: Known(version, content_of(PortfolioChanged.model_validate_json(body)))
        for number, version, body in found
    }
    admitted = admit(events, lambda event: event.portfolio_id, known)
    changed: list[int] = []
    for event in admitted.newest:
        number = numbers[event.portfolio_id]
        done = session.execute(
            "INSERT INTO portfolio AS p (portfolio_no, version, body) VALUES (%s, %s, %s) ON CONFLICT (portfolio_no)"
            " DO UPDATE SET version = excluded.version, body = excluded.body WHERE p.version <= excluded.version",
            [number, event.version, event.model_dump_json()],
        )
        if done.rowcount:
            _follow(session, number, rules.models_of(event))
            _compute(session, names, [number], f"portfolio {event.portfolio_id} version {event.version}")
            changed.append(number)
    return SavedTargets(changed, admitted.refused)


def problems_of(session: Session, portfolios: Sequence[int]) -> list[str]:
    """Return the problems of the targets of these portfolios, except models that have not arrived yet."""
    rows = session.execute(
        "SELECT problem FROM target WHERE portfolio_no = ANY(%s) AND problem IS NOT NULL"
        " AND problem NOT LIKE '%%is not known yet' ORDER BY portfolio_no",
        [list(portfolios)],
    )
    return [problem for (problem,) in rows]


def accounts_of(session: Session, portfolios: Sequence[int]) -> list[str]:
    """Return the ids of all accounts that have one of these portfolios, in order."""
    rows = session.execute(
        "SELECT account_id FROM account_facts WHERE portfolio_no = ANY(%s) ORDER BY account_id", [list(portfolios)]
    )
    return [account_id for (account_id,) in rows]


def touches_more_than(session: Session, portfolios: Sequence[int], bound: int) -> bool:
    """Return whether more accounts than `bound` have one of these portfolios."""
    row = session.execute(
        "SELECT count(*) FROM (SELECT FROM account_facts WHERE portfolio_no = ANY(%s) LIMIT %s) AS touched",
        [list(portfolios), bound + 1],
    ).fetchone()
    return row is not None and row[0] > bound


def state_of(session: Session, portfolios: Sequence[int]) -> str:
    """Return a text that changes when one of the targets of these portfolios changes: it names a run over them."""
    row = session.execute(
        "SELECT max(target_version), md5(string_agg(portfolio_no::text, ',' ORDER BY portfolio_no)) FROM target"
        " WHERE portfolio_no = ANY(%s)",
        [list(portfolios)],
    ).fetchone()
    if row is None:
        return "none"
    newest, digest = row
    return f"{newest} of {digest}"


def _lock(session: Session) -> None:
    """Allow one writer of targets at a time: a model and a portfolio that arrive together must see one another."""
    session.execute("SELECT pg_advisory_xact_lock(hashtext('analyzer.target'))")


def _follow(session: Session, portfolio_no: int, models: set[str]) -> None:
    session.execute("DELETE FROM portfolio_model WHERE portfolio_no = %s", [portfolio_no])
    session.execute(
        "INSERT INTO portfolio_model (model_id, portfolio_no)"
        " SELECT model_id, %s FROM unnest(%s::text[]) AS m (model_id)",
        [portfolio_no, sorted(models)],
    )


def _followers(session: Session, model_id: str) -> list[int]:
    rows = session.execute("SELECT portfolio_no FROM portfolio_model WHERE model_id = %s ORDER BY 1", [model_id])
    return [number for (number,) in rows]


def _compute(session: Session, names: Names, portfolios: Sequence[int], cause: str) -> None:
    """Compute the targets of these portfolios and store those whose content has changed."""
    rows = session.execute("SELECT portfolio_no, body FROM portfolio WHERE portfolio_no = ANY(%s)", [list(portfolios)])
    bodies = [(number, PortfolioChanged.model_validate_json(body)) for number, body in rows.fetchall()]
    named = sorted({model for _, portfolio in bodies for model in rules.models_of(portfolio)})
    rows = session.execute("SELECT model_id, body FROM model WHERE model_id = ANY(%s)", [named])
    models = {model_id: ModelChanged.model_validate_json(body) for model_id, body in rows}
    for number, portfolio in bodies:
        securities = names.numbers(SECURITY, rules.securities_of(portfolio, models))
        sleeves = names.numbers(SLEEVE, (sleeve.sleeve_id for sleeve in portfolio.sleeves))
        document, rests, problem = None, None, None
        try:
            document, rests = target_documents(
                rules.build_target(portfolio, models, securities.__getitem__, sleeves.__getitem__)
            )
        except (rules.BadTarget, InexactText) as error:
            problem = str(error)
        session.execute(
            # The version beside the rests: an earlier release, which knows none, leaves those of a former target.
            "INSERT INTO target AS t (portfolio_no, target_version, cause, problem, document, rests, rests_version)"
            " VALUES (%s, nextval('target_version'), %s, %s, %s, %s, currval('target_version'))"
            " ON CONFLICT (portfolio_no) DO UPDATE"
            " SET target_version = excluded.target_version, cause = excluded.cause, problem = excluded.problem,"
            " document = excluded.document, rests = excluded.rests, rests_version = excluded.target_version"
            " WHERE (t.problem, t.document, CASE WHEN t.rests_version = t.target_version THEN t.rests END)"
            " IS DISTINCT FROM (excluded.problem, excluded.document, excluded.rests)",
            [number, cause, problem, document, rests],
        )
