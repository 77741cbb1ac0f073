"""Finding the address and the credential, and saying why not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import get_args

import pytest

from collectors.ranges import Addresses
from collectors.responders.agent import Agent, Faults, User
from collectors.responders.serve import serve
from collectors.transport.answers import Outcome, Varbind
from collectors.transport.client import Client
from collectors.transport.credentials import Auth, Priv, SnmpCredential
from collectors.transport.session import TransportFailure
from tests.unit.snmp_transport_agents import (
    HASTY,
    IF_DESCR,
    IF_IN_OCTETS,
    QUICK,
    ROWS,
    SECRETS,
    SYS_DESCR,
    agent,
    community,
    session_with,
    user,
)

USERS = [
    User("plain"),
    User("signed", "SHA-256", b"auth-secret-1"),
    User("sealed", "SHA-256", b"auth-secret-1", "AES-128", b"priv-secret-1"),
]


def failure(host: str, port: int, credentials: Sequence[SnmpCredential]) -> TransportFailure:
    """How opening a session fails."""

    async def run() -> TransportFailure:
        with pytest.raises(TransportFailure) as caught:
            async with Client(limits=HASTY, probing=QUICK).open("core-1", host, port, credentials, 30.0):
                pass
        return caught.value

    return asyncio.run(run())


def failure_at(served: Agent, credentials: Sequence[SnmpCredential]) -> TransportFailure:
    """How opening a session with an agent fails."""

    async def run() -> TransportFailure:
        with pytest.raises(TransportFailure) as caught:
            async with session_with(served, credentials):
                pass
        return caught.value

    return asyncio.run(run())


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of 127.0.0.1 that takes everything and answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        yield int(sink.getsockname()[1])


@pytest.mark.parametrize("kind", ["community", "user"])
def test_a_closed_port_is_refused_at_once(kind: str, closed_port: int, tmp_path: Path) -> None:
    credential = community(tmp_path) if kind == "community" else user(tmp_path, "plain")
    began = time.monotonic()

    found = failure("127.0.0.1", closed_port, [credential, credential])

    assert (found.stage, found.reason) == ("probe", "REFUSED")
    assert time.monotonic() - began < sum(QUICK.waits)


def test_an_unknown_host_is_told(tmp_path: Path) -> None:
    found = failure("no-such-host.invalid", 161, [community(tmp_path)])

    assert (found.stage, found.reason) == ("resolve", "UNKNOWN_HOST")
    assert "no-such-host.invalid" in str(found)


@pytest.mark.parametrize("kind", ["community", "user"])
def test_silence_is_a_timeout_that_names_what_was_tried(kind: str, silent_port: int, tmp_path: Path) -> None:
    credential = community(tmp_path) if kind == "community" else user(tmp_path, "plain")

    found = failure("127.0.0.1", silent_port, [credential])

    assert (found.stage, found.reason) == ("probe", "TIMEOUT")
    assert credential.name in found.detail


def test_a_wrong_community_is_silence(tmp_path: Path) -> None:
    found = failure_at(agent(), [community(tmp_path, "wrong")])

    assert (found.stage, found.reason) == ("probe", "TIMEOUT")
    assert "community is wrong" in found.detail
    assert SECRETS["wrong"] not in str(found)


@pytest.mark.parametrize("kind", ["community", "user"])
@pytest.mark.parametrize("fault", [Faults(garbage=True), Faults(truncate=True)], ids=["garbage", "truncated"])
def test_garbage_is_undecodable_not_silence(kind: str, fault: Faults, tmp_path: Path) -> None:
    credential = community(tmp_path) if kind == "community" else user(tmp_path, "plain")

    found = failure_at(agent(fault, users=USERS), [credential])

    assert (found.stage, found.reason) == ("probe", "UNDECODABLE")


@pytest.mark.parametrize(
    ("name", "auth", "priv", "auth_file", "reason"),
    [
        ("nobody", "SHA-256", None, "auth", "WRONG_CREDENTIAL"),
        ("signed", "SHA-256", None, "wrong", "WRONG_CREDENTIAL"),
        ("signed", "SHA-512", None, "auth", "WRONG_CREDENTIAL"),
        ("sealed", "SHA-256", "AES-256", "auth", "WRONG_CREDENTIAL"),
        ("plain", "SHA-256", None, "auth", "WRONG_CREDENTIAL"),
        ("signed", None, None, "auth", "DENIED"),
    ],
)
def test_wrong_users_keys_and_protocols_are_told_at_once(
    name: str, auth: Auth | None, priv: Priv | None, auth_file: str, reason: str, tmp_path: Path
) -> None:
    found = failure_at(agent(users=USERS), [user(tmp_path, name, auth, priv, auth_file)])

    assert (found.stage, found.reason) == ("auth", reason)
    assert "it takes the name" not in found.detail  # which would be told after a silence
    assert "secret" not in str(found)


def test_all_protocols_of_version_3(tmp_path: Path) -> None:
    pairs = [(auth, priv) for auth in get_args(Auth) for priv in (None, *get_args(Priv))]
    names = {f"{auth}-{priv}": (auth, priv) for auth, priv in pairs}
    users = [
        User(n, auth, b"auth-secret-1", priv, b"priv-secret-1" if priv else b"") for n, (auth, priv) in names.items()
    ]

    async def run() -> dict[str, bytes]:
        client, found = Client(limits=HASTY, probing=QUICK), {}
        async with serve({"agent": agent(users=users)}) as running:
            for name, (auth, priv) in names.items():
                order = [user(tmp_path, name, auth, priv)]
                async with client.open(name, "127.0.0.1", running["agent"].port, order, 30.0) as session:
                    found[name] = (await session.get([SYS_DESCR]))[SYS_DESCR].value
        return found

    assert asyncio.run(run()) == dict.fromkeys(names, b"switch")


def test_version_3_tolerates_counters_without_padding(tmp_path: Path) -> None:
    async def run() -> list[Varbind]:
        served = agent(Faults(unpadded_counters=True), users=USERS)
        async with session_with(served, [user(tmp_path, "sealed", "SHA-256", "AES-128")]) as session:
            return (await session.walk(IF_IN_OCTETS)).varbinds

    assert [varbind.value for varbind in asyncio.run(run())] == [2**32 - 1] * ROWS


def test_two_agents_with_one_engine_id_and_different_keys(tmp_path: Path) -> None:
    """Engine ids are cloned with images; boots and keys of one must not disturb the other."""
    (tmp_path / "other").write_text("other-secret-1", "utf-8")
    (tmp_path / "other").chmod(0o600)
    mine = User("reader", "SHA-256", b"auth-secret-1")
    other = User("reader", "SHA-256", b"wrong-secret-1")

    async def run() -> list[int]:
        agents = {"a": agent(users=[mine], boots=1), "b": agent(users=[other], boots=70)}
        client = Client(limits=HASTY, probing=QUICK)

        async def read(name: str, port: int, word: str) -> int:
            credential = user(tmp_path, "reader", "SHA-256", auth_file=word)
            async with client.open(name, "127.0.0.1", port, [credential], 30.0) as session:
                return sum([len((await session.walk(IF_DESCR)).varbinds) for _ in range(3)])

        async with serve(agents) as running:
            ports = {name: at.port for name, at in running.items()}
            both = await asyncio.gather(read("a", ports["a"], "auth"), read("b", ports["b"], "wrong"))
            return [*both, await read("b", ports["b"], "wrong")]  # on an engine that knew another agent

    assert asyncio.run(run()) == [3 * ROWS] * 3


def test_credentials_are_tried_in_order_and_the_one_that_worked_first_the_next_time(tmp_path: Path) -> None:
    order = [user(tmp_path, "nobody", "SHA-256"), community(tmp_path, "wrong"), community(tmp_path)]

    async def run() -> tuple[dict[str, str], float]:
        async with serve({"agent": agent(users=USERS)}) as running:
            client = Client(limits=HASTY, probing=QUICK)
            for _ in range(2):
                began = time.monotonic()
                async with client.open("agent", "127.0.0.1", running["agent"].port, order, 30.0):
                    took = time.monotonic() - began
            return dict(client.remembered), took

    remembered, took = asyncio.run(run())

    assert remembered == {"agent": "v2c-community"}
    assert took < sum(QUICK.waits)


def test_of_communities_that_both_work_the_first_one_wins(tmp_path: Path) -> None:
    async def run() -> dict[str, str]:
        served = agent(communities=("watch-1", "wrong-secret-1"))
        async with serve({"agent": served}) as running:
            client = Client(limits=HASTY, probing=QUICK)
            order = [community(tmp_path, "wrong"), community(tmp_path)]
            async with client.open("agent", "127.0.0.1", running["agent"].port, order, 30.0):
                return dict(client.remembered)

    assert asyncio.run(run()) == {"agent": "v2c-wrong"}


def test_an_agent_of_version_1_is_found_with_a_credential_of_version_2c(tmp_path: Path) -> None:
    async def run() -> tuple[Outcome, int]:
        async with session_with(agent(versions=("v1",)), [community(tmp_path)]) as session:
            walk = await session.walk(IF_DESCR)
            return walk.outcome, len(walk.varbinds)

    assert asyncio.run(run()) == (Outcome.COMPLETE, ROWS)


def test_a_missing_secret_names_its_reference_and_the_target(tmp_path: Path) -> None:
    credential = community(tmp_path)
    (tmp_path / "community").unlink()

    found = failure_at(agent(), [credential])

    assert (found.stage, found.reason) == ("auth", "NO_CREDENTIAL")
    assert "file:community" in found.detail


def test_no_credential_is_told() -> None:
    assert failure("127.0.0.1", 161, []).reason == "NO_CREDENTIAL"


def test_a_name_that_leads_to_an_excluded_address_is_left_alone(tmp_path: Path) -> None:
    async def run() -> TransportFailure:
        exclude = Addresses(["127.0.0.0/8"])
        with pytest.raises(TransportFailure) as caught:
            async with Client().open("core-1", "localhost", 161, [community(tmp_path)], 30.0, exclude):
                pass
        return caught.value

    assert asyncio.run(run()).reason == "EXCLUDED"


def test_an_agent_of_version_3_that_restarts_is_read_on_with_its_new_clock(tmp_path: Path) -> None:
    known = [user(tmp_path, "sealed", "SHA-256", "AES-128")]

    async def run() -> list[tuple[Outcome, int]]:
        client = Client(limits=HASTY, probing=QUICK)
        async with AsyncExitStack() as stack:
            async with serve({"agent": agent(users=USERS, boots=1)}) as running:
                port = running["agent"].port
                opening = client.open("agent", "127.0.0.1", port, known, 30.0)
                session = await stack.enter_async_context(opening)
                walks = [await session.walk(IF_DESCR)]
            async with serve({"agent": agent(users=USERS, boots=2)}, ports={"agent": port}):
                walks.append(await session.walk(IF_DESCR))
        return [(walk.outcome, len(walk.varbinds)) for walk in walks]

    assert asyncio.run(run()) == [(Outcome.COMPLETE, ROWS)] * 2


def test_an_agent_has_one_conversation_at_a_time_under_whatever_names(tmp_path: Path) -> None:
    """Many agents are single threaded; a host name and a range may lead to the same one."""

    async def run() -> list[str]:
        said: list[str] = []
        async with serve({"agent": agent()}) as running:
            client = Client(limits=HASTY, probing=QUICK)

            async def talk(name: str) -> None:
                where = ("127.0.0.1", running["agent"].port, [community(tmp_path)], 30.0)
                async with client.open(name, *where) as session:
                    said.append(name)
                    await session.walk(IF_DESCR)
                    said.append(name)

            await asyncio.gather(*map(talk, "abc"))
        return said

    said = asyncio.run(run())

    assert said[0::2] == said[1::2]
    assert sorted(said) == list("aabbcc")
