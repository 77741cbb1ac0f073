"""Who said each relationship, by what method and when: enough to say later which ones are in doubt."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping

import msgspec

from cmdb.changes import LinkFacet
from cmdb.observation import origin_of

Tie = tuple[int, str, int]  # source, type, target; CIs by number
Word = tuple[str, str, int]  # origin, method, when (epoch ms; 0: with the last word of the origin)
IsSure = Callable[[Mapping[str, LinkFacet], Mapping[str, int], int], bool]  # facets, when each was said, now

_Packed = tuple[list[tuple[tuple[Word, ...], dict[str, bytes]]], list[tuple[Tie, tuple[Word, ...]]], dict[str, int]]


class Witnesses:
    """The words that relationships hang on, each distinct set of them once: an estate has few.

    What is loaded stays in arrays; what the feed changes since is kept one by one and goes before it.
    """

    def __init__(self) -> None:
        self._said: dict[tuple[Word, ...], dict[str, array[int]]] = {}  # -> type -> source, target, source, target, …
        self._since: dict[Tie, tuple[Word, ...]] = {}
        self._last: dict[str, int] = {}  # when each origin spoke last, as far as what was loaded tells

    def pack(self) -> bytes:
        """All of it in one piece, for a snapshot."""
        said = [
            (words, {type_: ends.tobytes() for type_, ends in types.items()}) for words, types in self._said.items()
        ]
        return msgspec.msgpack.encode((said, list(self._since.items()), self._last))

    @classmethod
    def unpack(cls, packed: bytes | memoryview) -> Witnesses:
        """What was packed. Raises msgspec.DecodeError for anything else."""
        said, since, last = msgspec.msgpack.decode(packed, type=_Packed)
        made = cls()
        made._said = {words: {type_: array("i", ends) for type_, ends in types.items()} for words, types in said}
        made._since, made._last = dict(since), last
        return made

    def load(self, tie: Tie, facets: Mapping[str, LinkFacet], seen: Mapping[str, int]) -> None:
        """Note a relationship of the store."""
        for origin, at in seen.items():
            name = origin_of(origin)
            if at > self._last.get(name, -1):
                self._last[name] = at
        words = tuple(sorted((origin, facet.method, seen.get(origin, 0)) for origin, facet in facets.items()))
        source, type_, target = tie
        self._said.setdefault(words, {}).setdefault(type_, array("i")).extend((source, target))

    def follow(self, tie: Tie, facets: Mapping[str, LinkFacet]) -> None:
        """Note a relationship that the feed made or changed."""
        self._since[tie] = tuple(sorted((origin, facet.method, facet.seen or 0) for origin, facet in facets.items()))

    def forget(self, tie: Tie) -> None:
        """Note that a relationship ended."""
        self._since[tie] = ()

    def since(self) -> dict[Tie, tuple[Word, ...]]:
        """What changed since the load, as it is now."""
        return dict(self._since)

    def changed(self, since: Mapping[Tie, tuple[Word, ...]]) -> set[Tie]:
        """Relationships that changed after `since` was read."""
        return {tie for tie, words in self._since.items() if since.get(tie) is not words}

    def doubtful(
        self, since: Mapping[Tie, tuple[Word, ...]], is_sure: IsSure, now: int, silent: Mapping[str, int] | None
    ) -> set[Tie]:
        """Relationships that are not sure as of `now` (epoch ms), with what changed `since` the load.

        `silent` maps origins to when they spoke last; those not in it spoke just now. None: nobody spoke since the
        relationships were loaded. What nobody in particular said (a tie to a parent, a rule) is not in doubt.
        """
        found: set[Tie] = set()
        for words, types in self._said.items():
            if words and not self._is_sure(words, is_sure, now, silent):
                found.update(tie for tie in _ties(types) if tie not in since)
        for tie, words in since.items():
            if words and not self._is_sure(words, is_sure, now, silent):
                found.add(tie)
        return found

    def _is_sure(self, words: tuple[Word, ...], is_sure: IsSure, now: int, silent: Mapping[str, int] | None) -> bool:
        facets = {origin: LinkFacet(0, method) for origin, method, _ in words}
        return is_sure(facets, {origin: self._when(origin, at, now, silent) for origin, _, at in words}, now)

    def _when(self, origin: str, at: int, now: int, silent: Mapping[str, int] | None) -> int:
        """When an origin said it last: as long ago as stored if it was silent on it, else whenever it spoke last."""
        name = origin_of(origin)
        if at and (silent is None or at < self._last.get(name, 0)):
            return at
        return (silent or {}).get(name, now)


def _ties(types: Mapping[str, array[int]]) -> Iterator[Tie]:
    for type_, ends in types.items():
        for place in range(0, len(ends), 2):
            yield ends[place], type_, ends[place + 1]
