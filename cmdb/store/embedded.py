"""Start, watch and stop the embedded engine, a child process on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from neo4j import Driver, GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from cmdb.errors import Unreachable, UsageError
from cmdb.store import arcadedb
from cmdb.store.directory import DataDirectory
from cmdb.store.engine import Endpoint

START_TIMEOUT_S = 120.0  # recovery of a large graph after a crash reads its log
STOP_TIMEOUT_S = 40.0  # the supervisor gives the engine 30 s
PATIENCE_S = 30.0  # a crashed engine is back in 2 to 5 s


class EmbeddedEngine:
    """A running engine over a data directory, with a supervisor between us and it.

    The supervisor ends the engine when this process dies, however it dies, and starts it again (same port, same
    passwords) when it crashes. Each start has fresh random passwords.
    """

    def __init__(self, data_dir: Path, heap_mb: int = 1024, class_cache: Path | None = None) -> None:
        """Start the engine and wait until it answers.

        `class_cache` is a folder for the JVM's class cache (default: in the data directory).
        Raises UsageError, Invalid or Unreachable with what to do.
        """
        self._directory = DataDirectory(data_dir)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._cache = (class_cache or self._directory.root) / f"classes-{arcadedb.version()}.aot"
        try:
            self._start(heap_mb)
        except OSError as error:
            self.stop()
            raise UsageError(f"can't write into the data directory {data_dir}: {error.strerror}") from error
        except BaseException:
            self.stop()
            raise

    @property
    def endpoint(self) -> Endpoint:
        """The door for reading and writing."""
        return self._endpoint

    @property
    def reader(self) -> Endpoint:
        """The door for queries of people: nothing can be written through it."""
        return self._reader

    @property
    def pid(self) -> int:
        """Process id of the engine itself; it changes when the engine is started again after a crash."""
        return int(self._directory.engine_pid.read_text())

    def stop(self) -> None:
        """End the engine cleanly and let go of its data; twice is fine."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            self._end(supervisor)
            (self._directory.root / "endpoint.json").unlink(missing_ok=True)
        self._directory.release()

    def _end(self, supervisor: subprocess.Popen[bytes]) -> None:
        if supervisor.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                supervisor.stdin.close()
        try:
            supervisor.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
            return
        fresh = arcadedb.fresh_cache(self._cache)
        if fresh.exists():  # written in full, since the engine had its time
            fresh.replace(self._cache)

    def _start(self, heap_mb: int) -> None:
        root = self._directory.root
        for unfinished in root.glob("*.aot.*.new"):  # of a process that was killed
            unfinished.unlink()
        passwords = {user: secrets.token_urlsafe(18) for user in (arcadedb.ADMIN, arcadedb.READER)}
        arcadedb.write_configuration(root, passwords)
        bolt_port, http_port = _free_ports(2)
        uri = f"bolt://127.0.0.1:{bolt_port}"
        self._endpoint, self._reader = (
            Endpoint(uri, arcadedb.DATABASE, user, password, PATIENCE_S, self._directory.root)
            for user, password in passwords.items()
        )
        command = arcadedb.command(root, bolt_port, http_port, heap_mb, self._cache)
        self._supervisor = self._launch(command)
        self._note_endpoint(http_port)
        self._await_answer()

    def _launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        lock = self._directory.engine_lock
        supervise = str(Path(__file__).with_name("supervise.py"))
        with (self._directory.root / "log" / "output.log").open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - our own program and the engine's command line
                [sys.executable, "-I", "-S", supervise, str(self._directory.engine_pid), str(lock), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._directory.root,
                env=arcadedb.environment(),
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C in a terminal is for us: we stop the engine when we are done
            )

    def _note_endpoint(self, http_port: int) -> None:
        """Write down where the engine answers, for its owner's eyes only."""
        endpoint, reader = self._endpoint, self._reader
        noted = {
            "owner": os.getpid(),
            "uri": endpoint.uri,
            "http_port": http_port,
            "database": endpoint.database,
            "users": {endpoint.user: endpoint.password, reader.user: reader.password},
        }
        arcadedb.write_private(self._directory.root / "endpoint.json", json.dumps(noted))

    def _await_answer(self) -> None:
        """Wait for the first answered query: the port opens before the database is there."""
        endpoint, supervisor = self._endpoint, self._supervisor
        if supervisor is None or supervisor.stdin is None:
            raise Unreachable("the embedded engine was not started")
        deadline = time.monotonic() + START_TIMEOUT_S
        with GraphDatabase.driver(
            endpoint.uri, auth=(endpoint.user, endpoint.password), connection_timeout=2, max_connection_pool_size=1
        ) as driver:
            while not _answers(driver, endpoint.database):
                if supervisor.poll() is not None:
                    raise Unreachable(f"the embedded engine ended while it started: {self._last_words()}")
                if time.monotonic() > deadline:
                    raise Unreachable(
                        f"the embedded engine did not answer within {START_TIMEOUT_S:.0f} s: {self._last_words()}"
                    )
                time.sleep(0.03)
        supervisor.stdin.write(b"ready\n")
        supervisor.stdin.flush()

    def _last_words(self) -> str:
        log = self._directory.root / "log"
        lines = [line for name in ("output.log", "engine.log") for line in _tail(log / name, 3)]
        return " / ".join(lines)[-600:] + f" (more in {log})"


def _answers(driver: Driver, database: str) -> bool:
    try:
        with driver.session(database=database) as session:  # not execute_query: that waits a second between attempts
            session.run("RETURN 1").consume()
    except (DriverError, Neo4jError, OSError):
        return False
    return True


def _tail(path: Path, lines: int) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _free_ports(count: int) -> list[int]:
    """Loopback ports that are free now. All are held while they are chosen, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
