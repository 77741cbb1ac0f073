"""Recorded outputs of real devices with the rows that others expect: how many of their values come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cmdb.observation import Report
from collectors.cli.interpret import interpret
from collectors.cli.platform import Platform, Reading, platforms
from collectors.facts import Facts
from collectors.snmp.serials import serial
from collectors.snmp.text import address, known, mac
from collectors.transport.commands import CliAnswers, answered
from tests.skips import SHARED

NETWORK = SHARED / "data/cli/network"
LEAST = 0.99  # of all expected values

Value = tuple[str, str]


def cases() -> Iterator[tuple[Platform, Reading, Path]]:
    for platform in platforms().values():
        for reading in platform.readings:
            for raw in sorted((NETWORK / platform.name / reading.command.replace(" ", "_")).glob("*.raw")):
                yield platform, reading, raw


@pytest.mark.shared
@pytest.mark.skipif(not NETWORK.is_dir(), reason="the recorded outputs are not beside the project")
def test_recorded_outputs_mean_what_others_expect() -> None:
    met: Counter[str] = Counter()
    total: Counter[str] = Counter()
    missed = []
    for platform, reading, raw in cases():
        rows = yaml.safe_load(raw.with_suffix(".yml").read_text("utf-8"))["parsed_sample"]
        given = answered(reading.command, raw.read_text("utf-8", "replace"))
        answers = CliAnswers(platform.variants[0].device_type, {reading.command: given})
        report, facts = interpret("t", "192.0.2.1", answers, 1)
        got = values_of(report, facts)
        for kind, value in wanted(platform, reading, rows):
            total[kind] += 1
            met[kind] += (kind, value) in got
            if (kind, value) not in got:
                missed.append(f"{raw.name}: {kind} {value}")
    score = ", ".join(f"{kind} {met[kind]}/{total[kind]}" for kind in sorted(total))
    print(f"{met.total()} of {total.total()} expected values: {score}")

    assert total.total() > 500
    assert met.total() >= LEAST * total.total(), (met.total(), total.total(), missed)


def values_of(report: Report, facts: Facts) -> set[Value]:
    """What came out, as (kind, value)."""
    device = report.observations[0].attributes
    found = {(a, str(device[a])) for a in ("os_version", "sys_name", "model") if a in device}
    found |= {
        ("serial", str(o.attributes["serial_number"])) for o in report.observations if "serial_number" in o.attributes
    }
    found |= {
        ("serial", i.key.rsplit(":", 1)[-1]) for i in report.observations[0].identifiers if i.key.startswith("serial")
    }
    found |= {("mac_address", m) for m in device.get("mac_addresses", [])}
    for o in report.observations:
        if o.ci_class == "Interface":
            found |= {("interface", o.key)} | {
                (a, f"{o.key} {o.attributes.get(a)}") for a in ("mac_address", "mtu", "alias")
            }
        elif o.ci_class == "IPAddress":
            found.add(("address", o.key))
    for n in facts.neighbours:
        found |= {("neighbour", f"{n.port} {n.chassis.value}"), ("far name", f"{n.port} {n.name}")}
        found |= {("far port", f"{n.port} {n.far_port.value}")} if n.far_port else set()
        found |= {("far address", f"{n.port} {a}") for a in n.addresses}
    return found


def wanted(platform: Platform, reading: Reading, rows: list[dict[str, Any]]) -> Iterator[Value]:
    """What others expect, as (kind, value): the fields that the platform reads, where they hold anything."""
    for row in rows:
        if reading.parts:
            number = serial(text(row, reading.parts.serial_number))
            if number is not None:
                yield "serial", number
        yield from wanted_of_interface(platform, reading, row)
        yield from wanted_of_neighbour(platform, reading, row)
    for attribute in ("os_version", "sys_name", "model"):
        field = reading.device.get(attribute)
        first = next((v for row in rows if (v := text(row, field or "")) and known(v)), None)
        if first is not None:
            yield attribute, " ".join(first.split())


def wanted_of_interface(platform: Platform, reading: Reading, row: dict[str, Any]) -> Iterator[Value]:
    fields = reading.interfaces
    if not fields:
        return
    name = platform.port_name(text(row, fields["name"]))
    yield "interface", name
    if found := mac(text(row, fields.get("mac_address", ""))):
        yield "mac_address", f"{name} {found}"
    if text(row, fields.get("mtu", "")).isdigit():
        yield "mtu", f"{name} {text(row, fields['mtu'])}"
    alias = text(row, fields.get("alias", ""))
    if known(alias) and not alias.endswith("Interface"):
        yield "alias", f"{name} {alias}"
    ip = address(text(row, fields.get("address", "")).partition("/")[0])
    if ip is not None and not ip.is_loopback:
        yield "address", str(ip)


def wanted_of_neighbour(platform: Platform, reading: Reading, row: dict[str, Any]) -> Iterator[Value]:
    rule = reading.neighbours
    if rule is None:
        return
    port = platform.port_name(text(row, rule.port))
    chassis, name, far = (text(row, f) for f in (rule.chassis, rule.name, rule.far_port))
    yield from [("neighbour", f"{port} {mac(chassis) or chassis}")] * bool(known(chassis))
    yield from [("far name", f"{port} {name}")] * bool(known(name))
    yield from [("far port", f"{port} {mac(far) or far}")] * bool(known(far))
    ip = address(text(row, rule.address))
    yield from [("far address", f"{port} {ip}")] * (ip is not None)


def text(row: dict[str, Any], field: str) -> str:
    value = row.get(field, "")
    return str(value[0] if value else "") if isinstance(value, list) else str(value)
