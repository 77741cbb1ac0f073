"""Who serves behind a load balancer: members of pools, found by address and port."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cmdb.observation import Identifier, Link, Observation, Report, Value
from collectors.facts import Pool, PoolMember
from collectors.links.network import Device, Network, only
from collectors.links.telling import Telling

METHOD = "ltm"
MEMBERS = "members"  # name of the requirement of a pool
_LISTEN = re.compile(r"(?:tcp|udp)/\[?(?P<address>[^\]]*?)\]?:(?P<port>[0-9]+)")
ANY = ("0.0.0.0", "::", "*")  # noqa: S104 - nothing is bound here

Listening = dict[tuple[str, int], list[tuple[str, str]]]  # by key of the device and port: address and local key


def listening(network: Network, reports: Sequence[Report]) -> Listening:
    """The software that listens on each port of each device."""
    found: Listening = {}
    for report in reports:
        for o in report.observations:
            device = network.described_as(o.parent or "") if o.ci_class == "SoftwareInstance" else None
            for place in o.attributes.get("listen", []) if device else ():
                if device and (match := _LISTEN.fullmatch(str(place))):
                    found.setdefault((device.key, int(match["port"])), []).append((match["address"], o.key))
    return found


def tell_pools(telling: Telling, network: Network, software: Listening) -> None:
    """Say of each pool whom it needs: the least number that is stated, else all of its members but one.

    A member is the software that listens there, else the host with that address. An address that nobody, or more than
    one device has is a member of weight 0: it is shown, and it carries nothing as long as nobody knows what fails it.
    What a pool needs is said anew as a whole; MEMBER_OF, said of each server, ends when it is not repeated.
    """
    for pool in telling.facts.pools:
        if not pool.members:
            continue
        telling.mention("Cluster", pool.key, (Identifier(pool.key),))
        weights: dict[str, int] = {}
        for member in pool.members:
            to, is_known = _provider(telling, network, software, member)
            weights[to] = max(weights.get(to, 0), int(is_known and member.is_enabled))
        attributes: dict[str, Value] = {
            "name": MEMBERS,
            "needed": _needed(pool, sum(weights.values())),
            "on_loss": "degraded",
            "pass": "needed",
        }
        where = telling.part(pool.key, "Requirement", MEMBERS, attributes)
        for to, weight in sorted(weights.items()):
            counts = {} if weight else {"weight": 0}
            telling.tie(where, Link("PROVIDED_BY", to, counts, METHOD))
            telling.tie(to, Link("MEMBER_OF", pool.key, counts, METHOD))


def _needed(pool: Pool, total: int) -> int:
    return pool.needed if pool.needed is not None else max(1, total - 1)


def _provider(telling: Telling, network: Network, software: Listening, member: PoolMember) -> tuple[str, bool]:
    """The name of what serves there, and whether it is more than an address."""
    holder = only(network.by_address.get(member.address, set()))
    if holder is None:
        key = f"address::{member.address}"
        attributes = {"name": member.address, "address": member.address}
        return telling.thing("IPAddress", key, attributes, (Identifier(key),)), False
    device = network.devices[holder]
    found = {key for address, key in software.get((holder, member.port), ()) if address in (*ANY, member.address)}
    instance = only(found)
    return (_instance(telling, device, instance) if instance else telling.device(device)), True


def _instance(telling: Telling, device: Device, key: str) -> str:
    return telling.inside(telling.device(device), Observation("SoftwareInstance", key, {}, role="mentioned"))
