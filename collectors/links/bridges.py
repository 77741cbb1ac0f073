"""Which ports of bridges share a wire, inferred from forwarding tables alone.

After Lowekamp, O'Hallaron and Gross, "Topology Discovery for Large Ethernet Networks" (SIGCOMM 2001): of two bridges,
the ports x and y face each other if every station that both know is seen through x by the one or through y by the
other. Only a pair that alone fulfils this counts. Nothing here depends on an order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from collectors.links.forwarding import Learned
from collectors.links.network import End

Facing = dict[tuple[str, str], str]  # (bridge, other bridge): the port of the first that leads to the second
MANY_COMPARED = 3_000_000  # pairs of places; about a second
NEAR = (
    (8, MANY_COMPARED),
    (3, 10 * MANY_COMPARED),
)  # stations near each bridge that are enough, and what they may cost


def facing(
    tables: Mapping[str, Learned], own: Mapping[str, set[str]], component: Mapping[str, str], joined: Facing
) -> Facing:
    """The ports of bridges that lead to each other.

    `own` holds the addresses of each bridge itself, `component` a name for all that are joined by cables; `joined` is
    known already, from these cables. Within a component nothing is left to infer.
    """
    found: Facing = dict(joined)
    seen = _seen_directly(tables, own)
    common = _common(tables, set().union(*own.values()) if own else set(), component)
    for one, other in sorted({*common, *((min(pair), max(pair)) for pair in seen)}):
        if component[one] == component[other]:
            continue
        pair = _pair(common.get((one, other), set()), seen.get((one, other), ""), seen.get((other, one), ""))
        if pair:
            found[one, other], found[other, one] = pair
    return found


def _seen_directly(tables: Mapping[str, Learned], own: Mapping[str, set[str]]) -> Facing:
    """Where a bridge learned another's own addresses; on several ports, none counts."""
    found: Facing = {}
    owner = {mac: bridge for bridge, macs in own.items() for mac in macs}
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for bridge, table in tables.items():
        for mac, ports in table.places.items():
            if mac in owner and owner[mac] != bridge and owner[mac] in tables:
                places[bridge, owner[mac]] |= set(ports)
    for pair, through in places.items():
        if len(through) == 1:
            found[pair] = next(iter(through))
    return found


def _common(
    tables: Mapping[str, Learned], bridges: set[str], component: Mapping[str, str]
) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """For pairs of bridges: the ports on which they see the stations that both know."""
    knowing: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for bridge, table in sorted(tables.items()):
        for mac in table.places:
            port = table.port(mac)
            if port and mac not in bridges:
                knowing[mac].append((bridge, port))
    found: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for mac in _witnesses(knowing):
        for (one, x), (other, y) in combinations(knowing[mac], 2):
            if component[one] != component[other]:
                found[one, other].add((x, y))
    return found


def _witnesses(knowing: Mapping[str, list[tuple[str, str]]]) -> list[str]:
    """The stations to compare places of: all, or, where that is too much, a few near each bridge; else none.

    Which station is near which bridge, its port tells: the one with the fewest stations. The first of a port is enough.
    """
    if _cost(knowing, knowing) <= MANY_COMPARED:
        return sorted(knowing)
    crowd = Counter(place for places in knowing.values() for place in places)
    near: dict[str, dict[str, str]] = defaultdict(dict)
    for mac, places in sorted(knowing.items()):
        bridge, port = min(places, key=lambda place: (crowd[place], place))
        near[bridge].setdefault(port, mac)
    for number, bound in NEAR:
        few = sorted(mac for ports in near.values() for mac in list(ports.values())[:number])
        if _cost(knowing, few) <= bound:
            return few
    return []


def _cost(knowing: Mapping[str, list[tuple[str, str]]], macs: Iterable[str]) -> int:
    return sum(len(knowing[mac]) ** 2 for mac in macs)


def _pair(seen: set[tuple[str, str]], x: str, y: str) -> tuple[str, str] | None:
    """The ports that face each other, given how stations are seen; None where that leaves more than one way."""
    if x and y:
        return x, y
    if x or y:
        others = {b for a, b in seen if a != x} if x else {a for a, b in seen if b != y}
        if len(others) != 1:
            return None
        return (x, others.pop()) if x else (others.pop(), y)
    fits = []
    for a in sorted({a for a, _ in seen}):
        behind = {b for p, b in seen if p != a}
        if not behind:
            return None  # one port sees them all: where the other bridge is can't be told
        if len(behind) == 1:
            fits.append((a, behind.pop()))
    return fits[0] if len(fits) == 1 else None


def groups(found: Facing, ports_taken: Iterable[End]) -> list[tuple[End, ...]]:
    """Ports that share a wire: those that face each other with no bridge between them.

    `ports_taken` have a cable already. A group with two ports of one bridge contradicts itself and is left out.
    """
    taken = set(ports_taken)
    leader: dict[End, End] = {}

    def find(end: End) -> End:
        while leader.setdefault(end, end) != end:
            end = leader[end]
        return end

    towards: dict[str, dict[str, str]] = defaultdict(dict)
    for (one, other), port in found.items():
        towards[one][other] = port
    for one, other in sorted(pair for pair in found if pair[0] < pair[1]):
        x, y = End(one, towards[one][other]), End(other, towards[other][one])
        if not {x, y} & taken and not _is_between(towards, x, y):
            first, second = sorted((find(x), find(y)))
            leader[second] = first
    sets: dict[End, set[End]] = defaultdict(set)
    for end in list(leader):
        sets[find(end)].add(end)
    whole = (tuple(sorted(s)) for s in sets.values() if len(s) > 1 and len({e.device for e in s}) == len(s))
    return sorted(whole)


def _is_between(towards: Mapping[str, Mapping[str, str]], x: End, y: End) -> bool:
    """Whether a third bridge sees the two on different ports, and each of them sees it where it sees the other."""
    for third in towards[x.device].keys() & towards[y.device].keys():
        sides = towards.get(third, {})
        apart = x.device in sides and y.device in sides and sides[x.device] != sides[y.device]
        if apart and towards[x.device][third] == x.port and towards[y.device][third] == y.port:
            return True
    return False
