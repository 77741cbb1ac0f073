"""What other rules of identity would make of the CIs that there are: who would be one, who would fall apart. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Literal, NamedTuple

import msgspec

from cmdb.changes import Facet
from cmdb.model.definitions import IdentifierScheme
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Value
from cmdb.reconcile.evidence import (
    Described,
    Party,
    Weighed,
    compare,
    described,
    has_strong,
    scheme,
    telling,
    weigh,
)
from cmdb.reconcile.merge import live_facets
from cmdb.store.protocol import CIRecord

MOST_PAIRED = 2  # holders of one key that are compared with all of its holders; the rest with these only
MOST_DESCRIBED = 5_000  # CIs held ready for comparing; those that share keys mostly come one after the other
MOST_KEYS = 20  # keys shown for one outcome

Outcome = Literal["merge", "split", "ask"]


class Simulated(msgspec.Struct, frozen=True):
    """What would have become of some CIs under the other rules, and is not so under those that hold now.

    `merge`: they would be one. `ask`: a person would be asked whether they are. `split`: what the origins in each of
    `parts` say of the CI would be another CI. `rule` says what would decide, the keys what speaks for it and against.
    """

    outcome: Outcome
    cis: tuple[str, ...]
    names: tuple[str, ...]
    rule: str
    supports: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()


def simulate(cis: Iterable[CIRecord], model: Model, proposed: Model) -> Iterator[Simulated]:
    """Compare the CIs, as their facets describe them, under the rules of both models; splits first, then the others.

    Reads the CIs once and keeps what identifies the independent ones, so that memory grows with their keys.
    """
    attributes = {a for m in (model, proposed) for c in m.classes.values() for s in c.identifiers for a in s.values_in}
    changed = {n for n in model.classes if model.identifier_rules(n) != proposed.identifier_rules(n)}
    parties: dict[str, Party] = {}
    names: dict[str, str] = {}
    for record in cis:
        if record.parent or not (record.identifiers or record.facets):
            continue
        facets = live_facets(record.facets) if record.facets else {}
        told = {o: _party(record, o, f, attributes) for o, f in facets.items()}
        parties[record.id] = _joined(record, list(told.values()))
        names[record.id] = record.name
        may_split = len(told) > 1 and any(p.ci_class in changed for p in told.values())
        if may_split and (found := _split(record, told, model, proposed)) is not None:
            yield found
    yield from _joins(parties, names, (model, proposed), changed)


def _party(record: CIRecord, origin: str, facet: Facet, attributes: set[str]) -> Party:
    """What one facet says, as far as identity is concerned."""
    given: Mapping[str, Value] = record.attributes if facet.attributes is None else facet.attributes
    kept = {name: given[name] for name in attributes if name in given}
    return Party(origin, facet.ci_class or record.ci_class, facet.identifiers, (), (kept,) if kept else ())


def _joined(record: CIRecord, told: list[Party]) -> Party:
    """A CI as all its facets describe it."""
    keys: dict[str, Identifier] = {i.key: i for i in record.identifiers}
    for party in told:
        keys.update({i.key: i for i in party.identifiers if i.strong or i.key not in keys})
    attributes = tuple(a for p in told for a in p.attributes)
    return Party(record.id, record.ci_class, tuple(keys.values()), (), attributes)


# ---- what would fall apart


def _split(record: CIRecord, told: Mapping[str, Party], model: Model, proposed: Model) -> Simulated | None:
    """How the facets of a CI would fall apart where they hold together now; None where nothing changes."""
    then = _weigh_all(told, proposed)
    after = _parts(told, then)
    if len(after) == 1:
        return None
    now = _weigh_all(told, model)
    if len(after) <= len(_parts(told, now)):
        return None
    apart = {origin: at for at, part in enumerate(after) for origin in part}
    lost = [then[ends] for ends, found in now.items() if _holds(found) and apart[ends[0]] != apart[ends[1]]]
    against = tuple(dict.fromkeys(k for w in lost for k in w.against))[:MOST_KEYS]
    supports = tuple(dict.fromkeys(k for w in lost for k in (*w.unsure, *w.strong)))[:MOST_KEYS]
    rule = "contradicting identifiers" if against else "nothing that counts is common to them"
    return Simulated("split", (record.id,), (record.name,), rule, supports, against, tuple(after))


def _weigh_all(told: Mapping[str, Party], model: Model) -> dict[tuple[str, str], Weighed]:
    comparing = _Comparing(told, model)
    return {ends: comparing.weigh(*ends) for ends in combinations(told, 2)}


def _parts(told: Mapping[str, Party], weighed: Mapping[tuple[str, str], Weighed]) -> list[tuple[str, ...]]:
    """Origins that hold together by what they say."""
    groups = _Groups(told)
    for ends, found in weighed.items():
        if _holds(found):
            groups.join(*ends)
    return sorted(groups.listed())


def _holds(weighed: Weighed) -> bool:
    return bool(weighed.strong or weighed.weak) and not weighed.against


# ---- what would be one


class _Verdict(NamedTuple):
    """What rules make of two CIs: one thing for certain, perhaps, or a question."""

    decides: bool
    proposes: bool
    asks: bool


class _Pair(NamedTuple):
    """Two CIs that share a key, what both rules make of them, and what the proposed ones go by."""

    one: str
    other: str
    now: _Verdict
    then: _Verdict
    weighed: Weighed


def _verdict(weighed: Weighed) -> _Verdict:
    return _Verdict(weighed.decides, bool(weighed.weak) and not weighed.against, weighed.asks)


def _joins(
    parties: Mapping[str, Party], names: Mapping[str, str], models: tuple[Model, Model], changed: set[str]
) -> Iterator[Simulated]:
    """CIs that the other rules would take for one, or ask about, where these do not; `changed` are the classes that
    differ.
    """
    model, proposed = models
    pairs: list[_Pair] = []
    fits = _Fits(parties, model), _Fits(parties, proposed)
    for pair in _pairs(parties, model, proposed, changed):
        fits[0].note(pair, pair.now)
        fits[1].note(pair, pair.then)
        if pair.now != pair.then or pair.then.proposes:
            pairs.append(pair)
    merged = [p for p in pairs if fits[1].makes_one(p, p.then) and not fits[0].makes_one(p, p.now)]
    for cis, found in _grouped(merged):
        yield _told("merge" if _agree(cis, parties, proposed) else "ask", cis, names, found)
    for cis, found in _grouped([p for p in pairs if p.then.asks and not p.now.asks]):
        yield _told("ask", cis, names, found)


def _grouped(pairs: list[_Pair]) -> Iterator[tuple[tuple[str, ...], list[_Pair]]]:
    """Pairs that hang together, with their CIs."""
    groups = _Groups({ci for pair in pairs for ci in (pair.one, pair.other)})
    for pair in pairs:
        groups.join(pair.one, pair.other)
    found: dict[str, list[_Pair]] = {}
    for pair in pairs:
        found.setdefault(groups.first(pair.one), []).append(pair)
    for together in found.values():
        yield tuple(sorted({ci for pair in together for ci in (pair.one, pair.other)})), together


def _agree(cis: tuple[str, ...], parties: Mapping[str, Party], model: Model) -> bool:
    """Whether no two of these contradict each other; of more than a few, the first ones are held against all."""
    pairs = ((one, other) for one in cis[:MOST_PAIRED] for other in cis if other > one)
    return not any(compare(parties[one], parties[other], model).against for one, other in pairs)


def _told(outcome: Outcome, cis: tuple[str, ...], names: Mapping[str, str], pairs: list[_Pair]) -> Simulated:
    supports = dict.fromkeys(k for p in pairs for k in p.weighed.strong or p.weighed.unsure or p.weighed.weak)
    against = dict.fromkeys(k for p in pairs for k in p.weighed.against)
    kind = "strong" if pairs[0].weighed.strong or pairs[0].weighed.unsure else "weak"
    rule = f"{kind} identifier {next(iter(supports))}"
    called = tuple(names[ci] for ci in cis)
    return Simulated(outcome, cis, called, rule, tuple(supports)[:MOST_KEYS], tuple(against)[:MOST_KEYS])


def _pairs(parties: Mapping[str, Party], model: Model, proposed: Model, changed: set[str]) -> Iterator[_Pair]:
    """Each two CIs of one kind that share a key that may matter, in whatever spelling, once."""
    holders: dict[str, list[str]] = {}
    for ci, party in parties.items():
        keys = {i.key for i in telling(party.identifiers)}
        keys |= {other for key in keys for m in (model, proposed) for other in m.other_spellings(party.ci_class, key)}
        for key in keys:
            holders.setdefault(key, []).append(ci)
    now, then = _Comparing(parties, model), _Comparing(parties, proposed)
    seen: set[tuple[str, str]] = set()
    for key, cis in holders.items():
        for at, one in enumerate(cis[:MOST_PAIRED]):
            for other in cis[at + 1 :]:
                if (one, other) in seen or not model.same_kind(parties[one].ci_class, parties[other].ci_class):
                    continue
                if now.may_matter(key, one, other) or then.may_matter(key, one, other):
                    seen.add((one, other))
                    found = now.weigh(one, other)
                    before = _verdict(found)
                    if parties[one].ci_class in changed or parties[other].ci_class in changed:
                        found = then.weigh(one, other)
                    yield _Pair(one, other, before, _verdict(found), found)


class _Comparing:
    """Comparing CIs by one set of rules; each is described once for its class."""

    def __init__(self, parties: Mapping[str, Party], model: Model) -> None:
        self._parties, self._model = parties, model
        self._described: dict[str, Described] = {}
        self._strong: dict[str, bool] = {}

    def may_matter(self, key: str, one: str, other: str) -> bool:
        """Whether a common key can make two CIs one or a question: no single weak one does between two that have
        strong ones.
        """
        rule = self._model.identifier_rules(self._parties[one].ci_class).get(scheme(key))
        if rule is None or rule.strong or rule.least:
            return True
        return not (self._has_strong(one) and self._has_strong(other))

    def _has_strong(self, ci: str) -> bool:
        if ci not in self._strong:
            self._strong[ci] = has_strong(self._parties[ci], self._model)
        return self._strong[ci]

    def weigh(self, one: str, other: str) -> Weighed:
        """What speaks for and against two CIs being one."""
        first, second = self._parties[one], self._parties[other]
        if first.ci_class != second.ci_class:
            return compare(first, second, self._model)
        rules = self._model.identifier_rules(first.ci_class)
        return weigh(other, self._describe(first, rules), self._describe(second, rules), rules)

    def _describe(self, party: Party, rules: Mapping[str, IdentifierScheme]) -> Described:
        found = self._described.get(party.id)
        if found is None:
            if len(self._described) >= MOST_DESCRIBED:
                self._described.clear()
            found = self._described[party.id] = described(party, rules)
        return found


class _Fits:
    """How many CIs each one without strong identifiers fits by weak ones: one alone makes them one."""

    def __init__(self, parties: Mapping[str, Party], model: Model) -> None:
        self._parties, self._model = parties, model
        self._count: Counter[str] = Counter()

    def note(self, pair: _Pair, verdict: _Verdict) -> None:
        """Count a pair for its ends."""
        if verdict.proposes:
            self._count.update(self._open(pair))

    def makes_one(self, pair: _Pair, verdict: _Verdict) -> bool:
        """Whether the rules take both for one."""
        if verdict.decides:
            return True
        return verdict.proposes and any(self._count[end] == 1 for end in self._open(pair))

    def _open(self, pair: _Pair) -> list[str]:
        return [end for end in (pair.one, pair.other) if not has_strong(self._parties[end], self._model)]


class _Groups:
    """Things that were joined, directly or by others."""

    def __init__(self, things: Iterable[str]) -> None:
        self._above = {thing: thing for thing in things}

    def first(self, thing: str) -> str:
        """The thing that stands for the group of this one."""
        while (above := self._above[thing]) != thing:
            self._above[thing] = thing = self._above[above]
        return thing

    def join(self, one: str, other: str) -> None:
        """Make one group of the groups of both."""
        first, second = sorted((self.first(one), self.first(other)))
        self._above[second] = first

    def listed(self) -> list[tuple[str, ...]]:
        """All groups."""
        found: dict[str, list[str]] = {}
        for thing in self._above:
            found.setdefault(self.first(thing), []).append(thing)
        return [tuple(sorted(group)) for group in found.values()]
