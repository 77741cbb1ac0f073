"""Small files of our own beside the store: opened or made in one version, written in whole transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cmdb.errors import Invalid


@dataclass(frozen=True)
class Shape:
    """What a file is for, the version of its tables, the statements that make them, and settings of SQLite.

    `wait_s` is how long to wait for another process that writes.
    """

    purpose: str
    version: int
    tables: Sequence[str]
    settings: Sequence[str] = ()
    wait_s: float = 5.0


def open_file(file: Path | None, shape: Shape) -> sqlite3.Connection:
    """Open or make a file for its owner only; None keeps everything in memory. Raises Invalid where it can't be used.

    The connection may be used by several threads, one at a time.
    """
    try:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(file or ":memory:", shape.wait_s, check_same_thread=False, isolation_level=None)
        for setting in ("journal_mode = WAL", *shape.settings):
            db.execute(f"PRAGMA {setting}")
        with writing(db):
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > shape.version:
                raise Invalid(f"{file} was written by a newer version; update this program")
            for statement in shape.tables if version == 0 else ():
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {shape.version}")
    except (sqlite3.Error, OSError) as error:
        text = f"{file} can't be used for {shape.purpose}: {error}; make room, correct it, or move it away"
        raise Invalid(text) from error
    return db


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction, on the disk when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has rolled it back already
            db.execute("ROLLBACK")
        raise
