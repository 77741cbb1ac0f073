"""Make two CIs of one: give back what was absorbed, or give a new CI what some origins said. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

import msgspec

from cmdb.changes import Facet, LinkFacet
from cmdb.model.registry import Model
from cmdb.observation import origin_of, split_facet_name
from cmdb.reconcile.absorb import Absorption, InboundLink, children_of, with_parts
from cmdb.reconcile.draft import Born, Draft, LinkKey
from cmdb.reconcile.visit import tie_of


class Parted(msgspec.Struct, frozen=True):
    """A CI of which a part becomes another one: facets, and ties and lines of manifests that the same visits said.

    That are those of some `names`, and all that is said by `origins`, whatever absorbed CI they meant. Where the
    leaving side only tied something to a dependent, there is no other one: "".
    """

    ci: str
    other: str
    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Whether what goes by this name leaves."""
        return name in self.names or origin_of(name) in self.origins


class Separation(msgspec.Struct):
    """What became of what: (the CI that stays, the one that leaves it), parents first; dependents with their new
    parent; CIs that both sides describe or tie to something.

    `origins` are those that speak of the leaving side only, with their parts.
    """

    pairs: list[tuple[str, str]]
    origins: frozenset[str]
    moved: list[tuple[str, str]] = []
    split: list[Parted] = []

    @property
    def leaving(self) -> dict[str, str]:
        """CI that stays -> the CI that leaves it."""
        return dict(self.pairs)


def give_back(
    draft: Draft,
    done: Absorption,
    was: Callable[[str], tuple[Born, frozenset[str]]],
    new_id: Callable[[], str],
    model: Model,
) -> Separation:
    """Edit a draft of the household of the CI that stayed so that an absorption is undone.

    `was` tells what a CI was when it was absorbed, and which identifiers named it. Facets go back by their marks,
    whenever they were said; what is not marked, by origin: those that speak of the absorbed side only. Dependents of
    which nothing came back stay.
    """
    kept, gone = done.pairs[0]
    names = draft.known[kept].facets
    theirs = {origin_of(n) for n in names if _is_of(n, gone)}
    ours = {origin_of(n) for n in names if not _is_of(n, gone)}
    out = Separation([], with_parts(theirs - ours))
    back = {parent for _, parent in done.pairs}
    for stays, goes in done.pairs:
        if stays not in draft.known:
            continue  # it has gone its own way since
        taken = _take(draft, stays, goes, out.origins)
        if taken and draft.facets_of(stays):
            born, keys = was(goes)
            parent = born.parent if born.parent not in back or born.parent in draft.born else draft.parent_of(stays)
            _bear(draft, goes, Born(born.ci_class, parent, born.local_key, born.first_seen), taken)
            draft.denied.update((stays, key) for key in keys)
            for key in keys & draft.holders.keys():
                draft.holders[key][:] = [h for h in draft.holders[key] if h[0] != stays]
            out.pairs.append((stays, goes))
        elif taken:  # nothing else is left of it: it is theirs
            draft.facets[stays] = taken
            out.moved.append((stays, was(goes)[0].parent))
    wanted = {child: parent for child, parent in done.moved if parent in out.leaving.values()}
    _part_children(draft, out, wanted, new_id)
    _relink(draft, out, model, {(*link,) for link in done.own})
    _restore_links(draft, done, out, model)
    return out


def split_off(
    draft: Draft, ci: str, born: tuple[str, Born], names: Iterable[str], new_id: Callable[[], str], model: Model
) -> Separation:
    """Edit a draft so that a new CI (id, what it is) takes the named facets of `ci`, with what their origins say."""
    facets, leaving = draft.facets_of(ci), set(names)
    taken = {n: facets.pop(n) for n in list(facets) if n in leaving}
    left = {origin_of(n) for n in facets}
    out = Separation([(ci, born[0])], with_parts({origin_of(n) for n in taken} - left))
    # What is marked as said of an absorbed CI stays marked.
    out.split.append(Parted(ci, born[0], with_parts(taken), out.origins))
    _bear(draft, born[0], born[1], taken)
    _part_children(draft, out, {}, new_id)
    _relink(draft, out, model, set())
    return out


def _is_of(name: str, own: str) -> bool:
    return own in split_facet_name(name)[0].split(">")


def _unmark(name: str, own: str) -> str:
    """The name of a facet without one of the CIs of which it was said."""
    before, origin = split_facet_name(name)
    return ">".join([*(o for o in before.split(">") if o and o != own), origin])


def _take(draft: Draft, stays: str, goes: str, origins: frozenset[str]) -> dict[str, Facet]:
    """Take from a CI the facets that are of the one that leaves."""
    facets = draft.facets_of(stays)
    leaving = [n for n in facets if _is_of(n, goes) or n in origins]
    return {_unmark(n, goes): facets.pop(n) for n in leaving}


def _bear(draft: Draft, ci: str, born: Born, facets: dict[str, Facet]) -> None:
    """Let a CI be there with these facets, and the identifiers that nobody else says name it."""
    draft.born[ci] = born
    draft.facets[ci] = facets
    keys = {i.key: i for f in facets.values() for i in f.identifiers}
    for key, identifier in keys.items():
        held = draft.holders.setdefault(key, [])
        held[:] = [h for h in held if h[0] not in draft.known or _still_says(draft, h[0], key)]
        held.append((ci, identifier.strong))


def _still_says(draft: Draft, ci: str, key: str) -> bool:
    return any(i.key == key for f in draft.facets_of(ci).values() for i in f.identifiers)


def _part_children(draft: Draft, out: Separation, moved: dict[str, str], new_id: Callable[[], str]) -> None:
    """Share out the dependents: those that moved once go back, of others their origins tell whose they are."""
    children, leaving = children_of(draft), out.leaving
    for stays, goes in out.pairs:
        for (ci_class, local_key), child in children.get(stays, {}).items():
            if child in leaving:
                continue
            facets = draft.facets_of(child)
            theirs = {n for n in facets if origin_of(n) in out.origins}
            home = moved.get(child)
            if home is not None:
                theirs |= {n for n in facets if n not in theirs and _is_of_both(draft, n, out)}
            if home is not None and not theirs:
                theirs = set(facets)
            if not theirs:
                out.split.append(Parted(child, "", origins=out.origins))
                continue
            if len(theirs) == len(facets):
                out.moved.append((child, home or goes))
                continue
            # Whoever had it first keeps the id.
            parent, leave = (goes, theirs) if home is None else (stays, facets.keys() - theirs)
            other = new_id()
            part = {n: facets.pop(n) for n in list(facets) if n in leave}
            draft.born[other] = Born(ci_class, parent, local_key, min(f.since for f in part.values()))
            draft.facets[other] = part
            # Ties of parts are marked otherwise, or not at all.
            out.split.append(Parted(child, other, with_parts(part), out.origins if home is None else frozenset()))
            if home is not None:
                out.moved.append((child, home))


def _is_of_both(draft: Draft, name: str, out: Separation) -> bool:
    """Whether an origin speaks of both sides, so that only where a thing came from tells whose it is."""
    origin, goes = origin_of(name), out.pairs[0][1]
    return any(origin_of(n) == origin for n in draft.facets[goes])


def _is_part_of(draft: Draft, ci: str, wholes: Container[str]) -> bool:
    """Whether a CI, or what it is a part of, is one of these."""
    while ci and ci not in wholes:
        ci = draft.parent_of(ci)
    return bool(ci)


def _relink(draft: Draft, out: Separation, model: Model, own: set[tuple[str, str, str, str]]) -> None:
    """Tie to the CIs that leave what was said of them; `own` are facets of links that the others had before."""
    leaving, split = out.leaving, {parted.ci: parted for parted in out.split}
    theirs = {*leaving.values(), *(child for child, _ in out.moved), *(parted.other for parted in out.split)} - {""}
    for tie in dict.fromkeys(tie for ci in {**leaving, **split} for tie in draft.links_from(ci)):
        for name in list(draft.link_facets(tie)):
            by_origin = name in out.origins and (*tie, name) not in own  # not marked, and said since

            def home(end: str, name: str = name, by_origin: bool = by_origin) -> str:
                if end in split and split[end].takes(name):
                    return split[end].other
                return leaving[end] if end in leaving and (by_origin or _is_of(name, leaving[end])) else end

            source, target = home(tie[0]), home(tie[2])
            if _is_part_of(draft, source or target, theirs):  # the near end leaves, and the far one is where it was
                source, target = source or tie[0], target or tie[2]
            if (source, target) != (tie[0], tie[2]):
                facet = draft.link_facets(tie).pop(name)
                if not source or not target:
                    continue
                new = tie_of(model, source, tie[1], target)
                draft.link_facets(new)[_unmark(_unmark(name, source), target)] = facet


def _restore_links(draft: Draft, done: Absorption, out: Separation, model: Model) -> None:
    """Give back what others said of the CI that leaves, and what tied the two together."""
    stand, returned = done.stands_for, set(out.leaving.values())
    found: list[tuple[InboundLink, LinkKey, LinkFacet]] = []
    for link in done.inbound:
        if not {end for end in (link.source, link.target) if end in stand} <= returned:
            continue
        now = tie_of(model, stand.get(link.source, link.source), link.type, stand.get(link.target, link.target))
        facet = draft.link_facets(now).get(link.name) if now in draft.before or now in draft.links else None
        if facet is not None:
            found.append((link, now, facet))
    for link, now, facet in found:  # several may have become one
        if not link.is_shared:
            draft.link_facets(now).pop(link.name, None)
        said = link.was if facet == link.became else facet  # what was said since is all that there is
        draft.link_facets((link.source, link.type, link.target)).setdefault(link.name, said)
    for dropped in done.dropped:
        ends = dropped.source, dropped.target
        if all(end in returned or end in draft.known for end in ends):
            draft.link_facets((dropped.source, dropped.type, dropped.target)).update(dropped.facets)
