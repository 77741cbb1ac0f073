"""Recordings: every kind of line, bad ones counted, sessions that answer from them."""

from __future__ import annotations

import asyncio
import bz2
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid, NotFound
from collectors.transport.answers import Outcome, Varbind
from collectors.transport.recording import Recording, format_line, parse_line, read_recording, write_recording
from collectors.transport.replay import find_recordings, open_replay, read_targets
from collectors.transport.session import TransportFailure

IF_DESCR = (1, 3, 6, 1, 2, 1, 2, 2, 1, 2)

OIDS = st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=12).map(tuple)
VALUES = st.one_of(
    st.tuples(st.sampled_from((2, 65, 66, 67, 70)), st.integers(-(2**31), 2**64 - 1)),
    st.tuples(st.sampled_from((4, 68)), st.binary(max_size=40)),
    st.tuples(st.just(5), st.none()),
    st.tuples(st.just(6), OIDS.map(lambda oid: ".".join(map(str, oid)))),
    st.tuples(st.just(64), st.ip_addresses(v=4).map(str)),
)
VARBINDS = st.dictionaries(OIDS, VALUES, max_size=30).map(lambda held: [Varbind(o, *v) for o, v in held.items()])


@pytest.mark.parametrize(
    ("line", "tag", "value"),
    [
        (b"1.3.6|2|-5", 2, -5),
        (b"1.3.6|2x|1f", 2, 31),
        (b"1.3.6|4|a|b", 4, b"a|b"),
        (b"1.3.6|4|", 4, b""),
        (b"1.3.6|4|caf\xe9 ", 4, b"caf\xe9 "),
        (b"1.3.6|4x|00ff", 4, b"\0\xff"),
        (b"1.3.6|5|", 5, None),
        (b".1.3.6|6|.1.3.6.1", 6, "1.3.6.1"),
        (b"1.3.6|64|10.0.0.1", 64, "10.0.0.1"),
        (b"1.3.6|64x|0a000001", 64, "10.0.0.1"),
        (b"1.3.6|65|4294967295", 65, 4294967295),
        (b"1.3.6|66x|ff", 66, 255),
        (b"1.3.6|67|42", 67, 42),
        (b"1.3.6|68x|9f78", 68, b"\x9f\x78"),
        (b"1.3.6|70|18446744073709551615", 70, 2**64 - 1),
        (b"1.3.6|2:numeric|7,rate=3", 2, 7),
        (b"1.3.6|4|text\r", 4, b"text"),
    ],
)
def test_every_kind_of_line_is_read(line: bytes, tag: int, value: Any) -> None:
    assert parse_line(line) == Varbind((1, 3, 6), tag, value)


@pytest.mark.parametrize(
    "line",
    [
        b"1.3.6|2|",
        b"1.3.6|2|x",
        b"1.3.6|4x|abc",
        b"1.3.6|64|10.0.0.256",
        b"1.3.6|64x|0a00",
        b"1.3.6|99|1",
        b"1.3.6|2:numeric|min=1,max=2",
        b"1.3.x|2|1",
        b"1.3.6|2",
    ],
)
def test_a_line_without_a_value_is_none(line: bytes) -> None:
    assert parse_line(line) is None


@given(VARBINDS)
def test_what_is_written_is_read_back(varbinds: list[Varbind]) -> None:
    recording = Recording(b"\n".join(map(format_line, varbinds)))

    assert recording.all() == sorted(varbinds)
    assert recording.bad_lines == 0


@given(VARBINDS, OIDS)
def test_below_is_what_a_scan_finds(varbinds: list[Varbind], root: tuple[int, ...]) -> None:
    recording = Recording(b"\n".join(map(format_line, varbinds)))
    roots = [root, *(v.oid[:2] for v in varbinds), *(v.oid for v in varbinds)]

    for asked in roots:
        size = len(asked)
        expected = sorted(v for v in varbinds if v.oid[:size] == asked and len(v.oid) > size)

        assert recording.below(asked) == expected
        assert recording.has(asked) == bool(expected)
    assert [recording.get(v.oid) for v in varbinds] == varbinds


@given(st.binary(max_size=300))
def test_any_bytes_are_a_recording_of_what_can_be_read(data: bytes) -> None:
    recording = Recording(data)

    assert all(varbind.tag in (2, 4, 5, 6, 64, 65, 66, 67, 68, 70) for varbind in recording.all())


def test_bad_lines_are_counted_and_the_others_kept() -> None:
    data = b"1.3.6.1|2|1\nnonsense\n\n# remark\n1.3.6.2|2|x\n1.3.6.10|2|3\n1.3.6.9|2|2\n1.3.6.1|2|7\n"

    recording = Recording(data)
    found = recording.all()

    assert [(v.oid[-1], v.value) for v in found] == [(1, 1), (9, 2), (10, 3)]
    assert recording.bad_lines == 2


@pytest.mark.parametrize("name", ["a.snmprec", "a.snmprec.bz2"])
def test_files_are_written_and_read_in_order(name: str, tmp_path: Path) -> None:
    varbinds = [Varbind((1, 3, 10), 4, b"\n|\xff"), Varbind((1, 3, 9), 64, "10.0.0.1")]

    write_recording(tmp_path / name, varbinds)
    read = read_recording(tmp_path / name)

    assert read.all() == sorted(varbinds)


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("a.snmprec", b"", Invalid, "no line of the form"),
        ("a.snmprec.bz2", b"BZh9 not really", Invalid, "can't be read"),
        ("a.snmprec.bz2", bz2.compress(b"1.3.6|2|1\n" * 1000)[:-10], Invalid, "can't be read"),
        ("a.snmprec", None, NotFound, "no such recording"),
    ],
)
def test_broken_files_are_refused(
    name: str, content: bytes | None, error: type[Exception], says: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(error, match=says) as caught:
        read_recording(tmp_path / name)

    assert name in str(caught.value)


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(f"1.3.6.1.2.1.2.2.1.2.1|4|{name}\n1.3.6.1.2.1.2.2.1.4.1|2|1500\n", "utf-8")


def test_a_folder_is_read_with_its_targets_and_contexts(tmp_path: Path) -> None:
    make(tmp_path, "a.snmprec", "a@vlan-10.snmprec", "b.snmprec", "notes.txt")
    (tmp_path / "targets.tsv").write_text(
        "name\taddress\tprotocol\na\t192.0.2.1\tsnmp\nhost\t192.0.2.9\tssh\n", "utf-8"
    )

    found = find_recordings([tmp_path])

    assert [(t.name, t.address, sorted(t.contexts)) for t in found] == [("a", "192.0.2.1", ["vlan-10"]), ("b", "", [])]
    assert [t.name for t in find_recordings([tmp_path / "a.snmprec"])] == ["a"]
    assert sorted(find_recordings([tmp_path / "a.snmprec"])[0].contexts) == ["vlan-10"]


def test_contexts_answer_and_unrecorded_ones_are_silent(tmp_path: Path) -> None:
    make(tmp_path, "a.snmprec", "a@vlan-10.snmprec", "a@RED.snmprec")
    session = open_replay(find_recordings([tmp_path])[0])

    async def values() -> list[object]:
        contexts = ("", "vlan-10", "10", "RED")
        return [(await session.context(c).walk(IF_DESCR)).varbinds[0].value for c in contexts]

    assert asyncio.run(values()) == [b"a.snmprec", b"a@vlan-10.snmprec", b"a@vlan-10.snmprec", b"a@RED.snmprec"]
    assert asyncio.run(session.context("BLUE").walk(IF_DESCR)).outcome is Outcome.TIMEOUT
    with pytest.raises(TransportFailure):
        asyncio.run(session.context("BLUE").get([IF_DESCR]))


def test_replay_tells_an_empty_column_from_an_unknown_table(tmp_path: Path) -> None:
    make(tmp_path, "a.snmprec")
    session = open_replay(find_recordings([tmp_path])[0])

    async def outcomes() -> list[Outcome]:
        roots = (IF_DESCR, (*IF_DESCR[:-1], 3), (1, 3, 6, 1, 4, 1, 9, 9))
        return [(await session.walk(root)).outcome for root in roots]

    assert asyncio.run(outcomes()) == [Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT]


def test_what_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a.snmprec")
    (tmp_path / "a.snmprec.bz2").write_bytes(bz2.compress(b"1.3.6|2|1\n"))
    (tmp_path / "sub").mkdir()
    make(tmp_path / "sub", "lone@vlan-1.snmprec")

    with pytest.raises(Invalid, match="same name"):
        find_recordings([tmp_path])
    with pytest.raises(Invalid, match="itself is missing"):
        find_recordings([tmp_path / "sub"])
    with pytest.raises(NotFound, match="no recording"):
        find_recordings([tmp_path / "nothing"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\t192.0.2.1\tsnmp\n", ":1: the first line"),
        ("name\taddress\tprotocol\n\t192.0.2.1\tsnmp\n", ":2: a name is missing"),
        ("name\taddress\na\t1\na\t2\n", ":3: this name is there twice"),
    ],
)
def test_a_table_of_targets_with_a_mistake_names_the_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "targets.tsv"
    path.write_text(text, "utf-8")

    with pytest.raises(Invalid, match=says):
        read_targets(path)
