"""Following neighbours: all that lie inside, each device once, nothing outside, in whatever order they answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from random import Random

import pytest

from cmdb.observation import Observation, Report
from collectors import crawl
from collectors.approaches import Work
from collectors.crawl import Frontier, discover_crawling
from collectors.discover import State, TargetResult, Told
from collectors.facts import Facts, Named, Neighbour, Resolved
from collectors.ranges import Addresses
from collectors.responders.agent import Agent
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import serve
from collectors.scopes import Scope, Scopes, TargetSpec, parse_scopes
from collectors.targets import LiveTarget, Means
from collectors.transport.answers import Answers
from collectors.transport.client import Client
from collectors.transport.credentials import Credential
from collectors.transport.session import SnmpSession
from tests.unit.snmp_transport_agents import HASTY, QUICK, SYS_DESCR, SYS_OBJECT_ID, SYS_UP_TIME, community

INSIDE = "10.1.0.0/24"


def scopes(
    ranges: Iterable[str] = (INSIDE,),
    exclude: Iterable[str] = (),
    follows: bool = True,
    credential: Credential | None = None,
) -> Scopes:
    known = (credential,) if credential else ()
    ranges = tuple(ranges)
    return Scopes((Scope("site", ranges, Addresses(ranges), Addresses(exclude), (), ("snmp",), known, follows, False),))


def spec(address: str, scope: str = "site") -> TargetSpec:
    return TargetSpec(address, address, scope=scope)


def mac(number: int) -> str:
    return f"00:1d:e5:00:00:{number:02x}"


def sees(*addresses: str, chassis: int = 0) -> Neighbour:
    named = Named("mac", mac(chassis)) if chassis else Named("name", "unnamed")
    return Neighbour("lldp", "1", named, addresses=addresses)


def tells(target: str, *neighbours: Neighbour, own: int = 0, **more: tuple[Resolved, ...]) -> TargetResult:
    """What a device tells: its neighbours, and the address by which LLDP knows it."""
    chassis = Named("mac", mac(own)) if own else None
    facts = Facts("snmp", target, 1, "d", neighbours=neighbours, chassis=chassis, **more)  # type: ignore[arg-type] # resolved only
    return TargetResult(target, target, State.OK, told=(Told(Report("snmp", target, 1, ()), facts, target),))


def followed(given: Scopes, *results: TargetResult, asked: Sequence[str] = ("10.1.0.1",)) -> list[str]:
    frontier = Frontier(given, [spec(address) for address in asked])
    for result in results:
        frontier.note(result)
    return [found.address for found in frontier.next()]


@pytest.mark.parametrize(
    ("neighbour", "expected"),
    [
        (sees("10.1.0.2"), ["10.1.0.2"]),
        (sees("10.2.0.2"), []),  # outside
        (sees("10.1.0.17"), []),  # excluded
        (sees("10.1.0.255"), []),  # the broadcast address of the range
        (sees("10.1.0.0"), []),
        (sees("fe80::1"), []),
        (sees("not an address"), []),
        (sees("10.1.0.1"), []),  # asked already
        (sees("10.2.0.2", "10.1.0.9", "10.1.0.8"), ["10.1.0.8"]),  # one address of each
        (sees(), []),
        (Neighbour("lldp", "1", Named("address", "10.1.0.5")), ["10.1.0.5"]),
    ],
)
def test_a_neighbour_is_followed_inside_the_ranges_of_its_scope(neighbour: Neighbour, expected: list[str]) -> None:
    assert followed(scopes(exclude=["10.1.0.16/30"]), tells("10.1.0.1", neighbour)) == expected


def test_scopes_that_do_not_crawl_follow_nobody() -> None:
    assert followed(scopes(follows=False), tells("10.1.0.1", sees("10.1.0.2"))) == []


def test_a_range_with_a_port_of_its_own_gives_the_port() -> None:
    frontier = Frontier(scopes(["10.1.0.0/24:1161"]), [spec("10.1.0.1")])
    frontier.note(tells("10.1.0.1", sees("10.1.0.2")))

    assert [(found.name, found.port, found.expected) for found in frontier.next()] == [("10.1.0.2:1161", 1161, False)]


def test_what_several_devices_tell_of_one_neighbour_is_one() -> None:
    """Each names another address of it; its chassis tells that it is the same."""
    told = [tells("10.1.0.1", sees("10.1.0.7", chassis=7)), tells("10.1.0.2", sees("10.1.0.8", chassis=7))]

    assert followed(scopes(), *told, asked=["10.1.0.1", "10.1.0.2"]) == ["10.1.0.7"]


def test_a_device_that_was_heard_is_not_asked_at_another_address() -> None:
    told = [tells("10.1.0.1", sees("10.1.0.7", chassis=2)), tells("10.1.0.2", own=2)]

    assert followed(scopes(), *told, asked=["10.1.0.1", "10.1.0.2"]) == []


def test_an_address_of_a_device_that_was_heard_leads_to_it() -> None:
    device = Observation("NetworkDevice", "d", {})
    inside = Observation("IPAddress", "10.1.0.7", {"address": "10.1.0.7"}, parent="d")
    heard = TargetResult(
        "10.1.0.2", "", State.OK, told=(Told(Report("snmp", "10.1.0.2", 1, (device, inside)), address="10.1.0.2"),)
    )

    assert followed(scopes(), heard, tells("10.1.0.1", sees("10.1.0.7")), asked=["10.1.0.1", "10.1.0.2"]) == []


def test_a_device_is_asked_although_another_one_has_the_same_private_address() -> None:
    told = [
        tells("10.1.0.1", sees("192.168.0.1", "10.1.0.7", chassis=7), sees("192.168.0.1", "10.1.0.8", chassis=8)),
        tells("10.1.0.7", own=7),
    ]

    assert followed(scopes(), *told, asked=["10.1.0.1", "10.1.0.7"]) == ["10.1.0.8"]


def test_a_device_that_answered_is_not_asked_again_where_it_does_not_tell_its_chassis() -> None:
    told = [tells("10.1.0.1", sees("10.1.0.7", "10.1.0.8", chassis=7)), tells("10.1.0.7")]

    assert followed(scopes(), *told, asked=["10.1.0.1", "10.1.0.7"]) == []


def test_the_next_address_is_tried_where_the_first_is_silent() -> None:
    frontier = Frontier(scopes(), [spec("10.1.0.1")])
    frontier.note(tells("10.1.0.1", sees("10.1.0.7", "10.1.0.8", chassis=7)))
    waves = []
    while found := frontier.next():
        waves.append([one.address for one in found])
        for one in found:
            frontier.note(TargetResult(one.name, one.address, State.SILENT, "probe", "TIMEOUT"))

    assert waves == [["10.1.0.7"], ["10.1.0.8"]]


def test_a_neighbour_without_an_address_is_found_by_the_caches_of_others() -> None:
    cache = (Resolved("10.1.0.30", mac(9)), Resolved("10.9.0.30", mac(9)))
    told = [tells("10.1.0.1", sees(chassis=9)), tells("10.1.0.2", resolved=cache)]

    assert followed(scopes(), *told, asked=["10.1.0.1", "10.1.0.2"]) == ["10.1.0.30"]


def test_the_order_in_which_devices_answer_does_not_matter() -> None:
    seen = {n: sees(f"10.1.0.{n + 40}", f"10.1.0.{n % 7 + 90}", chassis=n % 7 + 1) for n in range(1, 30)}
    told = [tells(f"10.1.0.{n}", neighbour) for n, neighbour in seen.items()]
    asked = [f"10.1.0.{n}" for n in range(1, 30)]
    expected = followed(scopes(), *told, asked=asked)

    assert len(expected) == 7
    for seed in range(20):
        shuffled = Random(seed).sample(told, len(told))
        assert followed(scopes(), *shuffled, asked=asked) == expected


def test_an_agent_that_tells_of_too_many_neighbours_is_an_error_that_names_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crawl, "MOST_FOLLOWED", 2)
    frontier = Frontier(scopes(), [spec("10.1.0.1")])
    frontier.note(tells("10.1.0.1", *(sees(f"10.1.0.{n}") for n in range(2, 9))))
    found = frontier.next()

    assert ([one.address for one in found], frontier.is_cut) == (["10.1.0.2", "10.1.0.3"], True)


async def read(session: SnmpSession) -> Answers:
    answers = Answers()
    answers.scalars.update(await session.get([SYS_DESCR]))
    return answers


def interpret(target: str, address: str, answers: Answers, at: int) -> tuple[Report, Facts]:
    """An agent of these tests says in sysDescr where its neighbours are."""
    said = answers.scalars[SYS_DESCR].value
    assert isinstance(said, bytes)
    neighbours = tuple(sees(where) for where in said.decode().split())
    return Report("snmp", target, at, ()), Facts("snmp", target, at, "d", neighbours=neighbours)


def agent(*neighbours: str) -> Agent:
    said = Entry(SYS_DESCR, 4, " ".join(neighbours).encode())
    entries = [said, Entry(SYS_OBJECT_ID, 6, "1.3.6.1.4.1.9.1.1"), Entry(SYS_UP_TIME, 67, 4200)]
    return Agent(Mib(entries), ("watch-1",))


def test_agents_are_followed_to_the_last_and_nothing_outside_hears_of_it(tmp_path: Path) -> None:
    """A chain with a loop in it; one neighbour is outside, one excluded, one silent."""

    async def run() -> tuple[list[tuple[str, str]], list[bool]]:
        async with AsyncExitStack() as stack:
            outside = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)]
            first = await stack.enter_async_context(serve({"1": agent("127.60.0.2", "127.61.0.1")}, "127.60.0.1"))
            port = first["1"].port
            for sock, address in zip(outside, ("127.61.0.1", "127.60.0.9"), strict=True):
                sock.setblocking(False)
                sock.bind((address, port))
            for number, neighbours in (("2", ("127.60.0.3", "127.60.0.9")), ("3", ("127.60.0.1", "127.60.0.5"))):
                served = serve({number: agent(*neighbours)}, f"127.60.0.{number}", {number: port})
                await stack.enter_async_context(served)
            given = scopes([f"127.60.0.0/24:{port}"], ["127.60.0.9"], credential=community(tmp_path))
            means = Means(Work(read, interpret, lambda: 1), Client(limits=HASTY, probing=QUICK))
            seeds = given.resolve(f"127.60.0.1:{port}")

            def make(specs: Sequence[TargetSpec]) -> list[LiveTarget]:
                return [LiveTarget(one, means) for one in specs]

            results = discover_crawling(make(seeds), Frontier(given, seeds), make)
            async with aclosing(results):
                found = [(r.address, r.state.value) async for r in results]
            return found, [_has_heard(sock) for sock in outside]

    found, heard = asyncio.run(run())

    assert found == [("127.60.0.1", "OK"), ("127.60.0.2", "OK"), ("127.60.0.3", "OK"), ("127.60.0.5", "SILENT")]
    assert heard == [False, False]


def _has_heard(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1))
    except BlockingIOError:
        return False


def test_ranges_that_only_bound_are_not_swept(tmp_path: Path) -> None:
    table = {"scope": [{"name": "site", "ranges": ["10.0.0.0/8", "10.0.0.1"], "crawl": True, "sweep": False}]}
    given = parse_scopes(table, "here", tmp_path)

    assert [found.address for found in given.targets()] == ["10.0.0.1"]
    assert followed(given, tells("10.0.0.1", sees("10.200.3.4")), asked=["10.0.0.1"]) == ["10.200.3.4"]
