"""Keeps the raw answers of a session as a recording, without the secrets in them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import structlog

from collectors import scrub as scrubbing
from collectors.transport.answers import Oid, Outcome, Varbind, Walk, dotted, parse_oid
from collectors.transport.recording import write_recording
from collectors.transport.replay import TARGETS_FILE, read_rows
from collectors.transport.session import SnmpSession

log = structlog.get_logger()

PRIVATE = scrubbing.PRIVATE.encode()

# Subtrees that hold communities, user names or keys as values or in their indexes. They are left out as a whole.
SECRET_SUBTREES: tuple[Oid, ...] = tuple(
    map(
        parse_oid,
        (
            "1.3.6.1.6.3.12",  # SNMP-TARGET-MIB: security names, tags
            "1.3.6.1.6.3.13",  # SNMP-NOTIFICATION-MIB
            "1.3.6.1.6.3.15",  # SNMP-USER-BASED-SM-MIB
            "1.3.6.1.6.3.16",  # SNMP-VIEW-BASED-ACM-MIB: security names in indexes
            "1.3.6.1.6.3.18",  # SNMP-COMMUNITY-MIB
            "1.3.6.1.2.1.16.9.1.1.5",  # RMON-MIB eventCommunity
            "1.3.6.1.2.1.16.19.13",  # RMON2-MIB trapDestTable
            "1.3.6.1.2.1.69.1.2",  # DOCS-CABLE-DEVICE-MIB docsDevNmAccessTable
            "1.2.840.10036.1.2",  # IEEE802dot11-MIB WEP default keys
            "1.2.840.10036.1.3",  # IEEE802dot11-MIB WEP key mappings
            "1.3.6.1.4.1.9.2.1.61",  # OLD-CISCO-SYS-MIB
            "1.3.6.1.4.1.9.9.96",  # CISCO-CONFIG-COPY-MIB user names and passwords
            "1.3.6.1.4.1.11.2.14.11.1.2.1",  # HP-ICF trap destinations
            "1.3.6.1.4.1.11.2.4.3.3",  # HP printers: community
            "1.3.6.1.4.1.318.2.1",  # PowerNet trap receivers
            "1.3.6.1.4.1.14988.1.1.1.3.1.8",  # MIKROTIK-MIB keys of access points
        ),
    )
)
# Command lines, in which people write passwords: hrSWRunParameters of HOST-RESOURCES-MIB.
ARGUMENTS = parse_oid("1.3.6.1.2.1.25.4.2.1.5")


class RecordingSession:
    """A session that keeps all that it is answered. Its contexts share the memory of the first one."""

    def __init__(
        self, session: SnmpSession, context: str = "", kept: dict[str, dict[Oid, Varbind]] | None = None
    ) -> None:
        self._session, self._context = session, context
        self.kept = {} if kept is None else kept
        self.incomplete: list[Walk] = []
        self._mine = self.kept.setdefault(context, {})

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._session.target

    @property
    def address(self) -> str:
        """IP address that is asked."""
        return self._session.address

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Varbind]:
        """Read instances, and keep them."""
        found = await self._session.get(oids)
        self._mine.update(found)
        return found

    async def walk(self, root: Oid) -> Walk:
        """Read a subtree, and keep it. A recording can't say that a walk stopped half-way: `incomplete` does."""
        walk = await self._session.walk(root)
        self._mine.update((varbind.oid, varbind) for varbind in walk.varbinds)
        if walk.outcome not in (Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT):
            self.incomplete.append(walk)
        return walk

    def context(self, name: str) -> RecordingSession:
        """The same agent in another context."""
        inner = RecordingSession(self._session.context(name), name, self.kept)
        inner.incomplete = self.incomplete
        return inner


class Recordable(Protocol):
    """A target whose answers can be kept."""

    def open(self, budget_s: float) -> AbstractAsyncContextManager[SnmpSession]:
        """A session. Raises TransportFailure."""

    def secrets(self) -> list[bytes]:
        """What must not be in the recording."""


async def record(
    target: Recordable, read: Callable[[SnmpSession], Awaitable[object]], folder: Path, budget_s: float = 600.0
) -> list[Path]:
    """Read a target and write its raw answers into `folder`; gives the files. Raises TransportFailure, UsageError."""
    secrets = target.secrets()
    async with target.open(budget_s) as session:
        recording = RecordingSession(session)
        await read(recording)
    for walk in recording.incomplete:
        log.warning("recorded in part", target=recording.target, table=dotted(walk.root), outcome=walk.outcome.value)
    return save_recording(folder, recording, secrets)


def scrub(varbinds: Iterable[Varbind], secrets: Sequence[bytes] = ()) -> list[Varbind]:
    """Leave out what holds secrets by its kind, and blot out `secrets` (those of the session) wherever they are."""
    words = sorted((secret for secret in secrets if len(secret) >= scrubbing.SHORTEST), key=len, reverse=True)
    arcs = [b"." + b".".join(str(byte).encode() for byte in word) + b"." for word in words]
    kept = []
    for oid, tag, value in varbinds:
        if any(oid[: len(tree)] == tree for tree in SECRET_SUBTREES):
            continue
        text = f".{'.'.join(map(str, oid))}.".encode()
        if any(word in text for word in arcs):
            continue
        if isinstance(value, bytes):
            for word in words:
                value = value.replace(word, PRIVATE)
            if oid[: len(ARGUMENTS)] == ARGUMENTS:
                value = scrubbing.scrub_text(value.decode("latin-1")).encode("latin-1")
        kept.append(Varbind(oid, tag, value))
    return kept


def save_recording(folder: Path, session: RecordingSession, secrets: Sequence[bytes] = ()) -> list[Path]:
    """Write what a session kept as `NAME.snmprec` and `NAME@CONTEXT.snmprec`, and enter it in `targets.tsv`.

    Characters that do not belong into a file name become `_`. Existing recordings of that name are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name(session.target)
    written = []
    for context, varbinds in sorted(session.kept.items()):
        if context and not varbinds:
            continue
        path = folder / f"{name}{'@' + file_name(context) if context else ''}.snmprec"
        write_recording(path, scrub(varbinds.values(), secrets))
        written.append(path)
    enter_target(folder / TARGETS_FILE, name, session.address, "snmp")
    return written


def enter_target(path: Path, name: str, address: str, protocol: str) -> None:
    """Write a target into a `targets.tsv`, over what it said of it before."""
    listed = {(known, spoken or protocol): at for known, at, spoken in read_rows(path)} if path.is_file() else {}
    listed[name, protocol] = address
    rows = [f"{known}\t{at}\t{spoken}" for (known, spoken), at in sorted(listed.items())]
    path.write_text("\n".join(["name\taddress\tprotocol", *rows]) + "\n", "utf-8")


def file_name(text: str) -> str:
    """The name of a target or context, fit for a file."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip(".") or "_"
