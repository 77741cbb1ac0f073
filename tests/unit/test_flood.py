"""A source that floods is refused, by name of the limit; others are not, and the next minute is another one."""

from __future__ import annotations

import pytest

from cmdb.entrypoints.flood import Flood
from cmdb.entrypoints.problems import Refusal


def test_a_source_that_floods_is_refused_until_the_next_minute() -> None:
    now = [60_000]
    flood = Flood(100, lambda: now[0])
    flood.admit("alertmanager:prod", 60)

    with pytest.raises(
        Refusal, match=r"'alertmanager:prod' sent 60 items.* limit of 100 \(setting push_per_minute\)"
    ) as e:
        flood.admit("alertmanager:prod", 41)
    assert e.value.status == 429
    flood.admit("alertmanager:prod", 40)
    flood.admit("nmap", 100)
    now[0] += 60_000
    flood.admit("alertmanager:prod", 100)


def test_a_push_beyond_the_limit_comes_in_by_itself() -> None:
    flood = Flood(10, lambda: 0)
    flood.admit("a", 50)

    with pytest.raises(Refusal):
        flood.admit("a", 1)
