"""A scope says what a user may see."""

import pytest

from shared.contracts.principal import Principal
from shared.contracts.tenancy import SYSTEM, Scope, scope_of

pytestmark = pytest.mark.fast


def test_a_scope_covers_its_enterprises_and_advisors_only() -> None:
    of_some = scope_of(Principal(subject="a", name="A", roles=["trader"], enterprises=["E1", "E2"], advisors=["D1"]))
    assert [of_some.covers(*scope) for scope in (("E1", "D1"), ("E2", "D1"), ("E1", "D2"), ("E3", "D1"))] == [
        True,
        True,
        False,
        False,
    ]
    of_all = scope_of(Principal(subject="b", name="B", roles=["viewer"], enterprises=["E1"], advisors=None))
    assert of_all.covers("E1", "D9")
    assert not of_all.covers("E2", "D9")


def test_nobody_sees_nothing_and_the_service_sees_all() -> None:
    assert not Scope("nobody").covers("E1", "D1")
    assert not Scope("no advisor", ("E1",), ()).covers("E1", "D1")
    assert SYSTEM.covers("E1", "D1")
