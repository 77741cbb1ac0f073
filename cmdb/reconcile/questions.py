"""Identity tasks: what a person must say, asked once, and settled by itself when later reports answer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, islice
from typing import TYPE_CHECKING

import msgspec

from cmdb.changes import Evidence, Facet, PutTask, digest
from cmdb.model.registry import Model
from cmdb.observation import origin_of, split_facet_name, split_origin
from cmdb.reconcile.evidence import Party, compare, scheme
from cmdb.reconcile.identify import Question
from cmdb.reconcile.merge import Precedence, live_facets

if TYPE_CHECKING:
    from cmdb.reconcile.draft import Draft

RECLASSIFY = "reclassify"
MOST_PAIRS = 1_000  # words about one CI that are held against each other


def pair_id(cis: Iterable[str]) -> str:
    """The id of the task whether these CIs are one, whoever asks and for whatever reason."""
    return digest(["identity", *sorted(set(cis))], 16).hex()


def aside_id(origin: str, name: str) -> str:
    """The id of the task which CI an observation means that was set aside."""
    return digest(["set aside", origin, name], 16).hex()


def class_id(ci: str) -> str:
    """The id of the task which class a CI has."""
    return digest(["class", ci], 16).hex()


def task_of(origin: str, name: str, ci: str, question: Question) -> PutTask:
    """A question of identification as a task; `ci` is what the observation was found to be, "" if it was set aside."""
    cis = tuple(dict.fromkeys((ci, *question.cis) if ci else question.cis))
    shown = tuple(
        msgspec.structs.replace(e, cis=tuple(dict.fromkeys(c for one in e.cis if (c := one or ci))))
        for e in question.evidence
    )
    keys = tuple(dict.fromkeys(e.key for e in shown if e.weight == "supports"))
    id_ = pair_id(cis) if ci else aside_id(origin, name)
    return PutTask(id_, question.kind, "open", origin, name, keys, cis, question.text, question.proposal, shown)


def split_id(ci: str) -> str:
    """The id of the task whether a CI is two."""
    return digest(["split", ci], 16).hex()


def rival_classes(facets: Mapping[str, Facet], precedence: Precedence) -> dict[str, str]:
    """Origins of equal and highest rank that give different classes; none where the strongest agree."""
    live = {o: f for o, f in live_facets(facets).items() if f.role == "self"}
    if len({f.ci_class for f in live.values()}) < 2:
        return {}
    ranks = {o: precedence(split_origin(o)[0], f.ci_class, "class") for o, f in live.items()}
    best = {o: f.ci_class for o, f in live.items() if ranks[o] == max(ranks.values())}
    return best if len(set(best.values())) > 1 else {}


def class_task(ci: str, rivals: Mapping[str, str]) -> PutTask:
    """The question which class a CI has, where sources of equal rank disagree."""
    shown = tuple(
        Evidence(f"class:{c}", "supports", False, split_origin(o)[0], (ci,)) for o, c in sorted(rivals.items())
    )
    text = f"sources of equal rank say {' and '.join(sorted(set(rivals.values())))}"
    keys = tuple(sorted({e.key for e in shown}))
    return PutTask(class_id(ci), RECLASSIFY, "open", min(rivals), "", keys, (ci,), text, "none", shown)


def two_in_one(ci: str, facets: Mapping[str, Facet], model: Model) -> PutTask | None:
    """The question whether a CI is two: whether one source describes it under two targets at the same time with strong
    identifiers that contradict each other, and with none that both have.

    So is a stack that fell apart, each half under an address of its own. What may be new on the same thing (an engine
    id) proves nothing here, nor does what a person has merged: the facets say so.
    """
    live = {n: f for n, f in facets.items() if f.role == "self" and f.gone is None and not f.marks and f.identifiers}
    for one, other in islice(combinations(sorted(live, key=origin_of), 2), MOST_PAIRS):
        (own, first), (its_own, second) = split_facet_name(one), split_facet_name(other)
        (source, target), (its_source, its_target) = split_origin(first), split_origin(second)
        if source != its_source or target == its_target or own != its_own:
            continue
        weighed = compare(_said(ci, first, live[one]), _said(ci, second, live[other]), model)
        rules = model.identifier_rules(live[one].ci_class)
        against = tuple(k for k in weighed.against if (rule := rules.get(scheme(k))) and not rule.renewable)
        if against and not weighed.strong and not weighed.unsure:
            shown = tuple(Evidence(k, "contradicts", True, source, (ci,)) for k in against)
            text = f"{source} describes it as two things, under {target} and under {its_target}"
            return PutTask(split_id(ci), "conflict", "open", first, "", against, (ci,), text, "split", shown)
    return None


def _said(ci: str, origin: str, facet: Facet) -> Party:
    return Party(ci, facet.ci_class, facet.identifiers, (origin,), (facet.attributes or {},))


def settle(draft: Draft, model: Model, at: int) -> list[PutTask]:
    """The tasks that this write changes: new ones, those asked again after they were settled, and those that are
    settled now.
    """
    changed: list[PutTask] = []
    for task in draft.tasks.values():
        before = draft.known_tasks.get(task.id)
        if before is None or before.state == "obsolete" or (before.state == "open" and before.cis != task.cis):
            created = at if before is None else before.created_at
            changed.append(msgspec.structs.replace(task, created_at=created))
    for task in draft.known_tasks.values():
        if task.state == "open" and task.id not in draft.tasks and _is_settled(task, draft, model):
            changed.append(msgspec.structs.replace(task, state="obsolete"))
    return changed


def _is_settled(task: PutTask, draft: Draft, model: Model) -> bool:
    if task.kind == RECLASSIFY:
        return task.cis[0] in draft.facets  # it was looked at, and not asked again
    if task.proposal == "split":
        return two_in_one(task.cis[0], draft.facets_seen(task.cis[0]), model) is None
    if task.id == aside_id(task.origin, task.observed):
        decision = draft.decisions.get((task.origin, task.observed))
        return decision is not None and not decision.set_aside
    parties = [draft.party(ci) for ci in task.cis if ci in draft.known or ci in draft.born]
    return not any(_is_open(one, other, model) for one, other in combinations(parties, 2))


def _is_open(one: Party, other: Party, model: Model) -> bool:
    """Whether two CIs still raise the question whether they are one."""
    weighed = compare(one, other, model)
    return weighed.asks or weighed.decides or bool(weighed.weak and not weighed.against)
