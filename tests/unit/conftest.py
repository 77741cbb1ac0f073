"""Options of unit tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes expected answers instead of comparing with them."""
    parser.addoption(
        "--update-golden", action="store_true", default=False, help="write the expected answers of golden tests anew"
    )
