"""The first step of every `make` target: look for the tools and make `.venv` as the lock says.

Runs on the machine's own Python with the standard library alone: `python3 -I deploy/bootstrap.py [--quiet] [check...]`.
The checks named (java, maven, node) are made in addition to Python's own.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
LOCK = CHECKOUT / "requirements" / "dev.lock"
STAMP = VENV / ".locked"
OLDEST, NEWEST = (3, 11), (3, 12)
FREE_BYTES = 3 * 1024**3


def main() -> int:
    """Return 0 when everything needed is there, 1 after naming each missing thing on a line of its own."""
    arguments = [word for word in sys.argv[1:] if not word.startswith("-")]
    quiet = "--quiet" in sys.argv
    started = time.monotonic()
    python = find_python()
    missing = [
        problem for problem in [python_problem(python), disk_problem(), *map(tool_problem, arguments)] if problem
    ]
    for problem in missing:
        print(f"missing: {problem}", file=sys.stderr)
    if missing or python is None:
        return 1
    tell(quiet, "tools are all there", started)
    wanted = fingerprint(python)
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    started = time.monotonic()
    print("  installing the locked Python packages into .venv ...", flush=True)
    if not install(python):
        return 1
    STAMP.write_text(wanted)
    tell(False, "Python packages installed as locked", started)
    return 0


def tell(quiet: bool, what: str, started: float) -> None:
    """Print what was done and the seconds it took."""
    if not quiet:
        print(f"  {what:<58}{time.monotonic() - started:7.1f} s", flush=True)


def find_python() -> "str | None":
    """Return a Python that the project runs on: this one if its version fits, else one on the PATH, else None."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in (11, 12):
        program = shutil.which(f"python3.{minor}")
        if program and output([program, "-c", "print('ok')"]) == "ok":
            return program
    return None


def python_problem(python: "str | None") -> "str | None":
    """Return what is wrong with Python, or None."""
    if python is None:
        return f"Python 3.11 or 3.12 (this is {sys.version.split()[0]}). Get it: apt-get install python3 python3-venv"
    if output([python, "-c", "import ensurepip, venv; print('ok')"]) != "ok":
        return "Python's venv module. Get it: apt-get install python3-venv"
    return None


def disk_problem() -> "str | None":
    """Return a sentence when the disk is too full, or None."""
    free = shutil.disk_usage(CHECKOUT).free
    if free >= FREE_BYTES:
        return None
    return f"disk space: {free / 1024**3:.1f} GB free, 3 GB needed in {CHECKOUT}. Get it: remove what you can spare"


def tool_problem(name: str) -> "str | None":
    """Return what is wrong with the tool `name` (java, maven, node), or None."""
    if name == "java":
        return version_problem(
            ["java", "-version"], r'version "(\d+)', 17, "Java 17 or newer", "apt-get install openjdk-17-jre-headless"
        )
    if name == "maven":
        return None if shutil.which("mvn") else "Maven (mvn). Get it: apt-get install maven"
    if name == "node":
        return version_problem(
            ["node", "--version"], r"v(\d+)", 20, "Node 20 or newer", "install Node 20 (nodejs) from your system"
        ) or version_problem(["npm", "--version"], r"(\d+)", 10, "npm 10 or newer", "npm install --global npm@11")
    return f"nothing: the check {name!r} is unknown (known: java, maven, node)"


def version_problem(command: "list[str]", pattern: str, least: int, what: str, get: str) -> "str | None":
    """Return a sentence when the command is absent or its major version is below `least`, or None."""
    found = re.search(pattern, output(command) or "")
    if found and int(found.group(1)) >= least:
        return None
    return f"{what} (found {found.group(1) if found else 'none'}). Get it: {get}"


def output(command: "list[str]") -> "str | None":
    """Return what a command prints, or None when it cannot be run or fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def fingerprint(python: str) -> str:
    """Return a text that changes when the lock, the Python version or the place of the checkout changes."""
    version = output([python, "-c", "import sys; print(sys.version)"])
    return f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n{version}\n{CHECKOUT}\n"


def install(python: str) -> bool:
    """Make the environment and install the lock into it, by uv (seconds), else by pip; say why when it fails."""
    if not (VENV / "bin" / "python").exists() or "home" not in (VENV / "pyvenv.cfg").read_text():
        subprocess.run([python, "-m", "venv", "--clear", str(VENV)], check=True)
    inside = str(VENV / "bin" / "python")
    env = {**os.environ, "VIRTUAL_ENV": str(VENV), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as only_uv:
        only_uv.write(locked("uv"))
        only_uv.flush()
        pip = [inside, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"]
        has_uv = subprocess.run([*pip, only_uv.name], env=env, check=False).returncode == 0
    uv = [inside, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--requirement", str(LOCK)]
    if has_uv and subprocess.run(uv, env=env, check=False).returncode == 0:
        return True
    print("  uv could not do it, trying pip (slower) ...", flush=True)
    if subprocess.run([*pip, str(LOCK)], env=env, check=False).returncode == 0:
        return True
    print("missing: the packages of requirements/dev.lock (see above). Get them: check the network", file=sys.stderr)
    return False


def locked(package: str) -> str:
    """Return the lock's entry of one package, with its hashes."""
    entry = re.search(rf"^{re.escape(package)}==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    if entry is None:
        raise SystemExit(f"{LOCK} does not name {package}: run `make lock`")
    return entry.group(0)


if __name__ == "__main__":
    sys.exit(main())
