"""Writes of service records: what an input asks of the services, for one commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cmdb.errors import NotFound, Refused
from cmdb.impact.work import Window
from cmdb.ingest import Ingest
from cmdb.service.changes import ChangeRequest, Changes
from cmdb.service.edits import Drawn, OneEdit
from cmdb.service.guards import Guard, guards_of
from cmdb.service.incidents import Incidents, Revision, Told
from cmdb.service.known_errors import KnownErrorRequest, KnownErrors, Pattern, pattern_of
from cmdb.service.lifecycle import CHANGE, INCIDENT, KNOWN_ERROR, RELEASE, STEPS, WORDS, number_of, record_named
from cmdb.service.releases import ReleaseRequest, Releases
from cmdb.service.statements import Statements
from cmdb.service.versions import Fact
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.context import Reading
from cmdb_graphql.plan_types import WindowInput
from cmdb_graphql.record_inputs import RecordCiInput, SaveRecordInput, TransitionInput

KINDS = (INCIDENT, KNOWN_ERROR, CHANGE, RELEASE)  # that can be written here, and the members of `details`
MOST_CIS, MOST_WAIVERS = 1_000, 20
DEFAULTS = {INCIDENT: "DOWN", CHANGE: "MAINTENANCE", RELEASE: "RELEASE", KNOWN_ERROR: ""}
ALLOWED = {INCIDENT: ("DOWN", "DEGRADED"), RELEASE: ("RELEASE",), KNOWN_ERROR: ()}


class Written:
    """What came of a write: the record after it (None: a new one that was only drawn), and the sequence."""

    def __init__(self, edit: OneEdit, record: StoredRecord | None) -> None:
        self.record, self.sequence = record, edit.sequence


def save_record(reading: Reading, ingest: Ingest, given: SaveRecordInput) -> Written:
    """Create or edit a record as the input says. Raises Refused, and what the services raise."""
    _check_numbers(given)
    known = _known(reading, given)
    kind, details = _kind(known, given)
    expected = given.expected_version if isinstance(given.expected_version, int) else None
    if known is not None and expected is None:
        expected = known.revision  # what is written rests on what was just read
    edit = OneEdit(ingest, known.id if known else "", expected, given.dry_run)
    return _tried(edit, lambda: _savers[kind](reading, edit, given, details, known))


def _tried(edit: OneEdit, write: Callable[[], StoredRecord]) -> Written:
    try:
        return Written(edit, write())
    except Drawn:
        return Written(edit, edit.drawn())


def _check_numbers(given: SaveRecordInput) -> None:
    for name, said in (("addCis", given.add_cis), ("removeCis", given.remove_cis)):
        if len(said) > MOST_CIS:
            raise Refused("TOO_MANY", name, f"at most {MOST_CIS:,} CIs at once, not {len(said):,}")
    for name in ("title", "description", "assignee"):
        if getattr(given, name) is None:
            raise Refused("INVALID", name, f"the {name} can't be cleared; give another one")


def _known(reading: Reading, given: SaveRecordInput) -> StoredRecord | None:
    if not isinstance(given.id, str):
        return None
    found = record_named(reading.store, str(given.id), STEPS)
    if found is None:
        raise Refused("NOT_FOUND", "id", f"there is no record with the id or number {str(given.id)[:80]!r}")
    if found.kind not in KINDS:
        raise Refused("INVALID", "id", f"{number_of(found)} is not written here; use the command line")
    return found


def _kind(known: StoredRecord | None, given: SaveRecordInput) -> tuple[str, Any]:
    """The kind of record, and its own fields."""
    said = [(kind, value) for kind in KINDS if (value := getattr(given.details or None, kind, None))]
    if known is None:
        if not said:
            raise Refused("REQUIRED", "details", "a new record needs details: their member says the type")
        if isinstance(given.expected_version, int):
            raise Refused("VERSION_CONFLICT", "expectedVersion", "there is no such record yet, so it has no version")
        return said[0]
    if said and said[0][0] != known.kind:
        raise Refused("INVALID", "details", f"{number_of(known)} is no {WORDS[said[0][0]]} but a {WORDS[known.kind]}")
    return known.kind, said[0][1] if said else None


def _effects(kind: str, given: Sequence[RecordCiInput]) -> dict[str, str]:
    """CIs -> what happens to them; other roles than that of the subject are an incident's cause only."""
    found: dict[str, str] = {}
    for n, one in enumerate(given):
        role = str(one.role)
        if role == "CAUSE" and kind == INCIDENT:
            continue
        if role != "SUBJECT":
            raise Refused("INVALID", f"addCis.{n}.role", f"a {WORDS[kind]} keeps no CI in the role {role}")
        effect = str(one.effect) if isinstance(one.effect, str) else DEFAULTS[kind]
        if effect and effect not in ALLOWED.get(kind, (effect,)):
            raise Refused("INVALID", f"addCis.{n}.effect", f"{effect} can't happen in a {WORDS[kind]}")
        if found.get(str(one.ci), effect) != effect:
            text = f"it is said twice of {str(one.ci)[:80]}, and differently, what happens to it; say it once"
            raise Refused("INVALID", f"addCis.{n}.effect", text)
        found[str(one.ci)] = effect
    return found


def _incident(
    reading: Reading, edit: OneEdit, given: SaveRecordInput, details: Any, known: StoredRecord | None
) -> StoredRecord:
    effects: dict[str, Any] = {ci: effect.lower() for ci, effect in _effects(INCIDENT, given.add_cis).items()}
    cause = next((str(one.ci) for one in given.add_cis if str(one.role) == "CAUSE"), None)
    started, priority, major, urgency = (
        getattr(details, name, None) for name in ("started_at", "priority", "major", "urgency")
    )
    if known is None:
        if cause is not None or isinstance(priority, int) or isinstance(major, bool):
            raise Refused("INVALID", "details", "cause, priority and major are set once the incident is there")
        told = Told(
            _text(given.title),
            effects,
            urgency=urgency if isinstance(urgency, int) else 1,
            channel="portal",
            description=_text(given.description),
            assignee=_text(given.assignee),
            started=started if isinstance(started, int) else None,
        )
        return Incidents(edit).open(told, reading.topology, reading.actor, _text(given.reason))
    if isinstance(started, int) or isinstance(urgency, int):
        raise Refused("INVALID", "details", "when it began and the urgency are said when an incident is recorded")
    if cause is not None and not reading.store.cis([cause]):
        raise Refused("NOT_FOUND", "addCis", f"there is no CI with the id {cause[:80]!r}")
    is_cleared = details is not None and priority is None
    revision = Revision(
        _text(given.title),
        _text(given.description),
        _text(given.assignee) or None,
        0 if is_cleared else priority if isinstance(priority, int) else None,
        major if isinstance(major, bool) else None,
        cause,
        effects,
        [str(ci) for ci in given.remove_cis],
    )
    return Incidents(edit).revise(known.id, revision, reading.topology, reading.actor, _text(given.reason))


def _change(
    reading: Reading, edit: OneEdit, given: SaveRecordInput, details: Any, known: StoredRecord | None
) -> StoredRecord:
    _no_assignee(given)
    before = {item["ci"]: item["effect"] for item in known.body["items"]} if known else {}
    items = _merged(before, _effects(CHANGE, given.add_cis), given.remove_cis)
    asked = ChangeRequest(
        _text(given.title),
        tuple(items.items()) if items != before else (),
        _window(details),
        _said(details, "category"),
        _text(given.description),
        _said(details, "backout"),
        _said(details, "risk"),
    )
    changes, reason = Changes(edit), _text(given.reason)
    if known is None:
        return changes.create(asked, reading.actor, reason)
    return changes.edit(known.id, asked, reading.actor, reason)


def _release(
    reading: Reading, edit: OneEdit, given: SaveRecordInput, details: Any, known: StoredRecord | None
) -> StoredRecord:
    _no_assignee(given)
    before = dict.fromkeys(known.about, "RELEASE") if known else {}
    cis = _merged(before, _effects(RELEASE, given.add_cis), given.remove_cis)
    asked = ReleaseRequest(
        _text(given.title),
        tuple(cis) if cis != before else (),
        _said(details, "version_name"),
        _window(details),
        _text(given.description),
        _facts(details, "contents"),
        _facts(details, "tested"),
        _said(details, "baseline"),
    )
    releases, reason = Releases(edit), _text(given.reason)
    if known is None:
        return releases.create(asked, reading.actor, reason)
    return releases.edit(known.id, asked, reading.actor, reason)


def _known_error(
    reading: Reading, edit: OneEdit, given: SaveRecordInput, details: Any, known: StoredRecord | None
) -> StoredRecord:
    _no_assignee(given)
    if isinstance(given.description, str):
        raise Refused("INVALID", "description", "a known error has a symptom instead; say it in details")
    before = dict.fromkeys(known.about, "") if known else {}
    cis = _merged(before, _effects(KNOWN_ERROR, given.add_cis), given.remove_cis)
    was = pattern_of(known) if known else Pattern()
    versions = getattr(details, "versions", None)
    pattern = Pattern(
        _said(details, "match_class") or was.ci_class,
        _said(details, "vendor") or was.vendor,
        _said(details, "model") or was.model,
        tuple(map(str, versions)) if isinstance(versions, list) else was.versions,
    )
    asked = KnownErrorRequest(
        _text(given.title),
        tuple(cis) if cis != before else (),
        pattern if pattern != was else None,
        *(_said(details, name) for name in ("symptom", "workaround", "fix")),
    )
    errors, reason = KnownErrors(edit), _text(given.reason)
    if known is None:
        return errors.create(asked, reading.actor, reason)
    return errors.edit(known.id, asked, reading.actor, reason)


_savers: dict[str, Any] = {INCIDENT: _incident, CHANGE: _change, RELEASE: _release, KNOWN_ERROR: _known_error}


def _merged(before: dict[str, str], added: dict[str, str], removed: Sequence[str]) -> dict[str, str]:
    """The CIs of a record after some were added and some removed. Raises Refused where none would be left."""
    gone = [str(ci) for ci in removed]
    if unknown := [ci for ci in gone if ci not in before]:
        raise Refused("NOT_FOUND", "removeCis", f"the record has no CI {unknown[0][:80]!r}")
    if both := [ci for ci in gone if ci in added]:
        raise Refused("INVALID", "removeCis", f"{both[0][:80]!r} is to be added and to be removed; say one of them")
    left = {ci: effect for ci, effect in before.items() if ci not in gone} | added
    if before and not left:
        raise Refused("INVALID", "removeCis", "a record is about at least one CI; add another one first")
    return left


def _no_assignee(given: SaveRecordInput) -> None:
    if isinstance(given.assignee, str):
        raise Refused("INVALID", "assignee", "only incidents are assigned here")


def _window(details: Any) -> Window | None:
    window = getattr(details, "window", None)
    return Window(window.start, window.end) if isinstance(window, WindowInput) else None


def _facts(details: Any, name: str) -> tuple[Fact, ...]:
    listed = getattr(details, name, None)
    return tuple(Fact(fact.what, fact.version) for fact in listed) if isinstance(listed, list) else ()


def _said(details: Any, name: str) -> str:
    return _text(getattr(details, name, None))


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else ""


# ---- steps


def step_record(reading: Reading, ingest: Ingest, given: TransitionInput) -> tuple[Callable[[], Written], list[Guard]]:
    """What takes a record a step on, and the guards of that step. Raises Refused, NotFound."""
    record = record_named(reading.store, str(given.record), STEPS)
    if record is None:
        raise NotFound(f"there is no record with the id or number {str(given.record)[:80]!r}")
    to = str(given.to)
    guards = guards_of(reading.store, record, to)
    if len(given.waive) > MOST_WAIVERS:
        raise Refused("TOO_MANY", "waive", f"at most {MOST_WAIVERS} guards, not {len(given.waive)}")
    edit = OneEdit(ingest, record.id, given.expected_version, given.dry_run)
    return lambda: _tried(edit, lambda: _step(reading, edit, record, to, given)), sorted(guards, key=lambda g: g.holds)


def _step(reading: Reading, edit: OneEdit, record: StoredRecord, to: str, given: TransitionInput) -> StoredRecord:
    if record.kind not in KINDS:
        raise Refused("INVALID", "record", f"{number_of(record)} is not stepped here; use the command line")
    if given.waive:
        raise Refused("NOT_ALLOWED", "waive.0.guard", f"{given.waive[0].guard[:80]!r} can't be waived")
    is_again = record.kind == CHANGE and to == "assess" and record.state in ("assess", "approved", "scheduled")
    if to not in STEPS[record.kind].get(record.state, ()) and not is_again:
        onward = " or ".join(STEPS[record.kind].get(record.state, ())) or "nothing"
        text = f"{number_of(record)} is {record.state}; from there it may go to {onward}, not to {to}"
        raise Refused("WRONG_STATE", "to", text)
    actor, reason = reading.actor, _text(given.reason)
    if record.kind == INCIDENT:
        told = str(record.body.get("assignee", ""))
        if to == "assigned" and not told:
            text = f"{number_of(record)} is assigned to nobody yet; say to whom with `assignee` of saveRecord first"
            raise Refused("WRONG_STATE", "to", text)
        return Incidents(edit).move(record.id, to, actor, reason, reason, None, told)
    if record.kind == CHANGE and to == "assess":
        return Statements(edit, reading.topology).assess(record.id, actor, reason)
    if record.kind == CHANGE:
        return Changes(edit).step(record.id, to, actor, reason)
    if record.kind == RELEASE:
        return Releases(edit).step(record.id, to, actor, reason)
    return KnownErrors(edit).step(record.id, to, actor, reason)
