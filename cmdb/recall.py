"""Say what the graph knows of some devices, in the form in which they once told it."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.model.registry import Model
from cmdb.observation import Observation, Report
from cmdb.store.protocol import CIRecord, GraphStore

MOST_DEVICES = 2_000  # more are not recalled: a run that small with neighbours that many is none
SOURCE = "graph"
_BATCH = 100
_PARTS = frozenset(("Interface", "IPAddress", "SoftwareInstance"))
_TIES = ("CONTAINS", "HAS_ADDRESS", "RUNS_ON")  # of these parts to their parents


def recall(store: GraphStore, model: Model, keys: Iterable[str]) -> list[Report]:
    """Reports of the devices that these identifiers name, each with its interfaces, addresses and running software.

    They serve to name far ends of links; nobody takes them in. A device that nobody but its neighbours told of is left
    out: its neighbours tell of it anew. Devices beyond MOST_DEVICES are left out, those with
    the smallest ids (the oldest) first. The number of queries grows with the largest device, not with their number.
    """
    ids = sorted({ci for holders in store.by_key(keys).values() for ci, _ in holders})[:MOST_DEVICES]
    known = (record for record in store.cis(ids) if model.classes[record.ci_class].is_device)
    devices = [device for device in known if any(facet.role == "self" for facet in device.facets.values())]
    inside: dict[str, list[CIRecord]] = {}
    _read_parts(store, [d.id for d in devices], inside)
    ports = [part.id for parts in list(inside.values()) for part in parts if part.ci_class == "Interface"]
    _read_parts(store, ports, inside)
    return [_report(device, inside) for device in devices]


def _read_parts(store: GraphStore, ids: list[str], inside: dict[str, list[CIRecord]]) -> None:
    """Note the dependents of these CIs."""
    for start in range(0, len(ids), _BATCH):
        for ci, page in store.neighbours(ids[start : start + _BATCH], _TIES, "both", 100).items():
            parts = inside.setdefault(ci, [])
            while True:
                parts += [n.other for n in page.neighbours if n.other.parent == ci and n.other.ci_class in _PARTS]
                if not page.more:
                    break
                page = store.neighbours([ci], _TIES, "both", 200, page.cursor)[ci]


def _report(device: CIRecord, inside: dict[str, list[CIRecord]]) -> Report:
    """A device and its parts as observations; parts carry the paths that their links are named by."""
    key = next((i.key for i in device.identifiers if i.strong), None) or min(
        (i.key for i in device.identifiers), default=device.id
    )
    attributes = {**device.attributes, "name": device.name}
    said = [Observation(device.ci_class, key, attributes, device.identifiers)]
    stack = [(part, key) for part in inside.get(device.id, ())]
    while stack:
        part, parent = stack.pop()
        said.append(Observation(part.ci_class, part.local_key, {**part.attributes, "name": part.name}, parent=parent))
        if part.ci_class == "Interface":
            below = f"{parent}|Interface|{part.local_key}"
            stack += [(p, below) for p in inside.get(part.id, ())]
    return Report(SOURCE, device.id, 0, tuple(said), complete=False)
