"""Facts that Ansible's setup module gathered about hosts, as reports. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cmdb.model.shared import is_burned_in
from cmdb.observation import Identifier, Link, Observation, Report, Value, path
from collectors.facts import DEFAULT_VRF
from collectors.push.entities import Note, Rejected
from collectors.push.item import Context, Item, clamped, read_with
from collectors.push.names import (
    address_of,
    host_name,
    in_order,
    mac_keys,
    mac_of,
    machine_key,
    name_keys,
    serial_key,
    uuid_key,
    version,
    word,
)

PREFIX = "ansible_"
MAX_INTERFACES = 2_000
MAX_ADDRESSES = 200  # of one interface
# The hardware that these see is that of the machine around them: its keys would make guest and host one.
CONTAINERS = frozenset(("docker", "podman", "containerd", "container", "lxc", "systemd-nspawn", "openvz", "kubernetes"))
TYPES = {"ether": "ethernetCsmacd", "loopback": "softwareLoopback", "bonding": "ieee8023adLag", "bridge": "bridge"}
PHYSICAL = frozenset(("ether", "infiniband"))
# What is read of the facts, besides those of interfaces. The rest is nobody's business: `env` may hold secrets.
READ = frozenset(
    (
        "nodename",
        "hostname",
        "fqdn",
        "interfaces",
        "distribution",
        "distribution_version",
        "system_vendor",
        "product_name",
        "product_serial",
        "product_uuid",
        "machine_id",
        "virtualization_role",
        "virtualization_type",
        "memtotal_mb",
        "processor_vcpus",
        "default_ipv4",
        "date_time",
    )
)
_SAID = re.compile(r"^(?P<host>\S+) \| (?P<state>[A-Z]+!?)(?: => |: )", re.MULTILINE)
_MEGABYTE = 2**20


def split(document: object) -> list[object]:
    """The hosts of a document: facts of one, a mapping of hosts, or what the JSON callback prints."""
    if isinstance(document, list):
        return [host for part in document for host in split(part)]
    if not isinstance(document, dict):
        return [document]
    if isinstance(plays := document.get("plays"), list):
        return list(_of_plays(plays))
    if _is_host(document):
        return [document]
    hosts = document.get("hosts", document)
    if isinstance(hosts, dict) and hosts and all(isinstance(v, dict) for v in hosts.values()):
        return [{**facts, "host": name} for name, facts in hosts.items()]
    return [document]


def split_text(text: str) -> list[object]:
    """The hosts in what `ansible -m setup` prints: `HOST | SUCCESS => {…}`, one after the other."""
    out: list[object] = []
    decoder, at = json.JSONDecoder(), 0
    while (said := _SAID.search(text, at)) is not None:
        at = said.end()
        try:
            given, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            given = {"msg": "no JSON follows"}
        facts = given if isinstance(given, dict) else {}
        out.append({**facts, "host": said["host"], "state": said["state"]})
    return out


def read_item(index: int, raw: object, context: Context) -> Item:
    """Turn the facts of one host into a report of all they say about it; never raises."""
    return read_with(_read, index, raw, context)


def to_keep(raw: object) -> object:
    """What may be put aside of a host: what is read of it, and why it could not be reached."""
    if not isinstance(raw, dict):
        return raw
    facts = _facts(raw)
    ports = {re.sub(r"[-:]", "_", str(name)) for name in _list(facts.get("interfaces"))}
    kept = {k: v for k, v in facts.items() if k in READ or (k in ports and isinstance(v, dict))}
    about = {k: raw[k] for k in ("host", "state", "msg", "unreachable", "failed") if k in raw}
    return {**about, "ansible_facts": kept}


def _is_host(document: Mapping[str, Any]) -> bool:
    return "ansible_facts" in document or any(
        k.startswith(PREFIX) and not isinstance(v, dict) for k, v in document.items()
    )


def _of_plays(plays: list[Any]) -> Iterator[object]:
    for play in plays:
        tasks = play.get("tasks") if isinstance(play, dict) else None
        for task in tasks if isinstance(tasks, list) else ():
            hosts = task.get("hosts") if isinstance(task, dict) else None
            for name, result in hosts.items() if isinstance(hosts, dict) else ():
                if isinstance(result, dict) and ("ansible_facts" in result or _failed(result)):
                    yield {**result, "host": name}


def _failed(result: Mapping[str, Any]) -> bool:
    return result.get("failed") is True or result.get("unreachable") is True


def _read(item: Item, given: Mapping[str, Any], context: Context) -> None:
    called = word(given.get("host")) or context.host
    facts = _facts(given)
    item.ref = called or word(facts.get("nodename"))
    if not facts:
        what = word(given.get("msg"), 500) or word(given.get("state")) or "no facts in it"
        raise Rejected("NO_FACTS", f"{item.ref or 'the host'} was not read: {what}", "ansible_facts")
    node, fqdn = host_name(facts.get("nodename") or facts.get("hostname")), host_name(facts.get("fqdn"))
    target = host_name(called) or address_of(called) or node or fqdn
    if not target:
        raise Rejected("NO_NAME", "neither the inventory nor the facts say which host it is", "nodename")
    ports = list(_interfaces(facts, item))
    device = _device(facts, target, node, fqdn, ports)
    item.path = device.key
    parts = [observation for port in ports for observation in _observe(port, device.key, ports)]
    subnets = {o.key: o for o in parts if o.ci_class == "Subnet"}
    own = [o for o in parts if o.ci_class != "Subnet"]
    tables = [name for name, there in (("interfaces", ports), ("hardware", facts.get("memtotal_mb"))) if there]
    at = _time(facts, item, context)
    item.report = Report(context.source, target, at, (device, *own, *subnets.values()), tables=tuple(tables))


def _facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The facts without their prefix, from a result, or from a file of a fact cache."""
    inside = given.get("ansible_facts")
    found = inside if isinstance(inside, dict) else given
    out = {k.removeprefix(PREFIX): v for k, v in found.items()}
    return out if {"nodename", "hostname", "fqdn", "interfaces", "distribution"} & out.keys() else {}


def _time(facts: Mapping[str, Any], item: Item, context: Context) -> int:
    """When the facts were gathered; a cache may be old."""
    date = facts.get("date_time")
    epoch = str(date.get("epoch", "")) if isinstance(date, dict) else ""
    if not re.fullmatch(r"[0-9]{1,11}", epoch):
        return context.now
    return clamped(int(epoch) * 1000, item, context, "date_time.epoch")


def _is_container(facts: Mapping[str, Any]) -> bool:
    return facts.get("virtualization_role") == "guest" and word(facts.get("virtualization_type")) in CONTAINERS


def _device(
    facts: Mapping[str, Any], target: str, node: str, fqdn: str, ports: list[tuple[str, dict[str, Any]]]
) -> Observation:
    is_guest = facts.get("virtualization_role") == "guest"
    hardware = {} if _is_container(facts) else facts
    vendor, default = word(hardware.get("system_vendor")), facts.get("default_ipv4")
    macs = sorted(
        {
            m
            for _, p in ports
            if word(p.get("type")) in PHYSICAL and (m := mac_of(p.get("macaddress"))) and is_burned_in(m)
        }
    )
    number, uuid = serial_key(vendor, hardware.get("product_serial")), uuid_key(hardware.get("product_uuid"))
    keys = in_order(
        [
            number,
            uuid,
            machine_key(facts.get("machine_id")),
            *mac_keys(macs),
            *name_keys(node, fqdn),
            Identifier(f"target:{target}", strong=False),
        ]
    )
    memory, processors = facts.get("memtotal_mb"), facts.get("processor_vcpus")
    optional: dict[str, Value] = {
        "vendor": vendor,
        "model": word(hardware.get("product_name")),
        "serial_number": number.key.split(":", 2)[2] if number else "",
        "os_name": word(facts.get("distribution")),
        "os_version": version(facts.get("distribution_version")),
        "sys_name": node,
        "management_address": address_of(default.get("address")) if isinstance(default, dict) else "",
        "mac_addresses": macs,
    }
    if is_guest:
        optional |= {
            "uuid": uuid.key.removeprefix("uuid:") if uuid else "",
            "vcpus": processors if type(processors) is int and 0 < processors < 100_000 else 0,
            "memory_bytes": memory * _MEGABYTE if type(memory) is int and 0 < memory < 2**32 else 0,
        }
    attributes: dict[str, Value] = {"name": node or target, **{k: v for k, v in optional.items() if v}}
    key = keys[0].key if keys[0].strong else f"target:{target}"
    return Observation("VirtualMachine" if is_guest else "Computer", key, attributes, keys)


def _interfaces(facts: Mapping[str, Any], item: Item) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and facts of interfaces; those of Windows stand in the list itself."""
    listed = facts.get("interfaces")
    if not isinstance(listed, list):
        return
    if len(listed) > MAX_INTERFACES:
        item.warnings.append(
            Note("TOO_MANY", f"interfaces: only the first {MAX_INTERFACES:,} were taken", "interfaces")
        )
    seen: set[str] = set()
    for entry in listed[:MAX_INTERFACES]:
        found = entry if isinstance(entry, dict) else facts.get(re.sub(r"[-:]", "_", str(entry)))
        about = found if isinstance(found, dict) else {}
        name = word(
            about.get("device") or about.get("interface_name") or (entry if isinstance(entry, str) else ""), 100
        )
        if not name:
            item.warnings.append(Note("NO_NAME", "an interface without a name was left out", "interfaces"))
        elif name not in seen:
            seen.add(name)
            yield name, about


def _observe(
    port: tuple[str, dict[str, Any]], device: str, ports: list[tuple[str, dict[str, Any]]]
) -> Iterator[Observation]:
    name, about = port
    kind, mtu, speed = about.get("type"), about.get("mtu"), about.get("speed")
    attributes: dict[str, Value] = {"name": name}
    if isinstance(kind, str) and kind in TYPES:
        attributes["type"] = TYPES[kind]
    if found := mac_of(about.get("macaddress")):
        attributes["mac_address"] = found
    if type(mtu) is int and mtu > 0:
        attributes["mtu"] = mtu
    if type(speed) is int and 0 < speed < 10_000_000:
        attributes["speed_bps"] = speed * 1_000_000
    if isinstance(about.get("active"), bool):
        attributes["oper_status"] = "up" if about["active"] else "down"
    bonds = [n for n, p in ports if p.get("type") == "bonding" and name in _list(p.get("slaves"))]
    links = tuple(Link("MEMBER_OF", path(device, "Interface", bond), method="ansible") for bond in bonds[:1])
    yield Observation("Interface", name, attributes, parent=device, links=links)
    seen: set[str] = set()
    for given in _addresses(about):
        one = address_of(given.get("address"))
        if one and one not in seen:
            seen.add(one)
            yield from _address(one, given.get("prefix"), path(device, "Interface", name))


def _addresses(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    first = about.get("ipv4")
    found = [*(first if isinstance(first, list) else [first]), *_list(about.get("ipv4_secondaries"))]
    found += _list(about.get("ipv6"))
    return [f for f in found if isinstance(f, dict)][:MAX_ADDRESSES]


def _address(one: str, prefix: object, parent: str) -> Iterator[Observation]:
    """An address of an interface, and its subnet; an address that is local to its wire has none."""
    found = ipaddress.ip_address(one)
    attributes: dict[str, Value] = {"name": one, "address": one}
    length = int(prefix) if isinstance(prefix, str | int) and re.fullmatch(r"[0-9]{1,3}", str(prefix)) else -1
    links: tuple[Link, ...] = ()
    if 0 < length <= found.max_prefixlen:
        attributes["prefix_length"] = length
        if length < found.max_prefixlen and not found.is_link_local:
            subnet = str(ipaddress.ip_network((one, length), strict=False))
            key = f"subnet:{DEFAULT_VRF}:{subnet}"
            links = (Link("IN_SUBNET", key, method="ansible"),)
            yield Observation("Subnet", key, {"name": subnet, "prefix": subnet}, (Identifier(key),))
    yield Observation("IPAddress", one, attributes, parent=parent, links=links)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
