"""Incidents as their users meet them on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.commands import Commands

SITE = """
format: 1
name: site
cis:
  - class: PowerDevice
    key: pdu
    name: pdu-1
    identifiers: ["serial:apc:PDU1"]
  - class: Computer
    key: one
    name: web-1
    identifiers: ["serial:dell:WEB00001"]
    links: [{type: POWERED_BY, to: pdu}]
  - class: Computer
    key: two
    name: web-2
    identifiers: ["serial:dell:WEB00002"]
    links: [{type: POWERED_BY, to: pdu}]
  - class: Service
    key: shop
    name: Shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4}
    links: [{type: DEPENDS_ON, to: one}]
"""


@pytest.fixture
def run(
    store: BoltStore,
    embedded_engine: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    """Commands on a small site."""
    made = Commands(embedded_engine.endpoint, tmp_path, monkeypatch, capsys)
    (tmp_path / "site.yaml").write_text(SITE)
    assert made("otto", "ingest", "push", "site.yaml").code == 0
    return made


def test_causes_of_alarms(run: Commands) -> None:
    shown = run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop", "who", "-o", "json")
    table = run("ann", "incident", "causes", "web-1", "web-2", "--down", "Shop")
    answer = json.loads(shown.out)
    ranked = [[root["name"] for root in candidate["roots"]] for candidate in answer["candidates"]]

    assert shown.code == 0
    assert ["pdu-1"] in ranked
    assert answer["alarms"] == 3
    assert answer["unresolved"] == ["who"]
    assert "finding: UNKNOWN: no CI is named 'who'" in shown.err
    assert [c["explained"] for c, names in zip(answer["candidates"], ranked, strict=True) if names == ["pdu-1"]] == [3]
    assert "pdu-1" in table.out
    assert "check" in table.out


def test_causes_of_nothing(run: Commands) -> None:
    nobody = run("ann", "incident", "causes", "who")
    nothing = run("ann", "incident", "causes")
    share = run("ann", "incident", "causes", "web-1", "--missing", "0.7")

    assert (nobody.code, nothing.code, share.code) == (3, 2, 2)
    assert "none of the alarms names a CI that could fail" in nobody.err
    assert "no alarms: name a CI" in nothing.err
    assert "missing is 0.7; give a share of 0 to 0.5" in share.err
