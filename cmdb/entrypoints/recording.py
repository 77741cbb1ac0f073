"""Reading live targets into recordings; nothing of it goes into the graph."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from cmdb.entrypoints.live import interpreted, live
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import clock_ms
from cmdb.errors import UsageError
from collectors.approaches import OverCli, OverSsh
from collectors.discover import Approach, Bounds, Told
from collectors.hosts.read import read_host
from collectors.scopes import TargetSpec
from collectors.snmp.read import read_device
from collectors.targets import LiveTarget
from collectors.transport.answers import Answers
from collectors.transport.commands_recording import save_commands
from collectors.transport.host_replay import record_host
from collectors.transport.network_replay import recording_of
from collectors.transport.record import record
from collectors.transport.session import SnmpSession, TransportFailure

log = structlog.get_logger()


def record_target(
    specs: Sequence[TargetSpec], folder: Path, settings: Settings, accept_new_host_keys: bool = False
) -> list[Path]:
    """Read live targets and write their raw answers as recordings; returns the files. Raises TransportFailure.

    Raises UsageError where the folder can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be the folder of recordings: {error.strerror}") from error
    with live(specs, settings, accept_new_host_keys) as found:
        return asyncio.run(_record(found.targets, folder))


async def _record(targets: Sequence[LiveTarget], folder: Path) -> list[Path]:
    written: list[Path] = []
    failures: list[TransportFailure] = []
    for target in targets:
        told: list[Told] = []
        for approach in target.approaches:
            try:
                if await approach.is_needed(told):
                    written += await _keep(target, approach, told, folder)
            except TransportFailure as failure:
                failures.append(failure)
    if failures and not written:
        raise failures[0]
    for lacking in failures:
        log.warning("not recorded", target=lacking.target, reason=lacking.reason, detail=lacking.detail)
    return written


async def _keep(target: LiveTarget, approach: Approach, told: list[Told], folder: Path) -> list[Path]:
    """Write what a target answers by one protocol; what its agent says is told, for it decides on the login."""
    if isinstance(approach, OverCli):
        address, answers = await approach.read(told, Bounds().budget_s)
        return [save_commands(folder, target.name, address, recording_of(answers), target.secrets())]
    if isinstance(approach, OverSsh):
        return [await record_host(target, read_host, folder)]
    read: list[tuple[str, Answers]] = []

    async def reading(session: SnmpSession) -> None:
        read.append((session.address, await read_device(session)))

    written = await record(target, reading, folder)
    try:
        told += [Told(*interpreted(target.name, address, answers, clock_ms())) for address, answers in read]
    except Exception:
        # Devices that are not understood are those that are recorded.
        log.exception("recorded, and not understood", target=target.name)
    return written
