"""Live and recorded targets, with what they are asked by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cmdb.entrypoints.schedule import PATIENCE
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.visits import Visit, known_visits
from cmdb.entrypoints.wiring import clock_ms
from cmdb.observation import Report
from collectors.approaches import Work
from collectors.discover import Target
from collectors.facts import Facts
from collectors.kinds import EVERYTHING, Kind
from collectors.scopes import TargetSpec
from collectors.snmp.interpret import AROUND, interpret
from collectors.snmp.inventory_tables import INVENTORY_TABLES
from collectors.snmp.read import read_device
from collectors.snmp.reads import GROUPS, LAYERS, NEIGHBOURS, SURROUNDINGS, SYSTEM, TABLES
from collectors.snmp.surroundings import surroundings
from collectors.snmp.table import Table
from collectors.targets import LiveTarget, Means, replay_targets
from collectors.transport.answers import Answers
from collectors.transport.client import Client
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.network_cli import CliClient
from collectors.transport.recordings import find_all_recordings
from collectors.transport.ssh import SshClient

COLUMNS = {
    oid: f"{table.name}.{column}"
    for table in (*TABLES, *INVENTORY_TABLES, *LAYERS, *GROUPS, *SURROUNDINGS)
    for column, oid in table.columns.items()
}
IDENTITY = tuple(SYSTEM[name] for name in ("sys_descr", "sys_object_id", "sys_name", "engine_id"))
LOGINS = frozenset((Kind.IDENTITY, Kind.INVENTORY, Kind.FORWARDING))  # kinds of visits that log in


@dataclass(frozen=True)
class Live:
    """Targets on the network; `make` gives those of further specs."""

    targets: Sequence[LiveTarget]
    make: Callable[[Iterable[TargetSpec]], Sequence[LiveTarget]]


@contextmanager
def live(
    specs: Iterable[TargetSpec],
    settings: Settings,
    accept_new_host_keys: bool = False,
    kinds: frozenset[Kind] = EVERYTHING,
) -> Iterator[Live]:
    """Targets on the network, with one client a protocol for all, until the end of the block.

    Credentials that worked before are tried first. Who was visited longest ago comes first, so that a run which was
    stopped is gone on with by the next one. An address of a range that was silent for long is as good as any other.
    """
    known = known_visits(settings.data_dir)
    awake = {name: visit for name, visit in known.items() if visit.silent < PATIENCE}
    keys = HostKeys(settings.known_hosts or settings.data_dir / "known_hosts", accept_new_host_keys)
    # A password is tried once at a device, whoever logs in there.
    lockout, logins = Lockout(), {name: visit.ssh for name, visit in awake.items() if visit.ssh}
    ssh = SshClient(keys, lockout=lockout, remembered=logins)
    cli = CliClient(keys, lockout=lockout, remembered=logins)
    agents = Client(remembered={name: visit.snmp for name, visit in awake.items() if visit.snmp})
    is_login = bool(kinds & LOGINS)
    means = Means(work(kinds, known), agents, ssh if is_login else None, cli if is_login else None)
    ordered = sorted(specs, key=lambda spec: known[spec.name].at if spec.name in known else 0)

    def make(some: Iterable[TargetSpec]) -> list[LiveTarget]:
        return [LiveTarget(spec, means) for spec in some]

    try:
        yield Live(make(ordered), make)
    finally:
        means.close()


def recorded(paths: Sequence[Path], targets_file: Path | None = None) -> list[Target]:
    """Targets that recordings answer for. Raises NotFound where there is none."""
    return list(replay_targets(*find_all_recordings(paths, targets_file), work()))


def work(kinds: frozenset[Kind] = EVERYTHING, known: Mapping[str, Visit] | None = None) -> Work:
    """How agents are read by visits of these kinds."""
    around = _around(kinds)
    is_only_identity = kinds == {Kind.IDENTITY}
    same = {name: visit.identity for name, visit in (known or {}).items() if visit.identity and is_only_identity}
    return Work(
        partial(read_device, around=around),
        partial(_interpret, bool(around)),
        clock_ms,
        COLUMNS,
        AROUND,
        IDENTITY,
        same,
    )


def _around(kinds: frozenset[Kind]) -> tuple[Table, ...]:
    if Kind.FORWARDING in kinds:
        return SURROUNDINGS
    return NEIGHBOURS if Kind.NEIGHBOURS in kinds else ()


def interpreted(target: str, address: str, answers: Answers, at: int) -> tuple[Report, Facts | None]:
    """What everything that an agent answered means."""
    return _interpret(True, target, address, answers, at)


def _interpret(is_around: bool, target: str, address: str, answers: Answers, at: int) -> tuple[Report, Facts | None]:
    facts = surroundings(target, address, answers, at) if is_around else None
    return interpret(target, address, answers, at), facts
