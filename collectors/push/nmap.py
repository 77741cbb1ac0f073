"""Hosts, systems and open ports that nmap found (`nmap -oX`), as reports. Pure."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from cmdb.observation import Identifier, Observation, Report, Value
from collectors.push.entities import Note, Rejected
from collectors.push.item import Context, Item, Seek, clamped, read_with
from collectors.push.names import address_of, host_name, in_order, mac_keys, mac_of, name_keys, version, word

MAX_DEPTH = 64
MAX_PORTS = 5_000  # of one host
LEAST_ACCURACY = 90  # per cent, of a guess at the operating system
CLASSES = {
    "general purpose": "Computer",
    "router": "NetworkDevice",
    "broadband router": "NetworkDevice",
    "switch": "NetworkDevice",
    "hub": "NetworkDevice",
    "bridge": "NetworkDevice",
    "firewall": "NetworkDevice",
    "load balancer": "NetworkDevice",
    "WAP": "NetworkDevice",
    "printer": "Printer",
    "print server": "Printer",
    "power-device": "PowerDevice",
    "storage-misc": "StorageDevice",
}
ROLES = {
    "router": "router",
    "broadband router": "router",
    "switch": "switch",
    "firewall": "firewall",
    "load balancer": "load_balancer",
    "WAP": "access_point",
    "printer": "printer",
    "phone": "phone",
    "VoIP phone": "phone",
    "webcam": "camera",
}
KINDS = {
    "http": "web_server",
    "https": "web_server",
    "http-proxy": "web_server",
    "domain": "dns",
    "ldap": "directory",
    "ldaps": "directory",
    "mysql": "database",
    "postgresql": "database",
    "ms-sql-s": "database",
    "oracle-tns": "database",
    "mongodb": "database",
    "redis": "cache",
    "memcached": "cache",
    "memcache": "cache",
    "amqp": "message_broker",
    "mqtt": "message_broker",
}


class NotXml(Exception):
    """The body as a whole can't be read; says why."""


def split_xml(body: bytes, most: int) -> list[tuple[Any, Note | None]]:
    """The hosts of a document, at most `most` and one more. A document that ends early gives those before its end.

    A DOCTYPE may stand there, nmap writes one; entities, and whatever lies outside the document, are refused.
    Raises NotXml where no host could be read.
    """
    hosts: list[tuple[Any, Note | None]] = []
    scan: dict[str, str] = {}
    try:
        for element in _elements(body, scan):
            hosts.append(({**_host(element), "scan": _asked(scan)}, None))
            if len(hosts) > most:
                return hosts
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        why = f"not XML that can be read: {type(error).__name__}: {str(error)[:200]}"
        if not hosts:
            raise NotXml(why) from None
        hosts.append((None, Note("NOT_XML", f"{why}; the hosts before it were taken", "")))
    return hosts


def _elements(body: bytes, scan: dict[str, str]) -> Iterator[Element]:
    """Each `host` as soon as it ends, and let go afterwards; `scan` fills with what was scanned."""
    depth, root = 0, None
    reader = ElementTree.iterparse(
        io.BytesIO(body), ("start", "end"), forbid_dtd=False, forbid_entities=True, forbid_external=True
    )
    for event, element in reader:
        if event == "start":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"depth: at most {MAX_DEPTH} levels")
            if root is None:
                root = element
                if element.tag != "nmaprun":
                    raise ValueError(f"the document is {element.tag[:40]!r}, not nmaprun: use nmap -oX")
            continue
        depth -= 1
        if element.tag == "scaninfo":
            scan[element.get("protocol", "")[:10]] = element.get("services", "")[:300_000]
        elif element.tag == "host" and depth == 1:
            yield element
        if depth == 1 and root is not None:
            root.clear()


def _host(element: Element) -> dict[str, Any]:
    """What counts of a host, as plain values."""
    state = element.find("status")
    ports = []
    for port in element.iterfind("ports/port"):
        standing, service = port.find("state"), port.find("service")
        about = dict(service.attrib) if service is not None else {}
        where = {"protocol": port.get("protocol", ""), "port": port.get("portid", "")}
        ports.append({**about, **where, "state": standing.get("state", "") if standing is not None else ""})
    systems = []
    for match in element.iterfind("os/osmatch"):
        classes = [dict(c.attrib) for c in match.iterfind("osclass")]
        systems.append({**match.attrib, "classes": classes})
    return {
        "state": state.get("state", "") if state is not None else "",
        "endtime": element.get("endtime", ""),
        "timedout": element.get("timedout") == "true",
        "addresses": [dict(a.attrib) for a in element.iterfind("address")],
        "hostnames": [dict(h.attrib) for h in element.iterfind("hostnames/hostname")],
        "ports": ports,
        "systems": systems[:3],
        "filtered": element.find("ports/extraports[@state='filtered']") is not None,
    }


def split(document: object) -> list[object]:
    """Hosts that were split before, as the quarantine keeps them."""
    return document if isinstance(document, list) else [document]


def read_item(index: int, raw: object, context: Context) -> Item:
    """Turn one host into a report; never raises."""
    return read_with(_read, index, raw, context)


def _read(item: Item, given: Mapping[str, Any], context: Context) -> None:
    addresses = _mappings(given, "addresses")
    raws = [str(a.get("addr", "")) for a in addresses if a.get("addrtype") in ("ipv4", "ipv6")]
    item.ref = next(iter(raws), "")[:100]
    if given.get("state") != "up":
        item.ignored = Note("NOT_UP", f"{item.ref or 'the host'} did not answer", "status")
        return
    found = [a for a in map(address_of, raws) if a]
    local = host_name(context.host)
    if not found and not (raws and local):
        text = "only a loopback address: say with ?host=NAME which machine was scanned" if raws else "no address"
        raise Rejected("LOOPBACK" if raws else "NO_ADDRESS", text, "address")
    device = _device(given, addresses, found, local if not found else "")
    item.path = device.key
    if found:
        item.seek = Seek(addresses=tuple(found))
    software = list(_software(given, found[0] if found else item.ref, device.key, item))
    open_question = given.get("timedout") or given.get("filtered") or _unknown_ports(given)
    end = str(given.get("endtime", ""))
    at = int(end) * 1000 if re.fullmatch(r"[0-9]{1,11}", end) else context.now
    item.report = Report(
        context.source,
        _target(given, device.key.removeprefix("target:")),
        clamped(at, item, context, "endtime"),
        (device, *software),
        complete=not open_question,
    )


def _asked(scan: Mapping[str, str]) -> str:
    """The ports that a scan asked for, in short."""
    asked = ",".join(f"{protocol}:{ports}" for protocol, ports in sorted(scan.items()))
    return asked if len(asked) <= 40 else "ports-" + hashlib.sha256(asked.encode()).hexdigest()[:12]


def _target(given: Mapping[str, Any], name: str) -> str:
    """The host with the ports that were asked: only of those does silence say anything."""
    asked = word(given.get("scan"), 40)
    return f"{name} {asked}" if asked else name


def _unknown_ports(given: Mapping[str, Any]) -> bool:
    return any("filtered" in str(p.get("state")) for p in _mappings(given, "ports"))


def _device(given: Mapping[str, Any], addresses: list[Mapping[str, Any]], found: list[str], local: str) -> Observation:
    system = next((s for s in _mappings(given, "systems") if _accuracy(s) >= LEAST_ACCURACY), {})
    kind = next((str(c.get("type")) for c in _mappings(system, "classes")), "")
    card = next((a for a in addresses if a.get("addrtype") == "mac"), {})
    names = [n for h in _mappings(given, "hostnames") if h.get("type") == "PTR" and (n := host_name(h.get("name")))]
    own_mac, ci_class = mac_of(card.get("addr")), CLASSES.get(kind, "Endpoint")
    named = local or (names[0] if names else "")
    target = local or found[0]
    optional: dict[str, Value] = {
        "management_address": found[0] if found else "",
        "mac_addresses": [own_mac] if own_mac else [],
        # A server's network card tells nothing of who made the server.
        "vendor": word(card.get("vendor")) if ci_class not in ("Computer",) else "",
        "os_name": next((word(c.get("osfamily")) for c in _mappings(system, "classes")), ""),
        "roles": [ROLES[kind]] if kind in ROLES else [],
    }
    attributes: dict[str, Value] = {"name": named or target, **{k: v for k, v in optional.items() if v}}
    keys = in_order([*mac_keys([own_mac]), *name_keys(local, *names[:1]), Identifier(f"target:{target}", strong=False)])
    return Observation(ci_class, f"target:{target}", attributes, keys)


def _software(given: Mapping[str, Any], address: str, device: str, item: Item) -> Iterator[Observation]:
    """What listens on open ports; known by protocol and port, as the host collector names it when it gets in.

    Guesses at the product come and go.
    """
    ports = [p for p in _mappings(given, "ports") if p.get("state") == "open"]
    if len(ports) > MAX_PORTS:
        item.warnings.append(Note("TOO_MANY", f"ports: only the first {MAX_PORTS:,} were taken", "ports"))
    seen: set[str] = set()
    for port in ports[:MAX_PORTS]:
        key = f"{port.get('protocol')}-{port.get('port')}"
        if not re.fullmatch(r"(tcp|udp|sctp)-[0-9]{1,5}", key) or key in seen:
            item.warnings.append(Note("BAD_PORT", f"{key[:40]!r} was left out", "ports"))
            continue
        seen.add(key)
        service, product = word(port.get("name"), 100), word(port.get("product"), 200)
        protocol, _, number = key.partition("-")
        shown = f"[{address}]" if ":" in address else address
        attributes: dict[str, Value] = {"name": product or service or key, "listen": [f"{protocol}/{shown}:{number}"]}
        if service in KINDS:
            attributes["kind"] = KINDS[service]
        if product:
            attributes["product"] = product
        if told := version(port.get("version")):
            attributes["version"] = told
        yield Observation("SoftwareInstance", key, attributes, parent=device)


def _accuracy(system: Mapping[str, Any]) -> int:
    text = str(system.get("accuracy", ""))
    return int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 0


def _mappings(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = given.get(name)
    return [f for f in found if isinstance(f, dict)] if isinstance(found, list) else []
