"""Impact answers as drawings."""

from __future__ import annotations

from xml.etree import ElementTree

from cmdb.entrypoints.drawing import svg
from cmdb.entrypoints.pictures import dot, mermaid
from cmdb.impact import Impact
from tests.impact.ask import ask
from tests.impact.assemble import from_world
from tests.impact.reading import Item, World

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert(1)</script> & \"x\" 'y' \x07 \ud800 a very long name indeed"


def answer(in_doubt: bool = False) -> Impact:
    made = World(
        {
            "pdu": Item("PowerDevice"),
            EVIL: Item("Computer", attributes={"roles": ["server"]}),
            "shop": Item("Service", attributes={"criticality": 4}),
            "other": Item("Computer"),
        },
        {(EVIL, "POWERED_BY", "pdu"): {}, ("shop", "DEPENDS_ON", EVIL): {}},
    )
    topology = from_world(made)
    numbers = topology.facts.numbers
    if in_doubt:
        topology.doubt.set_ties([(numbers["shop"], "DEPENDS_ON", numbers[EVIL])])
    return ask(topology, {"pdu": "DOWN"})


def boxes(drawing: str) -> dict[str, ElementTree.Element]:
    """Each box by the name it shows."""
    found = ElementTree.fromstring(drawing).iter(f"{SVG}g")  # noqa: S314 - our own
    return {box.findtext(f"{SVG}text") or "": box for box in found}


def test_is_xml_whatever_things_are_called() -> None:
    drawn = svg(answer())
    tree = ElementTree.fromstring(drawn)  # noqa: S314 - our own

    assert tree.tag == f"{SVG}svg"
    assert not list(tree.iter(f"{SVG}script"))
    assert drawn.encode()
    assert {box.findtext(f"{SVG}title") for box in tree.iter(f"{SVG}g")} >= {"PowerDevice pdu: 1. pdu is down: given."}
    assert any(name.startswith("<script>alert(1)") and name.endswith("…") for name in boxes(drawn))


def test_consequences_stand_to_the_right_of_their_causes_and_no_box_on_another() -> None:
    drawn = svg(answer())
    rects = [box.find(f"{SVG}rect") for box in boxes(drawn).values()]
    places = [(int(r.get("x", "")), int(r.get("y", ""))) for r in rects if r is not None]
    by_name = {name[:4]: int(box.find(f"{SVG}rect").get("x")) for name, box in boxes(drawn).items()}  # type: ignore[union-attr, arg-type]

    assert len(set(places)) == 3
    assert by_name["pdu"] < by_name["<scr"] < by_name["shop"]
    assert drawn.count("marker-end") == 2


def test_what_is_only_possible_is_dashed() -> None:
    sure, doubtful = answer(), answer(in_doubt=True)
    shop = boxes(svg(doubtful))["shop"]

    assert 'class="possible"' not in svg(sure)
    assert [r.get("class") for r in shop.iter(f"{SVG}rect")] == ["possible"]
    assert (dot(sure).count("dashed"), dot(doubtful).count("dashed")) == (0, 1)
    assert (mermaid(sure).count("dasharray"), mermaid(doubtful).count("dasharray")) == (0, 1)
