"""What a server has promised about pushes, kept in one file: jobs that it took on, and answers to idempotency keys."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmdb.entrypoints.problems import unavailable
from cmdb.entrypoints.sqlite_file import Shape, open_file, writing

KEPT_MS = 24 * 3_600_000  # answers to keys, and jobs that ended
MAX_KEYS, MAX_DONE = 10_000, 1_000
MAX_KEPT_BYTES = 64 * 2**20  # of answers to keys, and of results of jobs
_SHAPE = Shape(
    "pushes",
    1,
    (
        "CREATE TABLE keys (key TEXT PRIMARY KEY, at INTEGER, digest BLOB, status INTEGER, location TEXT, answer BLOB)",
        "CREATE INDEX keys_at ON keys (at)",
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, number INTEGER, state TEXT, adapter TEXT, source TEXT, actor TEXT,"
        " host TEXT, dry_run INTEGER, media_type TEXT, received INTEGER, finished INTEGER, items INTEGER, body BLOB,"
        " answer BLOB, detail TEXT)",
        "CREATE INDEX jobs_state ON jobs (state, number)",
    ),
    ("synchronous = FULL", "secure_delete = ON"),  # a body may hold more than is taken of it
)
_JOB = "id, state, adapter, source, actor, host, dry_run, media_type, received, finished, items, detail"


@dataclass(frozen=True)
class Kept:
    """What was answered to an idempotency key."""

    digest: bytes
    status: int
    location: str
    answer: bytes


@dataclass(frozen=True)
class Job:
    """A push that was taken on: `state` is waiting, done or failed, `detail` says why.

    Times in epoch ms; `finished` is 0 until then.
    """

    id: str
    state: str
    adapter: str
    source: str
    actor: str
    host: str
    dry_run: bool
    media_type: str
    received: int
    finished: int
    items: int
    detail: str = ""


def new_job_id() -> str:
    """An id that nobody can guess: who knows it may read the result."""
    return secrets.token_hex(12)


class Spool:
    """Jobs and keys. What `add` and `keep` have written is on the disk when they return; safe from several threads."""

    def __init__(self, file: Path | None, clock_ms: Callable[[], int]) -> None:
        """Open or make the file; None keeps everything in memory. Raises Invalid where it can't be used."""
        self._clock_ms, self._lock = clock_ms, threading.Lock()
        self.is_durable = file is not None
        self.db = open_file(file, _SHAPE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self.db.close()

    # ---- idempotency keys
    def kept(self, key: str) -> Kept | None:
        """The answer to a key, if there is one that is not too old."""
        row = self._one("SELECT digest, status, location, answer FROM keys WHERE key = ? AND at > ?", key, self._old())
        return None if row is None else Kept(row[0], row[1], row[2], zlib.decompress(row[3]))

    def keep(self, key: str, answer: Kept) -> None:
        """Remember the answer to a key; the oldest make room. Raises Refusal 503 where it can't be written."""
        with self._lock, _explained(), writing(self.db):
            self._note_key(key, answer)

    def _note_key(self, key: str, answer: Kept) -> None:
        row = (key, self._clock_ms(), answer.digest, answer.status, answer.location, zlib.compress(answer.answer, 1))
        self.db.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?)", row)
        self.db.execute("DELETE FROM keys WHERE at <= ?", (self._old(),))
        newest = "SELECT key FROM (SELECT key, sum(length(answer)) OVER newer AS bytes, row_number() OVER newer AS n"
        newest += " FROM keys WINDOW newer AS (ORDER BY at DESC, rowid DESC)) WHERE bytes <= ? AND n <= ?"
        self.db.execute(
            f"DELETE FROM keys WHERE key NOT IN ({newest})",  # noqa: S608 - made of constants
            (MAX_KEPT_BYTES, MAX_KEYS),
        )

    # ---- jobs
    def add(self, job: Job, body: bytes, most: int, most_bytes: int, key: str = "", answer: Kept | None = None) -> None:
        """Take on a job, and with it the answer to its key. Raises Refusal 503 when the line is 80 % full."""
        packed = zlib.compress(body, 1)
        with self._lock, _explained(), writing(self.db):
            waiting, size = self.db.execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM jobs WHERE state = 'waiting'"
            ).fetchone()
            if waiting >= max(1, most * 8 // 10) or (waiting and size + len(packed) > most_bytes * 8 // 10):
                raise unavailable("jobs: too many pushes wait to be worked off; come back in a moment.")
            number = self.db.execute("SELECT coalesce(max(number), 0) + 1 FROM jobs").fetchone()[0]
            row = [job.id, number, "waiting", job.adapter, job.source, job.actor, job.host, job.dry_run, job.media_type]
            row += [job.received, 0, job.items, packed, b"", ""]
            self.db.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - placeholders
            if answer is not None:
                self._note_key(key, answer)

    def next(self) -> tuple[Job, bytes] | None:
        """The job that waits longest, with its body; it stays waiting until `finish`."""
        row = self._one(f"SELECT {_JOB}, body FROM jobs WHERE state = 'waiting' ORDER BY number LIMIT 1")  # noqa: S608
        return None if row is None else (_job(row[:-1]), zlib.decompress(row[-1]))

    def finish(self, id_: str, state: str, answer: bytes, detail: str = "") -> None:
        """Note how a job ended; its body is let go, and so are the oldest results."""
        with self._lock, _explained(), writing(self.db):
            row = (state, self._clock_ms(), zlib.compress(answer, 1), detail, id_)
            self.db.execute(
                "UPDATE jobs SET state = ?, finished = ?, answer = ?, detail = ?, body = x'' WHERE id = ?", row
            )
            self.db.execute("DELETE FROM jobs WHERE state != 'waiting' AND finished <= ?", (self._old(),))
            newest = "SELECT id FROM (SELECT id, sum(length(answer)) OVER newer AS bytes, row_number() OVER newer AS n"
            newest += " FROM jobs WHERE state != 'waiting' WINDOW newer AS (ORDER BY number DESC))"
            self.db.execute(
                f"DELETE FROM jobs WHERE state != 'waiting' AND id NOT IN ({newest} WHERE bytes <= ? AND n <= ?)",  # noqa: S608 - made of constants
                (MAX_KEPT_BYTES, MAX_DONE),
            )

    def job(self, id_: str) -> tuple[Job, bytes] | None:
        """A job with its result (JSON), empty while there is none."""
        row = self._one(f"SELECT {_JOB}, answer FROM jobs WHERE id = ?", id_)  # noqa: S608 - made of constants
        if row is None:
            return None
        return _job(row[:-1]), zlib.decompress(row[-1]) if row[-1] else b""

    def waiting(self) -> int:
        """How many jobs wait."""
        row = self._one("SELECT count(*) FROM jobs WHERE state = 'waiting'")
        return int(row[0]) if row else 0

    def _one(self, statement: str, *values: Any) -> Any:
        with self._lock, _explained():
            return self.db.execute(statement, values).fetchone()

    def _old(self) -> int:
        return self._clock_ms() - KEPT_MS


def _job(row: Any) -> Job:
    given: list[Any] = [*row[:6], bool(row[6]), *row[7:]]
    return Job(*given)


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of the file as a refusal: nothing was promised."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise unavailable(f"The file of pushes in the data directory can't be used: {error}") from error
