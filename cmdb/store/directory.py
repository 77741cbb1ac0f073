"""The data directory: who may use it, and whether this program understands it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from cmdb.errors import Invalid, Unreachable, UsageError

FOLDER = "store"  # of the engine, inside the data directory
FORMAT = 1  # of the data directory; raised when an older program could no longer work with it
LEFTOVER_TIMEOUT_S = 35.0  # its supervisor gives an engine 30 s to stop


class DataDirectory:
    """A data directory claimed by this process, until `release`.

    Two locks: `owner.lock` is held by this process alone, `engine.lock` also by the engine and its supervisor, so that
    an engine that outlived its owner is told from one in use without trusting process ids. `pid` files are for messages
    and for ending such an engine.
    """

    def __init__(self, path: Path) -> None:
        """Claim the directory, created where it is missing.

        Raises UsageError where that can't be, Invalid for one of a newer program, Unreachable where it is in use.
        """
        self.path = path
        self.root = path.absolute() / FOLDER
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.mkdir(mode=0o700, exist_ok=True)
            check_format(path)
            self._owner = _open_lock(self.root / "owner.lock")
            self.engine_lock = _open_lock(self.root / "engine.lock")
        except OSError as error:
            raise UsageError(
                f"can't use {path} as data directory: {error.strerror}; give another with --data-dir"
            ) from error
        try:
            self._claim()
        except OSError as error:
            self.release()
            raise UsageError(f"can't write into the data directory {path}: {error.strerror}") from error
        except BaseException:
            self.release()
            raise

    @property
    def engine_pid(self) -> Path:
        """The file in which the supervisor writes the engine's process id."""
        return self.root / "engine.pid"

    def release(self) -> None:
        """Let others use the directory."""
        for lock in (self._owner, self.engine_lock):
            with contextlib.suppress(OSError):
                os.close(lock)
        self._owner = self.engine_lock = -1

    def _claim(self) -> None:
        if not _try_lock(self._owner):
            pid = os.pread(self._owner, 32, 0).decode(errors="replace").strip() or "unknown"
            raise Unreachable(
                f"the data directory {self.path} is in use by process {pid}:"
                " stop that process, or give another with --data-dir"
            )
        os.ftruncate(self._owner, 0)
        os.pwrite(self._owner, f"{os.getpid()}\n".encode(), 0)
        if not _try_lock(self.engine_lock):
            self._end_leftover()
        (self.path / "format.json").write_text(json.dumps({"format": FORMAT}) + "\n")

    def _end_leftover(self) -> None:
        """Wait for the engine of a dead owner to stop, and end it by force where it doesn't."""
        if _lock_within(self.engine_lock, LEFTOVER_TIMEOUT_S):
            return
        pid = _read_pid(self.engine_pid)
        if pid and str(self.root) in _command_line(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if _lock_within(self.engine_lock, 5):
                return
        raise Unreachable(
            f"an engine left behind by a process that is gone still uses {self.root} (process {pid or 'unknown'}):"
            " end it, then start again"
        )


def check_format(path: Path) -> None:
    """Refuse a data directory that a newer program wrote."""
    try:
        written = json.loads((path / "format.json").read_text())["format"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(
            f"{path / 'format.json'} can't be read: restore it from a backup, or give another --data-dir"
        ) from error
    if not isinstance(written, int) or written > FORMAT:
        raise Invalid(
            f"the data directory {path} has format {written}, this program knows {FORMAT}:"
            " it was written by a newer version; update this program, or give another --data-dir"
        )


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_within(lock: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _read_pid(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _command_line(pid: int) -> str:
    """Command line of a process, empty if there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    asked = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)  # noqa: S603 - fixed program, a number
    return asked.stdout
