"""Alerts as alarms: which CI each is about, and what it says of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cmdb.entrypoints.keys import find_all, find_retired
from cmdb.entrypoints.parts import About, narrowed
from cmdb.entrypoints.places import Places
from cmdb.errors import LimitExceeded
from cmdb.impact.causes import MOST_ALARMS
from cmdb.model.registry import Model
from cmdb.service.alarm_records import Alarms, Heard, firing_alarms
from cmdb.service.alarm_rules import NAME, AlarmRule, AlarmRules
from cmdb.service.alarms import SHOWN, AlarmFinding, AskedAlarm, Effect, few
from cmdb.store.protocol import GraphStore
from collectors.push.alertmanager import read_item, split
from collectors.push.item import Context, Item, Seek
from collectors.push.said import AlarmSaid

KEY, NAMES, ADDRESSES = "key", "names", "addresses"  # what an alarm is looked for by
LINKS = "system:alarms"  # who ties alarms to CIs that appeared, for the ledger


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
    by_key = find_all(store, model, [item.alarm.key for _, item in items if item.alarm and item.alarm.key])
    asked, findings, abouts = [], [], []
    for alert, item in items:
        key = item.alarm.key if item.alarm is not None else ""  # the label `ci`
        named = by_key.get(key, ())
        found = named[0] if len(named) == 1 else _device(item, places)
        rule = rules.rule(_labels(alert))
        if not isinstance(found, AlarmFinding):
            abouts.append(About(found, rule, _labels(alert)))
        elif key:
            asked.append(AskedAlarm(key, rule.effect))  # whoever judges it says what is wrong with the key
        else:
            findings.append(found)
    asked += [AskedAlarm(ci, effect) for ci, effect in narrowed(store, model, abouts)]
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
        listed = few(sorted(place.ci for place in found))
        return AlarmFinding(name, "AMBIGUOUS", f"{len(found)} devices are known by {name!r}: {listed}")
    return found[0].ci


def _is_firing(alert: object) -> bool:
    """Whether an alert fires: its status is a word in the webhook, and an object with a state in the API."""
    status = alert.get("status") if isinstance(alert, dict) else None
    if isinstance(status, dict):
        return bool(status.get("state", "active") != "resolved")  # what is silenced or inhibited fires all the same
    return bool(status != "resolved")


def _plain(alert: object) -> object:
    """An alert as the webhook has it."""
    if isinstance(alert, dict) and isinstance(alert.get("status"), dict):
        return {**alert, "status": "firing"}
    return alert


def _labels(alert: object) -> Mapping[str, Any]:
    labels = alert.get("labels") if isinstance(alert, dict) else None
    return labels if isinstance(labels, dict) else {}


class _Sought(NamedTuple):
    """By what the CI of an alarm is looked for: the key that it gives, else names and addresses of a device."""

    key: str
    seek: Seek

    @classmethod
    def kept(cls, sought: Mapping[str, Sequence[str]]) -> _Sought:
        """As a record keeps it."""
        seek = Seek(tuple(sought.get(ADDRESSES, ())), tuple(sought.get(NAMES, ())))
        return cls(next(iter(sought.get(KEY, ())), ""), seek)

    def to_keep(self) -> dict[str, Sequence[str]]:
        """The same for a record."""
        return {KEY: [self.key] if self.key else [], NAMES: self.seek.names, ADDRESSES: self.seek.addresses}


def _holders(sought: Sequence[_Sought], store: GraphStore, model: Model) -> list[tuple[str, list[str]]]:
    """What named a CI (key or device; "": nothing did) and the CIs that may be meant, for each in turn."""
    by_key = find_all(store, model, [one.key for one in sought if one.key])
    places = Places(store, model, [one.seek for one in sought if one.key not in by_key])
    found = []
    for one in sought:
        cis = by_key.get(one.key) or [place.ci for place in places.of(one.seek)]
        found.append(((KEY if one.key in by_key else "device") if cis else "", sorted(cis)))
    return found


def heard_of(
    items: Sequence[Item], source: str, store: GraphStore, model: Model, rules: AlarmRules
) -> list[tuple[Item, Heard]]:
    """The alarms of pushed items, each with the CI that it is about, in a few queries for all of them."""
    said = [(item, item.alarm, _Sought(item.alarm.key, item.seek or Seek())) for item in items if item.alarm]
    if not said:
        return []
    holders = _holders([sought for _, _, sought in said], store, model)
    gone = find_retired(store, model, [s.key for (_, _, s), (_, cis) in zip(said, holders, strict=True) if not cis])
    abouts = [_about(alarm, cis, rules) for (_, alarm, _), (_, cis) in zip(said, holders, strict=True)]
    meant = narrowed(store, model, abouts)
    return [
        (item, _heard(alarm, sought, (named, cis), one, source, gone.get(sought.key, "")))
        for (item, alarm, sought), (named, cis), one in zip(said, holders, meant, strict=True)
    ]


def _about(alarm: AlarmSaid, cis: Sequence[str], rules: AlarmRules) -> About:
    """What an alarm names, and what it says of that: where its sender says so itself, no rule does."""
    labels = {**alarm.labels, NAME: alarm.name}
    rule = AlarmRule(alarm.effect.upper()) if alarm.effect else rules.rule(labels)  # type: ignore[arg-type]  # adapters check the word
    return About(cis[0] if len(cis) == 1 else "", rule, labels)


def _heard(
    alarm: AlarmSaid,
    sought: _Sought,
    holder: tuple[str, Sequence[str]],
    meant: tuple[str, Effect],
    source: str,
    retired: str,
) -> Heard:
    (named, cis), (ci, effect) = holder, meant
    return Heard(
        source,
        alarm.fingerprint,
        alarm.name,
        effect,
        alarm.is_firing,
        alarm.labels,
        alarm.severity,
        alarm.started,
        alarm.ended,
        ci=ci,
        by=named if ci else "",
        candidates=() if ci else tuple(cis),
        sought=sought.to_keep(),
        text=alarm.text,
        retired=retired,
    )


def link_alarms(alarms: Alarms, store: GraphStore, model: Model, actor: str = LINKS) -> int:
    """Look again for the CIs of firing alarms that nobody could place; how many were found."""
    waiting = [r for r in firing_alarms(store) if not r.body["ci"]]
    if not waiting:
        return 0
    holders = _holders([_Sought.kept(r.body["sought"]) for r in waiting], store, model)
    found = {r.id: cis[0] for r, (_, cis) in zip(waiting, holders, strict=True) if len(cis) == 1}
    return alarms.link(found, actor) if found else 0
