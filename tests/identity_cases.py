"""Real-life situations in which one thing looks like two, or two like one: how the files that tell of them are read.

`reports` come in the order of time; each says who speaks of which target (`from`) and what of (`says`, by a label).
`expect.cis` are the labels that mean one CI. `order` says what another order of arrival may change: `any` nothing;
`settled` which CIs there are until the proposed merges are done; `as_written` is for stories that only make sense as
told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import yaml

from cmdb.changes import PutTask
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Observation, Report, path, path_of

FOLDER = Path(__file__).parent / "golden" / "identity"
MOST_ORDERS = 120
Groups = frozenset[frozenset[str]]


@dataclass(frozen=True)
class Case:
    """One situation, as its file tells it."""

    name: str
    title: str
    seen: Sequence[str]
    order: str
    reports: Sequence[Report]
    labels: Mapping[tuple[str, int, str], str]  # (origin, time, path in the report) -> label
    expect: Mapping[str, Any]

    def orders(self, most: int = MOST_ORDERS) -> Iterator[Sequence[Report]]:
        """The reports as written, and where the order must not matter in other orders too."""
        if self.order == "as_written":
            yield self.reports
            return
        for count, order in enumerate(permutations(self.reports)):
            if count == most:
                return
            yield order


@dataclass
class Found:
    """What became of a case: the CI that each label was taken for, and the tasks at the end."""

    cis: dict[str, str]
    tasks: list[PutTask]

    def note(self, case: Case, report: Report, resolved: Mapping[str, str]) -> None:
        """Keep which CIs the observations of a report were taken for; those that were set aside have none."""
        for observation in report.observations:
            label = case.labels.get((report.origin, report.at, path_of(observation)))
            if label is not None:
                self.cis[label] = resolved.get(path_of(observation), "")

    def groups(self) -> Groups:
        """The labels that mean one CI."""
        found: dict[str, set[str]] = {}
        for label, ci in self.cis.items():
            found.setdefault(ci or label, set()).add(label)
        return frozenset(map(frozenset, found.values()))

    def settled(self) -> Groups:
        """The labels that mean one CI once every proposed merge of an open task is done."""
        joined = {ci: ci for ci in self.cis.values()}
        for task in self.tasks:
            if task.state == "open" and task.proposal == "merge":
                first = min(joined.get(ci, ci) for ci in task.cis)
                olds = {joined.get(ci, ci) for ci in task.cis}
                joined = {ci: first if now in olds else now for ci, now in joined.items()}
        found: dict[str, set[str]] = {}
        for label, ci in self.cis.items():
            found.setdefault(joined[ci] or label, set()).add(label)
        return frozenset(map(frozenset, found.values()))

    def questions(self) -> list[tuple[str, str, str]]:
        """Kind, proposal and state of each task, sorted."""
        return sorted((t.kind, t.proposal, t.state) for t in self.tasks)

    def about(self) -> set[frozenset[str]]:
        """The labels of the CIs that each task is about."""
        return {frozenset(label for label, ci in self.cis.items() if ci in task.cis) for task in self.tasks}


def read_cases(model: Model) -> list[Case]:
    """All situations, by the names of their files."""
    return [_read(file, model) for file in sorted(FOLDER.glob("*.yaml"))]


def _read(file: Path, model: Model) -> Case:
    raw = yaml.safe_load(file.read_text("utf-8"))
    unknown = raw.keys() - {"title", "seen", "order", "reports", "expect"}
    assert not unknown, f"{file.name}: {unknown}"
    labels: dict[tuple[str, int, str], str] = {}
    reports = []
    for at, told in enumerate(raw["reports"], 1):
        reports.append(_report(told, at * 10, labels, model))
    return Case(file.stem, raw["title"], raw["seen"], raw.get("order", "any"), reports, labels, raw["expect"])


def _report(told: Mapping[str, Any], at: int, labels: dict[tuple[str, int, str], str], model: Model) -> Report:
    speaker, _, target = told["from"].partition("/")
    source, _, part = speaker.partition("#")
    observations: list[Observation] = []
    for label, thing in told["says"].items():
        observations += _thing(thing, model)
        own = next(o for o in reversed(observations) if o.parent is None)
        report = Report(source, target, at, (), part=part)
        labels[report.origin, at, own.key] = label
    return Report(source, target, at, tuple(observations), complete=told.get("complete", True), part=part)


def _thing(thing: Mapping[str, Any], model: Model) -> Iterator[Observation]:
    ci_class = thing.get("class", "NetworkDevice")
    keys = tuple(_identifier(key, ci_class, model) for key in thing["keys"])
    strong = [i.key for i in keys if i.strong]
    own = next((i.key for i in keys if i.key.startswith("target:")), keys[0].key)
    key = strong[0] if strong else own
    attributes = {k: v for k, v in thing.items() if k not in ("class", "keys", "addresses", "role", "modules")}
    yield Observation(ci_class, key, attributes, keys, role=thing.get("role", "self"))
    addresses: Iterable[str] = thing.get("addresses", ())
    if addresses:
        port = path(key, "Interface", "p1")
        yield Observation("Interface", "p1", {"name": "p1"}, parent=key)
        for address in addresses:
            yield Observation("IPAddress", address, {"name": address, "address": address}, parent=port)
    for number, serial in enumerate(thing.get("modules", ())):
        said = {"name": f"bay {number}", "kind": "disk", "serial_number": serial}
        yield Observation("Module", f"bay {number}", said, parent=key)


def _identifier(text: str, ci_class: str, model: Model) -> Identifier:
    """A key; with a question mark at its end the source doubts it."""
    key = text.removesuffix("?")
    rule = model.identifier_rules(ci_class).get(key.partition(":")[0])
    return Identifier(key, (rule is None or rule.strong) and key == text)


def expected_groups(case: Case) -> Groups:
    """The labels that should mean one CI."""
    return frozenset(frozenset(group) for group in case.expect["cis"])


def expected_questions(case: Case) -> list[tuple[str, str, str]]:
    """Kind, proposal and state of each task that there should be, sorted."""
    tasks = case.expect.get("tasks", ())
    return sorted((t["kind"], t.get("proposal", "none"), t.get("state", "open")) for t in tasks)
