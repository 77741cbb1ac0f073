"""Alerts as alarms to explain: which CI each is about, and what it says of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmdb.entrypoints.places import Places
from cmdb.errors import LimitExceeded
from cmdb.impact.causes import MOST_ALARMS
from cmdb.model.registry import Model
from cmdb.service.alarm_rules import AlarmRules
from cmdb.service.alarms import SHOWN, AlarmFinding, AskedAlarm
from cmdb.store.protocol import GraphStore
from collectors.push.alertmanager import read_item, split
from collectors.push.item import Context, Item


def asked_of(
    document: object, store: GraphStore, model: Model, rules: AlarmRules
) -> tuple[list[AskedAlarm], list[AlarmFinding]]:
    """The firing alerts of Alertmanager's webhook or of its API, as alarms by CI id; findings for those of nobody.

    Devices are found as they are for what is pushed, in a few queries. Raises LimitExceeded.
    """
    alerts = split(document)
    if len(alerts) > MOST_ALARMS:
        raise LimitExceeded(f"{len(alerts):,} alerts; at most {MOST_ALARMS:,} fit one question")
    context = Context("alertmanager", 0, 0, model)
    items = [(alert, read_item(n, _plain(alert), context)) for n, alert in enumerate(alerts) if _is_firing(alert)]
    places = Places(store, model, [item.seek for _, item in items if item.seek is not None])
    asked, findings = [], []
    for alert, item in items:
        found = _device(item, places)
        if isinstance(found, AlarmFinding):
            findings.append(found)
        else:
            asked.append(AskedAlarm(found, rules.effect(_labels(alert))))
    return asked, findings


def _device(item: Item, places: Places) -> str | AlarmFinding:
    if item.rejected is not None or item.seek is None:
        text = item.rejected.message if item.rejected else "it names no device"
        return AlarmFinding(f"alert {item.index + 1}", "UNKNOWN", f"alert {item.index + 1}: {text}")
    name = ", ".join((*item.seek.names, *item.seek.addresses))[:SHOWN]
    found = places.of(item.seek)
    if not found:
        return AlarmFinding(name, "UNKNOWN", f"no device is known by {name!r}, which alert {item.index + 1} names")
    if len(found) > 1:
        listed = ", ".join(sorted(place.ci for place in found)[:5])
        return AlarmFinding(name, "AMBIGUOUS", f"{len(found)} devices are known by {name!r}: {listed}")
    return found[0].ci


def _is_firing(alert: object) -> bool:
    """Whether an alert fires: its status is a word in the webhook, and an object with a state in the API."""
    status = alert.get("status") if isinstance(alert, dict) else None
    if isinstance(status, dict):
        return bool(status.get("state", "active") == "active")
    return bool(status != "resolved")


def _plain(alert: object) -> object:
    """An alert as the webhook has it."""
    if isinstance(alert, dict) and isinstance(alert.get("status"), dict):
        return {**alert, "status": "firing"}
    return alert


def _labels(alert: object) -> Mapping[str, Any]:
    labels = alert.get("labels") if isinstance(alert, dict) else None
    return labels if isinstance(labels, dict) else {}
