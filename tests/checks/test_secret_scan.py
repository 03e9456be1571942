"""Secrets stay out of the repository: `.env` is ignored, and what looks like one is found before it is committed."""

import subprocess
from pathlib import Path
from secrets import token_hex, token_urlsafe

import pytest

from deploy.secret_scan import found
from deploy.stack.layout import CHECKOUT


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "plain.py").write_text('GREETING = "good morning"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("settings.py", f'principal_key = "{token_hex(32)}"'),
        ("prod.env", f"BATCH_PASSWORD={token_hex(32)}"),
        ("compose.yml", f"    REBALANCER_SESSION_KEY: {token_urlsafe(32)}\n    OIDC_CLIENT_SECRET: '{token_hex(16)}'"),
        ("url.md", f"postgresql://batch:{token_urlsafe(12)}@10.0.0.9/rebalancer"),
        ("deploy.pem", "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n"),
        ("ci.yml", f"aws: AKIA{'ABCDEFGH23456789'}"),
    ],
    ids=lambda value: "" if " " in value or "=" in value else value,
)
@pytest.mark.parametrize("added", [False, True], ids=["not added yet", "added"])
def test_a_planted_secret_is_found(repository: Path, name: str, line: str, added: bool) -> None:
    assert found(repository) == ""
    (repository / name).write_text(line + "\n")
    if added:
        git(repository, "add", name)
    assert name in found(repository)


def test_what_is_marked_or_ignored_is_passed_over(repository: Path) -> None:
    (repository / "test_x.py").write_text(f'password = "{token_hex(16)}"  # pragma: allowlist secret\n')
    (repository / ".gitignore").write_text(".env\n")
    (repository / ".env").write_text(f"BATCH_PASSWORD={token_hex(32)}\n")
    assert found(repository) == ""


@pytest.mark.parametrize("name", [".env", ".env.local", "deploy/docker/.env"])
def test_the_file_of_local_secrets_is_ignored(name: str) -> None:
    assert git(CHECKOUT, "-c", "safe.directory=*", "check-ignore", "--no-index", name).strip() == name
    assert "**/.env" in (CHECKOUT / ".dockerignore").read_text().splitlines()
