"""Keeping a topology in a file, and starting from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from hashlib import blake2b
from pathlib import Path

from msgspec.structs import replace

from cmdb.topology import freeze, snapshot
from cmdb.topology.graph import Topology
from cmdb.topology.snapshot import Header, Unusable
from cmdb.topology.tables import Section
from cmdb.topology.thaw import Groups, thaw_facts, thaw_live
from cmdb.topology.witnesses import Witnesses

TRIES = 4  # to copy a topology between two commits, before it is held
MANY = 20_000  # requirements; below that memory is no matter

LedgerHash = Callable[[int], str]  # sequence -> hash of that commit in the store, "" where there is none


def program_mark() -> str:
    """What differs where another program derives requirements, perhaps otherwise."""
    digest = blake2b(digest_size=16)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def save(topology: Topology, file: Path, ledger_hash: LedgerHash) -> int:
    """Keep a topology in a file, whole or not at all; return the size in bytes, 0 where nothing was committed yet.

    Questions are answered while it is copied, table by table. Only where commits come in all the time is it held, in
    the end, for as long as that takes. Raises OSError.
    """
    for attempt in range(1, TRIES + 1):
        with topology.lock if attempt == TRIES else nullcontext():
            found = _copied(topology)
        if found is not None:
            header, sections = found
            if not header.sequence:
                return 0
            return snapshot.write(file, replace(header, ledger=ledger_hash(header.sequence)), sections)
    raise AssertionError("a topology that is held does not change")


def _copied(topology: Topology) -> tuple[Header, dict[str, Section]] | None:
    """All of a topology; None where a commit came in between."""
    with topology.lock:
        live, sequence = topology.live, topology.sequence
        small = freeze.small_things(topology.facts, live)
        header = Header(sequence, topology.at, "", program_mark(), topology.policy.version, small)
        parts = freeze.sections(topology.facts, live, topology.fabric)
        found: dict[str, Section] = {"witnesses": topology.witnesses.pack()}
    while True:
        with topology.lock:
            if topology.live is not live or topology.sequence != sequence:
                return None
            part = next(parts, None)
        if part is None:
            return header, found
        found |= part


def restore(topology: Topology, file: Path, ledger_hash: LedgerHash) -> None:
    """Start from what a file keeps; the caller lets the topology catch up with the ledger.

    Raises Unusable, and changes nothing, for a file that is damaged, of another program, model, store or ledger.
    """
    header, sections = snapshot.read(file)
    if header.program != program_mark():
        raise Unusable(f"{file} was written by another version of the program")
    if header.policy != topology.policy.version:
        raise Unusable(f"{file} was written for model {header.policy}, this is {topology.policy.version}")
    if not header.ledger or header.ledger != ledger_hash(header.sequence):
        raise Unusable(f"{file} is of another ledger: commit {header.sequence} of this store is not the one it ends at")
    facts = thaw_facts(topology.policy, header.facts, sections)
    live, fabric = thaw_live(facts, header.facts, sections)
    topology.take(facts, live, fabric, Witnesses.unpack(sections["witnesses"]), header.sequence, header.at)


def is_heavy(topology: Topology) -> bool:
    """Whether most of a large topology lies in memory, though it could be read from a snapshot."""
    with topology.lock:
        numbered = topology.live.numbered
        held = sum(1 for _ in numbered.kept()) if isinstance(numbered, Groups) else len(numbered)
        return held > MANY and 2 * held > len(numbered)
