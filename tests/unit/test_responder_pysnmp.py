"""Responders as an SNMP client from elsewhere sees them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto import errind

from cmdb.errors import Unreachable, UsageError
from collectors.responders import ber
from collectors.responders import v3 as v3_message
from collectors.responders.agent import Agent, User
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import Running, serve
from collectors.responders.usm import Auth, Priv

# pysnmp's high level calls the MIB compiler of pysmi by its old names, also when no MIB is wanted.
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated. Please use .* instead:DeprecationWarning")

SYSTEM = "1.3.6.1.2.1.1"
ENGINE = bytes.fromhex("80001f8880a1b2c3d4e5f6")
AUTHS: dict[Auth, Any] = {
    "MD5": hlapi.USM_AUTH_HMAC96_MD5,
    "SHA-1": hlapi.USM_AUTH_HMAC96_SHA,
    "SHA-224": hlapi.USM_AUTH_HMAC128_SHA224,
    "SHA-256": hlapi.USM_AUTH_HMAC192_SHA256,
    "SHA-384": hlapi.USM_AUTH_HMAC256_SHA384,
    "SHA-512": hlapi.USM_AUTH_HMAC384_SHA512,
}
PRIVS: dict[Priv, Any] = {
    "DES": hlapi.USM_PRIV_CBC56_DES,
    "3DES": hlapi.USM_PRIV_CBC168_3DES,
    "AES-128": hlapi.USM_PRIV_CFB128_AES,
    "AES-192": hlapi.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": hlapi.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": hlapi.USM_PRIV_CFB192_AES,
    "AES-256-C": hlapi.USM_PRIV_CFB256_AES,
}


def small_mib() -> Mib:
    rows = [Entry((1, 3, 6, 1, 2, 1, 2, 2, 1, 2, n), ber.OCTETS, b"port %d" % n) for n in range(1, 61)]
    return Mib([Entry((1, 3, 6, 1, 2, 1, 1, 1, 0), ber.OCTETS, b"a switch"), *rows])


@asynccontextmanager
async def engine() -> AsyncIterator[hlapi.SnmpEngine]:
    made = hlapi.SnmpEngine()
    try:
        yield made
    finally:
        made.close_dispatcher()


async def get(agent: Running, who: Any, context: str = "", oid: str = SYSTEM + ".1.0") -> tuple[Any, str]:
    """Error indication, and the value as text."""
    async with engine() as client:
        target = await hlapi.UdpTransportTarget.create((agent.address, agent.port), timeout=0.5, retries=0)
        named = hlapi.ObjectType(hlapi.ObjectIdentity(oid))
        indication, status, _, varbinds = await hlapi.get_cmd(
            client, who, target, hlapi.ContextData(contextName=context.encode()), named, lookupMib=False
        )
        return indication or status, str(varbinds[0][1]) if varbinds else ""


async def walk(agent: Running, who: Any) -> list[str]:
    async with engine() as client:
        target = await hlapi.UdpTransportTarget.create((agent.address, agent.port), timeout=2, retries=0)
        start = hlapi.ObjectType(hlapi.ObjectIdentity("1.3.6"))
        found = []
        async for indication, status, _, varbinds in hlapi.bulk_walk_cmd(
            client, who, target, hlapi.ContextData(), 0, 25, start, lookupMib=False
        ):
            assert not indication
            assert not status
            found += [str(name) for name, _ in varbinds]
        return found


def v3(user: User, auth_secret: bytes = b"authentic-1", priv_secret: bytes = b"private-22") -> Any:
    if not user.auth:
        return hlapi.UsmUserData(user.name)  # noqa: S509 # the level is what is tested
    if not user.priv:
        return hlapi.UsmUserData(user.name, auth_secret.decode(), authProtocol=AUTHS[user.auth])
    keys = (auth_secret.decode(), priv_secret.decode())
    return hlapi.UsmUserData(user.name, *keys, authProtocol=AUTHS[user.auth], privProtocol=PRIVS[user.priv])


def user(name: str, auth: Auth | None = None, priv: Priv | None = None) -> User:
    return User(name, auth, b"authentic-1" if auth else b"", priv, b"private-22" if priv else b"")


@pytest.mark.asyncio
async def test_version_2c_walks_everything_and_a_wrong_community_meets_silence() -> None:
    async with serve({"a": Agent(small_mib(), ("public",))}) as running:
        found = await walk(running["a"], hlapi.CommunityData("public"))
        wrong, _ = await get(running["a"], hlapi.CommunityData("private"))

    assert found == [ber.dotted(oid) for oid in small_mib().oids]
    assert isinstance(wrong, errind.RequestTimedOut)


@pytest.mark.asyncio
async def test_version_1_is_answered() -> None:
    async with serve({"a": Agent(small_mib(), ("public",))}) as running:
        found = await get(running["a"], hlapi.CommunityData("public", mpModel=0))  # noqa: S508 # version 1 is what is tested

    assert found == (0, "a switch")


@pytest.mark.asyncio
async def test_version_3_with_every_digest_and_cipher() -> None:
    pairs: list[tuple[Auth | None, Priv | None]] = [(auth, None) for auth in AUTHS]
    pairs += [(None, None), *(("SHA-256", priv) for priv in PRIVS), ("MD5", "AES-256"), ("SHA-1", "AES-256-C")]
    users = tuple(user(f"user-{n}", *pair) for n, pair in enumerate(pairs))
    async with serve({"a": Agent(small_mib(), users=users, engine_id=ENGINE)}) as running:
        answers = {u.name: await get(running["a"], v3(u)) for u in users}

    assert answers == {u.name: (0, "a switch") for u in users}


@pytest.mark.asyncio
async def test_version_3_walks_everything() -> None:
    known = user("observer", "SHA-256", "AES-128")
    async with serve({"a": Agent(small_mib(), users=(known,), engine_id=ENGINE)}) as running:
        found = await walk(running["a"], v3(known))

    assert found == [ber.dotted(oid) for oid in small_mib().oids]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (v3(user("nobody")), errind.UnknownUserName),
        (v3(user("observer", "SHA-256", "AES-128"), b"wrong-wrong"), errind.WrongDigest),
        (v3(user("observer", "SHA-256", "AES-128"), priv_secret=b"wrong-wrong"), errind.DecryptionError),
        (v3(user("open", "SHA-256")), errind.UnsupportedSecurityLevel),
    ],
    ids=["user", "auth key", "priv key", "level too high"],
)
@pytest.mark.asyncio
async def test_version_3_says_what_was_wrong(who: Any, expected: type) -> None:
    users = (user("observer", "SHA-256", "AES-128"), user("open"))
    async with serve({"a": Agent(small_mib(), users=users, engine_id=ENGINE)}) as running:
        indication, _ = await get(running["a"], who)

    assert isinstance(indication, expected)


@pytest.mark.asyncio
async def test_version_3_below_the_users_level_is_denied() -> None:
    users = (user("observer", "SHA-256", "AES-128"),)
    async with serve({"a": Agent(small_mib(), users=users, engine_id=ENGINE)}) as running:
        status, value = await get(running["a"], v3(user("observer", "SHA-256")))

    assert (str(status), value) == ("authorizationError", "")


@pytest.mark.asyncio
async def test_version_3_contexts() -> None:
    vlan = Mib([Entry((1, 3, 6, 1, 2, 1, 1, 1, 0), ber.OCTETS, b"in vlan 10")])
    known = user("observer", "SHA-256", "AES-128")
    agent = Agent(small_mib(), users=(known,), engine_id=ENGINE, contexts={"vlan-10": vlan})
    async with serve({"a": agent}) as running:
        there = await get(running["a"], v3(known), "vlan-10")
        elsewhere, _ = await get(running["a"], v3(known), "vlan-11")

    assert there == (0, "in vlan 10")
    assert str(elsewhere) == ber.dotted(v3_message.UNKNOWN_CONTEXT)


@pytest.mark.asyncio
async def test_two_hundred_agents_share_one_loop() -> None:
    agents = {f"a{n}": Agent(small_mib(), ("public",)) for n in range(200)}
    async with serve(agents) as running:
        asked = [running[f"a{n}"] for n in range(0, 200, 20)]
        answers = await asyncio.gather(*(get(a, hlapi.CommunityData("public")) for a in asked))
        ports = {a.port for a in running.values()}

    assert answers == [(0, "a switch")] * 10
    assert len(ports) == 200


@pytest.mark.asyncio
async def test_only_loopback_is_served() -> None:
    with pytest.raises(UsageError, match="loopback only"):
        async with serve({"a": Agent(small_mib())}, "0.0.0.0"):  # noqa: S104 # this is what must not work
            pass


@pytest.mark.asyncio
async def test_a_taken_port_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]

        with pytest.raises(Unreachable, match=f"agent 'a' can't have UDP port {port} .* another port"):
            async with serve({"a": Agent(small_mib())}, ports={"a": port}):
                pass
