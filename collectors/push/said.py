"""What senders say of alarms: read into one form, whoever sent it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.push.names import word

MAX_LABEL, MAX_TEXT = 300, 2_000  # characters that are kept


@dataclass(frozen=True)
class AlarmSaid:
    """An alarm as its sender tells of it. Times are epoch ms, None: not told.

    `fingerprint` is how the sender knows it again. `key` names the CI itself, where the sender does: an id, an
    identifier or a unique name. `effect` is empty where the mapping rules are to say it.
    """

    fingerprint: str
    name: str
    is_firing: bool
    labels: Mapping[str, str]
    severity: str = ""
    started: int | None = None
    ended: int | None = None
    key: str = ""
    effect: str = ""
    text: str = ""


def plain_labels(labels: Mapping[str, Any]) -> dict[str, str]:
    """Labels as texts of a bounded size, sorted by name."""
    return {str(k)[:MAX_LABEL]: str(v)[:MAX_LABEL] for k, v in sorted(labels.items(), key=lambda pair: str(pair[0]))}


def fingerprint_of(given: object, *parts: str) -> str:
    """The fingerprint that the sender gave, else one of what tells this alarm from others."""
    return word(given, 64) or hashlib.blake2b("\x00".join(parts).encode(), digest_size=12).hexdigest()


def short_text(value: object) -> str:
    """What is said at length, cut."""
    return value.strip()[:MAX_TEXT] if isinstance(value, str) else ""
