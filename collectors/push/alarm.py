"""Alarms in the form of this product: each names its CI by an id, an identifier or a unique name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.push.entities import Rejected
from collectors.push.item import Context, Item, clamped, iso_ms, read_with
from collectors.push.names import word
from collectors.push.said import AlarmSaid, fingerprint_of, plain_labels, short_text

EFFECTS = ("down", "degraded", "unreachable", "none")
FIELDS = frozenset(
    ("ci", "name", "fingerprint", "status", "effect", "severity", "startsAt", "endsAt", "labels", "text")
)
MAX_LABELS = 200
MAX_KEY = 300


def split(document: object) -> list[object]:
    """The alarms of a document: one, a list, or `{"alarms": [...]}`."""
    if isinstance(document, dict) and isinstance(document.get("alarms"), list):
        found: list[object] = document["alarms"]
        return found
    return document if isinstance(document, list) else [document]


def read_item(index: int, raw: object, context: Context) -> Item:
    """Read one alarm; never raises."""
    return read_with(_read, index, raw, context)


def _read(item: Item, given: Mapping[str, Any], context: Context) -> None:
    if unknown := min((str(name)[:40] for name in given.keys() - FIELDS), default=""):
        known = ", ".join(sorted(FIELDS))
        raise Rejected("UNKNOWN_FIELD", f"{unknown}: there is no such field; fields are {known}", unknown)
    key, name = _needed(given, "ci", MAX_KEY), _needed(given, "name", 200)
    status = given.get("status", "firing")
    if status not in ("firing", "resolved"):
        raise Rejected("BAD_STATUS", f"status: firing or resolved, not {str(status)[:40]!r}", "status")
    effect = given.get("effect") or ""
    if effect and effect not in EFFECTS:
        raise Rejected("BAD_EFFECT", f"effect: {', '.join(EFFECTS)}, not {str(effect)[:40]!r}", "effect")
    labels = given.get("labels", {})
    if not isinstance(labels, dict) or len(labels) > MAX_LABELS:
        raise Rejected("BAD_LABELS", f"labels: an object of at most {MAX_LABELS} labels", "labels")
    started, ended = (_time(given, field, item, context) for field in ("startsAt", "endsAt"))
    if started is not None and ended is not None and ended < started:
        raise Rejected("BAD_TIME", "endsAt: it ends before it starts", "endsAt")
    fingerprint = fingerprint_of(given.get("fingerprint"), key, name)
    item.ref = fingerprint
    item.alarm = AlarmSaid(
        fingerprint,
        name,
        status == "firing",
        plain_labels(labels),
        word(given.get("severity"), 40),
        started,
        ended,
        key,
        effect,
        short_text(given.get("text")),
    )


def _needed(given: Mapping[str, Any], field: str, most: int) -> str:
    value = given.get(field)
    if not isinstance(value, str) or not value.strip():
        raise Rejected("REQUIRED", f"{field}: it is missing", field)
    if len(value) > most:
        raise Rejected("TOO_LONG", f"{field}: at most {most} characters, not {len(value):,}", field)
    return value.strip()


def _time(given: Mapping[str, Any], field: str, item: Item, context: Context) -> int | None:
    value = given.get(field)
    if value is None:
        return None
    at = iso_ms(value) if isinstance(value, str) else None
    if at is None or at < 0:
        raise Rejected("BAD_TIME", f"{field}: ISO 8601 with a zone, such as 2026-11-23T14:00:00Z", field)
    return at if clamped(at, item, context, field) == at else None
