"""Which known devices items are about, by the names and addresses that their senders use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from cmdb.model.registry import Model
from cmdb.store.protocol import CIRecord, Condition, Filter, GraphStore
from collectors.push.item import Place, Seek

CHUNK, PAGE = 500, 1_000
MAX_PAGES = 10  # of CIs that share the names of one chunk
_FIRST = ("target", "sysname")  # weak identifiers, the most telling first


class Places:
    """Devices by lower-case name and by address, for the items of one push: a few queries, however many they are."""

    def __init__(self, store: GraphStore, model: Model, seeks: Sequence[Seek]) -> None:
        self._store, self._model = store, model
        self._found: dict[str, dict[str, Place]] = defaultdict(dict)
        names = sorted({n for s in seeks for n in (*s.names, *(short_name(n) for n in s.names))})
        addresses = sorted({a for s in seeks for a in s.addresses})
        for some in _chunks(names):
            self._by_name(some)
        for some in _chunks(addresses):
            self._by_address(some)

    def of(self, seek: Seek) -> list[Place]:
        """The devices that may be meant; a name without its domain counts where nothing has the whole name."""
        found = {p.ci: p for w in (*seek.names, *seek.addresses) for p in self._found[w].values()}
        if not found:
            found = {p.ci: p for n in seek.names for p in self._found[short_name(n)].values()}
        return list(found.values())

    def _by_name(self, names: Sequence[str]) -> None:
        wanted = set(names)
        holders = self._store.by_key([f"{scheme}:{n}" for n in names for scheme in _FIRST])
        words: dict[str, set[str]] = defaultdict(set)
        for key, cis in holders.items():
            for ci, _ in cis:
                words[ci].add(key.partition(":")[2])
        self._note(self._store.cis(sorted(words)), words)
        named = list(self._find(Condition("class", "in", self._classes()), Condition("name", "in", list(names))))
        self._note(named, {c.id: {c.name.lower()} & wanted for c in named})

    def _by_address(self, addresses: Sequence[str]) -> None:
        wanted = list(addresses)
        managed = Condition("management_address", "in", wanted, is_attribute=True)
        devices = list(self._find(Condition("class", "in", self._classes()), managed))
        self._note(devices, {d.id: {str(d.attributes.get("management_address"))} for d in devices})
        configured = Condition("address", "in", wanted, is_attribute=True)
        found = [a for a in self._find(Condition("class", "eq", "IPAddress"), configured) if a.parent]
        above = {c.id: c for c in self._store.cis(sorted({a.parent for a in found}))}
        words: dict[str, set[str]] = defaultdict(set)
        for one in found:
            if (port := above.get(one.parent)) is not None:
                words[port.parent or port.id].add(str(one.attributes.get("address")))
        self._note(self._store.cis(sorted(words)), words)

    def _find(self, *conditions: Condition) -> Iterator[CIRecord]:
        after = None
        for _ in range(MAX_PAGES):
            page = self._store.find(Filter(conditions), first=PAGE, after=after)
            yield from page.cis
            after = page.cursor
            if not page.more:
                return

    def _classes(self) -> list[str]:
        return [c.name for c in self._model.classes.values() if c.is_device and not c.abstract]

    def _note(self, cis: Iterable[CIRecord], words: dict[str, set[str]]) -> None:
        for ci in cis:
            known = self._model.classes.get(ci.ci_class)
            if known is None or not known.is_device or ci.status == "retired" or not ci.identifiers:
                continue
            best = min(ci.identifiers, key=lambda i: (not i.strong, _rank(i.key), i.key))
            for word in words.get(ci.id, ()):
                self._found[word][ci.id] = Place(ci.id, best.key, best.strong, ci.ci_class)


def short_name(name: str) -> str:
    """A host name without its domain."""
    return name.partition(".")[0]


def _rank(key: str) -> int:
    scheme = key.partition(":")[0]
    return _FIRST.index(scheme) if scheme in _FIRST else len(_FIRST)


def _chunks(words: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(words), CHUNK):
        yield words[at : at + CHUNK]
