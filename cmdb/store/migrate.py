"""Bring the schema of a store up to date, once, whoever starts first."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from neo4j import Transaction

from cmdb.errors import Invalid, Unreachable
from cmdb.store.connection import Connection
from cmdb.store.dialect import Dialect

FOLDER = Path(__file__).with_name("migrations")
LEASE_MS = 120_000  # a process that died while it migrated holds others up no longer than this
WAIT_S = 150.0

_FILE = re.compile(r"V(?P<version>\d{4})__(?P<name>[a-z0-9_]+)(\.(?P<dialect>neo4j|embedded))?\.cypher")

# The lock needs its own constraint before the first migration can be run under it.
_LOCK_CONSTRAINT = "CREATE CONSTRAINT ledger_id IF NOT EXISTS FOR (n:Ledger) REQUIRE n.id IS UNIQUE"
_LOCK_NODE = "MERGE (l:Ledger {id: 'migration'}) ON CREATE SET l.owner = '', l.until = 0, l.lock = ''"
_TAKE = "MATCH (l:Ledger {id: 'migration'}) SET l.lock = $me RETURN l.owner, l.until"
_HOLD = "MATCH (l:Ledger {id: 'migration'}) SET l.owner = $me, l.until = $until"
_LET_GO = "MATCH (l:Ledger {id: 'migration'}) WHERE l.owner = $me SET l.owner = '', l.until = 0"
_APPLIED = "MATCH (m:Migration) RETURN m.version, m.name, m.checksum ORDER BY m.version"
_NOTE = "CREATE (:Migration {version: $version, name: $name, checksum: $checksum, at: $at})"


@dataclass(frozen=True)
class Migration:
    """One file: its version, its name, the hash of its text, and its statements."""

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]


def read_migrations(dialect: Dialect, folder: Path = FOLDER) -> list[Migration]:
    """The migrations for an engine, in order. Raises Invalid for a file that is not named as one, or a gap."""
    found = []
    for file in sorted(folder.glob("*.cypher")):
        named = _FILE.fullmatch(file.name)
        if named is None:
            raise Invalid(f"{file}: a migration is named V0001__what_it_does.cypher")
        if named["dialect"] in (None, dialect.name):
            text = file.read_text(encoding="utf-8")
            checksum = hashlib.sha256(text.encode()).hexdigest()
            found.append(Migration(int(named["version"]), named["name"], checksum, tuple(_statements(text))))
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise Invalid(f"{folder}: migrations are numbered from 0001 without gaps, one for each number and engine")
    return found


def migrate(connection: Connection, dialect: Dialect, migrations: list[Migration], now_ms: int) -> list[str]:
    """Run what has not been run yet and return the names.

    Every migration can be run again, so one that was cut off is simply repeated. Raises Invalid where the store was
    changed by a newer program or by a file that is not ours, Unreachable where another process migrates for too long.
    """
    if not _pending(connection, migrations):
        return []
    connection.schema(_LOCK_CONSTRAINT)
    connection.write(lambda tx: tx.run(_LOCK_NODE).consume(), lambda: None)
    done = []
    with _lease(connection, now_ms):
        for migration in _pending(connection, migrations):  # again: another process may have been quicker
            for statement in migration.statements:
                _run(connection, statement)
            for statement in dialect.after_schema:
                connection.schema(statement)
            _note(connection, migration, now_ms)
            done.append(f"V{migration.version:04d}__{migration.name}")
    return done


def _run(connection: Connection, statement: str) -> None:
    """Run one statement; one that counts what it changes does a part at a time, and is run until nothing is left.

    A single one that is there again and again is the node that keeps the first place of a file (`first_slots.py`).
    """
    changed, before = connection.schema(statement), 0
    while statement.endswith("RETURN count(*)") and changed and (changed, before) != (1, 1):
        changed, before = connection.schema(statement), changed


def _pending(connection: Connection, migrations: list[Migration]) -> list[Migration]:
    """What is still to be run; refuses a store that has something else behind it."""
    ours = {m.version: m for m in migrations}
    applied = connection.rows(_APPLIED)
    for version, name, checksum in applied:
        if version not in ours:
            raise Invalid(
                f"the store has migration V{version:04d}__{name}, this program knows V{len(ours):04d} at most:"
                " it was used by a newer version; update this program"
            )
        if ours[version].checksum != checksum:
            raise Invalid(
                f"migration V{version:04d}__{name} of the store differs from the file of this program:"
                " the file was changed after it had been run; install an unchanged release"
            )
    return [m for m in migrations if m.version not in {row[0] for row in applied}]


def _note(connection: Connection, migration: Migration, now_ms: int) -> None:
    noted = {"version": migration.version, "name": migration.name, "checksum": migration.checksum, "at": now_ms}

    def work(tx: Transaction) -> None:
        if not tx.run("MATCH (m:Migration {version: $version}) RETURN m.version", noted).values():
            tx.run(_NOTE, noted).consume()

    connection.write(work, lambda: None)


@contextmanager
def _lease(connection: Connection, now_ms: int) -> Iterator[None]:
    """Hold the migration lock. It is a lease, since schema statements can't share a transaction with a lock."""
    me = f"{os.getpid()}-{os.urandom(6).hex()}"
    started = time.monotonic()

    def take(tx: Transaction) -> bool:
        owner, until = tx.run(_TAKE, me=f"{me}-{time.monotonic_ns()}").values()[0]
        now = now_ms + int((time.monotonic() - started) * 1000)
        if owner not in ("", me) and until > now:
            return False
        tx.run(_HOLD, me=me, until=now + LEASE_MS).consume()
        return True

    while not connection.write(take, lambda: None):
        if time.monotonic() - started > WAIT_S:
            raise Unreachable(
                "another process has been changing the schema of the store for too long: look for it, then try again"
            )
        time.sleep(0.2)
    try:
        yield
    finally:
        connection.write(lambda tx: tx.run(_LET_GO, me=me).consume(), lambda: None)


def _statements(text: str) -> Iterable[str]:
    """The statements of a file: comments start a line, a semicolon ends one."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("//"))
    return [s for part in "\n".join(lines).split(";\n") if (s := part.strip().removesuffix(";").strip())]
