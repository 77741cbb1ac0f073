"""What a discoverer remembers of its targets from run to run, kept in one file of the data directory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from cmdb.entrypoints.sqlite_file import Shape, open_file, writing
from cmdb.errors import Invalid
from collectors.discover import State, TargetResult

VISITS = "visits.sqlite3"
KEPT_MS = 180 * 86_400_000  # a target that nobody visits for so long is forgotten


@dataclass(frozen=True)
class Visit:
    """How the latest visit of a target ended. Times in epoch ms, 0 for never; `read_at` is when it last told something.

    `silent` counts the visits in a row at which nobody answered. `snmp` and `ssh` name the credentials that worked,
    `identity` is a digest of what the device says it is, `around` one of the neighbours it named.
    """

    target: str
    scope: str = ""
    address: str = ""
    at: int = 0
    state: str = ""
    stage: str = ""
    reason: str = ""
    detail: str = ""
    read_at: int = 0
    silent: int = 0
    snmp: str = ""
    ssh: str = ""
    identity: str = ""
    around: str = ""


_COLUMNS = [field.name for field in fields(Visit)]
_NUMBERS = ("at", "read_at", "silent")
_SHAPE = Shape(
    "visits",
    1,
    (
        "CREATE TABLE visits (target TEXT PRIMARY KEY, "
        + ", ".join(f"{name} {'INTEGER' if name in _NUMBERS else 'TEXT'} NOT NULL" for name in _COLUMNS[1:])
        + ")",
        "CREATE TABLE rounds (scope TEXT, kind TEXT, started INTEGER NOT NULL, PRIMARY KEY (scope, kind))",
    ),
    wait_s=30.0,
)
_NOTE = f"INSERT OR REPLACE INTO visits ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - names of this module


class Visits:
    """The file. What was noted is on the disk; safe to use from several threads and processes."""

    def __init__(self, file: Path | None) -> None:
        """Open or make the file; None keeps everything in memory. Raises Invalid where it can't be used."""
        self._lock = threading.Lock()
        self._db = open_file(file, _SHAPE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def all(self) -> dict[str, Visit]:
        """The latest visit of each target, by its name."""
        with self._lock:
            rows = self._db.execute(f"SELECT {', '.join(_COLUMNS)} FROM visits").fetchall()  # noqa: S608 - as above
        return {row[0]: Visit(*row) for row in rows}

    def note(self, visits: Iterable[Visit]) -> None:
        """Keep visits in place of those before."""
        with self._lock, self._writing():
            self._db.executemany(_NOTE, [astuple(visit) for visit in visits])

    def forget(self, now: int) -> None:
        """Let go of targets that nobody visited for long."""
        with self._lock, self._writing():
            self._db.execute("DELETE FROM visits WHERE at < ?", (now - KEPT_MS,))

    def started(self) -> dict[tuple[str, str], int]:
        """When each kind of visit of each scope began last, in epoch ms."""
        with self._lock:
            rows = self._db.execute("SELECT scope, kind, started FROM rounds").fetchall()
        return {(scope, kind): at for scope, kind, at in rows}

    def begin(self, scope: str, kinds: Iterable[str], at: int) -> None:
        """Note that these kinds of visits of a scope begin."""
        with self._lock, self._writing():
            rows = [(scope, kind, at) for kind in kinds]
            self._db.executemany("INSERT OR REPLACE INTO rounds (scope, kind, started) VALUES (?, ?, ?)", rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with writing(self._db):
                yield
        except sqlite3.Error as error:
            raise Invalid(f"{VISITS} in the data directory can't be written: {error}") from error


@contextmanager
def visits_in(data_dir: Path) -> Iterator[Visits]:
    """What is remembered in a data directory, open until the end of the block."""
    book = Visits(data_dir / VISITS)
    try:
        yield book
    finally:
        book.close()


def known_visits(data_dir: Path) -> dict[str, Visit]:
    """The latest visits; none where nobody ever visited anything from here."""
    if not (data_dir / VISITS).is_file():
        return {}
    with visits_in(data_dir) as book:
        return book.all()


def known_rounds(data_dir: Path) -> dict[tuple[str, str], int]:
    """When each kind of visit of each scope was made last, in epoch ms."""
    if not (data_dir / VISITS).is_file():
        return {}
    with visits_in(data_dir) as book:
        return book.started()


@dataclass(frozen=True)
class Seen:
    """What is known of a target beside its result: its scope, and the credentials that worked in this run."""

    scope: str = ""
    snmp: str = ""
    ssh: str = ""


def after(before: Visit | None, result: TargetResult, at: int, seen: Seen) -> Visit | None:
    """The visit that a result makes; None where a silent address is not worth a note, as nobody was ever there."""
    if before is None and result.state is State.SILENT:
        return None
    old = before or Visit(result.target)
    nobody = not result.told and result.stage == "probe" and result.reason in ("TIMEOUT", "REFUSED")
    return Visit(
        result.target,
        seen.scope or old.scope,
        result.address or old.address,
        at,
        result.state.value,
        result.stage,
        result.reason,
        result.detail,
        at if result.told else old.read_at,
        old.silent + 1 if nobody else 0,
        seen.snmp or old.snmp,
        seen.ssh or old.ssh,
        next((told.identity for told in result.told if told.identity), old.identity),
        old.around,  # that of a visit counts once its cables are written
    )
