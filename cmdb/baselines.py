"""Baselines: a name for a moment and a scope, to compare with later."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.scope import Scope
from cmdb.store.protocol import GraphStore, Head, Moment, StoredRecord

KIND = "baseline"
MAX_NAME = 200
MAX_REASON = 10_000
NOW = "now"

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Baseline(msgspec.Struct, frozen=True):
    """One baseline: the moment it stands for, who took it, when (ms) and why. `state` is `taken` or `dropped`."""

    id: str
    name: str
    moment: Moment
    scope: Scope
    by: str
    taken: int
    reason: str
    state: str
    record: str = ""


class Refusal(NamedTuple):
    """Why nothing was done: the field, a code of the API, and a sentence that says what to do."""

    field: str
    code: str
    message: str


class Wanted(msgspec.Struct, frozen=True):
    """A baseline to take. `moment` None is the moment of the commit before it; `record` what it is taken for."""

    name: str
    reason: str = ""
    moment: Moment | None = None
    scope: Scope = Scope()
    record: str = ""


class Taken(NamedTuple):
    """What became of it: the baseline, or why there is none; the sequence of its commit, None if none was made."""

    baseline: Baseline | None
    refusals: tuple[Refusal, ...]
    sequence: int | None


def take_baseline(ingest: Ingest, wanted: Wanted, actor: str, dry_run: bool = False) -> Taken:
    """Name a moment: one record, whatever the size of the graph. Refusals are values, nothing is written then.

    Raises Unreachable when the store does not answer, Conflict when other writers win every time.
    """
    name = wanted.name.strip()
    refusals = [*_check_name(name), *_check_reason(wanted.reason)]
    if refusals:
        return Taken(None, tuple(refusals), None)
    made: list[PutRecord] = []

    def make(head: Head) -> ChangeSet | None:
        refusals.clear()
        if (known := _read(ingest.store, _id_of(name))) is not None:
            refusals.append(_taken_name(known))
            return None
        moment = wanted.moment or Moment(head.sequence, head.at)
        scope = msgspec.to_builtins(wanted.scope)
        body = {"sequence": moment.sequence, "at": moment.at, "scope": scope, "by": actor, "record": wanted.record}
        texts = {"reason": wanted.reason} if wanted.reason else {}
        made[:] = [PutRecord(_id_of(name), KIND, "taken", name, (), body, texts)]
        return ChangeSet(ingest.clock_ms(), list(made))

    sequence, change_set = ingest.decide(make, actor, f"take baseline {name}", dry_run)
    if change_set is None:
        return Taken(None, tuple(refusals), None)
    if dry_run:
        return Taken(_from(made[0], change_set.at), (), None)
    return Taken(_read(ingest.store, _id_of(name)), (), sequence)


def drop_baseline(ingest: Ingest, name: str, actor: str, reason: str = "") -> Baseline:
    """Put a baseline away. Its record stays, so that its name never means two moments.

    Raises NotFound where there is none, Invalid where it was dropped before or the reason is no text or too long.
    """
    if refusals := _check_reason(reason):
        raise Invalid("; ".join(r.message for r in refusals))
    known = find_baseline(ingest.store, name)

    def make(head: Head) -> ChangeSet | None:
        (stored,) = ingest.store.records(ids=[known.id])
        if stored.state != "taken":
            raise Invalid(f"the baseline {known.name!r} was dropped before")
        texts = {**stored.texts, "reason_dropped": reason} if reason else stored.texts
        dropped = PutRecord(stored.id, KIND, "dropped", stored.title, stored.about, stored.body, texts)
        return ChangeSet(ingest.clock_ms(), [dropped])

    ingest.decide(make, actor, f"drop baseline {known.name}")
    return find_baseline(ingest.store, name, dropped=True)


def list_baselines(store: GraphStore, dropped: bool = False) -> list[Baseline]:
    """All baselines, newest first; with `dropped` also those that were put away."""
    states = () if dropped else ("taken",)
    found = [_from(r, r.at) for r in store.records(kinds=[KIND], states=states)]
    return sorted(found, key=lambda b: (-b.taken, b.name))


def read_baselines(store: GraphStore, ids: Sequence[str]) -> list[Baseline]:
    """The baselines with these ids, in the order asked; dropped ones and unknown ids are left out."""
    found = [_from(r, r.at) for r in store.records(ids=ids) if r.kind == KIND] if ids else []
    return [b for b in found if b.state == "taken"]


def find_baseline(store: GraphStore, name: str, dropped: bool = False) -> Baseline:
    """The baseline of this name or id. Raises NotFound where there is none, or where it was put away."""
    found = _read(store, name) if name.startswith(f"{KIND}-") else None
    found = found or _read(store, _id_of(name.strip()))
    if found is None:
        raise NotFound(f"there is no baseline {name[:80]!r}; `cmdb baseline list` lists them")
    if found.state != "taken" and not dropped:
        raise NotFound(f"the baseline {found.name!r} was dropped")
    return found


class Point(NamedTuple):
    """A moment that was named in some way, and the scope that came with its name."""

    moment: Moment
    scope: Scope
    name: str


def find_point(store: GraphStore, text: str) -> Point:
    """The moment that a text means: `now`, a sequence, a time in ISO 8601 with a zone, or the name of a baseline.

    Raises NotFound or Invalid, and says what can be written.
    """
    text = text.strip()
    if text.lower() == NOW:
        head = store.head()
        return Point(Moment(head.sequence, head.at), Scope(), NOW)
    if text.isascii() and text.isdigit():
        return Point(store.moment(sequence=int(text[:18])), Scope(), f"sequence {text}")
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        try:
            found = find_baseline(store, text)
        except NotFound as error:
            raise NotFound(
                f"{error}. A moment is `now`, a sequence number, a time such as 2026-11-23T14:00:00Z, or a baseline"
            ) from error
        return Point(found.moment, found.scope, f"baseline {found.name}")
    if time.tzinfo is None:
        raise Invalid(f"{text!r} has no time zone: write UTC with Z, for example 2026-11-23T14:00:00Z")
    ms = (time - _EPOCH) // datetime.timedelta(milliseconds=1)
    if ms < 0:
        raise Invalid(f"{text!r} is before 1970")
    return Point(store.moment(at=ms), Scope(), text)


def _check_name(name: str) -> list[Refusal]:
    if not name:
        return [Refusal("name", "REQUIRED", "a baseline needs a name")]
    if len(name) > MAX_NAME:
        return [Refusal("name", "INVALID", f"a name has at most {MAX_NAME} characters, not {len(name)}")]
    if re.search(r"[\x00-\x1f\x7f]", name):
        return [Refusal("name", "INVALID", "a name has no control characters")]
    if name.lower() == NOW or name.isdigit() or name.startswith(f"{KIND}-") or _is_time(name):
        return [Refusal("name", "INVALID", f"{name!r} would read as a moment itself: choose a name that is none")]
    return []


def _check_reason(reason: str) -> list[Refusal]:
    if reason and not reason.strip():
        return [Refusal("reason", "REQUIRED", "say why, or leave the reason out")]
    if len(reason) > MAX_REASON:
        return [Refusal("reason", "TOO_MANY", f"a reason has at most {MAX_REASON:,} characters, not {len(reason):,}")]
    return []


def _is_time(text: str) -> bool:
    parse: Callable[[str], Any] = datetime.datetime.fromisoformat
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _taken_name(known: Baseline) -> Refusal:
    at = (_EPOCH + datetime.timedelta(milliseconds=known.taken)).strftime("%Y-%m-%d %H:%M UTC")
    note = "" if known.state == "taken" else " and was dropped; a name is never used again"
    return Refusal("name", "TAKEN", f"there is a baseline {known.name!r}: {known.by} took it at {at}{note}")


def _id_of(name: str) -> str:
    """The id of a baseline follows from its name, so that one look-up tells whether there is one."""
    return f"{KIND}-{hashlib.blake2b(name.casefold().encode(), digest_size=12).hexdigest()}"


def _read(store: GraphStore, id_: str) -> Baseline | None:
    found = [r for r in store.records(ids=[id_]) if r.kind == KIND]
    return _from(found[0], found[0].at) if found else None


def _from(record: PutRecord | StoredRecord, taken: int) -> Baseline:
    body = record.body
    return Baseline(
        record.id,
        record.title,
        Moment(body["sequence"], body["at"]),
        msgspec.convert(body["scope"], Scope),
        body["by"],
        taken,
        record.texts.get("reason", ""),
        record.state,
        body.get("record", ""),
    )
