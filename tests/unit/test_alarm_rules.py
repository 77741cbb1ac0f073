"""What alarms say of their CIs: the rules that come with the program, and those of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.errors import Invalid
from cmdb.service.alarm_rules import built_in_rules, read_rules

OWN = """
rules:
  - {effect: none, names: [HostDown], labels: {env: test}}
  - {effect: degraded, labels: {severity: warning}}
  - {effect: down, names: [host_down]}
otherwise: unreachable
"""


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("HostDown", "UNREACHABLE"),
        ("host-down", "UNREACHABLE"),
        ("ServiceDown", "DOWN"),
        ("FanFailed", "DOWN"),  # the fan; of the device the rule says less
        ("TemperatureHigh", "DEGRADED"),
        ("Watchdog", "NONE"),
        ("", "NONE"),
    ],
)
def test_the_rules_that_come_along(name: str, effect: str) -> None:
    assert built_in_rules().effect({"alertname": name}) == effect


def test_the_first_rule_that_fits_holds(tmp_path: Path) -> None:
    (tmp_path / "alarms.yaml").write_text(OWN)
    rules = read_rules(tmp_path / "alarms.yaml")

    assert rules.effect({"alertname": "HostDown", "env": "test", "severity": "warning"}) == "NONE"
    assert rules.effect({"alertname": "HostDown", "severity": "warning"}) == "DEGRADED"
    assert rules.effect({"alertname": "HostDown"}) == "DOWN"
    assert rules.effect({}) == "UNREACHABLE"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("otherwise: none", "rules: is missing"),
        ("rules: []\notherwise: dead", "otherwise"),
        ("rules: [{effect: dwon, names: [A]}]\notherwise: none", "did you mean down"),
        ("rules: [{effect: down}]\notherwise: none", "fits every alarm"),
        ("rules: [{effect: down, names: ['--']}]\notherwise: none", "a name without letters"),
        ("rules: [{effect: down, labels: {a: [1]}}]\notherwise: none", "must be a text"),
        ("rules: [{effect: down, nmaes: [A]}]\notherwise: none", "unknown key"),
        ("- a", "must be a mapping"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.yaml").write_text(text)

    with pytest.raises(Invalid, match=said):
        read_rules(tmp_path / "own.yaml")
