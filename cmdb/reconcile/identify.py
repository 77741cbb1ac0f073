"""Which CI an independent observation is about: strong identifiers decide, weak ones propose, contradictions veto."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from cmdb.changes import Evidence
from cmdb.model.registry import Model
from cmdb.observation import split_origin
from cmdb.reconcile.evidence import TARGET, Party, Weighed, compare, evidence, has_strong, passes, scheme, telling
from cmdb.wording import amount

Kind = Literal["matched", "new", "ambiguous", "conflict"]
Proposal = Literal["merge", "split", "keep_apart", "none"]


class Question(msgspec.Struct, frozen=True):
    """What a person must say: whether the observed thing and `cis`, or `cis` among themselves, are one.

    `kind` is ambiguous, conflict or duplicate.
    """

    kind: str
    cis: tuple[str, ...]
    proposal: Proposal
    text: str
    evidence: tuple[Evidence, ...]


class Decision(msgspec.Struct, frozen=True):
    """The outcome for one observation. `ci` is empty where a new CI is to be made or the observation is to be set
    aside.

    `rule` says what decided, `keys` and `against` are the identifiers that spoke for it and against it. What a person
    must look at is in `question`, also where the observation was matched.
    """

    kind: Kind
    ci: str
    rule: str
    keys: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    set_aside: bool = False
    question: Question | None = None


class _Case(msgspec.Struct, frozen=True):
    """One observation and all CIs that it may be about, those with the strongest evidence first."""

    observed: Party
    origin: str
    remembered: str | None
    parties: Mapping[str, Party]
    weighed: Mapping[str, Weighed]
    model: Model


def identify(
    observed: Party,
    origin: str,
    remembered: str | None,
    holders: Mapping[str, Iterable[tuple[str, bool]]],
    party: Callable[[str], Party],
    model: Model,
) -> Decision:
    """Decide which CI an observation is about.

    `remembered` is the CI that this origin meant by the same key last time; `holders` maps identifier keys to
    (CI id, strong). The order of the rules: one strong match; the remembered CI; one weak match that nothing speaks
    against; else it is new. Contradicting CIs never match. What can't be decided has a question.
    """
    suspects: dict[str, None] = {remembered: None} if remembered else {}
    for identifier in telling(observed.identifiers):
        for key in (identifier.key, *model.other_spellings(observed.ci_class, identifier.key)):
            suspects.update((ci, None) for ci, _ in holders.get(key, ()))
    if not suspects:
        return Decision("new", "", "no identifier is known")
    parties = {ci: party(ci) for ci in suspects}
    weighed = {ci: compare(observed, p, model, ci == remembered) for ci, p in parties.items()}
    rank = {name: at for at, name in enumerate(model.identifier_rules(observed.ci_class))}

    def order(ci: str) -> tuple[int, int, bool, str]:
        strong = weighed[ci].strong or weighed[ci].unsure
        first = rank.get(scheme(strong[0]), len(rank)) if strong else len(rank) + 1
        return first, -len(strong), ci != remembered, ci

    case = _Case(observed, origin, remembered, parties, {ci: weighed[ci] for ci in sorted(weighed, key=order)}, model)
    return _by_strong(case) or _by_memory(case) or _by_contradiction(case) or _by_weak(case)


def _by_strong(case: _Case) -> Decision | None:
    """Strong identifiers of one CI decide; those of several are a question, and only what agrees may be joined."""
    live = [w for w in case.weighed.values() if w.decides and _same_kind(case, w.id)]
    whole = [w for w in live if w.shares > 0.5]
    live = whole or live  # of a member that came from another stack, the rest says where it is now
    if not live:
        return None
    if len(live) == 1:
        return _matched(case, live[0], f"strong identifier {live[0].strong[0]}")
    kept = next((w for w in live if w.id == case.remembered), live[0])
    ids = tuple(w.id for w in live)
    opposed = [
        (case.parties[a], case.parties[b], found)
        for n, a in enumerate(ids)
        for b in ids[n + 1 :]
        if (found := compare(case.parties[a], case.parties[b], case.model)).against
    ]
    shown = tuple(e for w in live for e in evidence(case.observed, case.parties[w.id], w))
    if not opposed:
        text = f"one report has strong identifiers of {len(ids)} CIs, and nothing contradicts"
        question = Question("duplicate", ids, "merge", text, shown)
        return Decision("matched", kept.id, f"strong identifier {kept.strong[0]}", kept.strong, (), False, question)
    shown += tuple(e for a, b, found in opposed for e in evidence(a, b, found) if e.weight == "contradicts")
    question = Question("conflict", ids, "none", f"strong identifiers of {len(ids)} CIs that contradict", shown)
    against = tuple(k for *_, found in opposed for k in found.against)
    ci = kept.id if kept.id == case.remembered else ""
    return Decision("conflict", ci, f"strong identifiers of {len(ids)} CIs", kept.strong, against, False, question)


def _by_memory(case: _Case) -> Decision | None:
    """What was said under the same key last time, unless other evidence says that another thing answers there now."""
    found = case.weighed.get(case.remembered or "")
    if found is None or found.against:
        return None
    if not passes(case.model.identifier_rules(case.observed.ci_class).get(TARGET), found):
        return None
    return _matched(case, found, "same key as in the visit before")


def _matched(case: _Case, found: Weighed, rule: str) -> Decision:
    """The match, with a question where another CI shares a strong identifier all the same."""
    others = [w for w in case.weighed.values() if w.id != found.id and w.asks and _same_kind(case, w.id)]
    question = _conflict(case, others, "a strong identifier names another CI too") if others else None
    keys = found.strong or found.unsure or found.weak
    return Decision("matched", found.id, rule, keys, (), False, question)


def _by_contradiction(case: _Case) -> Decision | None:
    """A strong identifier that names a CI which can't be the one: a new CI, and a question."""
    asked = [w for w in case.weighed.values() if w.asks and _same_kind(case, w.id)]
    if not asked:
        return None
    rule = "a strong identifier is contradicted by another"
    if not any(w.against for w in asked):
        rule = "a strong identifier is not borne out by the others"
    against = tuple(k for w in asked for k in w.against)
    return Decision("conflict", "", rule, (), against, False, _conflict(case, asked, rule))


def _conflict(case: _Case, others: list[Weighed], text: str) -> Question:
    shown = tuple(e for w in others for e in evidence(case.observed, case.parties[w.id], w))
    return Question("conflict", tuple(w.id for w in others), proposal_for(others), text, shown)


def proposal_for(others: list[Weighed]) -> Proposal:
    """What the rules would do if they were surer.

    A part that was replaced leaves the addresses and the place as they were: then it is one thing all the same.
    """
    if all(w.states.get("mac") == "agrees" and w.states.get(TARGET) == "agrees" for w in others):
        return "merge"
    if all(w.against or w.states.get("mac") == "disagrees" for w in others):
        return "keep_apart"
    return "none"


def _same_kind(case: _Case, ci: str) -> bool:
    return case.model.same_kind(case.observed.ci_class, case.parties[ci].ci_class)


def _by_weak(case: _Case) -> Decision:
    """The rules for weak evidence: unique, of a fitting class, and not a thing that the same source tells apart."""
    fitting = {ci: w for ci, w in case.weighed.items() if w.weak and not w.against and _same_kind(case, ci)}
    own_target = next((i.key for i in case.observed.identifiers if scheme(i.key) == TARGET), None)
    of_target = [w for w in fitting.values() if own_target in w.weak] or _first_heard_of(case)
    if len(of_target) == 1:
        return _matched(case, of_target[0], f"target {own_target}")
    if not fitting:
        against = tuple(k for w in case.weighed.values() for k in w.against)
        return Decision(
            "new", "", "no identifier is known" if not against else "what shares an identifier contradicts", (), against
        )
    is_sure = has_strong(case.observed, case.model)
    open_to = [
        ci
        for ci in fitting
        if not (is_sure and has_strong(case.parties[ci], case.model)) and not (own_target and _told_apart(case, ci))
    ]
    if len(open_to) == len(fitting) == 1:
        return _matched(case, fitting[open_to[0]], f"weak identifier {fitting[open_to[0]].weak[0]}, the only match")
    shown = tuple(e for w in fitting.values() for e in evidence(case.observed, case.parties[w.id], w))
    ids = tuple(sorted(fitting))
    if len(open_to) == len(fitting) and (own_target or is_sure) and _all_one(case, ids):
        rule = f"weak identifiers of {amount(len(ids), 'CI')} that only others told of"
        question = Question("duplicate", ids, "merge", rule, shown)
        return Decision("matched", ids[0], rule, fitting[ids[0]].weak, (), False, question)
    rule = f"weak identifiers of {amount(len(ids), 'CI')}"
    proposal: Proposal = "merge" if len(ids) == 1 and len({scheme(k) for k in fitting[ids[0]].weak}) > 1 else "none"
    keys = tuple(dict.fromkeys(k for w in fitting.values() for k in w.weak))
    question = Question("ambiguous", ids, proposal, rule, shown)
    return Decision("ambiguous", "", rule, keys, (), not (is_sure or own_target), question)


def _first_heard_of(case: _Case) -> list[Weighed]:
    """CIs that answered other sources under the target that this one asks for the first time: one device, unless
    something contradicts, although an agent and a shell may show different cards.
    """
    return [
        w
        for w in case.weighed.values()
        if w.states.get(TARGET) == "agrees"
        and not w.against
        and not w.unsure
        and _same_kind(case, w.id)
        and case.origin not in case.parties[w.id].told_by
        and case.remembered is None
    ]


def _told_apart(case: _Case, ci: str) -> bool:
    """Whether the same source knows the CI under another target: then this is another thing to it."""
    source = split_origin(case.origin)[0]
    return any(o != case.origin and split_origin(o)[0] == source for o in case.parties[ci].told_by)


def _all_one(case: _Case, ids: tuple[str, ...]) -> bool:
    """Whether nobody calls any of these CIs its own: they are what others saw of the thing that answers now."""
    return not any(case.parties[ci].told_by for ci in ids)
