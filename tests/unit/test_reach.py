"""What the end of a visit says of whether a target can be reached."""

from __future__ import annotations

import pytest

from cmdb.entrypoints.discovery import reach_of
from cmdb.observation import Report
from collectors.discover import State, TargetResult, Told

TOLD = (Told(Report("snmp", "a", 1, ())),)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (TargetResult("a", "", State.OK, told=TOLD), "reachable"),
        (TargetResult("a", "", State.PARTIAL, "auth", "DENIED", told=TOLD), "reachable"),
        (TargetResult("a", "", State.FAILED, "auth", "WRONG_CREDENTIAL"), "access_lost"),
        (TargetResult("a", "", State.FAILED, "auth", "HOST_KEY_CHANGED"), "access_lost"),
        (TargetResult("a", "", State.FAILED, "auth", "CIRCUIT_OPEN"), None),
        (TargetResult("a", "", State.FAILED, "auth", "NO_CREDENTIAL"), None),
        (TargetResult("a", "", State.FAILED, "probe", "TIMEOUT"), "unreachable"),
        (TargetResult("a", "", State.SILENT, "probe", "REFUSED"), "unreachable"),
        (TargetResult("a", "", State.FAILED, "probe", "UNKNOWN_HOST"), None),
        (TargetResult("a", "", State.FAILED, "read", "BUDGET"), None),
        (TargetResult("a", "", State.FAILED, "interpret", "INTERNAL"), None),
    ],
)
def test_reach_follows_from_how_a_visit_ended(result: TargetResult, expected: str | None) -> None:
    assert reach_of(result) == expected
