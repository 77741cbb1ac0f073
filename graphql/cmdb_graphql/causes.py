"""The question for causes: alarms resolved, bounds checked, ranked on the topology, references made readable."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb.impact.causes import MOST_ALARMS, MOST_CANDIDATES, MOST_SHARE, Candidate, Check, find_causes
from cmdb.impact.causes import RootCause as Ranked
from cmdb.service.alarm_records import as_asked, firing_alarms
from cmdb.service.alarm_rules import NAME
from cmdb.service.alarms import AlarmFinding as Finding
from cmdb.service.alarms import AskedAlarm, resolve_alarms
from cmdb_graphql.cause_types import (
    AlarmFinding,
    AlarmInput,
    RootCause,
    RootCauseCandidate,
    RootCauseCheck,
    RootCauseInput,
)
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.directives import Cost
from cmdb_graphql.errors import BadInput
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.records import known_error_fits
from cmdb_graphql.selection import Selection, asked

MOST_NAMED, MOST_FINDINGS = 20, 100
_LISTS = ("roots", "unexplained", "silent", "contained")


@strawberry.type
class CauseQuery:
    """The part of the query type that is about causes."""

    @strawberry.field(
        description="Which failures explain these alarms best. Bounded in time; `complete` says whether that sufficed.",
        directives=[Cost(weight="5000")],
    )
    def root_cause(
        self, info: Info, input: Annotated[RootCauseInput, strawberry.argument(description="The alarms.")]
    ) -> RootCause:
        return rank(info.context, input, asked(info._raw_info))


def rank(reading: Reading, given: RootCauseInput, selection: Selection) -> RootCause:
    """Rank the causes of alarms at the sequence of the whole answer, or after the commit that is asked for."""
    if not 1 <= given.first <= MOST_CANDIDATES:
        raise BadInput("input.first", f"input.first: from 1 to {MOST_CANDIDATES}, not {given.first:,}")
    for name, share in (("missing", given.missing), ("false", given.false)):
        if not 0 <= share <= MOST_SHARE:
            raise BadInput(f"input.{name}", f"input.{name}: a share of 0 to {MOST_SHARE}, not {share:g}")
    if not (0 if given.firing else 1) <= len(given.alarms) <= MOST_ALARMS:
        raise BadInput("input.alarms", f"input.alarms: 1 to {MOST_ALARMS:,} of them, not {len(given.alarms):,}")
    wanted = [_asked(reading, n, alarm) for n, alarm in enumerate(given.alarms)]
    if given.firing:
        wanted += _firing(reading, given)
    reading = reading.as_of(None, given.sequence if isinstance(given.sequence, int) else None, "input.")
    topology = reading.topology
    resolved = resolve_alarms(topology, reading.graph, wanted)
    reading.check_time()
    if resolved.alarms:
        answer = find_causes(topology, resolved.alarms, given.missing, given.false, given.first)
    else:  # nothing of it can be judged: no error, for the findings say why
        answer = Ranked(topology.sequence, topology.at, topology.policy.version, 0, (), (), True)
    reading.at(answer.sequence)
    return _row(reading, answer, resolved.findings, selection)


def _firing(reading: Reading, given: RootCauseInput) -> list[AskedAlarm]:
    if isinstance(given.sequence, int):
        raise BadInput("input.firing", "input.firing: what fires now is not judged as it was; leave sequence out")
    found = as_asked(reading.store, firing_alarms(reading.store))
    most = MOST_ALARMS - len(given.alarms)
    if len(found) > most:
        raise BadInput(
            "input.firing", f"input.firing: {len(found):,} alarms fire; at most {most:,} more fit one answer"
        )
    return found


def _asked(reading: Reading, n: int, alarm: AlarmInput) -> AskedAlarm:
    if isinstance(alarm.ci, str) == isinstance(alarm.key, str):
        raise BadInput(f"input.alarms[{n}]", f"input.alarms[{n}]: give exactly one of ci and key")
    key = str(alarm.ci) if isinstance(alarm.ci, str) else str(alarm.key)
    if not isinstance(alarm.effect, str) and isinstance(alarm.name, str):
        rule = reading.estate.alarm_rules.rule({NAME: alarm.name})
        return AskedAlarm(key, rule.effect, rule.part is not None)
    return AskedAlarm(key, str(alarm.effect or "UNREACHABLE"))  # type: ignore[arg-type]  # the enum has these values


def _row(reading: Reading, answer: Ranked, findings: tuple[Finding, ...], selection: Selection) -> RootCause:
    candidates = [_candidate(candidate) for candidate in answer.candidates]
    for name in _LISTS:
        refs = [ref.id for row in candidates for ref in row.__dict__[name]]
        fill_refs(reading, refs, selection.below("candidates", name))
    fill_refs(reading, [check.ci.id for check in answer.checks], selection.below("checks", "ci"))
    if "knownErrors" in selection.below("candidates"):
        _fill_known_errors(reading, candidates, selection.below("candidates", "knownErrors"))
    row: RootCause = make(
        RootCause,
        sequence=answer.sequence,
        as_of=answer.as_of,
        policy_version=answer.policy_version,
        alarms=answer.alarms,
        candidates=candidates,
        checks=[_check(check) for check in answer.checks],
        complete=answer.complete,
        unresolved=[f.key for f in findings if f.kind != "RETIRED"][:MOST_FINDINGS],
        findings=[make(AlarmFinding, key=f.key, kind=f.kind, text=f.text) for f in findings[:MOST_FINDINGS]],
    )
    return row


def _fill_known_errors(reading: Reading, candidates: list[Any], selection: Selection) -> None:
    roots = [[root.id for root in candidate.__dict__["roots"]] for candidate in candidates]
    fits = known_error_fits(reading, [ci for cis in roots for ci in cis], selection)
    for candidate, cis in zip(candidates, roots, strict=True):
        candidate.__dict__["known_errors"] = [fit for ci in cis for fit in fits.get(ci, ())][:MOST_NAMED]


def _candidate(found: Candidate) -> Any:
    lists = {name: list(getattr(found, name)[:MOST_NAMED]) for name in _LISTS}
    counts = {"unexplained_count": len(found.unexplained), "silent_count": len(found.silent)}
    return make(
        RootCauseCandidate, score=found.score, explained=len(found.explained), known_errors=[], **lists, **counts
    )


def _check(check: Check) -> Any:
    return make(RootCauseCheck, ci=check.ci, fails_in=list(check.fails_in))
