"""The pieces that identity is decided by: spellings, values that say nothing, evidence, and how tasks settle."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cmdb.model
from cmdb.changes import Facet, PutTask, canonical, decode_changes
from cmdb.errors import Invalid
from cmdb.model.registry import load_model
from cmdb.model.shared import is_burned_in, is_default_engine, is_group_mac, read_shared, tells_apart
from cmdb.model.spelling import common, plain_number, short_name, swapped_uuid
from cmdb.observation import Identifier
from cmdb.reconcile.evidence import Party, compare
from cmdb.reconcile.questions import rival_classes
from tests.reports import device, report
from tests.unit.world import World

MODEL = load_model()
FOLDER = Path(cmdb.model.__file__).parent


def party(*keys: str, ci_class: str = "Computer", **attributes: object) -> Party:
    """A party by its keys; a question mark at the end makes a weak one."""
    held = tuple(Identifier(k.removesuffix("?"), not k.endswith("?")) for k in keys)
    return Party("x", ci_class, held, (), (attributes,))


# ---- spellings


@given(st.uuids())
def test_a_uuid_swapped_twice_is_itself(value: object) -> None:
    assert swapped_uuid(swapped_uuid(str(value))) == str(value)


@pytest.mark.parametrize(
    ("spelled", "plain"),
    [("hp:0012ab345", "hp:12AB345"), ("hp:12 AB 345", "hp:12AB345"), ("hp:000", "hp:000"), ("12ab", "12AB")],
)
def test_serial_numbers_have_one_plain_spelling(spelled: str, plain: str) -> None:
    assert plain_number(spelled) == plain
    assert plain_number(plain) == plain


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("web-1.example.net", "web-1"),
        ("WEB-1", "web-1"),
        ("web-1.example.net.", "web-1"),
        ("10.1.2.3", "10.1.2.3"),
        ("localhost.localdomain", "localhost.localdomain"),
    ],
)
def test_short_names(name: str, short: str) -> None:
    assert short_name(name) == short


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ({"web"}, {"web.a.example", "web"}, True),
        ({"web.a.example", "web"}, {"web.b.example", "web"}, False),
        ({"web.a.example"}, {"web.a.example"}, True),
        ({"web"}, {"webber"}, False),
        ({"web.a.example", "web", "db"}, {"web.b.example", "web", "db"}, True),
    ],
)
def test_names_agree_but_for_a_missing_domain(one: set[str], other: set[str], agree: bool) -> None:
    assert bool(common("name", one, other)) is agree
    assert bool(common("name", other, one)) is agree


# ---- values that say nothing


@pytest.mark.parametrize(
    ("key", "tells"),
    [
        ("mac:00:00:5e:00:01:0a", False),  # VRRP, CARP
        ("mac:00:00:0c:07:ac:01", False),  # HSRP
        ("mac:00:00:0c:9f:f0:01", False),
        ("mac:00:07:b4:00:01:01", False),  # GLBP
        ("mac:02:42:ac:11:00:02", False),  # docker
        ("mac:01:00:5e:00:00:01", False),  # multicast
        ("mac:00:00:00:00:00:00", False),
        ("mac:00:1d:e5:84:98:c0", True),
        ("mac:52:54:00:12:34:57", True),  # made by a hypervisor, and the machine's own
        ("chassis-id:mac:00:00:5e:00:01:0a", False),
        ("chassis-id:mac:00:1d:e5:84:98:c0", True),
        ("chassis-id:local:core-1", True),
        ("own-address:127.0.0.1", False),
        ("own-address:169.254.3.4", False),
        ("own-address:fe80::1", False),
        ("own-address:172.17.0.1", False),
        ("own-address:nonsense", False),
        ("own-address:10.1.2.3", True),
        ("engine-id:80001f8803000000000000", False),
        ("uuid:ffffffff-ffff-ffff-ffff-ffffffffffff", False),
        ("uuid:03000200-0400-0500-0006-000700080009", False),
        ("serial:asus:To Be Filled By O.E.M.", False),
        ("serial:cisco:FOC1234X0AB", True),
        ("sysname:localhost", False),
        ("sysname:raspberrypi", False),
        ("sysname:core-1", True),
        ("target:switch", True),
    ],
)
def test_what_many_things_have_tells_nothing_apart(key: str, tells: bool) -> None:
    scheme, _, value = key.partition(":")
    assert tells_apart(scheme, value) is tells


def test_the_tables_serve_the_collectors_too() -> None:
    assert is_group_mac("00:00:0c:07:ac:01")
    assert not is_group_mac("00:1d:e5:84:98:c0")
    assert is_burned_in("00:1d:e5:84:98:c0")
    assert not is_burned_in("52:54:00:12:34:57")
    assert is_default_engine("8000000001020304")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"00:07:b4:00:"', '"07b4"', "macs.group: '07b4' does not begin a MAC address"),
        ('"127.0.0.0/8"', '"127.0.0.300"', "networks: '127.0.0.300' is no network"),
        ("engine_ids:", "engines:", "engines: unknown key; did you mean engine_ids"),
    ],
)
def test_a_bad_table_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "shared.yaml", tmp_path)
    text = (tmp_path / "shared.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "shared.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(Invalid) as raised:
        read_shared(tmp_path)
    assert said in str(raised.value)


# ---- evidence


MACS = tuple(f"mac:00:1d:e5:84:98:{n:02x}?" for n in range(8))


@pytest.mark.parametrize(
    ("shared_keys", "decides", "proposes"),
    [(8, True, False), (4, True, False), (2, False, False), (1, False, False)],
)
def test_a_set_of_addresses_decides_by_its_share(shared_keys: int, decides: bool, proposes: bool) -> None:
    others = tuple(f"mac:00:1d:e5:99:99:{n:02x}?" for n in range(8 - shared_keys))
    found = compare(party(*MACS), party(*MACS[:shared_keys], *others), MODEL)

    assert (found.decides, bool(found.weak)) == (decides, proposes)


def test_of_one_address_the_only_one_proposes() -> None:
    found = compare(party(*MACS), party(MACS[3]), MODEL)

    assert (found.strong, found.weak) == ((), (MACS[3].removesuffix("?"),))


def test_addresses_beyond_the_keys_count_from_the_attribute() -> None:
    many = [f"00:1d:e5:84:99:{n:02x}" for n in range(20)]
    found = compare(party(mac_addresses=many), party(mac_addresses=many[5:]), MODEL)

    assert found.decides


def test_addresses_of_a_group_support_nothing() -> None:
    virtual = ("mac:00:00:5e:00:01:01?", "mac:00:00:5e:00:01:02?")
    found = compare(party(*virtual, "target:a?"), party(*virtual, "target:b?"), MODEL)

    assert (found.strong, found.weak, found.against) == ((), (), ())


@given(st.permutations([*MACS, "serial:dell:ABC1234", "uuid:4c4c4544-0031-4210-8052-b4c04f423232", "sysname:web-1?"]))
def test_comparing_works_both_ways(keys: list[str]) -> None:
    one, other = party(*keys[:6]), party(*keys[4:])
    there, back = compare(one, other, MODEL), compare(other, one, MODEL)

    assert (there.decides, there.asks, bool(there.weak), set(there.against)) == (
        back.decides,
        back.asks,
        bool(back.weak),
        set(back.against),
    )


def test_machine_ids_count_only_beside_an_address() -> None:
    alone = compare(party("machine-id:5f0c?"), party("machine-id:5f0c?"), MODEL)
    beside = compare(party("machine-id:5f0c?", MACS[0]), party("machine-id:5f0c?", MACS[0]), MODEL)

    assert alone.weak == ()
    assert "machine-id:5f0c" in beside.weak


def test_an_own_address_bears_a_name_out() -> None:
    cards = ("mac:00:1d:e5:84:98:01?", "mac:00:1d:e5:84:98:02?")
    apart = compare(party("sysname:web-1?", cards[0]), party("sysname:web-1?", cards[1]), MODEL)
    same = compare(
        party("sysname:web-1?", cards[0], management_address="10.0.0.9"),
        party("sysname:web-1?", cards[1], management_address=["10.0.0.9", "10.0.0.10"]),
        MODEL,
    )

    assert apart.weak == ()
    assert same.weak == ("sysname:web-1",)


def test_agent_and_shell_of_one_target_are_one_device_whatever_cards_they_show() -> None:
    world = World()
    for source, mac in (("snmp", "mac:00:1d:e5:84:98:01"), ("ssh", "mac:00:1d:e5:84:98:02")):
        said = device("x", "target:x")
        card = Identifier(mac, False)
        said = msgspec.structs.replace(said, identifiers=(*said.identifiers, card))
        world.ingest(report("x", 1, said, source=source))

    assert len(world.cis) == 1


# ---- tasks


def test_a_task_of_an_earlier_version_is_read() -> None:
    old = ["task", "t1", "conflict", "open", "snmp/a", "k", ["serial:x:A"], ["1", "2"], "why"]
    (task,) = decode_changes(canonical([old]))

    assert isinstance(task, PutTask)
    assert (task.proposal, task.evidence, task.created_at) == ("none", (), 0)


def test_what_is_decided_is_not_asked_again_and_what_was_settled_is() -> None:
    def told(at: int, engine: str) -> None:
        key = f"engine-id:{engine}"
        world.ingest(report("b", at, device("b", "serial:cisco:B12345", key, "target:b", os_version=str(at))))

    for state, expected in (("open", "open"), ("decided", "decided"), ("obsolete", "open")):
        world = World()
        world.ingest(report("a", 1, device("a", "serial:cisco:A12345", "engine-id:80001f8880aabbcc01", "target:a")))
        told(2, "80001f8880aabbcc01")
        (task,) = world.tasks.values()
        assert (task.created_at, task.cis) == (2, ("0002", "0001"))
        task.state = state
        told(3, "80001f8880aabbcc01")
        assert [t.state for t in world.tasks.values()] == [expected]
        assert world.tasks[task.id].created_at == 2


def test_evidence_says_who_has_what() -> None:
    world = World()
    world.ingest(report("a", 1, device("a", "serial:cisco:A12345", "engine-id:80001f8880aabbcc01", "target:a")))
    world.ingest(report("b", 1, device("b", "serial:cisco:B12345", "engine-id:80001f8880aabbcc01", "target:b")))
    (task,) = world.tasks.values()

    assert {(e.key, e.weight, e.strong, e.source, frozenset(e.cis)) for e in task.evidence} == {
        ("engine-id:80001f8880aabbcc01", "supports", True, "snmp", frozenset({"0001", "0002"})),
        ("serial:cisco:B12345", "contradicts", True, "snmp", frozenset({"0002"})),
        ("serial:cisco:A12345", "contradicts", True, "snmp", frozenset({"0001"})),
    }


def test_set_aside_is_asked_once_and_settles_when_a_name_is_given() -> None:
    world = World()
    for target in "ab":
        world.ingest(report(target, 1, device("edge", f"target:{target}", "sysname:edge-9")))
    asked = {t.id for t in world.tasks.values()}
    world.ingest(report("f", 1, device("edge", "sysname:edge-9"), source="manual"))
    world.ingest(report("f", 2, device("edge", "sysname:edge-9", vendor="HP"), source="manual"))
    (aside,) = [t for t in world.tasks.values() if t.id not in asked]
    assert (aside.kind, aside.state, len(aside.cis)) == ("ambiguous", "open", 2)

    world.ingest(report("f", 3, device("edge", "sysname:edge-9", "target:a"), source="manual"))

    assert world.tasks[aside.id].state == "obsolete"


def test_classes_are_in_dispute_only_between_the_strongest() -> None:
    def facet(ci_class: str, role: str = "self", gone: int | None = None) -> Facet:
        return Facet(1, "", role, ci_class, {}, (), gone)  # type: ignore[arg-type]  # a role by its name

    said = {"ssh/a": facet("Computer"), "netmiko/a": facet("NetworkDevice")}
    assert rival_classes(said, MODEL.precedence) == {"ssh/a": "Computer", "netmiko/a": "NetworkDevice"}
    assert rival_classes({**said, "manual/a": facet("Computer")}, MODEL.precedence) == {}
    assert (
        rival_classes({"ssh/a": said["ssh/a"], "netmiko/a": facet("NetworkDevice", "reported")}, MODEL.precedence) == {}
    )
    assert rival_classes({**said, "netmiko/a": facet("NetworkDevice", gone=5)}, MODEL.precedence) == {}


def test_a_dispute_about_the_class_settles_itself() -> None:
    world = World()
    keys = ("serial:edgecore:EC1234", "target:o")
    world.ingest(report("o", 1, device("o", *keys, ci_class="Computer"), source="ssh"))
    world.ingest(report("o", 2, device("o", *keys), source="netmiko"))
    (task,) = world.tasks.values()
    assert (task.kind, task.state) == ("reclassify", "open")

    world.ingest(report("o", 3, device("o", *keys), source="ssh"))

    assert [t.state for t in world.tasks.values()] == ["obsolete"]
    assert [ci.ci_class for ci in world.cis.values()] == ["NetworkDevice"]


def test_what_answers_there_now_ends_what_answered_before_even_after_half_a_visit() -> None:
    world = World()
    cards = {"a": Identifier("mac:00:1d:e5:84:98:01", False), "b": Identifier("mac:00:1d:e5:84:98:02", False)}
    for at, (name, card) in enumerate(cards.items(), 1):
        said = device(name, "target:x", f"sysname:{name}")
        said = msgspec.structs.replace(said, identifiers=(*said.identifiers, card))
        world.ingest(report("x", at, said, complete=at == 1))

    assert {ci.attributes["name"]: ci.status for ci in world.cis.values()} == {"a": "missing", "b": "in_service"}
