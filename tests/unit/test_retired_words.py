"""No retired word comes back: docs/glossary.md has the word to use, deploy/vocabulary.py lists what is retired."""

from collections import defaultdict

import pytest

from deploy.vocabulary import PHRASES, RETIRED, WHOLE, checkout_files, found, retired_in

pytestmark = pytest.mark.fast


def test_no_retired_word_stands_anywhere() -> None:
    instead = {**RETIRED, **WHOLE, **PHRASES}
    wrong: dict[str, list[str]] = defaultdict(list)
    for hit in found(checkout_files()):
        wrong[f"{hit.word} -> {instead[hit.word].instead}"].append(f"{hit.path}:{hit.line} {hit.name}")
    assert not wrong, "\n".join(f"{word}: {', '.join(lines)}" for word, lines in wrong.items())


@pytest.mark.parametrize(
    ("name", "retired"),
    [
        ("next_spell", ["spell"]),
        ("NoSpell", ["spell"]),
        ("NO_SPELL", ["spell"]),
        ("spelling", []),
        ("one", ["one"]),
        ("scalar_one", []),
        ("place_cash", []),
        ("PLACE_CASH", []),
        ("sorted_place", ["place"]),
        ("keep_loaded", ["keep_loaded"]),
        ("test_a_spell_is_a_sentence_here", []),
    ],
)
def test_names_are_split_at_underscores_and_capitals(name: str, retired: list[str]) -> None:
    assert retired_in(name) == retired


def test_a_file_keeps_the_word_that_is_released_there_and_no_other() -> None:
    kept, other = WHOLE["parts"].files[0], "services/taxlot/app.py"
    assert [(hit.path, hit.word) for hit in found(iter([(kept, "parts = one"), (other, "parts = 1")]))] == [
        (kept, "one"),
        (other, "parts"),
    ]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('f"{one.offset}"', ["one"]),
        ('f"a{count:{places}}b"', ["places"]),
        ("""f"{', '.join(word for word in words)}" """, ["words"]),
        ("""f"{f'{told}'}" """, ["told"]),
        ('f"one of two parts"', []),
        ('f"{path.parts[0]}"', []),
    ],
)
def test_the_fields_of_an_f_string_are_code(line: str, names: list[str]) -> None:
    hits = [(hit.name, hit.line) for hit in found(iter([("services/x.py", f"first = 1\ntext = {line}\n")]))]
    assert hits == [(name, 2) for name in names]


def test_an_allowed_name_says_why() -> None:
    assert all(bool(word.allowed or word.files) == bool(word.reason) for word in (RETIRED | WHOLE | PHRASES).values())
