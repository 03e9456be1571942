"""`python -m deploy.house`: the structure of the code, drawn: rooms, import arrows and layers of each part.

A part is a service or `shared`. Its rooms are the modules and packages that stand directly in it, one flat level; an
arrow joins two rooms of a part when a module of the one imports a module of the other. A room's layer is one above the
highest room that it imports; rooms of layer 0 import no other room. Ends with 1 when rooms form a circle, in which case
no layers exist and none of these rooms can be understood, tested or moved alone.
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

ROOTS: Final = ("services", "shared")
Arrows = Mapping[str, frozenset[str]]
"""Of each room, by name: the rooms of the same part that it imports."""


@dataclass(frozen=True)
class Part:
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
    """Print every part, or those named, and return 1 when rooms of one form a circle."""
    options = argparse.ArgumentParser(prog="python -m deploy.house", description=__doc__)
    options.add_argument("parts", nargs="*", help="parts to draw (default: all), for example batch shared")
    options.add_argument("--summary", action="store_true", help="one line a part only")
    wish = options.parse_args()
    parts = [part for part in house() if not wish.parts or part.name in wish.parts]
    for part in parts:
        print(summary(part) if wish.summary else "\n".join(drawing(part)))
    return int(any(part.circle for part in parts))


def house() -> list[Part]:
    """Return every service and `shared`, as the source files of this checkout stand."""
    graph = grimp.build_graph(*ROOTS, cache_dir=None)
    packages = [*sorted(graph.find_children("services")), "shared"]
    return [part_of(graph, package) for package in packages if graph.find_children(package)]


def part_of(graph: ImportGraph, package: str) -> Part:
    """Return one package of the graph as a part."""
    rooms = sorted(graph.find_children(package))
    members = {room: {room, *graph.find_descendants(room)} for room in rooms}
    room_of = {module: room for room, modules in members.items() for module in modules}
    arrows = {
        _short(room): frozenset(
            _short(room_of[imported])
            for module in modules
            for imported in graph.find_modules_directly_imported_by(module)
            if room_of.get(imported, room) != room
        )
        for room, modules in members.items()
    }
    return Part(
        name=_short(package),
        modules={_short(room): len(modules) for room, modules in members.items()},
        lines={_short(room): sum(map(_lines, modules)) for room, modules in members.items()},
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


def summary(part: Part) -> str:
    """Return one line: how many rooms, modules, lines, arrows and layers the part has."""
    layers = "a circle" if part.circle else f"{len(part.layers())} layers"
    return (
        f"{part.name}: {len(part.modules)} rooms, {sum(part.modules.values())} modules, "
        f"{sum(part.lines.values()):,} lines, {part.arrow_count} arrows, {layers}"
    )


def drawing(part: Part) -> list[str]:
    """Return the part as text: its summary, then each room of each layer with what it imports."""
    drawn = [summary(part)]
    if part.circle:
        return [*drawn, f"  CIRCLE: {' -> '.join(part.circle)}", *_rooms(part, sorted(part.arrows)), ""]
    layers = part.layers()
    for height, rooms in zip(range(len(layers) - 1, -1, -1), layers, strict=True):
        drawn += [f"  layer {height}", *_rooms(part, rooms)]
    return [*drawn, ""]


def _rooms(part: Part, rooms: Iterable[str]) -> list[str]:
    return [
        f"    {room} ({part.modules[room]}, {part.lines[room]:,} lines)"
        + (f" -> {', '.join(sorted(part.arrows[room]))}" if part.arrows[room] else "")
        for room in rooms
    ]


def _short(module: str) -> str:
    return module.rpartition(".")[2]


def _lines(module: str) -> int:
    """Return how many lines the module's file has."""
    path = CHECKOUT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return len(file.read_text().splitlines()) if file.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
