"""Tables of a snapshot, read row by row when somebody asks, and the changes since then on top of them."""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

V = TypeVar("V")

NUMBER, NONE = 0xFFFFFFFF, -1
Section = bytes | bytearray | memoryview


class Table:
    """Rows of bytes by number: where each ends, and all of them in one piece. A row that is not there is empty."""

    def __init__(self, ends: Section, pool: Section) -> None:
        self.ends, self.pool = memoryview(ends).cast("B").cast("Q"), memoryview(pool).cast("B")

    def __len__(self) -> int:
        return len(self.ends)

    def row(self, number: int) -> memoryview:
        """One row."""
        return self.pool[self.ends[number - 1] if number else 0 : self.ends[number]]


NOTHING = Table(b"", b"")


def packed(count: int, base: Table, changed: Mapping[int, bytes]) -> tuple[array[int], bytearray]:
    """Ends and pool of a table of `count` rows: those of `base` but for what changed. Runs are copied as a whole."""
    ends, pool = array("Q"), bytearray()
    done = 0
    for number in (*sorted(changed), count):
        run = min(number, len(base))
        if done < run:
            start = base.ends[done - 1] if done else 0
            shift = len(pool) - start
            pool += base.pool[start : base.ends[run - 1]]
            ends.extend(base.ends[done:run] if not shift else [end + shift for end in base.ends[done:run]])
        ends.extend([len(pool)] * (number - max(run, done)))
        if number < count:
            pool += changed[number]
            ends.append(len(pool))
        done = number + 1
    return ends, pool


def ints(row: Section, kind: str = "i") -> list[int]:
    """The numbers of a row."""
    return memoryview(row).cast("B").cast(kind).tolist()  # type: ignore[call-overload,no-any-return]


class Rows(dict[int, V]):
    """What was read of a table and what changed since; the rest is read when it is asked for."""

    def __init__(self, table: Table, decode: Callable[[memoryview], V]) -> None:
        super().__init__()
        self.table, self._decode = table, decode
        self.gone: set[int] = set()

    def kept(self) -> list[tuple[int, V]]:
        """What was read, and what changed."""
        return list(super().items())

    def changed(self, encode: Callable[[V], bytes]) -> dict[int, bytes]:
        """Rows that may differ from those of the table."""
        return dict.fromkeys(self.gone, b"") | {key: encode(value) for key, value in self.kept()}

    def _row(self, key: int) -> memoryview | None:
        """The row of a key in the table, if it has one there."""
        return self.table.row(key) or None if 0 <= key < len(self.table) else None

    def _keys(self) -> Iterable[int]:
        """All keys that may have a row in the table."""
        return range(len(self.table))

    def get(self, key: int, default: Any = None) -> Any:
        """The value of a key."""
        found = super().get(key)
        if found is None:
            row = None if key in self.gone else self._row(key)
            if row is None:
                return default
            found = self[key] = self._decode(row)
        return found

    def __missing__(self, key: int) -> V:
        found: V | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        return isinstance(key, int) and key not in self.gone and self._row(key) is not None

    def setdefault(self, key: int, default: Any = None) -> Any:
        """The value of a key, given one where it has none."""
        if key not in self:
            self[key] = default
        return self[key]

    def __delitem__(self, key: int) -> None:
        if key not in self:
            raise KeyError(key)
        self.gone.add(key)
        super().pop(key, None)

    def __iter__(self) -> Iterator[int]:
        kept = list(super().__iter__())
        known = self.gone.union(kept)
        yield from kept
        yield from (key for key in self._keys() if key not in known and self._row(key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def items(self) -> Iterator[tuple[int, V]]:  # type: ignore[override] # a view would show what was read only
        """All keys and values."""
        return ((key, self[key]) for key in self)

    def values(self) -> Iterator[V]:  # type: ignore[override]
        """All values."""
        return (self[key] for key in self)

    def keys(self) -> Iterator[int]:  # type: ignore[override]
        """All keys."""
        return iter(self)


class Listed(list[V]):
    """A list that reads from a table what it does not hold yet.

    What is only passed by in a walk over all it does not keep, unless `is_kept`: then each entry is one object for
    good.
    """

    def __init__(self, count: int, read: Callable[[int], V], table: Table, is_kept: bool = False) -> None:
        super().__init__([None] * count)  # type: ignore[list-item] # a gap, which nobody outside sees
        self._read, self.table, self._is_kept = read, table, is_kept

    def kept(self) -> Iterator[tuple[int, V]]:
        """What it holds, by number: entries that may differ from what would be read."""
        return ((at, value) for at, value in enumerate(super().__iter__()) if value is not None)

    def changed(self, encode: Callable[[V], bytes]) -> dict[int, bytes]:
        """Rows of what it holds."""
        return {at: encode(value) for at, value in self.kept()}

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        if found is None:
            found = self[at] = self._read(at if at >= 0 else at + len(self))
        return found

    def several(self, places: Iterable[int]) -> list[V]:
        """Some entries; quick where all of them are held."""
        places = list(places)
        found = list(map(super().__getitem__, places))
        return [self[at] for at in places] if None in found else found

    def __iter__(self) -> Iterator[V]:
        for at, found in enumerate(super().__iter__()):
            if found is not None:
                yield found
            else:
                yield self[at] if self._is_kept else self._read(at)


class Numbers(dict[str, int]):
    """Numbers of CIs by id: those of a sorted table of (hash, number), and those that came since."""

    def __init__(self, table: Section, id_of: Callable[[int], str]) -> None:
        super().__init__()
        self._table, self._id_of = memoryview(table).cast("B").cast("Q"), id_of
        self.gone: set[str] = set()

    def table(self) -> array[int]:
        """The sorted table of all that are known now."""
        gone = {self._find(id_) for id_ in self.gone}
        kept = [entry for entry in self._table if entry not in gone] if gone else self._table.tolist()
        kept += [hashed(id_) | number for id_, number in super().items()]
        return array("Q", sorted(kept))

    def _find(self, id_: str) -> int:
        """The entry of an id in the table; NONE: it has none."""
        start = hashed(id_)
        at = bisect_left(self._table, start)
        while at < len(self._table) and (entry := self._table[at]) >> 32 == start >> 32:
            if self._id_of(entry & NUMBER) == id_:
                return entry
            at += 1
        return NONE

    def __missing__(self, id_: str) -> int:
        entry = NONE if id_ in self.gone else self._find(id_)
        if entry == NONE:
            raise KeyError(id_)
        return entry & NUMBER

    def get(self, id_: str, default: Any = None) -> Any:
        """The number of a CI."""
        try:
            return self[id_]
        except KeyError:
            return default

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, str) and self.get(id_) is not None

    def __delitem__(self, id_: str) -> None:
        if id_ not in self:
            raise KeyError(id_)
        self.gone.add(id_)
        super().pop(id_, None)


class ById(dict[str, V]):
    """What is kept by id, and what `find` knows how to find."""

    def __init__(self, find: Callable[[str], V | None], everything: Callable[[], Iterable[tuple[str, V]]]) -> None:
        super().__init__()
        self._find, self._everything = find, everything

    def __missing__(self, id_: str) -> V:
        found = self._find(id_)
        if found is None:
            raise KeyError(id_)
        return found

    def get(self, id_: str, default: Any = None) -> Any:
        """What has an id."""
        try:
            return self[id_]
        except KeyError:
            return default

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, str) and self.get(id_) is not None

    def pop(self, id_: str, *default: Any) -> Any:
        """What has an id, which from now on is found no more; its finder forgets it as well."""
        found = self[id_]
        super().pop(id_, None)
        return found

    def __iter__(self) -> Iterator[str]:
        return (id_ for id_, _ in self._everything())

    def __len__(self) -> int:
        return sum(1 for _ in self._everything())

    def items(self) -> Iterable[tuple[str, V]]:  # type: ignore[override] # a view would show what is kept only
        """All of them, by id."""
        return self._everything()

    def values(self) -> Iterator[V]:  # type: ignore[override]
        """All of them."""
        return (value for _, value in self._everything())

    def keys(self) -> Iterator[str]:  # type: ignore[override]
        """All ids."""
        return iter(self)


def hashed(id_: str) -> int:
    """The upper half of an entry for an id."""
    return zlib.crc32(id_.encode()) << 32
