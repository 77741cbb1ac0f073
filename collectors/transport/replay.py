"""Sessions that answer from recordings: the same semantics as live agents, without a network."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cmdb.errors import Invalid, NotFound
from collectors.transport.answers import Oid, Outcome, Varbind, Walk
from collectors.transport.recording import Recording, read_recording, stem
from collectors.transport.session import TransportFailure

TARGETS_FILE = "targets.tsv"
_COLUMNS = ("name", "address", "protocol")
_VLAN = "vlan-"


@dataclass(frozen=True)
class RecordedTarget:
    """One agent: its recording and those of its other contexts by name."""

    name: str
    address: str
    path: Path
    contexts: Mapping[str, Path] = field(default_factory=dict)


class ReplaySession:
    """Answers of one recorded agent in one context."""

    def __init__(self, target: str, address: str, recording: Recording | None, contexts: Mapping[str, Path]) -> None:
        self._target, self._address = target, address
        self._recording, self._contexts = recording, contexts

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._target

    @property
    def address(self) -> str:
        """Address as `targets.tsv` gives it, else ""."""
        return self._address

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Varbind]:
        """The instances that were recorded."""
        if self._recording is None:
            raise TransportFailure(self._target, "read", "TIMEOUT", "this context was not recorded")
        found = ((oid, self._recording.get(oid)) for oid in oids)
        return {oid: varbind for oid, varbind in found if varbind is not None}

    async def walk(self, root: Oid) -> Walk:
        """What was recorded below `root`; a column is empty, not unknown, where its table has rows."""
        if self._recording is None:
            return Walk(root, Outcome.TIMEOUT, [], "this context was not recorded")
        varbinds = self._recording.below(root)
        if varbinds:
            return Walk(root, Outcome.COMPLETE, varbinds)
        known = self._recording.has(root[:-1]) if len(root) > 1 else False
        return Walk(root, Outcome.EMPTY if known else Outcome.NO_SUCH_OBJECT)

    def context(self, name: str) -> ReplaySession:
        """The same agent in another context; one that was not recorded is silent."""
        if name == "":
            return self
        other = name.removeprefix(_VLAN) if name.startswith(_VLAN) else _VLAN + name
        path = self._contexts.get(name) or self._contexts.get(other)
        return ReplaySession(self._target, self._address, _context(path) if path else None, self._contexts)

    @property
    def bad_lines(self) -> int:
        """Lines of the recording that could not be used, as far as they were read."""
        return self._recording.bad_lines if self._recording else 0


def _context(path: Path) -> Recording:
    """The recording of a context; an empty one is an answer too: nothing is there."""
    return read_recording(path) if path.stat().st_size else Recording(b"")


def open_replay(target: RecordedTarget) -> ReplaySession:
    """Open a recorded target. Raises Invalid where the file can't be used."""
    return ReplaySession(target.name, target.address, read_recording(target.path), target.contexts)


def find_recordings(paths: Iterable[Path], targets_file: Path | None = None) -> list[RecordedTarget]:
    """Recorded targets in files and folders (not below them), in order of their names.

    Names and addresses come from `targets_file`, or from the `targets.tsv` beside the recordings, for those it lists.
    Raises NotFound for a path that is not there or holds no recording, Invalid for two recordings of one name.
    """
    listed = read_targets(targets_file) if targets_file else {}
    main: dict[str, Path] = {}
    contexts: dict[str, dict[str, Path]] = {}
    for path in paths:
        files = _recordings_of(path)
        if targets_file is None:
            for folder in sorted({file.parent for file in files}):
                if (folder / TARGETS_FILE).is_file():
                    listed |= read_targets(folder / TARGETS_FILE)
        for file in files:
            _place(file, main, contexts)
    orphans = sorted(set(contexts) - set(main))
    if orphans:
        name = orphans[0]
        raise Invalid(f"{name}@{min(contexts[name])}: the recording {name}.snmprec of the agent itself is missing")
    return [RecordedTarget(name, listed.get(name, ""), main[name], contexts.get(name, {})) for name in sorted(main)]


def _recordings_of(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if stem(file) and file.is_file())
    else:
        files = [path] if stem(path) and path.is_file() else []
    if not files:
        raise NotFound(f"{path}: no recording (NAME.snmprec or NAME.snmprec.bz2) there")
    if path.is_dir():
        return files
    beside = (file for file in path.parent.iterdir() if (stem(file) or "").startswith(f"{stem(path)}@"))
    return [*files, *sorted(beside)]


def _place(file: Path, main: dict[str, Path], contexts: dict[str, dict[str, Path]]) -> None:
    name, at, context = (stem(file) or "").partition("@")
    place, key = (contexts.setdefault(name, {}), context) if at else (main, name)
    if key in place and place[key].resolve() != file.resolve():
        raise Invalid(f"{file}: {place[key]} is a recording of the same name. Rename one: names tell targets apart.")
    place[key] = file


def read_targets(path: Path, protocol: str = "snmp") -> dict[str, str]:
    """Addresses of targets by name from a `targets.tsv`; "" where it gives none. Rows of other protocols are left out.

    Raises NotFound, or Invalid that names the line.
    """
    return {name: address for name, address, spoken in read_rows(path) if spoken in ("", protocol)}


def read_rows(path: Path) -> list[tuple[str, str, str]]:
    """All rows of a `targets.tsv`: name, address and protocol. Raises NotFound, or Invalid that names the line."""
    try:
        rows = list(csv.reader(path.read_text("utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError as error:
        raise NotFound(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{path}: can't be read as a table: {error}") from error
    if not rows or tuple(rows[0][:2]) != _COLUMNS[:2]:
        raise Invalid(f"{path}:1: the first line must name the columns: {' '.join(_COLUMNS)}, separated by tabs")
    found: dict[tuple[str, str], str] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        values = dict(zip(rows[0], row, strict=False))
        name, protocol = values.get("name", "").strip(), values.get("protocol", "snmp").strip()
        if not name or (name, protocol) in found:
            raise Invalid(f"{path}:{number}: {'this name is there twice: ' + name if name else 'a name is missing'}")
        found[name, protocol] = values.get("address", "").strip()
    return [(name, address, protocol) for (name, protocol), address in found.items()]
