"""Leaves out of what SNMP told of a host's software that which the host itself told better over SSH. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cmdb.observation import Report

# Classes by the table of a report over SSH that tells them whole: the names of HOST-RESOURCES-MIB are other ones.
BETTER = {"packages": "SoftwareProduct", "listeners": "SoftwareInstance", "mounts": "Filesystem"}


def said_once(report: Report, others: Iterable[Report]) -> Report:
    """The report without what others of the same target in the same run tell better.

    Its tables stay named: they were read, and that they say nothing of these things is no silence.
    """
    if report.source != "snmp":
        return report
    told = {ci_class for o in others if o.source == "ssh" for table, ci_class in BETTER.items() if table in o.tables}
    kept = tuple(o for o in report.observations if o.ci_class not in told)
    return msgspec.structs.replace(report, observations=kept) if len(kept) < len(report.observations) else report
