"""One pushed item on its way to a report: what every adapter starts from and gives back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from cmdb.model.registry import Model
from cmdb.observation import Identifier, Report
from collectors.push.entities import Note, Rejected
from collectors.push.said import AlarmSaid

MAX_TIME_MS = 2**53
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Context:
    """What an adapter may know: who speaks, the time (epoch ms), how far ahead clocks may be, and the model.

    `host` is the machine that a payload is about, where the payload itself does not say.
    """

    source: str
    now: int
    future_ms: int
    model: Model
    host: str = ""


class Place(NamedTuple):
    """A known device that an item may be about: its id, an identifier of it, whether that is strong, its class."""

    ci: str
    key: str
    strong: bool
    ci_class: str


@dataclass(frozen=True)
class Seek:
    """By which addresses and host names (lower case) the store is asked for the device that an item is about.

    Where `required`, an item whose device is not known is nobody's; else the device is new.
    """

    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    required: bool = False


@dataclass
class Item:
    """One pushed item: its report, or why there is none. `path` names its own observation in the report.

    `held` says why nobody knows what the item is about, though it makes sense: a person has to look at it. `alarm` is
    kept all the same.
    """

    index: int
    report: Report | None = None
    path: str = ""
    rejected: Note | None = None
    ignored: Note | None = None
    held: Note | None = None
    warnings: list[Note] = field(default_factory=list)
    seek: Seek | None = None
    ref: str = ""  # how the sender calls the item
    alarm: AlarmSaid | None = None  # what it says besides, or instead, as an alarm


Read = Callable[[Item, Mapping[str, object], Context], None]


def read_with(read: Read, index: int, raw: object, context: Context) -> Item:
    """Run the reader of an adapter on one item; what it rejects becomes the item's note. Never raises."""
    item = Item(index)
    try:
        if not isinstance(raw, dict):
            raise Rejected("NOT_AN_OBJECT", f"the item: a JSON object, not {type(raw).__name__}", "")
        read(item, raw, context)
    except Rejected as rejected:
        item.report, item.rejected = None, rejected.note
    return item


def placed(item: Item, places: Sequence[Place]) -> None:
    """Tie an item to the device that was found for it; none where one is required, or several, hold it."""
    if item.report is None or item.seek is None:
        return
    asked = ", ".join((*item.seek.names, *item.seek.addresses))[:200]
    if len(places) > 1:
        item.held = Note("AMBIGUOUS", f"{asked}: {len(places)} devices are known by it", "")
    elif not places and item.seek.required:
        item.held = Note("UNKNOWN_INSTANCE", f"{asked}: no device is known by it", "")
    elif places:
        item.report, item.path = _tied(item, places[0])
    if item.held is not None:
        item.report = None


def _tied(item: Item, place: Place) -> tuple[Report, str]:
    report = item.report
    assert report is not None  # noqa: S101 - asked by the caller
    assert item.seek is not None  # noqa: S101 - asked by the caller
    seen = []
    for observation in report.observations:
        if observation.key != item.path or observation.parent is not None:
            seen.append(observation)
        elif item.seek.required:
            known = (Identifier(place.key, place.strong),)
            seen.append(msgspec.structs.replace(observation, ci_class=place.ci_class, key=place.key, identifiers=known))
        else:
            also = (*observation.identifiers, Identifier(place.key, strong=False))
            seen.append(msgspec.structs.replace(observation, identifiers=also))
    if not item.seek.required:
        return msgspec.structs.replace(report, observations=tuple(seen)), item.path
    return msgspec.structs.replace(report, target=place.key, observations=tuple(seen)), place.key


def clamped(at: int, item: Item, context: Context, where: str) -> int:
    """A time that is not too far in the future; one that is counts as now, with a warning."""
    if at > context.now + context.future_ms:
        item.warnings.append(Note("CLAMPED", f"{where}: it lies in the future; taken as now", where))
        return context.now
    return at


def iso_ms(text: str) -> int | None:
    """ISO 8601 with a zone as epoch milliseconds; None for anything else."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // datetime.timedelta(milliseconds=1)
