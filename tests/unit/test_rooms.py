"""The drawing of the structure: arrows join rooms, layers follow from them, a circle is found and none is there."""

from itertools import pairwise

import grimp
import pytest

import deploy.house as drawing
from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast


def test_arrows_join_rooms_not_modules() -> None:
    graph = grimp.ImportGraph()
    for name in ("s", "s.app", "s.store", "s.store.rows", "s.store.names", "s.domain"):
        graph.add_module(name)
    for importer, imported in (
        ("s.app", "s.store.rows"),
        ("s.app", "s.store.names"),
        ("s.store.rows", "s.store.names"),
        ("s.store.rows", "s.domain"),
    ):
        graph.add_import(importer=importer, imported=imported)

    package = drawing.package_of(graph, "s")

    assert package.arrows == {"app": {"store"}, "store": {"domain"}, "domain": set()}
    assert (package.arrow_count, package.modules["store"], package.circle) == (2, 3, ())
    assert package.layers() == [["app"], ["store"], ["domain"]]


def test_a_layer_is_one_above_the_highest_room_it_imports() -> None:
    arrows = {
        "a": frozenset({"b", "d"}),
        "b": frozenset({"c"}),
        "c": frozenset({"d"}),
        "d": frozenset(),
        "e": frozenset(),
    }
    assert drawing.layers_of({room: frozenset(imported) for room, imported in arrows.items()}) == [
        ["a"],
        ["b"],
        ["c"],
        ["d", "e"],
    ]


def test_a_circle_is_named_from_importer_to_imported() -> None:
    arrows = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a"}), "d": frozenset({"a"})}

    circle = drawing.circle_of(arrows)

    assert circle[0] == circle[-1]
    assert len(circle) == 4
    assert all(imported in arrows[importer] for importer, imported in pairwise(circle))


def test_a_circle_ends_the_command_with_1_and_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arrows = {"a": frozenset({"b"}), "b": frozenset({"a"})}
    package = drawing.Package("s", {"a": 1, "b": 1}, {"a": 5, "b": 5}, arrows, drawing.circle_of(arrows))
    monkeypatch.setattr(drawing, "packages", lambda: [package])
    monkeypatch.setattr("sys.argv", ["house"])

    assert drawing.main() == 1
    assert "CIRCLE: " in capsys.readouterr().out


def test_no_package_of_this_code_has_a_circle() -> None:
    packages = {package.name: package for package in drawing.packages()}

    assert set(packages) == {
        path.name for path in (CHECKOUT / "services").iterdir() if (path / "__init__.py").exists()
    } | {"shared"}
    assert [package.circle for package in packages.values() if package.circle] == []
    assert all(package.arrow_count > 0 for package in packages.values())
    assert all(package.lines["runtime" if name == "shared" else "settings"] > 0 for name, package in packages.items())
