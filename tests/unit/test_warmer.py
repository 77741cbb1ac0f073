"""The kernel of the impact engine gets ready in the background of a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from cmdb.entrypoints import warmer
from cmdb.entrypoints.warmer import Warmer
from cmdb.impact import fixpoint
from tests.impact.assemble import from_world, world


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    yield
    fixpoint.use_kernel(False)


@pytest.mark.kernel
def test_kernel_answers_once_it_is_ready() -> None:
    pytest.importorskip("numba", reason="the extra `fast` (numba) is not installed")
    topology = from_world(world("a:Computer", "b:SoftwareInstance@a"))
    assert fixpoint.mirror_of(topology.live) is None

    warming = Warmer(topology)
    warming.start()
    warming.stop()

    assert fixpoint.mirror_of(topology.live) is topology.live.mirror is not None
    assert fixpoint.fail(topology.live, (topology.facts.numbers["a"],)).trail == [0, 1]


def test_without_the_extra_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmer, "has_kernel", lambda: False)
    topology = from_world(world("a:Computer", "b:SoftwareInstance@a"))
    warming = Warmer(topology)
    warming.start()
    warming.stop()

    assert fixpoint.mirror_of(topology.live) is None
    assert fixpoint.fail(topology.live, (topology.facts.numbers["a"],)).trail == [0, 1]


def test_an_extra_that_does_not_fit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("numba needs NumPy 2.4 or less")

    monkeypatch.setattr(warmer, "use_kernel", broken)
    with structlog.testing.capture_logs() as lines:
        Warmer(from_world(world("a:Computer"))).once()

    assert [(line["log_level"], line["error"]) for line in lines] == [("warning", "numba needs NumPy 2.4 or less")]
