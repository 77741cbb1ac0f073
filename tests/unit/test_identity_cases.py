"""The torture set of identity: who is it, in real-life situations, whatever the order in which reports arrive."""

from __future__ import annotations

import pytest

from cmdb.model.registry import load_model
from cmdb.observation import Report
from cmdb.reconcile.check import check_report
from tests.identity_cases import Case, Found, expected_groups, expected_questions, read_cases
from tests.unit.world import World

MODEL = load_model()
CASES = read_cases(MODEL)


def tell(case: Case, order: tuple[Report, ...] | list[Report]) -> tuple[Found, World]:
    world, found = World(), Found({}, [])
    for report in order:
        draft = world.ingest(check_report(report, MODEL, []))
        manifest = world.targets[report.origin].manifest  # of a report that said nothing new
        found.note(case, report, draft.resolved.get(report.origin) or {n: e.ci for n, e in manifest.items()})
    found.tasks = list(world.tasks.values())
    return found, world


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_the_story_as_told(case: Case) -> None:
    found, world = tell(case, list(case.reports))

    assert found.groups() == expected_groups(case), case.title
    assert found.questions() == expected_questions(case), case.title
    about = {frozenset(t["about"]) for t in case.expect.get("tasks", ()) if "about" in t}
    groups = {label: group for group in found.groups() for label in group}
    assert {frozenset(set().union(*(groups[label] for label in labels))) for labels in about} <= found.about()
    for label, ci_class in case.expect.get("classes", {}).items():
        assert world.cis[found.cis[label]].ci_class == ci_class
    missing = {label for label, ci in found.cis.items() if ci and world.cis[ci].status == "missing"}
    assert missing == set(case.expect.get("missing", ()))


@pytest.mark.parametrize("case", [c for c in CASES if c.order != "as_written"], ids=lambda c: c.name)
def test_the_order_of_arrival_does_not_matter(case: Case) -> None:
    expected = tell(case, list(case.reports))[0]
    for order in case.orders():
        found, _ = tell(case, list(order))
        story = [report.origin for report in order]
        if case.order == "settled":
            assert found.settled() == expected.settled(), story
        else:
            assert found.groups() == expected.groups(), story
            assert found.questions() == expected.questions(), story


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_telling_it_all_again_asks_nothing_new(case: Case) -> None:
    _, world = tell(case, list(case.reports))
    commits, cis = world.commits, len(world.cis)
    latest = {report.origin: report for report in case.reports}
    for report in latest.values():
        world.ingest(check_report(report, MODEL, []))

    assert (world.commits, len(world.cis)) == (commits, cis)


def test_the_set_is_large_and_each_case_was_seen_in_the_field() -> None:
    assert len(CASES) >= 40
    assert all(case.seen and all(url.startswith("https://") for url in case.seen) for case in CASES)
