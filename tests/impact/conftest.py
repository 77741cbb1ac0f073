"""How many random estates a run tries, and with which seed: IMPACT_ESTATES=20000 IMPACT_SEED=7 pytest tests/impact.

Tests run on both engines; `-m "not kernel"` leaves the kernel out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random, SystemRandom

import pytest

from cmdb.impact import fixpoint

SEED = int(os.environ.get("IMPACT_SEED", "0")) or SystemRandom().randrange(1, 1_000_000)
ONE_ENGINE = {"test_oracle", "test_checker", "test_mutants", "test_scan_mutants", "test_kernel", "test_standing"}
NO_KERNEL = pytest.mark.skipif(not fixpoint.has_kernel(), reason="the extra `fast` (numba) is not installed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask both engines."""
    if metafunc.module.__name__.rpartition(".")[2] not in ONE_ENGINE:
        metafunc.fixturenames.insert(0, "engine")
        both = ["reference", pytest.param("kernel", marks=[NO_KERNEL, pytest.mark.kernel])]
        metafunc.parametrize("engine", both, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine that answers; the kernel even where it would not pay."""
    monkeypatch.setattr(fixpoint, "FEW", -1)
    fixpoint.use_kernel(request.param == "kernel")
    yield request.param
    fixpoint.use_kernel(False)


@pytest.fixture
def estates(request: pytest.FixtureRequest) -> int:
    """Number of random estates to try; each test says which part of it it takes. Half of them for the kernel, which
    `test_kernel.py` holds against the reference on all.
    """
    count = int(os.environ.get("IMPACT_ESTATES", "2000"))
    return count // 2 if "kernel" in request.node.name.partition("[")[2] else count


@pytest.fixture
def rng() -> Random:
    """Randomness that can be had again: the seed is shown with every failure."""
    print(f"IMPACT_SEED={SEED}")
    return Random(SEED)


def pytest_report_header() -> str:
    return f"impact: IMPACT_SEED={SEED}"
