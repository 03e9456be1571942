"""Lists, saves, changes and deletes saved views, each in one transaction in the scope of the user."""

from typing import cast

from psycopg.errors import UniqueViolation

from services.gateway.domain.saved_view import (
    MOST_OF_A_LIST,
    check_body,
    check_change,
    may_change,
    name_taken,
    too_many,
)
from services.gateway.store import saved_views
from services.gateway.store.saved_views import ViewRow
from shared.contracts.api_views import SavedView, SavedViewList, ViewBody, ViewContent, ViewListName
from shared.contracts.principal import Principal
from shared.contracts.problems import BadInput, NotFound, VersionChanged
from shared.contracts.tenancy import scope_of
from shared.postgres.pool import Requests
from shared.runtime.clock import Clock

_GONE = "This view is not there any more: it was deleted, or is no longer shared with you."
_CHANGED = "This view was changed since you opened it, so nothing was done. Open it again, then repeat what you did."


class NameTaken(BadInput):
    """Another view has the name."""

    code, title = "view_name_taken", "There is a view of this name"


class TooManyViews(BadInput):
    """There are as many views as there may be."""

    code, title = "too_many_views", "There is no room for another view"


class SavedViews:
    """The saved views of users."""

    def __init__(self, requests: Requests, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock

    async def visible(self, user: Principal, of_list: ViewListName) -> SavedViewList:
        """Return the views of a list that a user sees."""
        async with self._requests.scoped(scope_of(user)) as connection:
            rows = await saved_views.read_list(connection, user, of_list)
        return SavedViewList(rows=[_shown(row, user) for row in rows])

    async def save(self, user: Principal, body: ViewBody) -> SavedView:
        """Save a view of the user and return it; what is there already in every respect is returned as it is.

        Raises NotFound, BadInput, NameTaken or TooManyViews.
        """
        check_body(user, body)
        try:
            async with self._requests.scoped(scope_of(user)) as connection:
                beside = await saved_views.count_others(connection, user.subject, body)
                same = await saved_views.named(connection, user.subject, body)
                if same is not None and same.subject == user.subject and same.holds(body):
                    return _shown(same, user)
                if same is None and beside >= MOST_OF_A_LIST:
                    raise TooManyViews(too_many(body.shared_with))
                row = await saved_views.insert(connection, user, body, self._clock.now())
        except UniqueViolation:
            raise NameTaken(name_taken(body.name, body.shared_with)) from None
        return _shown(row, user)

    async def change(self, user: Principal, view_id: int, version: int, body: ViewBody) -> SavedView:
        """Replace name, sharing and content of a view that has this version; a repetition is returned as it is.

        Raises NotFound, Forbidden, BadInput, VersionChanged, NameTaken or TooManyViews.
        """
        check_body(user, body)
        try:
            async with self._requests.scoped(scope_of(user)) as connection:
                row = await saved_views.find(connection, user, view_id)
                if row is None or row.list != body.list:
                    raise NotFound(_GONE)
                check_change(user, row.subject, row.owner_name, row.enterprise_id)
                if row.version == version + 1 and row.holds(body):
                    return _shown(row, user)
                # To share it no longer is for its owner: nobody else would see it then, an administrator neither.
                if body.shared_with is None:
                    check_change(user, row.subject, row.owner_name, None)
                if await saved_views.count_others(connection, row.subject, body, view_id) >= MOST_OF_A_LIST:
                    raise TooManyViews(too_many(body.shared_with))
                changed = await saved_views.update(connection, row, body, version, self._clock.now())
        except UniqueViolation:
            raise NameTaken(name_taken(body.name, body.shared_with)) from None
        if changed is None:
            raise VersionChanged(_CHANGED, version=row.version)
        return _shown(changed, user)

    async def delete(self, user: Principal, view_id: int, version: int) -> None:
        """Delete a view that has this version.  Raises NotFound, Forbidden or VersionChanged."""
        async with self._requests.scoped(scope_of(user)) as connection:
            row = await saved_views.find(connection, user, view_id)
            if row is None:
                raise NotFound(_GONE)
            check_change(user, row.subject, row.owner_name, row.enterprise_id)
            if not await saved_views.delete(connection, view_id, version):
                raise VersionChanged(_CHANGED, version=row.version)


def _shown(row: ViewRow, user: Principal) -> SavedView:
    return SavedView(
        view_id=row.view_id,
        version=row.version,
        list=cast(ViewListName, row.list),
        name=row.name,
        owner=row.owner_name,
        is_mine=row.subject == user.subject,
        may_change=may_change(user, row.subject, row.enterprise_id),
        shared_with=row.enterprise_id,
        content=ViewContent.model_validate(row.content),
    )
