"""Identity tasks: what a person must say, asked once, and settled by itself when later reports answer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from cmdb.changes import Evidence, Facet, PutTask, digest
from cmdb.model.registry import Model
from cmdb.observation import split_origin
from cmdb.reconcile.evidence import Party, compare
from cmdb.reconcile.identify import Question
from cmdb.reconcile.merge import Precedence, live_facets

if TYPE_CHECKING:
    from cmdb.reconcile.draft import Draft

RECLASSIFY = "reclassify"


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
    if task.id == aside_id(task.origin, task.observed):
        decision = draft.decisions.get((task.origin, task.observed))
        return decision is not None and not decision.set_aside
    parties = [draft.party(ci) for ci in task.cis if ci in draft.known or ci in draft.born]
    return not any(_is_open(one, other, model) for one, other in combinations(parties, 2))


def _is_open(one: Party, other: Party, model: Model) -> bool:
    """Whether two CIs still raise the question whether they are one."""
    weighed = compare(one, other, model)
    return weighed.asks or weighed.decides or bool(weighed.weak and not weighed.against)
