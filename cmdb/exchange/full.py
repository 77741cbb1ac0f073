"""The complete backup: the ledger commit by commit, and the working state beside it, out and in again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import msgspec

from cmdb.changes import Absent, ChangeSet, LinkFacet, ManifestEntry, Pending
from cmdb.errors import CmdbError, Invalid
from cmdb.exchange.commit_lines import commit_line, read_commit_line
from cmdb.exchange.lines import FORMAT, Line, encode
from cmdb.ledger import check_link, read_chain
from cmdb.store.protocol import Commit, Conflict, GraphStore, Quarantined, RunRecord, TargetState, set_target

MAX_LINE = 256 * 1024 * 1024  # a commit of 50,000 observations
RUNS = 1_000  # as many as a store keeps
BATCH = 200

RawLines = Callable[[], Iterator[tuple[int, bytes, Line]]]  # number, line as it stands, line as a mapping


class TargetLine(msgspec.Struct, forbid_unknown_fields=True):
    """What one origin said last."""

    origin: str
    hash: bytes
    last_seen: int
    complete_at: int
    tables: tuple[str, ...]
    manifest: dict[str, ManifestEntry]
    visits: tuple[int, ...] = ()
    absent: dict[str, Absent] = {}
    swept: int = 0
    unsaid: dict[str, int] = {}


class PendingLine(msgspec.Struct, forbid_unknown_fields=True):
    """A link that waits for its far end."""

    key: str
    path: str
    ci: str
    type: str
    origin: str
    facet: LinkFacet


STATE: dict[str, type[Any]] = {
    "target": TargetLine,
    "pending": PendingLine,
    "quarantined": Quarantined,
    "run": RunRecord,
}
KINDS = ("commit", *STATE, "end")


def full_lines(store: GraphStore, plain: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a complete backup: those of a plain export, the commits, the working state, and a last line that
    tells whether all the others are there. Raises Conflict if the graph changed meanwhile, Invalid where the ledger is
    not intact.
    """
    header = msgspec.json.decode(next(plain))
    sequence = header["sequence"]
    yield encode({**header, "full": True})
    seen, count = hashlib.sha256(), 0
    for line in chain(plain, _commits(store, sequence), _state(store)):
        seen.update(line)
        count += 1
        yield line
    yield encode({"kind": "end", "lines": count, "sha256": seen.hexdigest()})
    if store.head().sequence != sequence:
        raise Conflict("the graph changed while it was exported; export again, or stop what writes to it")


def _commits(store: GraphStore, until: int) -> Iterator[bytes]:
    previous = ""
    for number, commit in enumerate(read_chain(store, until=until), 1):
        if (problem := check_link(commit, number, previous)) is not None:
            raise Invalid(f"the ledger is not intact, so it is not exported: {problem}")
        previous = commit.hash
        yield encode(commit_line(commit))


def _state(store: GraphStore) -> Iterator[bytes]:
    for origin, state in store.scan_targets():
        yield _line("target", TargetLine(origin, *_fields(state)))
    for wait in store.scan_pending():
        yield _line("pending", PendingLine(*_fields(wait)))
    entries = store.quarantined(BATCH)
    while entries:
        for entry in entries:
            yield _line("quarantined", entry)
        entries = store.quarantined(BATCH, entries[-1].id)
    for run in reversed(store.runs(RUNS)):
        yield _line("run", run)


def _fields(value: msgspec.Struct) -> tuple[Any, ...]:
    return msgspec.structs.astuple(value)


def _line(kind: str, value: msgspec.Struct) -> bytes:
    return encode({"kind": kind, **msgspec.structs.asdict(value)})


class FullCheck:
    """The first pass over a complete backup: everything that can be wrong with it, before anything is written."""

    def __init__(self, store: GraphStore) -> None:
        self.store = store
        self.sequence, self.previous = 0, ""
        self.hashes: list[str] = []
        self.counts: Counter[str] = Counter()
        self._seen, self._lines, self._ended = hashlib.sha256(), 0, False
        self._promised = 0

    def take(self, number: int, raw: bytes, line: Line) -> None:
        """Check one line; raises Invalid with its number."""
        kind = line["kind"]
        self.counts[kind] += 1
        try:
            if self._ended:
                raise Invalid("there is more behind the last line")
            if kind == "header":
                self._header(number, line)
                return
            if kind == "end":
                self._end(line)
                return
            self._seen.update(raw)
            self._lines += 1
            if kind == "commit":
                self._commit(read_commit_line(line))
            elif kind in STATE:
                state_of(line)
        except (CmdbError, KeyError) as error:
            raise Invalid(f"line {number}: {error}") from error

    def finish(self) -> None:
        """What must be so once all lines were read."""
        if not self._ended:
            raise Invalid("the file was cut off: its last line is missing; export again")
        if self.sequence != self._promised:
            raise Invalid(f"the header promises {self._promised} commits, the file has {self.sequence}")

    def _header(self, number: int, line: Line) -> None:
        if number != 1:
            raise Invalid("a second header")
        if line["format"] != FORMAT:
            raise Invalid(
                f"format {line['format']} is not {FORMAT}; use the program that wrote it ({line.get('product')})"
            )
        self._promised = line["sequence"]

    def _end(self, line: Line) -> None:
        self._ended = True
        if (line["lines"], line["sha256"]) != (self._lines, self._seen.hexdigest()):
            raise Invalid(
                f"the {self._lines} lines above are not the {line['lines']} that were written: the file was cut off or"
                " edited; export again"
            )

    def _commit(self, commit: Commit) -> None:
        if (problem := check_link(commit, self.sequence + 1, self.previous)) is not None:
            raise Invalid(problem)
        try:
            changes = commit.changes()
        except msgspec.MsgspecError as error:
            raise Invalid(f"the change set of commit {commit.sequence} can't be read: {error}") from error
        self.store.check(ChangeSet(commit.at, changes))
        self.sequence, self.previous = commit.sequence, commit.hash
        self.hashes.append(commit.hash)


def state_of(line: Line) -> Any:
    """The working state of a line. Raises Invalid."""
    fields = {name: value for name, value in line.items() if name != "kind"}
    try:
        return msgspec.convert(fields, STATE[line["kind"]], strict=True)
    except msgspec.MsgspecError as error:
        raise Invalid(f"not a {line['kind']}: {error}") from error


def restore_full(store: GraphStore, lines: RawLines) -> FullCheck:
    """Give an empty store the ledger and the working state of a backup: sequences, times, hashes, history and ids are
    as they were. Nothing is written unless the whole file is good; an import that was interrupted goes on where it was.
    Raises Invalid.
    """
    checked = FullCheck(store)
    for number, raw, line in lines():
        checked.take(number, raw, line)
    checked.finish()
    have = _have(store, checked)
    state: list[Any] = []
    for _, _, line in lines():
        if line["kind"] == "commit" and line["sequence"] > have:
            store.replay(read_commit_line(line))
        elif line["kind"] in STATE:
            state.append(state_of(line))
            if len(state) >= BATCH:
                _put_state(store, state, checked)
                state = []
    _put_state(store, state, checked)
    return checked


def _have(store: GraphStore, checked: FullCheck) -> int:
    """How much of the ledger is there already; raises Invalid where something else is."""
    head = store.head()
    begun = head.sequence == 0 or checked.hashes[head.sequence - 1 : head.sequence] == [head.hash]
    if not begun or any(True for _ in store.scan_targets()):
        raise Invalid("the graph is not empty: import restores into an empty one; choose another data directory")
    return head.sequence


def _put_state(store: GraphStore, state: list[Any], checked: FullCheck) -> None:
    targets = [set_target(t.origin, TargetState(*_fields(t)[1:]), was=0) for t in state if isinstance(t, TargetLine)]
    pending = [Pending(*_fields(p)) for p in state if isinstance(p, PendingLine)]
    store.commit(ChangeSet(0, targets=targets, pending=pending), checked.sequence, "", "")
    entries = [q for q in state if isinstance(q, Quarantined)]
    store.quarantine(entries, store.quarantine_total() + len(entries))
    for run in state:
        if isinstance(run, RunRecord):
            store.save_run(run)
