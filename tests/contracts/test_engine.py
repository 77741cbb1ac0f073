"""The embedded engine as a child process: starts, stops, crashes, and who may use its directory."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cmdb.errors import Denied, Invalid, LimitExceeded, Unreachable, UsageError
from cmdb.model.registry import Model
from cmdb.store import arcadedb
from cmdb.store.bolt import BoltStore
from cmdb.store.directory import DataDirectory
from cmdb.store.embedded import EmbeddedEngine
from cmdb.store.open import open_store
from tests.contracts.build import commit, device, interface
from tests.contracts.replay import replayed, stored

ROOT = Path(__file__).parents[2]
PARTS = 20


def ended(pid: int, seconds: float = 30) -> bool:
    """Wait for a process to end; True if it did."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    readable, _, _ = select.select([handle], [], [], seconds)
    os.close(handle)
    return bool(readable)


def write_devices(store: BoltStore, prefix: str, said: list[str], stop: threading.Event) -> None:
    """Commit devices with parts until told to stop; `said` gets each one that was acknowledged."""
    for n in range(10_000):
        if stop.is_set():
            return
        ci = f"{prefix}{n:04}"
        parts = [interface(f"{ci}-{i:02}", ci, f"ge-{i}") for i in range(PARTS)]
        while True:
            try:
                commit(store, device(ci), *parts)
            except Exception as error:
                if type(error).__name__ == "Conflict":
                    continue
                raise
            break
        said.append(ci)


def check_whole(store: BoltStore, acknowledged: set[str]) -> None:
    """Everything acknowledged is there, and whatever is there is there in full."""
    cis = list(store.scan_cis())
    devices = {c.id for c in cis if not c.parent}
    parts = {d: sum(c.parent == d for c in cis) for d in devices}

    assert acknowledged <= devices
    assert set(parts.values()) <= {PARTS}
    assert stored(store) == replayed(store)


def test_a_stopped_engine_keeps_its_graph_and_leaves_nothing_running(
    tmp_path: Path, class_cache: Path, model: Model
) -> None:
    for expected in (0, 1, 2):
        engine = EmbeddedEngine(tmp_path, 512, class_cache)
        store = BoltStore(engine.endpoint, model, engine)
        store.migrate()
        pid = engine.pid

        assert store.head().sequence == expected
        commit(store, device(f"d{expected}"))
        store.close()
        store.close()

        assert ended(pid, 1)
        assert not (tmp_path / "store" / "endpoint.json").exists()


def test_secrets_stay_in_files_of_their_owner(embedded_engine: EmbeddedEngine) -> None:
    endpoint, reader = embedded_engine.endpoint, embedded_engine.reader
    folder = Path(f"/proc/{embedded_engine.pid}/cwd").resolve()
    command = Path(f"/proc/{embedded_engine.pid}/cmdline").read_bytes().decode()
    noted = json.loads((folder / "endpoint.json").read_text())

    assert noted["users"] == {endpoint.user: endpoint.password, reader.user: reader.password}
    assert stat.S_IMODE((folder / "endpoint.json").stat().st_mode) == 0o600
    for secret in (endpoint.password, reader.password):
        assert secret not in command
        assert secret not in repr(endpoint) + repr(reader) + repr(embedded_engine)
        for file in folder.rglob("*"):
            if file.is_file() and file.name != "endpoint.json" and file.stat().st_size < 10_000_000:
                assert secret.encode() not in file.read_bytes(), file


def test_it_listens_on_loopback_only(embedded_engine: EmbeddedEngine) -> None:
    inodes = {os.readlink(f) for f in Path(f"/proc/{embedded_engine.pid}/fd").iterdir() if f.is_symlink()}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.add(fields[1].partition(":")[0])

    assert listening
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def test_the_reader_reads_and_can_not_write(store: BoltStore, embedded_engine: EmbeddedEngine, model: Model) -> None:
    commit(store, device("d1"))
    reading = BoltStore(embedded_engine.reader, model)

    assert [c.id for c in reading.scan_cis()] == ["d1"]
    with pytest.raises(Denied, match="reader"):
        commit(reading, device("d2"))
    for statement in ("CREATE (:CI {id: 'x'})", "MATCH (c:CI) DETACH DELETE c", "MATCH (c:CI) SET c.name = 'x'"):
        with pytest.raises(Denied, match="reader"):
            reading.connection.rows(statement)
    reading.close()
    assert [c.name for c in store.scan_cis()] == ["d1"]


def test_a_second_process_on_the_directory_is_refused_by_name(embedded_engine: EmbeddedEngine) -> None:
    data_dir = Path(f"/proc/{embedded_engine.pid}/cwd").resolve().parent
    program = (
        "import sys; from pathlib import Path; from cmdb.store.directory import DataDirectory\n"
        "try: DataDirectory(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(data_dir)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout.startswith("Unreachable")
    assert f"process {os.getpid()}" in said.stdout
    assert "--data-dir" in said.stdout


def test_a_directory_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "format.json").write_text('{"format": 99}')

    with pytest.raises(Invalid, match=r"format 99.*newer version"):
        EmbeddedEngine(tmp_path)
    (tmp_path / "format.json").write_text("{")
    with pytest.raises(Invalid, match=r"format\.json"):
        EmbeddedEngine(tmp_path)

    assert not (tmp_path / "store" / "config").exists()


def test_a_directory_that_can_not_be_is_refused(tmp_path: Path, model: Model) -> None:
    (tmp_path / "file").write_text("")

    for impossible in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="--data-dir"):
            open_store(None, impossible, model)


def test_an_engine_that_can_not_start_says_why_and_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [sys.executable, "-c", "print('no room left here'); raise SystemExit(3)"]
    monkeypatch.setattr(arcadedb, "command", lambda *_: words)

    with pytest.raises(Unreachable, match=r"ended while it started: no room left here"):
        EmbeddedEngine(tmp_path)

    DataDirectory(tmp_path).release()


def test_a_killed_engine_comes_back_and_loses_nothing(tmp_path: Path, class_cache: Path, model: Model) -> None:
    engine = EmbeddedEngine(tmp_path, 512, class_cache)
    store = BoltStore(engine.endpoint, model, engine)
    store.migrate()
    said: list[str] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def run(prefix: str) -> None:
        try:
            write_devices(store, prefix, said, stop)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=run, args=(f"w{n}-",)) for n in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        wanted = len(said) + 15
        while len(said) < wanted and any(w.is_alive() for w in writers):
            writers[0].join(0.02)
        pid = engine.pid
        os.kill(pid, signal.SIGKILL)
        assert ended(pid)
    more = len(said) + 5
    while len(said) < more and any(w.is_alive() for w in writers):
        writers[0].join(0.02)
    stop.set()
    for writer in writers:
        writer.join()

    assert failures == []
    assert len(said) >= 50
    check_whole(store, set(said))
    store.close()


WRITER = """
import sys, threading
from pathlib import Path
from cmdb.model.registry import load_model
from cmdb.store.bolt import BoltStore
from cmdb.store.embedded import EmbeddedEngine
from tests.contracts.test_engine import write_devices

engine = EmbeddedEngine(Path(sys.argv[1]), 512, Path(sys.argv[2]))
store = BoltStore(engine.endpoint, load_model(), engine)
store.migrate()
print(engine.pid, flush=True)

class Said(list):
    def append(self, ci):
        print(ci, flush=True)

for n in range(2):
    given = (store, f"w{sys.argv[3]}-{n}-", Said(), threading.Event())
    threading.Thread(target=write_devices, args=given).start()
"""


def test_a_killed_program_takes_its_engine_along_and_the_next_start_works(
    tmp_path: Path, class_cache: Path, model: Model
) -> None:
    acknowledged: set[str] = set()
    for number in range(2):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path), str(class_cache), str(number)]
        with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            engine_pid = int(program.stdout.readline())
            acknowledged |= {program.stdout.readline().strip() for _ in range(10)}
            program.kill()
            acknowledged |= {line.strip() for line in program.stdout.read().split("\n")[:-1]}
        # No waiting in between: the next start must cope with an engine that is still on its way out.
        engine = EmbeddedEngine(tmp_path, 512, class_cache)
        store = BoltStore(engine.endpoint, model, engine)
        store.migrate()

        assert ended(engine_pid, 0)
        check_whole(store, acknowledged)
        store.close()


def test_a_killed_supervisor_takes_the_engine_along(tmp_path: Path, class_cache: Path) -> None:
    engine = EmbeddedEngine(tmp_path, 512, class_cache)
    pid = engine.pid
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)

    assert ended(pid)
    engine.stop()
    EmbeddedEngine(tmp_path, 512, class_cache).stop()


def test_an_engine_left_behind_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = DataDirectory(tmp_path)
    stubborn = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        pass_fds=(claimed.engine_lock,),
    )
    claimed.engine_pid.write_text(str(stubborn.pid))
    claimed.release()
    monkeypatch.setattr("cmdb.store.directory.LEFTOVER_TIMEOUT_S", 0.1)
    DataDirectory(tmp_path).release()

    assert stubborn.wait(5) == -signal.SIGKILL
    assert stubborn.stdin is not None
    stubborn.stdin.close()


def test_a_process_that_is_not_the_engine_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = DataDirectory(tmp_path)
    stranger = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=(claimed.engine_lock,)
    )
    claimed.engine_pid.write_text(str(stranger.pid))
    claimed.release()
    monkeypatch.setattr("cmdb.store.directory.LEFTOVER_TIMEOUT_S", 0.1)

    with pytest.raises(Unreachable, match="left behind"):
        DataDirectory(tmp_path)

    assert stranger.poll() is None
    stranger.communicate()


def test_a_statement_has_a_time_limit_in_the_server(
    tmp_path: Path, class_cache: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arcadedb, "COMMAND_TIMEOUT_MS", 500)
    engine = EmbeddedEngine(tmp_path, 512, class_cache)
    store = BoltStore(engine.endpoint, model, engine)
    forever = "UNWIND range(1, 100000) AS i UNWIND range(1, 100000) AS j WITH i, j WHERE i = j RETURN count(i)"

    with pytest.raises(LimitExceeded, match="time limit"):
        store.connection.rows(forever)
    store.close()


def outgrown(store: BoltStore, label: str) -> object:
    """What is left of a record of some label that outgrew its page twice, the second time when the record
    in the first place was gone.
    """

    def write(cypher: str, **parameters: object) -> None:
        store.connection.write(lambda tx: tx.run(cypher, parameters).consume(), lambda: None)

    for name, size in (("first", 10), ("second", 9_000), ("third", 40_000), ("grows", 42_000), ("behind", 12_000)):
        write(f"CREATE (:{label} {{name: $name, body: $body, tail: 'here'}})", name=name, body=b"x" * size)
    write(f"MATCH (n:{label} {{name: 'third'}}) DELETE n")
    write(f"MATCH (n:{label} {{name: 'grows'}}) SET n.body = $body", body=b"x" * 49_000)
    write(f"MATCH (n:{label} {{name: 'first'}}) DELETE n")
    write(f"MATCH (n:{label} {{name: 'grows'}}) SET n.body = $body", body=b"x" * 49_200)
    return store.connection.rows(f"MATCH (n:{label}) WHERE n.name = 'grows' RETURN size(n.body)")[0][0]


def test_a_record_that_outgrows_its_page_stays_whole(store: BoltStore) -> None:
    assert outgrown(store, "Manifest") == 49_200


def test_the_engine_still_loses_the_rest_of_a_record_where_the_first_place_is_free(store: BoltStore) -> None:
    assert outgrown(store, "Unguarded") is None, "mended: cmdb/store/first_slots.py can go"
