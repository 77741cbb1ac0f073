"""Foreign bytes and foreign answers end as typed outcomes, whoever decodes them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.cli.platform import platforms
from collectors.cli.templates import parse
from collectors.responders import ber, pdu
from collectors.responders.agent import User
from collectors.responders.responder import Responder
from collectors.snmp.catalogue import catalogue
from collectors.snmp.interpret import interpret
from collectors.snmp.reads import GROUPS, KIND, LAYERS, SURROUNDINGS, SYSTEM, TABLES
from collectors.snmp.surroundings import surroundings
from collectors.transport.answers import Answers, Oid, Outcome, Value, Varbind, Walk
from collectors.transport.link import Failure, Fault, Reply, Request, Step
from collectors.transport.udp import Endpoint, Place
from collectors.transport.usm import EnginePool, UsmLink
from collectors.transport.usm_reading import shorten
from tests.unit.snmp_transport_agents import ENGINE_ID, SYS_DESCR, agent, user
from tests.unit.test_snmp_transport_ber import VARBINDS

EXAMPLES = int(os.environ.get("DECODER_EXAMPLES", "40"))
SEALED = User("reader", "SHA-256", b"auth-secret-1", "AES-128", b"priv-secret-1")
OPEN = User("reader")


class Conversation:
    """A version 3 link and the agent at its other end, between which a test passes the datagrams on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: UsmLink, peer: socket.socket, known: User) -> None:
        self._loop, self.link, self._peer = loop, link, peer
        self._responder = Responder(agent(users=[known]))

    def ask(self) -> tuple[Step, bytes]:
        """Ask for sysDescr; gives the question, and the reply that has not arrived yet."""
        step = Step(self._loop.create_future())
        self.link.send(step, Request((SYS_DESCR,)))
        return step, self.heard()

    def heard(self) -> bytes:
        """What the agent says to the next datagram."""
        reply = self._responder.answer(self._peer.recv(65_535))
        assert reply is not None
        return reply


@pytest.fixture(scope="module", params=[OPEN, SEALED], ids=["open", "sealed"])
def conversation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """A conversation in which both know the other's clock."""
    known: User = request.param
    credential = user(tmp_path_factory.mktemp("secrets"), known.name, known.auth, known.priv)
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()

    async def opened(port: int) -> UsmLink:
        endpoint = Endpoint(Place("127.0.0.1", port))
        stack.callback(endpoint.close)
        return await stack.enter_async_context(EnginePool().link(endpoint, credential, ENGINE_ID))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        link = loop.run_until_complete(opened(peer.getsockname()[1]))
        found = Conversation(loop, link, peer, known)
        step, reply = found.ask()
        link._received(reply)
        while not step.future.done():  # a report of the clock, after which the engine asks once more
            link._received(found.heard())
        yield found
        loop.run_until_complete(stack.aclose())
    loop.close()


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_make_an_exception_in_version_3(conversation: Conversation, data: bytes) -> None:
    step, reply = conversation.ask()
    conversation.link._received(data)
    if not step.future.done():
        conversation.link._received(reply)
    result = step.future.result()
    conversation.link.finish(step)

    assert isinstance(result, Reply) or result.fault is Fault.GARBAGE


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), min_size=1, max_size=4), cut=st.integers(0, 9)
)
def test_no_damaged_reply_makes_an_exception_in_version_3(
    conversation: Conversation, changes: list[tuple[int, int]], cut: int
) -> None:
    step, reply = conversation.ask()
    damaged = bytearray(reply)
    for at, octet in changes:
        damaged[at % len(damaged)] = octet
    conversation.link._received(bytes(damaged[: len(damaged) - cut]))
    if not step.future.done():
        conversation.link._received(reply)
    result = step.future.result() if step.future.done() else Failure(Fault.SILENCE)
    conversation.link.finish(step)

    assert isinstance(result, Reply | Failure)


@settings(max_examples=EXAMPLES, deadline=None)
@given(held=VARBINDS, changes=st.lists(st.tuples(st.integers(0, 999), st.integers(0, 255)), max_size=3))
def test_a_shortened_response_loses_nothing(held: list[Any], changes: list[tuple[int, int]]) -> None:
    """What stands between pysnmp and the wire: either all that was there is kept aside, or it is passed on as it is."""
    body = pdu.encode(7, 0, 0, [ber.varbind(oid, ber.value(*value)) for oid, value in held])
    scoped = bytearray(ber.sequence(ber.octets(ENGINE_ID), ber.octets(b""), body) + bytes(5))
    for at, octet in changes:
        scoped[at % len(scoped)] = octet

    short, found = shorten(bytes(scoped))

    assert short == bytes(scoped) if not found else len(short) < len(scoped)
    if not changes:
        assert found == ([Varbind(oid, tag, value) for oid, (tag, value) in held] if len(held) > 1 else [])
        _, here, end = ber.read(short, 0, len(short))
        names = ber.read(short, ber.read(short, here, end).end, end)
        here = names.end
        assert (ber.read(short, here, end).tag, ber.read(short, here, end).end) == (pdu.RESPONSE, end)


def any_value(rng: Random) -> Value:
    """What a column may hold that an agent fills as it likes."""
    words = [
        b"",
        b"\0" * 6,
        b"\xff" * 8,
        b"Gi1/0/1",
        b"10.0.0.1",
        b"00:1d:e5:84:98:c0",
        "Zürich".encode("cp1252"),
        b"1,2,3",
    ]
    return rng.choice(
        [
            rng.randbytes(rng.choice([0, 1, 3, 4, 6, 7, 8, 11, 16, 20, 200])),
            rng.choice(words),
            rng.randint(-(2**31), 2**64),
            rng.randint(-1, 10),
            ".".join(str(rng.randint(0, 2**32)) for _ in range(rng.randint(1, 20))),
            "10.0.0.1",
            None,
        ]
    )


def any_index(rng: Random) -> Oid:
    """What may stand behind a column."""
    sizes = [1, 2, 3, 4, 5, 6, 8, 12, 17, 20, 40]
    return tuple(rng.choice([0, 1, 2, 4, 6, 16, 255, 256, 2**32 - 1, 2**40]) for _ in range(rng.choice(sizes)))


def any_answers(seed: int) -> Answers:
    """An agent of a family that we know, all of whose tables hold nonsense."""
    rng = Random(seed)
    profile = rng.choice(list(catalogue().profiles.values()))
    indexes = [*(any_index(rng) for _ in range(3)), (1,), (2,), (1, 1)]
    found = Answers()
    columns = [root for table in (*TABLES, *LAYERS, *GROUPS, *SURROUNDINGS) for root in table.columns.values()]
    for root in (*columns, *profile.columns()):
        if rng.random() < 0.8:
            rows = [Varbind((*root, *index), 4, any_value(rng)) for index in rng.sample(indexes, 3)]
            found.tables[root] = Walk(root, rng.choice([Outcome.COMPLETE, Outcome.COMPLETE, *Outcome]), rows)
    for oid in (*SYSTEM.values(), *KIND.values(), *profile.scalars()):
        if rng.random() < 0.8:
            found.scalars[oid] = Varbind(oid, 4, any_value(rng))
    if rng.random() < 0.8:
        found.scalars[SYSTEM["sys_object_id"]] = Varbind(SYSTEM["sys_object_id"], 6, "1.3.6.1.4.1.9.1.1208")
    if rng.random() < 0.3:
        found.contexts = {"vlan-10": any_answers(seed + 1)}
    return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32))
def test_no_answers_make_an_exception_in_the_interpreters(seed: int) -> None:
    answers = any_answers(seed)

    report = interpret("t", "192.0.2.1", answers, 1)
    facts = surroundings("t", "192.0.2.1", answers, 1)

    assert report.target == facts.target == "t"


TEMPLATES = sorted({reading.template for p in platforms().values() for reading in p.readings if reading.template})
LINES = st.lists(
    st.text(max_size=60) | st.sampled_from(["Interface: Gi1/0/1", "----", "  System Name: a", 'NAME: "x", DESCR: "y"']),
    max_size=20,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(TEMPLATES), LINES)
def test_no_text_makes_an_exception_in_a_template(name: str, lines: list[str]) -> None:
    rows = parse(name, "\n".join(lines))

    assert rows is None or all(isinstance(row, dict) for row in rows)
