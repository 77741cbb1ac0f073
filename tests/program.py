"""Running the real program from tests."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

from cmdb.model.registry import load_model
from cmdb.store.open import open_store

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 120.0


def environment(home: Path) -> dict[str, str]:
    """An environment in which no settings of the machine count."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CMDB_", "XDG_"))}
    return kept | {"HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT / 'graphql'}", "PYTHONUNBUFFERED": "1"}


def command(*arguments: str | Path) -> list[str]:
    """The command line of the program in this interpreter."""
    code = "from cmdb.entrypoints.cli import main; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def cmdb(home: Path, *arguments: str | Path, **options: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end, in the folder `home`."""
    environ = environment(home) | options
    return subprocess.run(command(*arguments), cwd=home, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S)


@contextmanager
def kept_open(data_dir: Path) -> Iterator[None]:
    """Keep the engine of a data directory running, so that each command finds it there and need not start its own."""
    store = open_store(None, data_dir, load_model())
    try:
        yield
    finally:
        store.close()


class Running:
    """The program as a process that is watched line by line."""

    def __init__(self, home: Path, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            command(*arguments),
            cwd=home,
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, wanted: Callable[[str], bool]) -> str:
        """The first line that is wanted; fails when the program ends or is silent for too long."""
        while True:
            try:
                line = self._queue.get(timeout=TIMEOUT_S)
            except Empty:
                raise AssertionError(f"silent for {TIMEOUT_S} s after: {self.lines[-20:]}") from None
            if line is None:
                raise AssertionError(f"ended with {self.process.wait()}: {self.lines[-40:]}")
            self.lines.append(line)
            if wanted(line):
                return line

    def address(self) -> str:
        """Where it serves, from the line that says so."""
        line = self.wait_for(lambda text: "http://" in text)
        return next(word for word in line.split() if word.startswith("http://"))

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.end()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        import signal

        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Wait for the end and read what it still said; the exit code."""
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        while not self._queue.empty():
            line = self._queue.get()
            if line is not None:
                self.lines.append(line)
        return code


def post(url: str, body: bytes, content_type: str) -> tuple[int, bytes]:
    """POST; (status, body). Raises OSError when nobody answers or the connection breaks."""
    request = urllib.request.Request(url, body, {"content-type": content_type})  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
