"""One device asked over SNMP and on its command line: keys and names must be the same, or it becomes two."""

from __future__ import annotations

from pathlib import Path

from cmdb.observation import path_of
from tests.unit import snmp_answers
from tests.unit.cli_answers import told

# The stack of cli_answers.STACK, as its SNMP agent tells of it; lines of a recording without their `1.3.6.1.`
AGENT = """
    2.1.1.1.0|4|Cisco IOS Software [Gibraltar], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.12.4, RELEASE
    2.1.1.2.0|6|1.3.6.1.4.1.9.1.2494
    2.1.1.5.0|4|access-1
    2.1.2.2.1.1.9|2|9
    2.1.2.2.1.2.9|4|GigabitEthernet1/0/1
    2.1.2.2.1.3.9|2|6
    2.1.2.2.1.4.9|2|1500
    2.1.2.2.1.5.9|66|1000000000
    2.1.2.2.1.6.9|4x|001de5849881
    2.1.2.2.1.7.9|2|1
    2.1.2.2.1.8.9|2|1
    2.1.31.1.1.1.1.9|4|Gi1/0/1
    2.1.31.1.1.1.18.9|4|to core-1
    2.1.17.1.1.0|4x|001de5849880
    2.1.47.1.1.1.1.2.1|4|c93xx Stack
    2.1.47.1.1.1.1.5.1|2|11
    2.1.47.1.1.1.1.7.1|4|c93xx Stack
    2.1.47.1.1.1.1.2.1000|4|C9300-48T
    2.1.47.1.1.1.1.4.1000|2|1
    2.1.47.1.1.1.1.5.1000|2|3
    2.1.47.1.1.1.1.6.1000|2|1
    2.1.47.1.1.1.1.7.1000|4|Switch 1
    2.1.47.1.1.1.1.11.1000|4|FOC1111A1AA
    2.1.47.1.1.1.1.13.1000|4|C9300-48T
    2.1.47.1.1.1.1.2.1001|4|Switch 1 - Power Supply A
    2.1.47.1.1.1.1.4.1001|2|1000
    2.1.47.1.1.1.1.5.1001|2|6
    2.1.47.1.1.1.1.6.1001|2|1
    2.1.47.1.1.1.1.7.1001|4|Switch 1 - Power Supply A
    2.1.47.1.1.1.1.11.1001|4|ART1111X1XX
    2.1.47.1.1.1.1.13.1001|4|PWR-C1-350WAC
    2.1.47.1.1.1.1.2.2000|4|C9300-24T
    2.1.47.1.1.1.1.4.2000|2|1
    2.1.47.1.1.1.1.5.2000|2|3
    2.1.47.1.1.1.1.6.2000|2|2
    2.1.47.1.1.1.1.7.2000|4|Switch 2
    2.1.47.1.1.1.1.11.2000|4|FOC2222B2BB
    2.1.47.1.1.1.1.13.2000|4|C9300-24T
"""


def test_a_stack_is_the_same_over_both(tmp_path: Path) -> None:
    snmp = snmp_answers.report(tmp_path, AGENT)
    cli, _ = told("cisco_xe")
    ours, theirs = cli.observations[0], snmp.observations[0]

    assert ours.ci_class == theirs.ci_class
    assert {i.key for i in theirs.identifiers if i.strong} == {i.key for i in ours.identifiers if i.strong}
    for attribute in ("vendor", "model", "serial_number", "os_name", "os_version", "sys_name"):
        assert ours.attributes[attribute] == theirs.attributes[attribute]

    told_by_snmp = {path_of(o) for o in snmp.observations if o.parent}
    told_by_cli = {path_of(o) for o in cli.observations if o.parent}

    assert len(told_by_snmp) == 4
    assert told_by_snmp <= told_by_cli

    by_path = {path_of(o): o.attributes for o in cli.observations}
    for observation in snmp.observations[1:]:
        same = {k: v for k, v in by_path[path_of(observation)].items() if k in observation.attributes}

        assert same == {k: v for k, v in observation.attributes.items() if k in same}
