"""One answer is read at one sequence, with a constant number of queries, in its time; defects are not told."""

from __future__ import annotations

from typing import Any

from cmdb.observation import Identifier, Observation, Report
from cmdb_graphql.context import Estate as ReadEstate
from cmdb_graphql.execute import ATTEMPTS, Executor
from cmdb_graphql.guard import Limits
from tests.api.estate import NOW, Counting, Estate, data, error


def many(number: int) -> list[Report]:
    reports = []
    for n in range(number):
        key = f"serial:apc:AS{n:05d}"
        device = Observation("PowerDevice", key, {"name": f"pdu-{n:05d}"}, (Identifier(key),))
        ports = [Observation("Interface", f"outlet-{p}", {"name": f"outlet-{p}"}, parent=key) for p in range(2)]
        reports.append(Report("snmp", f"pdu-{n}", NOW, (device, *ports)))
    return reports


WIDE = """query($first: Int!) {cis(filter: {class: [PowerDevice]}, first: $first) {
  nodes {id name identifiers {key source} origins {source} attributes(names: ["vendor"]) {value}
    relationships(types: [CONTAINS], first: 5) {nodes {evidence {source}
      other {name parent {name item {status}} origins {target}
      relationships(types: [CONTAINS], direction: IN, first: 1) {nodes {other {name}}}} from {item {name}}}}
    requirements {id providers {ci {name}}}}
  pageInfo {endCursor} totalCount}}"""


def test_one_row_and_200_rows_take_the_same_queries(estate: Estate) -> None:
    estate.ingest.run(many(200), "tests", "many")
    estate.catch_up()
    counting: Any = Counting(estate.store)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up), Limits(cost=10**6))
    calls = {}
    for first in (1, 200):
        counting.calls.clear()
        found = data(executor, WIDE, first=first)["cis"]["nodes"]
        calls[first] = sorted(counting.calls)

        assert len(found) == first
        assert len(found[-1]["relationships"]["nodes"]) == 2

    assert calls[1] == calls[200]
    assert len(calls[1]) <= 8


def test_an_answer_never_shows_two_sequences(estate: Estate) -> None:
    commits = iter(range(2))

    def meanwhile(name: str) -> None:
        if name == "count" and (n := next(commits, None)) is not None:
            key = f"serial:apc:NEW{n}"
            new = Observation("PowerDevice", key, {"name": key}, (Identifier(key),))
            estate.ingest.run([Report("snmp", key, NOW, (new,))], "tests", "meanwhile")

    counting: Any = Counting(estate.store, meanwhile)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up))
    found = data(executor, "{ledger {head {sequence}} cis(filter: {class: [PowerDevice]}) {nodes {id} totalCount}}")

    assert found["ledger"]["head"]["sequence"] == 4
    assert len(found["cis"]["nodes"]) == found["cis"]["totalCount"] == 2


def test_writers_wait_when_they_never_pause(estate: Estate) -> None:
    held: list[bool] = []
    number = iter(range(100))

    def meanwhile(name: str) -> None:
        if name == "cis" and not held:
            key = f"serial:apc:BUSY{next(number)}"
            new = Observation("PowerDevice", key, {"name": key}, (Identifier(key),))
            estate.ingest.run([Report("snmp", key, NOW, (new,))], "tests", "meanwhile")

    class Hold:
        def __enter__(self) -> None:
            held.append(True)

        def __exit__(self, *_: object) -> None:
            return None

    counting: Any = Counting(estate.store, meanwhile)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up, Hold))
    found = data(executor, '{ci(key: "core-1") {name}}')

    assert found == {"ci": {"name": "core-1"}}
    assert counting.calls.count("cis") == ATTEMPTS + 1


def test_a_topology_that_stays_behind_is_unavailable(estate: Estate) -> None:
    estate.ingest.run(many(1), "tests", "unseen")
    executor = Executor(ReadEstate(estate.store, estate.model, estate.topology))
    found = error(executor, "{planes {name}}")

    assert found["extensions"]["code"] == "UNAVAILABLE"
    assert "sequence 2" in found["message"]


def test_time_runs_out(estate: Estate) -> None:
    ticks = iter(range(0, 10_000, 6))
    executor = Executor(ReadEstate(estate.store, estate.model, estate.topology), clock=lambda: float(next(ticks)))

    assert error(executor, '{ci(key: "core-1") {relationships {nodes {id}}}}')["extensions"]["code"] == "TIMEOUT"


def test_defects_are_not_told(estate: Estate) -> None:
    def break_(name: str) -> None:
        if name == "find":
            raise RuntimeError("secret of the machine room")

    broken: Any = Counting(estate.store, break_)
    found = error(Executor(ReadEstate(broken, estate.model, estate.topology)), "{cis {nodes {id}}}")

    assert found["extensions"]["code"] == "INTERNAL"
    assert found["extensions"]["incident"]
    assert "secret" not in str(found)


def test_many_seeds_by_identifier_take_few_queries(estate: Estate) -> None:
    estate.ingest.run(many(100), "tests", "many")
    counting: Any = Counting(estate.store)
    executor = Executor(ReadEstate(counting, estate.model, estate.topology, estate.catch_up))
    seeds = [{"key": f"serial:apc:AS{n:05d}"} for n in range(100)]
    found = data(executor, "query($i: ImpactInput!) {impact(input: $i) {summary {down}}}", i={"seeds": seeds})

    assert found["impact"]["summary"]["down"] == 300
    assert len(counting.calls) <= 6
