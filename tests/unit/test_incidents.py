"""Effects of incidents over time, and priorities."""

from __future__ import annotations

import pytest

from cmdb.errors import Invalid
from cmdb.impact import Seed
from cmdb.service.incidents import seeds_of
from cmdb.service.urgency import impact_level, priority_of

AFFECTED = [
    {"ci": "a", "effect": "down", "from": 100, "to": 200},
    {"ci": "b", "effect": "degraded", "from": 150, "to": None},
]


@pytest.mark.parametrize(
    ("at", "cis"), [(99, ""), (100, "a"), (150, "ab"), (199, "ab"), (200, "b"), (10_000, "b"), (None, "b")]
)
def test_an_effect_lasts_from_its_begin_to_just_before_its_end(at: int | None, cis: str) -> None:
    assert [seed.ci for seed in seeds_of(AFFECTED, at)] == list(cis)


def test_what_an_incident_hit_in_all() -> None:
    assert seeds_of(AFFECTED, ended=True) == [Seed("a", "DOWN"), Seed("b", "DEGRADED")]


@pytest.mark.parametrize(("severity", "level"), [(4, 1), (3, 2), (2, 2), (1, 3), (0.5, 4), (0, 4)])
def test_the_impact_level_follows_the_severity(severity: float, level: int) -> None:
    assert impact_level(severity) == level


def test_the_priority_follows_level_and_urgency() -> None:
    assert [priority_of(level, urgency) for level in (1, 2, 4) for urgency in (1, 2, 3)] == [1, 2, 3, 2, 3, 4, 4, 4, 4]
    with pytest.raises(Invalid, match="the urgency is 1 to 3, not 0"):
        priority_of(1, 0)
