"""Compiled kernels: one folder, keyed by content, made once, loaded by every process."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy import kernels as deployed
from deploy.stack.layout import CHECKOUT, inherited
from deploy.stack.ports import choose
from shared.fixed_point import source_digest
from shared.runtime import kernels
from tests.signing import PUBLIC_KEY
from tests.waiting import until

RULES = {
    "shared/contracts/inner.py": """
        from shared.fixed_point.compiled import kernel

        @kernel
        def inner(x: int) -> int:
            return x + 1
    """,
    "shared/outer.py": """
        from shared.fixed_point.compiled import kernel
        from shared.contracts.inner import inner

        @kernel
        def outer(x: int) -> int:
            return inner(x) * 10

        def warm() -> None:
            outer(1)
    """,
}


def checkout(folder: Path) -> Path:
    """Make a small checkout with two rules of which one calls the other, from another module."""
    shutil.copytree(CHECKOUT / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in RULES.items():
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def run(folder: Path, home: Path, program: str) -> str:
    """Run a program in a checkout whose compiled kernels are kept in `home`."""
    env = {**inherited(), "NUMBA_CACHE_DIR": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CALL_OUTER = "from shared.outer import outer; print(outer(1), sum(outer.stats.cache_hits.values()))"


def test_a_changed_callee_in_another_module_is_compiled_anew(tmp_path: Path) -> None:
    folder, home = checkout(tmp_path / "one"), tmp_path / "home"
    assert run(folder, home, CALL_OUTER) == "20 0\n"
    assert run(folder, home, CALL_OUTER) == "20 1\n"
    inner = folder / "shared" / "contracts" / "inner.py"
    inner.write_text(inner.read_text().replace("x + 1", "x + 1 + 1"))
    assert run(folder, home, CALL_OUTER) == "30 0\n"


def test_another_checkout_with_the_same_rules_loads_what_the_first_compiled(tmp_path: Path) -> None:
    first, second, home = checkout(tmp_path / "one"), checkout(tmp_path / "two" / "deeper"), tmp_path / "home"
    assert run(first, home, CALL_OUTER) == "20 0\n"
    assert run(second, home, CALL_OUTER) == "20 1\n"


def test_a_folder_that_cannot_be_written_to_costs_time_and_no_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file where the folder should be")
    assert run(checkout(tmp_path / "one"), home, CALL_OUTER) == "20 0\n"


def outside(folder: Path) -> Path:
    """Make the inner rule of a checkout an external kernel: callers do not link a copy of it."""
    inner = folder / "shared" / "contracts" / "inner.py"
    inner.write_text(inner.read_text().replace("kernel", "external_kernel"))
    return folder


def test_a_caller_of_an_external_kernel_is_loaded_together_with_it(tmp_path: Path) -> None:
    folder, home = outside(checkout(tmp_path / "one")), tmp_path / "home"
    assert run(folder, home, CALL_OUTER) == "20 0\n"
    assert run(folder, home, CALL_OUTER) == "20 1\n"


def test_a_caller_is_compiled_anew_when_its_external_kernel_was(tmp_path: Path) -> None:
    """What is on disk names the machine code of a form that is gone."""
    folder, home = outside(checkout(tmp_path / "one")), tmp_path / "home"
    assert run(folder, home, CALL_OUTER) == "20 0\n"
    (gone,) = home.glob("shared.contracts.inner-*")
    shutil.rmtree(gone)
    before = "import numba; [numba.njit(lambda x: x)(1) for _ in range(3)]; "  # symbols are numbered
    assert run(folder, home, before + CALL_OUTER) == "20 0\n"
    assert run(folder, home, CALL_OUTER) == "20 1\n"


def test_the_code_of_an_external_kernel_is_in_no_caller(tmp_path: Path) -> None:
    folder, home = checkout(tmp_path / "one"), tmp_path / "home"
    defined = "from shared.outer import outer; outer(1); (code,) = outer.inspect_llvm().values(); "
    ask = defined + "print(sum('define' in line and 'inner' in line for line in code.splitlines()))"
    assert run(outside(folder), home, ask) == "0\n"


def test_a_kernel_for_kernels_may_be_called_from_python(tmp_path: Path) -> None:
    """As tests do, before and after it was compiled for its caller, and from disk."""
    folder, home = outside(checkout(tmp_path / "one")), tmp_path / "home"
    program = "from shared.outer import outer, inner; print(inner(1), outer(1), inner(2))"
    assert run(folder, home, program) == "2 20 3\n"
    assert run(folder, home, program) == "2 20 3\n"


def linked(folder: Path, rule: str) -> Path:
    """Make the inner rule of a checkout a kernel that has no machine code of its own."""
    inner = folder / "shared" / "contracts" / "inner.py"
    inner.write_text(inner.read_text().replace("kernel", "view_kernel").replace("x + 1", rule))
    return folder


def test_a_linked_kernel_is_on_disk_as_a_part_of_its_callers_only(tmp_path: Path) -> None:
    folder, home = linked(checkout(tmp_path / "one"), "x + 1"), tmp_path / "home"
    assert run(folder, home, CALL_OUTER) == "20 0\n"
    assert run(folder, home, CALL_OUTER) == "20 1\n"
    assert [path.name.split("-")[0] for path in home.iterdir()] == ["shared.outer"]


def test_what_a_linked_kernel_raises_arrives_compiled_and_from_disk(tmp_path: Path) -> None:
    folder, home = linked(checkout(tmp_path / "one"), "6 // x"), tmp_path / "home"
    program = """
        from shared.outer import outer
        print(outer(2))
        try:
            outer(0)
        except ZeroDivisionError as error:
            print(error)
    """
    for _ in range(2):
        assert run(folder, home, textwrap.dedent(program)) == "30\ninteger division by zero\n"


def test_two_processes_compile_once_and_the_one_that_waits_says_so(tmp_path: Path) -> None:
    folder, home = checkout(tmp_path / "one"), tmp_path / "home"
    program = """
        import sys
        from shared.runtime import kernels
        from shared.outer import warm
        with kernels._compile_lock(print):
            print("has it", flush=True)
            sys.stdin.readline()
            warm()
    """
    follower = (
        "from shared.runtime import kernels; from shared.outer import outer, warm;"
        " kernels.compile_all([warm], lambda text: print(text, flush=True));"
        " print(sum(outer.stats.cache_hits.values()))"
    )
    env = {**inherited(), "NUMBA_CACHE_DIR": str(home)}

    def start(text: str) -> "subprocess.Popen[str]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, "-c", text], cwd=folder, env=env, **pipes)  # type: ignore[call-overload,no-any-return]

    with start(textwrap.dedent(program)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "has it\n"
        with start(follower) as waits:
            assert waits.stdout is not None
            assert waits.stdout.readline() == "waiting for another process that compiles kernels\n"
            holder.communicate("go on\n")
            assert waits.stdout.read() == "1\n"


def test_every_kernel_that_is_compiled_is_told_of_with_number_and_seconds(tmp_path: Path) -> None:
    program = "from shared.runtime import kernels; from shared.outer import warm; kernels.compile_all([warm], print)"
    lines = run(checkout(tmp_path / "one"), tmp_path / "home", program).splitlines()
    assert [re.sub(r"\d+ s$", "n s", line) for line in lines] == [
        "compiling kernels: 0 of 2, shared.outer.outer, n s",
        "compiling kernels: 0 of 2, shared.contracts.inner.inner, n s",
    ]


def test_a_mark_says_that_all_is_made_until_anything_changes(tmp_path: Path) -> None:
    folder, home = checkout(tmp_path / "one"), tmp_path / "home"
    ask = (
        "from pathlib import Path; from shared.runtime import kernels;"
        " print(kernels.are_compiled(Path('shared/outer.py')))"
    )
    assert run(folder, home, ask) == "False\n"
    load = "from shared.runtime import kernels; from shared.outer import warm;"
    run(folder, home, f"{load} kernels.compile_all([warm], print)")
    assert run(folder, home, ask) == "True\n"
    inner = folder / "shared" / "contracts" / "inner.py"
    inner.write_text(inner.read_text() + "\nMORE = 1\n")
    assert run(folder, home, ask) == "False\n"


def test_a_service_without_its_kernels_says_at_its_door_and_in_its_log_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    port = choose({"batch": 0})["batch"]
    settings = {"KAFKA_URL": "127.0.0.1:9", "DATABASE_URL": "postgresql://127.0.0.1:9/x", "HTTP_PORT": str(port)}
    settings |= {"REQUESTS_DATABASE_URL": settings["DATABASE_URL"], "PRINCIPAL_PUBLIC_KEY": PUBLIC_KEY}
    env = inherited() | {f"REBALANCER_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "services.batch"]

    def probe(path: str) -> tuple[int, Any]:
        try:
            response = httpx.get(f"http://127.0.0.1:{port}{path}")
        except httpx.TransportError:
            return 0, None
        return response.status_code, response.json()

    with (
        kernels._compile_lock(print),
        subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, text=True) as service,
    ):
        until(lambda: probe("/readyz")[0])
        reason = "waiting for another process that compiles kernels"
        assert probe("/readyz") == (503, {"ready": False, "waiting_for": [reason]})
        assert probe("/healthz") == (200, {"status": "alive"})
        service.terminate()
        output, _ = service.communicate()
    (line,) = [json.loads(line) for line in output.splitlines()]
    assert (line["event"], line["waiting_for"], line["service"]) == ("service.waits", reason, "batch")


def test_what_has_not_been_loaded_for_a_month_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    old, new = tmp_path / "rule-old", tmp_path / "rule-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    kernels._delete_unused()
    assert [old.exists(), new.exists()] == [False, True]


def imports_by_tree(path: Path) -> set[Path]:
    """Return the files of ours that a file imports, by its syntax tree."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import is not seen"
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {found for name in names for found in source_digest._file_of(name)}


@pytest.mark.parametrize("service", deployed.SERVICES)
def test_the_key_covers_every_module_a_kernel_reaches(service: str) -> None:
    """Lines of imports are read faster than a tree is built; both find the same."""
    reached = source_digest.modules_of(CHECKOUT / "services" / service / "warm.py")
    assert {found for path in reached for found in imports_by_tree(path)} <= reached
    assert {name for path in reached for name in source_digest._imported(path)} == {
        name for path in reached for name in imports_by_tree(path)
    }


def test_every_service_with_kernels_is_compiled_by_the_step() -> None:
    """Any module that defines a kernel is reached from the warm-up of one of the services of the step."""
    reached = {
        path
        for name in deployed.SERVICES
        for path in source_digest.modules_of(CHECKOUT / "services" / name / "warm.py")
    }
    define = re.compile(r"^@(?:\w+_)?kernel$", re.MULTILINE)
    tops = (path for top in ("services", "shared") for path in (CHECKOUT / top).rglob("*.py"))
    defining = {path for path in tops if define.search(path.read_text())}
    assert len(defining) > 20
    assert defining <= reached
