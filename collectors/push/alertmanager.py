"""Alerts of Alertmanager's webhook (version 4): sightings of devices that are known, and of how they can be reached.

Labels name things, they do not describe them: nothing is made from an alert.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cmdb.observation import Observation, Report, Value
from collectors.push.entities import Rejected
from collectors.push.item import Context, Item, Seek, iso_ms, read_with
from collectors.push.names import address_of, host_name, is_address, word
from collectors.push.said import AlarmSaid, fingerprint_of, plain_labels, short_text

# Labels that name a device, the plainest first.
LABELS = ("host", "hostname", "nodename", "node", "device", "target", "instance")
# Alerts that say that a device itself does not answer; others speak of what runs on it.
REACHABILITY = frozenset(
    ("hostdown", "instancedown", "nodedown", "devicedown", "deviceunreachable", "hostunreachable", "icmpprobefailed")
)
CI = "ci"  # the label that names a CI itself, by an id, an identifier or a unique name
TEXTS = ("summary", "description", "message")  # annotations that say what it is about
MAX_LABELS = 200


def split(document: object) -> list[object]:
    """The alerts of a notification."""
    if isinstance(document, dict) and isinstance(document.get("alerts"), list):
        return [_with_common(a, document) for a in document["alerts"]]
    return document if isinstance(document, list) else [document]


def _with_common(alert: object, document: Mapping[str, Any]) -> object:
    """An alert with what the notification says for all of them."""
    common = document.get("commonLabels")
    if not isinstance(alert, dict) or not isinstance(common, dict):
        return alert
    own = alert.get("labels")
    return {**alert, "labels": {**common, **(own if isinstance(own, dict) else {})}}


def read_item(index: int, raw: object, context: Context) -> Item:
    """Turn one alert into a sighting of the device that its labels name; never raises."""
    return read_with(_read, index, raw, context)


def _read(item: Item, given: Mapping[str, Any], context: Context) -> None:
    labels = given.get("labels")
    if not isinstance(labels, dict) or not labels or len(labels) > MAX_LABELS:
        raise Rejected("NO_LABELS", f"labels: an object of 1 to {MAX_LABELS} labels", "labels")
    status = given.get("status", "firing")
    if status not in ("firing", "resolved"):
        raise Rejected("BAD_STATUS", f"status: firing or resolved, not {str(status)[:40]!r}", "status")
    item.ref = word(given.get("fingerprint"), 64) or ",".join(f"{k}={v}" for k, v in sorted(labels.items()))[:500]
    item.alarm = _alarm(given, labels, status == "firing", context)
    item.seek = _seek(labels)
    item.path = "alert"
    attributes: dict[str, Value] = {}
    if re.sub(r"[^a-z]", "", str(labels.get("alertname", "")).lower()) in REACHABILITY:
        attributes["reachability"] = "unreachable" if status == "firing" else "reachable"
    sighting = Observation("Endpoint", item.path, attributes, role="reported")
    # What is told now holds now, whenever it began; and an alert says one thing: what it leaves open is not gone.
    item.report = Report(context.source, item.path, context.now, (sighting,), complete=False)


def _alarm(given: Mapping[str, Any], labels: Mapping[str, Any], is_firing: bool, context: Context) -> AlarmSaid:
    kept, notes = plain_labels(labels), given.get("annotations")
    said = notes if isinstance(notes, dict) else {}
    return AlarmSaid(
        fingerprint_of(given.get("fingerprint"), *(f"{k}={v}" for k, v in kept.items())),
        word(kept.get("alertname"), 200) or "alert",
        is_firing,
        kept,
        word(kept.get("severity"), 40),
        _time(given.get("startsAt"), context),
        None if is_firing else _time(given.get("endsAt"), context),
        word(kept.get(CI), 300),
        "",
        next((text for name in TEXTS if (text := short_text(said.get(name)))), ""),
    )


def _time(value: object, context: Context) -> int | None:
    """A time; None for what is none, as the year 1 that Alertmanager writes for one that it does not know, or is ahead.

    What is told now holds now: a clock that is ahead is not worth a warning for each delivery.
    """
    at = iso_ms(value) if isinstance(value, str) else None
    return at if at is not None and 0 < at <= context.now + context.future_ms else None


def _seek(labels: Mapping[str, Any]) -> Seek:
    """The device's addresses and names: of the first label that has one."""
    for label in LABELS:
        text = labels.get(label)
        if not isinstance(text, str) or not text.strip():
            continue
        host = _host(text.strip()[:300])
        if address := address_of(host):
            return Seek(addresses=(address,), required=True)
        if not is_address(host) and (name := host_name(host)):
            return Seek(names=(name.lower(),), required=True)
    known = ", ".join(LABELS)
    raise Rejected("NO_INSTANCE", f"no label names a device outside its own machine; such labels are {known}", "labels")


def _host(text: str) -> str:
    """The host of `host:port`, `[address]:port` or a URL."""
    text = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text, flags=re.IGNORECASE).split("/", 1)[0].rpartition("@")[2]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text
