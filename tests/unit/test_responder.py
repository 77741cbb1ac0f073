"""What a responder answers, datagram by datagram."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.errors import Invalid
from collectors.responders import ber, pdu
from collectors.responders.agent import Agent, User
from collectors.responders.ber import Oid
from collectors.responders.mib import Entry, Mib, parse_lines
from collectors.responders.responder import Responder
from tests.unit.wire import ENGINE, HC_OCTETS, IN_OCTETS, SYS_DESCR, TABLE, UPTIME, ask, reply, responder, table


def test_get_tells_missing_objects_from_missing_instances() -> None:
    asked = [SYS_DESCR, (*SYS_DESCR[:-1], 7), (1, 3, 6, 1, 99, 0)]

    status, _, varbinds = reply(responder().answer(ask(pdu.GET, asked)))

    assert status == 0
    assert varbinds == [
        (asked[0], ber.OCTETS, b"router"),
        (asked[1], ber.NO_SUCH_INSTANCE, None),
        (asked[2], ber.NO_SUCH_OBJECT, None),
    ]


@pytest.mark.parametrize("tag", [pdu.GET_NEXT, pdu.GET_BULK])
def test_a_walk_gives_every_varbind_once_and_in_order(tag: int) -> None:
    agent, seen = responder(), []
    oid: Oid = (1, 3)
    while True:
        _, _, varbinds = reply(agent.answer(ask(tag, [oid], 0, 7)))
        seen += [v[0] for v in varbinds if v[1] != ber.END_OF_MIB_VIEW]
        oid = varbinds[-1][0]
        if varbinds[-1][1] == ber.END_OF_MIB_VIEW:
            break

    assert seen == sorted(seen) == table().oids


def test_bulk_answers_non_repeaters_once_and_the_rest_in_rows() -> None:
    asked = [SYS_DESCR[:-1], (*TABLE, 2), IN_OCTETS]

    _, _, varbinds = reply(responder().answer(ask(pdu.GET_BULK, asked, 1, 2)))

    assert [v[0] for v in varbinds] == [SYS_DESCR, (*TABLE, 2, 1), (*IN_OCTETS, 1), (*TABLE, 2, 2), (*IN_OCTETS, 2)]


def test_version_1_knows_neither_bulk_nor_counter64_nor_exceptions() -> None:
    agent = responder()
    last_counter32 = (*IN_OCTETS, 10)

    assert agent.answer(ask(pdu.GET_BULK, [SYS_DESCR], 0, 5, version=0)) is None
    assert reply(agent.answer(ask(pdu.GET, [(*HC_OCTETS, 1)], version=0)))[:2] == (pdu.NO_SUCH_NAME, 1)
    assert reply(agent.answer(ask(pdu.GET_NEXT, [SYS_DESCR, last_counter32], version=0)))[:2] == (pdu.NO_SUCH_NAME, 2)


@pytest.mark.parametrize(("version", "status"), [(0, pdu.READ_ONLY), (1, pdu.NOT_WRITABLE)])
def test_set_is_refused(version: int, status: int) -> None:
    assert reply(responder().answer(ask(pdu.SET, [SYS_DESCR], version=version)))[:2] == (status, 1)


def test_answers_stay_within_the_message_size() -> None:
    agent = responder(mib=table(200), max_size=484)
    long = ask(pdu.GET_BULK, [TABLE], 0, 100)
    many = ask(pdu.GET, [(*TABLE, 2, row) for row in range(1, 60)])

    cut = agent.answer(long)

    assert cut is not None
    assert 400 < len(cut) <= 484
    assert len(reply(cut)[2]) < 100
    assert reply(agent.answer(many)) == (pdu.TOO_BIG, 0, [])


def test_contexts_are_reached_through_the_community() -> None:
    vlan = Mib([Entry(SYS_DESCR, ber.OCTETS, b"vlan 10")])
    agent = responder(contexts={"10": vlan})

    assert reply(agent.answer(ask(pdu.GET, [SYS_DESCR], community="public@10")))[2][0][2] == b"vlan 10"
    assert agent.answer(ask(pdu.GET, [SYS_DESCR], community="public@11")) is None
    assert agent.answer(ask(pdu.GET, [SYS_DESCR], community="secret@10")) is None
    assert agent.answer(ask(pdu.GET, [SYS_DESCR], community="@10")) is None


def test_versions_that_are_off_meet_silence() -> None:
    agent = responder(versions=("v2c",))

    assert agent.answer(ask(pdu.GET, [SYS_DESCR], version=0)) is None
    assert agent.answer(ask(pdu.GET, [SYS_DESCR], version=1)) is not None


def test_sys_up_time_runs() -> None:
    now = [10.0]
    agent = Responder(Agent(table(), ("public",)), lambda: now[0])
    now[0] = 12.5

    assert reply(agent.answer(ask(pdu.GET, [UPTIME])))[2][0][2] == 750


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_no_datagram_makes_an_exception(data: bytes) -> None:
    agent = responder(users=(User("u", "SHA-1", b"password1"),), engine_id=ENGINE)

    agent.answer(data)

    assert agent.undecodable + agent.requests <= 1


@settings(max_examples=500)
@given(st.data())
def test_no_damaged_request_makes_an_exception(data: st.DataObject) -> None:
    agent = responder(users=(User("u"),), engine_id=ENGINE, max_size=484)
    good = bytearray(data.draw(st.sampled_from([*REQUESTS])))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))

    answer = agent.answer(bytes(good[: len(good) - cut]))

    assert answer is None or len(answer) <= 484


def v3_request(user: bytes = b"u", engine: bytes = ENGINE, flags: int = 4) -> bytes:
    body = pdu.encode(77, 0, 10, [ber.varbind(TABLE, ber.value(ber.NULL, None))], pdu.GET_BULK)
    scoped = ber.sequence(ber.octets(engine), ber.octets(b""), body)
    header = ber.sequence(ber.integer(9), ber.integer(65_507), ber.octets(bytes((flags,))), ber.integer(3))
    parameters = [
        ber.octets(engine),
        ber.integer(0),
        ber.integer(0),
        ber.octets(user),
        ber.octets(b""),
        ber.octets(b""),
    ]
    return ber.sequence(ber.integer(3), header, ber.octets(ber.sequence(*parameters)), scoped)


REQUESTS = (
    ask(pdu.GET_BULK, [TABLE, SYS_DESCR], 1, 50),
    ask(pdu.GET, [SYS_DESCR, (1, 3, 6, 1, 99)]),
    ask(pdu.GET_NEXT, [SYS_DESCR], version=0),
    v3_request(),
)


def test_huge_repetitions_cost_no_more_than_a_full_message() -> None:
    agent = responder(mib=table(5))

    _, _, varbinds = reply(agent.answer(ask(pdu.GET_BULK, [(1, 3)] * 3, 0, 2**31 - 1)))

    assert 0 < len(varbinds) < 100


def test_recording_lines_are_read() -> None:
    lines: list[str | bytes] = [
        "1.3.6.1.2.1.1.1.0|4|a|b",
        "1.3.6.1.2.1.1.5.0|4x|00ff",
        b"1.3.6.1.2.1.1.6.0|4|caf\xe9\n",
        ".1.3.6.1.4|64|192.0.2.1",
        "",
        "1.3.6.2|64x|c0000202",
        "1.3.6.3|70|18446744073709551615",
        "1.3.6.4|6|.1.3.6",
    ]

    entries = parse_lines(lines)

    assert [e.value for e in entries] == [b"a|b", b"\x00\xff", b"caf\xe9", "192.0.2.1", "192.0.2.2", 2**64 - 1, "1.3.6"]


@pytest.mark.parametrize("line", ["1.3.6.1|4", "1.3.x|4|a", "1.3.6|9|a", "1.3.6|2|a", "1.3.6|4x|0", "1.3.6|64|1.2.3"])
def test_a_bad_recording_line_is_named(line: str) -> None:
    with pytest.raises(Invalid, match="made-up: line 2: "):
        parse_lines(["1.3.6.1|2|1", line], "made-up")


def test_agents_that_can_not_be_are_refused() -> None:
    with pytest.raises(Invalid, match="needs authentication"):
        User("u", priv="AES-128", priv_secret=b"password1")
    with pytest.raises(Invalid, match="shorter than 8"):
        User("u", "SHA-256", b"short")
    with pytest.raises(Invalid, match="engine id"):
        Agent(table(), users=(User("u"),), engine_id=b"1")
    with pytest.raises(Invalid, match="484"):
        Agent(table(), max_size=100)


def test_secrets_are_in_no_repr() -> None:
    agent = Agent(table(), ("hidden-community",), (User("u", "SHA-1", b"hidden-key", "DES", b"hidden-too"),), ENGINE)

    assert "hidden" not in repr(agent) + repr(agent.users)


def test_twenty_thousand_varbinds_a_second_are_easy() -> None:
    """A floor far below what is measured (about 500,000/s), so that a busy machine does not fail."""
    agent, request, varbinds = responder(mib=table(300)), ask(pdu.GET_BULK, [TABLE], 0, 25), 0
    began = time.process_time()
    for _ in range(200):
        data = agent.answer(request)
        assert data is not None
        varbinds += 25
    spent = time.process_time() - began

    assert varbinds / spent > 20_000
