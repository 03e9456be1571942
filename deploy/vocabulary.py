"""`python -m deploy.vocabulary [REVISION | --left]`: how many retired words each room still has, now and at a revision.

docs/glossary.md gives each concept one word; RETIRED lists the words that it replaced. A word is looked for in the
names of code: names are split at underscores and capitals, so `spell` is found in `next_spell` and in `NoSpell`. Names
of tests are sentences and are not split. In documents, comments and docstrings only PHRASES are looked for, because
most of the words are plain English there. A room is a service, a folder of `shared` or `tests`, or a top folder.
"""

import ast
import io
import re
import subprocess
import sys
import tarfile
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from deploy.stack.layout import CHECKOUT

TOPS: Final = ("services", "shared", "deploy", "benchmarks", "tests", "examples", "ui/src", "docs")
# The list itself, its test and the glossary name what is retired; tables of a released schema keep their columns.
EXEMPT: Final = re.compile(
    r"deploy/(vocabulary|house)\.py|services/batch/store/tables\.py|tests/unit/test_retired_words\.py|docs/glossary\.md|.*/versions/.*|.*\.json|.*/types\.ts"
)


@dataclass(frozen=True)
class Retired:
    """What to say instead of a retired word, and the names and files that may keep it, each for the reason given."""

    instead: str
    allowed: tuple[str, ...] = ()
    reason: str = ""
    files: tuple[str, ...] = ()


RETIRED: Final = {
    "spell": Retired("flag episode"),
    "corner": Retired("breakpoint"),
    "corners": Retired("breakpoints"),
    "giving_up": Retired("reduce"),
    "taking_back": Retired("restore"),
    "keeping": Retired("cap"),
    "desk": Retired("harness in tests, search or relief in the engine, intake in taxlot"),
    "gate": Retired("eligibility"),
    "happening": Retired("transition"),
    "happen": Retired("apply"),
    "told": Retired(
        "published, notified or announced", ("told_at",), "a column of the batch service's released schema"
    ),
    "answer": Retired(
        "result (of a request), response (HTTP), reply (of a peer)",
        ("answer_piece_s", "answer_within_s"),
        "settings that deployments use",
    ),
    "answers": Retired("results (of requests), responses (HTTP), replies (of peers)"),
    "collecting": Retired("collect_results"),
    "releasing": Retired("orders"),
    "washing": Retired("wash_sales"),
    "fetching": Retired("faust_transport", ("isFetching", "useIsFetching"), "names of TanStack Query"),
    "guard": Retired("message processor", ("_guard", "row_guard"), "the guard of a versioned row is standard"),
    "paced": Retired("metadata back-off"),
    "pacing": Retired("metadata back-off"),
    "keep_loaded": Retired("freeze_gc"),
    "world": Retired("harness"),
    "house": Retired("harness", ("house_rules",), "what every file keeps to, in the plain meaning"),
    "town": Retired("harness"),
    "wish": Retired("options (of a command line), request"),
    "places": Retired("indexes, positions or offsets"),
    "place": Retired(
        "index, position or offset",
        ("place_cash", "PLACE_CASH"),
        "placing cash is the product's term for buying with it",
    ),
}
"""Words inside names, lower case; several tokens are joined by an underscore."""

WHOLE: Final = {
    "one": Retired("the noun itself"),
    "parts": Retired(
        "dependencies, or what they are parts of",
        reason="a field of the released event FileProcessed",
        files=(
            "shared/contracts/events.py",
            "services/taxlot/intake/publish.py",
            "deploy/sample_events.py",
            "tests/gateway/test_feed.py",
        ),
    ),
    "Parts": Retired("Dependencies"),
    "parts_of": Retired("dependencies_of"),
    "words": Retired("arguments, messages or texts"),
    "together": Retired("run_all"),
    "at_once": Retired("concurrently"),
    "outgoing": Retired("messages"),
    "Guard": Retired("MessageProcessor"),
    "Paced": Retired("MetadataBackoff"),
    "TryAgain": Retired("RetryLater"),
    "PartlyBad": Retired("PartialFailure"),
    "Ours": Retired("OutboundModel"),
    "Foreign": Retired("InboundModel"),
}
"""Whole names, as they are written."""

PHRASES: Final = {
    "spell": Retired("flag episode"),
    "the-desk": Retired("intake, harness or search"),
    "happening": Retired("transition"),
    "shared-exact": Retired("shared/fixed_point"),
    "shared-service": Retired("shared/runtime"),
}
"""Retired terms in prose; the hyphen stands for a space, a dot or a slash, and a plural is the same term."""
ATTRIBUTES: Final = {
    "one": "Result.one of SQLAlchemy",
    "place": "a column of batch_account",
    "parts": "PurePath.parts of the standard library",
    "house": "the module behind `make house`",
}
"""Names that are allowed after a dot, because others define them, and who does."""
_TOKEN: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True)
class Found:
    """A retired word: in which file and line, and what is written there."""

    word: str
    path: str
    line: int
    name: str

    @property
    def room(self) -> str:
        """Return the service, the folder of `shared` or `tests`, or the top folder."""
        parts = self.path.split("/")
        return "/".join(parts[:2]) if parts[0] in ("services", "shared", "tests") else parts[0]


def main() -> int:
    """Print the counts a room and the counts a word, or with --left the rooms with the words that stand there."""
    now = list(found(checkout_files()))
    if sys.argv[1:] == ["--left"]:
        for room in sorted({hit.room for hit in now}):
            print(f"{room}: {' '.join(sorted({hit.word for hit in now if hit.room == room}))}")
        return 0
    before = list(found(revision_files(sys.argv[1]))) if len(sys.argv) > 1 else []
    _print_counts("room", Counter(hit.room for hit in before), Counter(hit.room for hit in now))
    _print_counts("word", Counter(hit.word for hit in before), Counter(hit.word for hit in now))
    return 0


def found(files: Iterator[tuple[str, str]]) -> Iterator[Found]:
    """Yield every retired word in (path, text) pairs."""
    for path, text in files:
        if EXEMPT.fullmatch(path):
            continue
        if path.endswith(".py"):
            yield from (hit for hit in _in_python(path, text) if path not in _may_keep(hit.word))
        elif path.endswith((".ts", ".tsx")):
            yield from _in_typescript(path, text)
        elif path.endswith(".md"):
            yield from _in_prose(path, 1, text)


def checkout_files() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file under version control that is looked at."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--", *TOPS, "README.md"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listing.stdout.split("\0"):
        if name.endswith((".py", ".ts", ".tsx", ".md")) and (CHECKOUT / name).is_file():
            yield name, (CHECKOUT / name).read_text()


def revision_files(revision: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of the same files as they were at a revision."""
    archive = subprocess.run(["git", "archive", revision], cwd=CHECKOUT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        for member in files:
            if member.name.endswith((".py", ".ts", ".tsx", ".md")) and member.name.startswith((*TOPS, "README.md")):
                content = files.extractfile(member)
                yield member.name, content.read().decode() if content else ""


@cache
def retired_in(name: str) -> list[str]:
    """Return the retired words in one name; a name of a test has none, for it is a sentence."""
    if name.startswith("test_"):
        return []
    tokens = [token.lower() for token in _TOKEN.findall(name)]
    joined = f"_{'_'.join(tokens)}_"
    inside = [
        word
        for word, retired in RETIRED.items()
        if f"_{word}_" in joined and not any(allowed in name for allowed in retired.allowed)
    ]
    return inside or [name] * (name in WHOLE)


def _may_keep(word: str) -> tuple[str, ...]:
    retired = RETIRED.get(word) or WHOLE.get(word)
    return retired.files if retired else ()


def _in_python(path: str, text: str) -> Iterator[Found]:
    yield from _in_path(path)
    yield from _in_tokens(path, 1, text)
    if sys.version_info < (3, 12):  # where a whole f-string is one token; later its names are tokens themselves
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FormattedValue):
                yield from _in_tokens(path, node.lineno, ast.unparse(node.value))


def _in_tokens(path: str, first: int, code: str) -> Iterator[Found]:
    """Yield the retired words in names, comments and docstrings of code that begins in line `first` of a file."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        line = first + token.start[0] - 1
        if token.type == tokenize.NAME and not (before == "." and token.string in ATTRIBUTES):
            yield from (Found(word, path, line, token.string) for word in retired_in(token.string))
        elif token.type == tokenize.COMMENT or (token.type == tokenize.STRING and '"""' in token.string):
            yield from _in_prose(path, line, token.string)
        before = token.string


def _in_typescript(path: str, text: str) -> Iterator[Found]:
    yield from _in_path(path)
    for number, line in enumerate(text.splitlines(), start=1):
        code = re.sub(r'"[^"]*"|`[^`]*`|//.*|/?\*.*|>[^<>{}]*<', " ", line)
        for name in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", code):
            yield from (Found(word, path, number, name) for word in retired_in(name))


def _in_path(path: str) -> Iterator[Found]:
    stem = path.rsplit("/", 1)[-1].split(".")[0].removeprefix("test_")
    yield from (Found(word, path, 1, stem) for word in retired_in(stem))


def _print_counts(title: str, before: Counter[str], now: Counter[str]) -> None:
    rows = [(key, before[key], now[key]) for key in sorted(before | now, key=lambda key: (-now[key], key))]
    print(f"{title:28}{'before':>8}{'now':>8}")
    for key, old, new in [*rows, ("all", before.total(), now.total())]:
        print(f"{key:28}{old:8}{new:8}")
    print()


@cache
def _phrase(term: str) -> re.Pattern[str]:
    return re.compile(rf"\b{term.replace('-', '[ ./]')}s?\b", re.IGNORECASE)


def _in_prose(path: str, first: int, text: str) -> Iterator[Found]:
    for phrase in PHRASES:
        for match in _phrase(phrase).finditer(text):
            line = first + text.count("\n", 0, match.start())
            yield Found(phrase, path, line, match.group())


if __name__ == "__main__":
    sys.exit(main())
