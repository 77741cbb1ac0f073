"""Expected against found: what an audit says of one CI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from cmdb.changes import Facet
from cmdb.model.registry import Model
from cmdb.observation import Value, origin_of
from cmdb.service.completeness import source_of
from cmdb.service.past import Expected, is_person
from cmdb.store.protocol import CIRecord, TargetState

Verdict = Literal["right", "different", "missing", "unseen", "extra"]
Grade = Literal["minor", "major"]


class Difference(msgspec.Struct, frozen=True):
    """One fact that is not as recorded: an attribute, `class`, or a relationship; None: there is none."""

    what: str
    expected: Value = None
    found: Value = None
    controlled: bool = True


class Judgement(msgspec.Struct, frozen=True):
    """What an audit says of one CI. `seen` is when a complete visit saw it last (epoch ms)."""

    ci: str
    ci_class: str
    name: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    seen: int | None = None

    @property
    def grade(self) -> Grade:
        """Major where something under control is wrong, or a whole CI."""
        return "major" if self.verdict != "different" or any(d.controlled for d in self.differences) else "minor"


def fresh_facets(ci: CIRecord, targets: Mapping[str, TargetState], start: int) -> dict[str, Facet]:
    """What complete visits since a time say of a CI; what people say is no discovery."""
    return {
        name: facet
        for name, facet in ci.facets.items()
        if facet.gone is None
        and facet.role != "mentioned"
        and not is_person(name)
        and ci.seen.get(name, 0) >= start
        and (state := targets.get(origin_of(name))) is not None
        and state.complete_at >= start
    }


def is_gone(ci: CIRecord, targets: Mapping[str, TargetState], start: int) -> bool:
    """Whether a complete visit since a time did not see a CI that it had seen before."""
    return any(
        facet.gone is not None
        and facet.gone >= start
        and not is_person(name)
        and (state := targets.get(origin_of(name))) is not None
        and state.complete_at >= start
        for name, facet in ci.facets.items()
    )


def judge_one(
    ci: str,
    expected: Expected,
    now: CIRecord | None,
    targets: Mapping[str, TargetState],
    start: int,
    model: Model,
    relations: Iterable[Difference] = (),
) -> Judgement:
    """Hold one CI of the sample against what was discovered since the start (epoch ms)."""
    name = str(expected.attributes.get("name", ""))
    if now is None:
        return Judgement(ci, expected.ci_class, name, "missing")
    fresh = fresh_facets(now, targets, start)
    if not fresh:
        verdict: Verdict = "missing" if is_gone(now, targets, start) else "unseen"
        return Judgement(ci, expected.ci_class, name, verdict)
    differences = (*_differences(expected, now, fresh, model), *relations)
    seen = max(now.seen[f] for f in fresh)
    return Judgement(ci, expected.ci_class, name, "different" if differences else "right", differences, seen)


def _differences(expected: Expected, now: CIRecord, fresh: Mapping[str, Facet], model: Model) -> Iterable[Difference]:
    if now.ci_class != expected.ci_class:
        yield Difference("class", expected.ci_class, now.ci_class)
    found = model.classes.get(expected.ci_class)
    for attribute, recorded in sorted(expected.attributes.items()):
        definition = found.attributes.get(attribute) if found else None
        if definition is None or "volatile" in definition.flags:  # the name is a matter of taste: people choose it
            continue
        said = _said(fresh, attribute, now.ci_class, model)
        if said is None and attribute in now.attributes:
            continue  # what nobody went to look at is not judged
        if said != recorded:
            yield Difference(attribute, recorded, said, "controlled" in definition.flags)


def _said(fresh: Mapping[str, Facet], attribute: str, ci_class: str, model: Model) -> Value:
    """What the strongest of these facets that knows an attribute says."""
    knowing = [
        (model.precedence(source_of(name), ci_class, attribute), facet.since, name)
        for name, facet in fresh.items()
        if attribute in (facet.attributes or {})
    ]
    return (fresh[max(knowing)[2]].attributes or {})[attribute] if knowing else None
