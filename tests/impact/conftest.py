"""How many random estates a run tries, and with which seed: IMPACT_ESTATES=20000 IMPACT_SEED=7 pytest tests/impact."""

from __future__ import annotations

import os
from random import Random, SystemRandom

import pytest

SEED = int(os.environ.get("IMPACT_SEED", "0")) or SystemRandom().randrange(1, 1_000_000)


@pytest.fixture
def estates() -> int:
    """Number of random estates to try; each test says which part of it it takes."""
    return int(os.environ.get("IMPACT_ESTATES", "2000"))


@pytest.fixture
def rng() -> Random:
    """Randomness that can be had again: the seed is shown with every failure."""
    print(f"IMPACT_SEED={SEED}")
    return Random(SEED)


def pytest_report_header() -> str:
    return f"impact: IMPACT_SEED={SEED}"
