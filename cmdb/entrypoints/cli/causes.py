"""`cmdb incident causes`"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.moments import AsOfTime, AtSequence, asked_moment
from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import naming, print_rows, print_value, say
from cmdb.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cmdb.impact.causes import RootCause
    from cmdb.service.alarms import AlarmFinding, AskedAlarm
    from cmdb.service.known_errors import Known
    from cmdb.store.protocol import CIRef

CAUSE_COLUMNS = ("rank", "roots", "score", "explained", "unexplained", "silent", "contained")
CHECK_COLUMNS = ("check", "failed", "works")
NAMES = 5  # CIs that a cell of a table names
Down = Annotated[
    list[str] | None, typer.Option("--down", help="An alarm that says that this CI does not work; may be repeated.")
]
Degraded = Annotated[
    list[str] | None, typer.Option("--degraded", help="An alarm that says that this CI works badly; may be repeated.")
]
Missing = Annotated[float, typer.Option(help="Share of alarms that may be missing, 0 to 0.5.")]
FalseShare = Annotated[float, typer.Option("--false", help="Share of alarms that may be false, 0 to 0.5.")]
Firing = Annotated[bool, typer.Option("--firing", help="The alarms that came in and fire now.")]
First = Annotated[int, typer.Option(help="Explanations to show, 1 to 10.")]


def causes(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="CIs that do not answer: ids, identifiers or unique names.", show_default=False),
    ] = None,
    down: Down = None,
    degraded: Degraded = None,
    alerts: Annotated[
        Path | None,
        typer.Option(help="Alerts as Alertmanager's webhook or API has them: a file of JSON.", show_default=False),
    ] = None,
    firing: Firing = False,
    missing: Missing = 0.1,
    false: FalseShare = 0.05,
    first: First = 3,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Rank what may have caused some alarms; `cmdb impact` of the roots is the proof.

    Alarms that name no CI are told of on standard error, and the others are judged without them.
    """
    from cmdb.entrypoints.alerts import asked_of
    from cmdb.entrypoints.wiring import alarm_rules_of, wired
    from cmdb.impact.causes import find_causes
    from cmdb.service.alarm_records import as_asked, firing_alarms
    from cmdb.service.alarms import resolve_alarms
    from cmdb.service.known_errors import known_errors_on
    from cmdb.store.as_of import AsOf

    document = _document(alerts) if alerts else None
    asked = _asked(keys, down, degraded, alerts is not None or firing)
    if firing and (as_of or sequence is not None):
        raise UsageError("--firing is about what fires now: leave --as-of and --sequence out")
    strange: list[AlarmFinding] = []
    with wired(settings(data_dir, store_uri)) as parts:
        moment = asked_moment(parts.store, as_of, sequence)
        topology = parts.topology_at(moment)
        if alerts is not None:
            told, strange = asked_of(document, parts.store, parts.model, alarm_rules_of(parts.settings))
            asked += told
        if firing:
            asked += as_asked(parts.store, firing_alarms(parts.store))
        resolved = resolve_alarms(topology, AsOf(parts.store, moment.at if moment else None), asked)
        findings = (*strange, *resolved.findings)
        for finding in findings:
            say(f"finding: {finding.kind}: {finding.text}")
        if not asked and not strange:
            raise NotFound("no alarm fires: there is nothing to explain")
        if not resolved.alarms:
            raise NotFound("none of the alarms names a CI that could fail")
        answer = find_causes(topology, resolved.alarms, missing, false, first)
        roots = [root.id for candidate in answer.candidates for root in candidate.roots]
        known = known_errors_on(parts.store, parts.model, roots)
    show_causes(answer, findings, output, known, naming(topology, output))


def _document(file: Path) -> object:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no JSON: save what Alertmanager sends as it is") from error


def _asked(
    keys: list[str] | None, down: list[str] | None, degraded: list[str] | None, has_more: bool
) -> list[AskedAlarm]:
    from cmdb.service.alarms import AskedAlarm

    asked = [AskedAlarm(key) for key in keys or ()]
    asked += [AskedAlarm(key, "DOWN") for key in down or ()]
    asked += [AskedAlarm(key, "DEGRADED") for key in degraded or ()]
    if not asked and not has_more:
        raise UsageError("no alarms: name a CI, or use --down, --degraded, --alerts or --firing")
    return asked


def show_causes(
    answer: RootCause,
    findings: tuple[AlarmFinding, ...],
    output: Format,
    known: Mapping[str, list[Known]],
    title: Callable[[CIRef], str],
) -> None:
    """Print a ranking: as tables for people, in which `title` names the CIs, else as the API has it."""
    if output in (Format.json, Format.yaml):
        print_value(_as_json(answer, findings, known), output)
        return
    rows = [
        {
            "rank": n,
            "roots": list(map(title, found.roots)),
            "score": round(found.score, 1),
            "explained": f"{len(found.explained)} of {answer.alarms}",
            "unexplained": _few(list(map(title, found.unexplained))),
            "silent": _few(list(map(title, found.silent))),
            "contained": _few(list(map(title, found.contained))),
        }
        for n, found in enumerate(answer.candidates, 1)
    ]
    print_rows(rows, CAUSE_COLUMNS, output)
    if output is Format.table and answer.checks:
        every = range(1, len(answer.candidates) + 1)
        checks = [
            {"check": title(c.ci), "failed": c.fails_in, "works": [n for n in every if n not in c.fails_in]}
            for c in answer.checks
        ]
        print()
        print_rows(
            [{**row, "failed": _ranks(row["failed"]), "works": _ranks(row["works"])} for row in checks],
            CHECK_COLUMNS,
            output,
        )
    for root in {root.id: root for found in answer.candidates for root in found.roots}.values():
        for error in known.get(root.id, ()):
            say(f"known error: {_told(root.name, error)}")
    if not answer.candidates:
        say("nothing explains these alarms better than that all of them are false")
    if not answer.complete:
        say("the search ran into its limit: there may be better explanations")


def _told(name: str, known: Known) -> str:
    from cmdb.service.lifecycle import number_of

    helps = known.record.texts.get("workaround")
    fits = "" if known.by == "ci" else " (its model)"
    return f"{number_of(known.record)} on {name}{fits}: {known.record.title}{f'; {helps}' if helps else ''}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")


def _plain(known: Known) -> dict[str, Any]:
    from cmdb.service.lifecycle import number_of

    record = known.record
    named = {"id": record.id, "number": number_of(record), "title": record.title, "ci": known.ci, "by": known.by}
    return named | {"workaround": record.texts.get("workaround")}


def _ranks(numbers: Any) -> str:
    return "then " + " or ".join(map(str, numbers))


def _as_json(answer: RootCause, findings: tuple[AlarmFinding, ...], known: Mapping[str, list[Known]]) -> dict[str, Any]:
    """The answer with the names of the API; its lists are not cut."""
    import msgspec

    from cmdb.entrypoints.cli.impact import with_api_names

    plain: dict[str, Any] = msgspec.to_builtins(answer)
    for candidate in plain["candidates"]:
        counts = {f"{name}_count": len(candidate[name]) for name in ("unexplained", "silent")}
        errors = [_plain(one) for root in candidate["roots"] for one in known.get(root["id"], ())]
        candidate.update(counts, explained=len(candidate["explained"]), known_errors=errors)
    built: dict[str, Any] = with_api_names(plain)
    built["findings"] = [msgspec.to_builtins(finding) for finding in findings]
    built["unresolved"] = [finding.key for finding in findings if finding.kind != "RETIRED"]
    return built
