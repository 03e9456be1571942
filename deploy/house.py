"""`python -m deploy.house`: the structure of the code, drawn: rooms, import arrows and layers of each package.

A package is a service or `shared`. Its rooms are the modules and packages that stand directly in it, one flat level. An
arrow joins two rooms of a package when a module of the first imports a module of the second. A room's layer is one
above the highest room that it imports; rooms of layer 0 import no other room. The command ends with 1 when rooms form a
circle: no layers exist then, and no room of the circle can be understood, tested or moved alone.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

import grimp
from grimp import ImportGraph

from deploy.stack.layout import CHECKOUT
from shared.runtime.version import VERSION

ROOTS: Final = ("services", "shared")
Arrows = Mapping[str, frozenset[str]]
"""Of each room, by name: the rooms of the same package that it imports."""


@dataclass(frozen=True)
class Package:
    """One service, or `shared`.

    modules, lines: of each room, how many there are; arrows: of each room, what it imports; circle: rooms that import
    one another in a ring, first and last the same, empty when there is none.
    """

    name: str
    modules: Mapping[str, int]
    lines: Mapping[str, int]
    arrows: Arrows
    circle: tuple[str, ...]

    @property
    def arrow_count(self) -> int:
        """How many pairs of rooms are joined by an import."""
        return sum(len(imported) for imported in self.arrows.values())

    def layers(self) -> list[list[str]]:
        """Return the rooms by layer, the highest first, each layer in alphabetical order; no layers in a circle."""
        return [] if self.circle else layers_of(self.arrows)


def main() -> int:
    """Print every package, or those named, and return 1 when rooms of one form a circle."""
    parser = argparse.ArgumentParser(prog="python -m deploy.house", description=__doc__)
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    parser.add_argument("packages", nargs="*", help="packages to draw (default: all), for example batch shared")
    parser.add_argument("--summary", action="store_true", help="one line a package only")
    options = parser.parse_args()
    drawn = [package for package in packages() if not options.packages or package.name in options.packages]
    for package in drawn:
        print(summary(package) if options.summary else "\n".join(drawing(package)))
    return int(any(package.circle for package in drawn))


def packages() -> list[Package]:
    """Return every service and `shared`, as the source files of this checkout stand."""
    graph = grimp.build_graph(*ROOTS, cache_dir=None)
    names = [*sorted(graph.find_children("services")), "shared"]
    return [package_of(graph, name) for name in names if graph.find_children(name)]


def package_of(graph: ImportGraph, name: str) -> Package:
    """Return the rooms and arrows of a package of the graph, by its dotted name."""
    rooms = sorted(graph.find_children(name))
    members = {room: {room, *graph.find_descendants(room)} for room in rooms}
    room_of = {module: room for room, modules in members.items() for module in modules}
    arrows = {
        _last_name(room): frozenset(
            _last_name(room_of[imported])
            for module in modules
            for imported in graph.find_modules_directly_imported_by(module)
            if room_of.get(imported, room) != room
        )
        for room, modules in members.items()
    }
    return Package(
        name=_last_name(name),
        modules={_last_name(room): len(modules) for room, modules in members.items()},
        lines={_last_name(room): sum(map(_lines, modules)) for room, modules in members.items()},
        arrows=arrows,
        circle=circle_of(arrows),
    )


def circle_of(arrows: Arrows) -> tuple[str, ...]:
    """Return rooms that import one another in a ring, from importer to imported; empty when there are none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def layers_of(arrows: Arrows) -> list[list[str]]:
    """Return the rooms by layer, the highest first.  Raises CycleError when they form a circle."""
    heights: dict[str, int] = {}
    for room in TopologicalSorter(arrows).static_order():
        heights[room] = 1 + max((heights[imported] for imported in arrows.get(room, ())), default=-1)
    return [
        sorted(room for room, height in heights.items() if height == layer)
        for layer in range(max(heights.values(), default=-1), -1, -1)
    ]


def summary(package: Package) -> str:
    """Return one line: how many rooms, modules, lines, arrows and layers the package has."""
    layers = "a circle" if package.circle else f"{len(package.layers())} layers"
    return (
        f"{package.name}: {len(package.modules)} rooms, {sum(package.modules.values())} modules, "
        f"{sum(package.lines.values()):,} lines, {package.arrow_count} arrows, {layers}"
    )


def drawing(package: Package) -> list[str]:
    """Return the package as text: its summary, then each room of each layer with what it imports."""
    drawn = [summary(package)]
    if package.circle:
        return [*drawn, f"  CIRCLE: {' -> '.join(package.circle)}", *_rooms(package, sorted(package.arrows)), ""]
    layers = package.layers()
    for height, rooms in zip(range(len(layers) - 1, -1, -1), layers, strict=True):
        drawn += [f"  layer {height}", *_rooms(package, rooms)]
    return [*drawn, ""]


def _rooms(package: Package, rooms: Iterable[str]) -> list[str]:
    return [
        f"    {room} ({package.modules[room]}, {package.lines[room]:,} lines)"
        + (f" -> {', '.join(sorted(package.arrows[room]))}" if package.arrows[room] else "")
        for room in rooms
    ]


def _last_name(module: str) -> str:
    return module.rpartition(".")[2]


def _lines(module: str) -> int:
    """Return how many lines the module's file has."""
    path = CHECKOUT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return len(file.read_text().splitlines()) if file.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
