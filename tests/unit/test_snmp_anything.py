"""Agents that answer anything at all: whatever stands in a column, a report comes of it that the model accepts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.model.registry import Model
from cmdb.observation import path_of
from collectors.snmp.catalogue import catalogue
from collectors.snmp.interpret import interpret
from collectors.snmp.inventory_tables import BATTERY_STATUS, INVENTORY_TABLES, RATINGS
from collectors.snmp.reads import ENTITIES, INTERFACES, KIND, SYSTEM
from collectors.transport.answers import Answers, Oid, Outcome, Value, Varbind, Walk

AT = 1_790_000_000_000
OBJECT_IDS = [m.sys_object_id for p in catalogue().profiles.values() for m in p.match if m.sys_object_id]
NAMED = sorted({c for p in catalogue().profiles.values() for t in p.tables() for c in t.columns.values()})
TEXTS = ["1.3.6.1.2.1.25.2.1.4", "/", "C:\\", "poweredOn", "564d8c6a1b2c3d4e5f60718293a4b5c6", "Gi1/0/1", "bash_5_all"]

values = st.one_of(
    st.integers(-(1 << 70), 1 << 70),
    st.integers(0, 30),
    st.binary(max_size=40),
    st.sampled_from(TEXTS).map(str.encode),
    st.none(),
)
indexes = st.lists(st.integers(0, 1 << 33), min_size=1, max_size=4).map(tuple)
small = st.tuples(st.integers(1, 3), st.integers(1, 3))
columns = st.sampled_from(
    [c for table in (INTERFACES, ENTITIES, *INVENTORY_TABLES) for c in table.columns.values()] + NAMED
)
scalars = st.sampled_from([*KIND.values(), BATTERY_STATUS, *(o for some in RATINGS.values() for o in some)])
outcomes = st.sampled_from([Outcome.COMPLETE, Outcome.COMPLETE, Outcome.TIMEOUT])


@st.composite
def agents(draw: st.DrawFn) -> Answers:
    """An agent of any maker with a few rows in a few columns."""
    answers = Answers()

    def tell(oid: Oid, value: Value) -> None:
        answers.scalars[oid] = Varbind(oid, 4, value)

    tell(SYSTEM["sys_object_id"], draw(st.sampled_from(OBJECT_IDS)))
    tell(SYSTEM["sys_descr"], draw(values))
    for oid, value in draw(st.dictionaries(scalars, values, max_size=8)).items():
        tell(oid, value)
    for root in draw(st.lists(columns, max_size=25, unique=True)):
        rows = draw(st.dictionaries(st.one_of(indexes, small), values, max_size=4))
        varbinds = [Varbind((*root, *index), 4, value) for index, value in rows.items()]
        answers.tables[root] = Walk(root, draw(outcomes), varbinds)
    return answers


@given(answers=agents())
@settings(max_examples=60, deadline=None)
def test_any_answer_makes_a_report_that_the_model_accepts(model: Model, answers: Answers) -> None:
    report = interpret("lab-1", "192.0.2.9", answers, AT)
    paths = [path_of(o) for o in report.observations]

    assert len(paths) == len(set(paths))
    assert all(o.parent is None or o.parent in paths[:at] for at, o in enumerate(report.observations))
    for o in report.observations:
        accepted, problems = model.check_attributes(o.ci_class, o.attributes)
        assert problems == []
        assert accepted == o.attributes
