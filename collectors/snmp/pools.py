"""Pools of a load balancer and the virtual servers before them (F5-BIGIP-LOCAL-MIB). Pure."""

from __future__ import annotations

from cmdb.observation import Identifier, Link, Observation
from cmdb.observation import Value as Attribute
from collectors.facts import Pool, PoolMember
from collectors.snmp.reads import POOL_MEMBER_STATES, POOL_MEMBERS, POOLS, VIRTUAL_SERVERS
from collectors.snmp.rows import rows
from collectors.snmp.text import address, integer, known, positive
from collectors.transport.answers import Answers

METHOD = "ltm"
TRUE = 1  # ltmPoolMinUpMembersEnable
DISABLED = frozenset({2, 3})  # ltmPoolMbrStatusEnabledState: disabled, disabledbyparent
PRODUCT = "BIG-IP virtual server"
MAX_PORT = 65535


def pools(answers: Answers, device: str) -> list[Pool]:
    """Pools with their members; a member without an address is one that the agent does not tell."""
    names = {name: row for row in rows(answers, POOLS).values() if (name := known(row.get("name")))}
    states = rows(answers, POOL_MEMBER_STATES)
    members: dict[str, set[PoolMember]] = {}
    for index, row in rows(answers, POOL_MEMBERS).items():
        name, where, port = known(row.get("pool")), address(row.get("address")), _port(row.get("port"))
        if name in names and where is not None and not where.is_unspecified:
            is_enabled = integer(states.get(index, {}).get("state")) not in DISABLED
            members.setdefault(name, set()).add(PoolMember(str(where), port, is_enabled))
    return [
        Pool(
            pool_key(device, name),
            name,
            positive(row.get("needed")) if integer(row.get("is_needed")) == TRUE else None,
            tuple(sorted(members.get(name, ()), key=lambda m: (m.address, m.port))),
        )
        for name, row in sorted(names.items())
    ]


def _port(value: object) -> int:
    """A port; 0 stands for any."""
    number = integer(value) if isinstance(value, int | str | bytes) else None
    return number if number is not None and 0 < number <= MAX_PORT else 0


def pool_key(device: str, name: str) -> str:
    """The identifier of a pool: each unit of a pair has its own, as it has its own word on who is in it."""
    return f"cluster:{device}:{name.replace('|', '%7C')}"


def observe(answers: Answers, device: str) -> list[Observation]:
    """Pools as clusters that the device tells of, and the virtual servers in it, which need their default pool."""
    return [*map(_cluster, pools(answers, device)), *_virtual_servers(answers, device)]


def _cluster(pool: Pool) -> Observation:
    attributes: dict[str, Attribute] = {"name": pool.name, "kind": "capacity"}
    if pool.needed is not None:
        attributes["needed"] = pool.needed
    return Observation("Cluster", pool.key, attributes, identifiers=(Identifier(pool.key),), role="reported")


def _virtual_servers(answers: Answers, device: str) -> list[Observation]:
    known_pools = {pool.key for pool in pools(answers, device)}
    out: dict[str, Observation] = {}
    for row in rows(answers, VIRTUAL_SERVERS).values():
        if (name := known(row.get("name"))) is None:
            continue
        attributes: dict[str, Attribute] = {"name": name, "kind": "other", "product": PRODUCT}
        where, port = address(row.get("address")), _port(row.get("port"))
        if where is not None and not where.is_unspecified and port:
            attributes["listen"] = [f"tcp/[{where}]:{port}" if where.version == 6 else f"tcp/{where}:{port}"]
        pool = known(row.get("pool"))
        key = pool_key(device, pool) if pool else ""
        links = (Link("DEPENDS_ON", key, {}, METHOD),) if key in known_pools else ()
        out.setdefault(name, Observation("SoftwareInstance", name, attributes, parent=device, links=links))
    return list(out.values())
