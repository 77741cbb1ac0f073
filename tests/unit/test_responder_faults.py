"""Agents that misbehave, each in the way they are told to."""

from __future__ import annotations

from collectors.responders import pdu
from collectors.responders.agent import Faults
from tests.unit.wire import IN_OCTETS, SYS_DESCR, TABLE, ask, reply, responder


def test_faults_touch_what_lies_under_their_oid_and_begin_when_told() -> None:
    agent = responder(Faults(under=TABLE, after=2, silent=True))
    inside, outside = ask(pdu.GET_NEXT, [TABLE]), ask(pdu.GET, [SYS_DESCR])

    heard = [agent.answer(q) is not None for q in (inside, outside, inside, inside, outside)]

    assert heard == [True, True, True, False, True]


def test_a_looping_table_comes_back_to_its_first_row() -> None:
    agent, oid, seen = responder(Faults(under=(*TABLE, 2), loop=True)), (*TABLE, 2), []
    for _ in range(25):
        oid = reply(agent.answer(ask(pdu.GET_NEXT, [oid])))[2][0][0]
        seen.append(oid)

    assert seen == [(*TABLE, 2, row % 10 + 1) for row in range(25)]


def test_a_table_that_does_not_increase_repeats_itself() -> None:
    agent, asked = responder(Faults(under=TABLE, non_increasing=True)), (*TABLE, 2, 3)

    assert reply(agent.answer(ask(pdu.GET_NEXT, [asked])))[2][0][0] == asked


def test_losses_are_the_same_for_the_same_seed() -> None:
    def heard(seed: int) -> list[bool]:
        agent = responder(Faults(loss=0.3, seed=seed))
        return [agent.answer(ask(pdu.GET, [SYS_DESCR])) is not None for _ in range(300)]

    assert heard(1) == heard(1) != heard(2)
    assert 0.6 < sum(heard(1)) / 300 < 0.8


def test_every_third_reply_is_dropped() -> None:
    agent = responder(Faults(drop_every=3))

    assert [agent.answer(ask(pdu.GET, [SYS_DESCR])) is None for _ in range(6)] == [False, False, True] * 2


def test_single_faults_show_on_the_wire() -> None:
    bulk, good = ask(pdu.GET_BULK, [IN_OCTETS], 0, 10), responder().answer(ask(pdu.GET_BULK, [IN_OCTETS], 0, 10))
    assert good is not None

    assert responder(Faults(silent=True)).answer(bulk) is None
    assert responder(Faults(no_bulk=True)).answer(bulk) is None
    assert responder(Faults(no_bulk=True)).answer(ask(pdu.GET_NEXT, [IN_OCTETS])) is not None
    assert responder(Faults(truncate=True)).answer(bulk) == good[: len(good) // 2]
    garbage = responder(Faults(garbage=True)).answer(bulk)
    assert garbage is not None
    assert len(garbage) == len(good)
    assert garbage != good
    assert reply(responder(Faults(gen_err=True)).answer(bulk))[0] == pdu.GEN_ERR
    assert reply(responder(Faults(no_varbinds=True)).answer(bulk)) == (0, 0, [])
    assert reply(responder(Faults(bulk_too_big_over=9)).answer(bulk)) == (pdu.TOO_BIG, 0, [])
    assert reply(responder(Faults(bulk_too_big_over=10)).answer(bulk)) == reply(good)
    wrong = responder(Faults(wrong_request_id=True)).answer(bulk)
    assert wrong is not None
    assert pdu.RESPONSE in wrong
    assert wrong.replace(b"\x02\x01\x4c", b"\x02\x01\x4d", 1) == good


def test_counters_can_lack_their_leading_zero() -> None:
    data = responder(Faults(unpadded_counters=True)).answer(ask(pdu.GET, [(*IN_OCTETS, 1), SYS_DESCR]))

    assert data is not None
    assert b"\x41\x04\xff\xff\xff\xff" in data
    assert reply(data)[2][1][2] == b"router"
