"""The version of this release: the only place it stands; pyproject.toml reads it here, for images carry no pyproject.

CHANGELOG.md says what each version brought; `make release-check` compares the two.
"""

from typing import Final

VERSION: Final = "0.1.0"
