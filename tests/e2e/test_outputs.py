"""What commands write, and where to: names of devices, outputs that are closed, full, or no files."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import TIMEOUT_S, Running, cmdb, command, environment

pytestmark = pytest.mark.e2e
NAMES = """
format: 1
name: names
cis:
  - class: Service
    name: "shop [/] #1 <b>"
    identifiers: ["service:shop"]
    links: [{type: DEPENDS_ON, to: host}]
  - {class: Computer, key: host, name: "[red]host[/red]", identifiers: ["serial:dell:WEB00001"]}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a data directory `d` that a server has open, so that commands beside it are quick."""
    folder = tmp_path_factory.mktemp("outputs")
    (folder / "names.yaml").write_text(NAMES)
    (folder / "fresh").mkdir()
    server = Running(folder, "serve", "--data-dir", folder / "d", "--port", "0")
    try:
        server.address()
        pushed = cmdb(folder, "ingest", "push", "names.yaml", "--data-dir", "d")
        assert pushed.returncode == 0, pushed.stderr
        yield folder
    finally:
        assert server.interrupt() == 0


def shell(place: Path, line: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in which $CMDB is the command with these arguments."""
    program = shlex.join(command(*arguments, "--data-dir", "d"))
    whole = ["bash", "-c", line.replace("$CMDB", program)]
    return subprocess.run(whole, cwd=place, env=environment(place), capture_output=True, timeout=TIMEOUT_S)


def test_names_are_data_in_every_picture(place: Path) -> None:
    listed = cmdb(place, "ci", "list", "--data-dir", "d")
    asked = cmdb(place, "impact", "serial:dell:WEB00001", "--proof", "--data-dir", "d")
    mermaid = cmdb(place, "impact", "serial:dell:WEB00001", "-o", "mermaid", "--data-dir", "d")
    svg = cmdb(place, "impact", "serial:dell:WEB00001", "-o", "svg", "--data-dir", "d")

    for done in (listed, asked):
        assert done.returncode == 0, done.stderr
        assert "shop [/] #1 <b>" in done.stdout
        assert "[red]host[/red]" in done.stdout
    assert '["shop [/] #35;1 #lt;b#gt;<br/>DOWN"]' in mermaid.stdout
    assert "shop [/] #1 &lt;b&gt;</text>" in svg.stdout


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("$CMDB | true; exit ${PIPESTATUS[0]}", 0, b""),
        ("$CMDB | head -1 >/dev/null; exit ${PIPESTATUS[0]}", 0, b""),
        ("$CMDB >/dev/full", 1, b"cmdb: the output can't be written: No space left on device\n"),
        ("$CMDB >&-", 0, b""),
        ("$CMDB 2>&-", 0, b""),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii $CMDB", 0, b""),
    ],
)
@pytest.mark.parametrize("arguments", [("ci", "list"), ("ci", "list", "-o", "ndjson"), ("export",)], ids=" ".join)
def test_an_output_that_takes_nothing(place: Path, line: str, code: int, message: bytes, arguments: list[str]) -> None:
    done = shell(place, line, *arguments)

    assert (done.returncode, done.stderr) == (code, message)


def test_an_interruption_while_the_program_is_still_being_read(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    path = f"{tmp_path}:{environment(tmp_path)['PYTHONPATH']}"
    done = cmdb(tmp_path, "ci", "list", PYTHONPATH=path)

    assert (done.returncode, done.stderr) == (130, "cmdb: interrupted; what was committed stays\n")


def test_a_run_that_wrote_nothing_says_where_the_ledger_is(place: Path) -> None:
    (place / "empty.snmprec").write_bytes(b"")
    done = cmdb(place, "discover", "replay", "empty.snmprec", "--data-dir", "d")

    assert done.returncode == 7
    assert "0 changes in 0 commits, the ledger is at sequence 1;" in done.stderr


def test_a_disk_that_takes_nothing(place: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    done = shell(place, "ulimit -f 0; cd fresh && $CMDB", "ci", "list", "-o", "csv")

    assert (done.returncode, done.stderr) == (2, b"cmdb: can't write into the data directory d: File too large\n")


def test_an_export_never_takes_the_place_of_what_is_no_file(place: Path) -> None:
    """A file is replaced as a whole; a pipe or a device is written to, and stays what it is."""
    pipe, link = place / "pipe", place / "link"
    os.mkfifo(pipe)
    link.symlink_to("/dev/full")
    through = shell(place, "cat pipe & $CMDB; wait", "export", "-o", "pipe")
    full = cmdb(place, "export", "-o", "link", "--data-dir", "d")
    folder = cmdb(place, "export", "-o", ".", "--data-dir", "d")

    assert through.returncode == 0, through.stderr
    assert through.stdout.startswith(b'{"counts"')
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert (full.returncode, full.stderr) == (5, "cmdb: link can't be written: No space left on device\n")
    assert (folder.returncode, folder.stderr) == (5, "cmdb: . can't be written: Is a directory\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ci", "get", os.fsdecode(b"\xff\xfe")], 2, "is not valid text in UTF-8"),
        (["ci", "get", "a" * 100_000], 3, "nothing is known by 'aaa"),
        (["ci", "list", "--status", "in-service"], 2, "there is no status 'in-service'; use planned, in_stock"),
        (["record", "127.0.0.1:1", "-o", "names.yaml"], 2, "can't be the folder of recordings: File exists"),
        (["ci", "list", "--fields", ","], 2, "--fields names no field"),
        (["ingest", "push", "names.yaml", "--source", "excel"], 2, "--adapter native"),
        (["ingest", "push", "names.yaml", "--adapter", "native", "--reason", "CHG1"], 2, "--adapter manual"),
    ],
)
def test_arguments_that_make_no_sense_are_not_passed_over(
    place: Path, arguments: list[str], code: int, message: str
) -> None:
    done = cmdb(place, *arguments, "--data-dir", "d")

    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert len(done.stderr) < 400
    assert "Traceback" not in done.stderr
