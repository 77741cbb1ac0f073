"""Which CI an independent observation is about: strong identifiers decide, weak ones propose, contradictions veto."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from cmdb.model.registry import Model
from cmdb.observation import Identifier, Observation, split_origin

RENEWABLE = frozenset(("engine-id",))

Kind = Literal["matched", "new", "ambiguous", "conflict"]


class Suspect(msgspec.Struct, frozen=True):
    """A CI that an observation may be about, as far as identity is concerned.

    `told_by` are the origins that call it their own (role self) and still say so.
    """

    id: str
    ci_class: str
    identifiers: tuple[Identifier, ...]
    told_by: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True):
    """The outcome for one observation. `ci` is empty where a new CI is to be made or the observation is to be set
    aside.

    `kind` conflict or ambiguous asks a person, with `cis` as candidates and `keys` as the evidence; `rule` says what
    decided.
    """

    kind: Kind
    ci: str
    rule: str
    cis: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    set_aside: bool = False


def scheme(key: str) -> str:
    """The part of an identifier key that names its kind: `serial` of `serial:cisco:FOC1234X0AB`."""
    return key.partition(":")[0]


def identify(
    observation: Observation,
    origin: str,
    remembered: str | None,
    holders: Mapping[str, Iterable[tuple[str, bool]]],
    suspect: Callable[[str], Suspect],
    model: Model,
) -> Decision:
    """Decide which CI an observation is about.

    `remembered` is the CI that this origin meant by the same key last time; `holders` maps identifier keys to
    (CI id, strong). The order of the rules: one strong match; the remembered CI; one weak match that nothing speaks
    against; else it is new. Contradicting CIs never match. What can't be decided is returned as conflict or ambiguous.
    """
    exclusive = model.exclusive_schemes(observation.ci_class)
    order = model.scheme_order(observation.ci_class)
    keys = sorted(observation.identifiers, key=lambda i: order.get(scheme(i.key), len(order)))
    strong, weak = _matches(keys, holders)
    shared: dict[str, set[str]] = {remembered: set()} if remembered else {}
    for identifier in keys:
        for ci, _ in holders.get(identifier.key, ()):
            shared.setdefault(ci, set()).add(identifier.key)
    vetoed = {c for c, common in shared.items() if _vetoes(observation, suspect(c), exclusive, c == remembered, common)}
    live = [c for c in strong if c not in vetoed]
    if len(live) == 1:
        return Decision("matched", live[0], f"strong identifier {strong[live[0]][0]}")
    if live:
        evidence = tuple(k for c in live for k in strong[c])
        return Decision("conflict", live[0], f"strong identifiers of {len(live)} CIs", tuple(live), evidence)
    if remembered and remembered not in vetoed:
        return Decision("matched", remembered, "same key as in the visit before")
    if strong:
        evidence = tuple(k for c in strong for k in strong[c])
        return Decision("conflict", "", "a strong identifier is contradicted by another", tuple(strong), evidence)
    return _by_weak(observation, origin, {c: k for c, k in weak.items() if c not in vetoed}, suspect, model)


def _matches(
    keys: Iterable[Identifier], holders: Mapping[str, Iterable[tuple[str, bool]]]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """CIs that share an identifier, with the keys they share: by strong ones, and by those weak on either side."""
    strong: dict[str, list[str]] = {}
    weak: dict[str, list[str]] = {}
    for identifier in keys:
        for ci, is_strong in holders.get(identifier.key, ()):
            side = strong if identifier.strong and is_strong else weak
            side.setdefault(ci, []).append(identifier.key)
    return strong, {c: k for c, k in weak.items() if c not in strong}


def _vetoes(
    observation: Observation, suspect: Suspect, exclusive: frozenset[str], is_remembered: bool, shared: set[str]
) -> bool:
    """Whether contradicting identifiers forbid that the observation is about a CI with which it shares some.

    An agent that is set up anew has a new engine id. That makes no other device of what answers under the same target
    and still shows a serial number, an address or a name of it.
    """
    against = _contradictions(observation, suspect, exclusive)
    if not against <= RENEWABLE:
        return True
    same_target = is_remembered or any(scheme(key) == "target" for key in shared)
    return bool(against) and not (same_target and any(scheme(key) != "target" for key in shared))


def _contradictions(observation: Observation, suspect: Suspect, exclusive: frozenset[str]) -> set[str]:
    """Schemes of which one thing has only one value, where both have some and share none."""
    found = set()
    for name in exclusive:
        said = {i.key for i in observation.identifiers if i.strong and scheme(i.key) == name}
        known = {i.key for i in suspect.identifiers if i.strong and scheme(i.key) == name}
        if said and known and said.isdisjoint(known):
            found.add(name)
    return found


def _by_weak(
    observation: Observation, origin: str, weak: dict[str, list[str]], suspect: Callable[[str], Suspect], model: Model
) -> Decision:
    """The rules for weak evidence: unique, of a fitting class, and not a thing that the same source tells apart."""
    fitting = {c: k for c, k in weak.items() if model.same_kind(observation.ci_class, suspect(c).ci_class)}
    own_target = next((i.key for i in observation.identifiers if scheme(i.key) == "target"), None)
    of_target = [c for c, k in fitting.items() if own_target in k]
    if len(of_target) == 1:
        return Decision("matched", of_target[0], f"target {own_target}")
    if not fitting:
        return Decision("new", "", "no identifier is known")
    source = split_origin(origin)[0]
    has_strong = any(i.strong for i in observation.identifiers)
    open_to = [
        c
        for c in fitting
        if not (has_strong and any(i.strong for i in suspect(c).identifiers))
        and not (own_target and any(o != origin and split_origin(o)[0] == source for o in suspect(c).told_by))
    ]
    if len(open_to) == 1 and len(fitting) == 1:
        return Decision("matched", open_to[0], f"weak identifier {fitting[open_to[0]][0]}, the only match")
    cis = tuple(sorted(fitting))
    evidence = tuple(sorted({k for keys in fitting.values() for k in keys}))
    return Decision(
        "ambiguous", "", f"weak identifiers of {len(cis)} CIs", cis, evidence, not (has_strong or own_target)
    )
