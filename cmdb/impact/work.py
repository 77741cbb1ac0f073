"""Pieces of work and disturbances: what happens to which CIs, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from cmdb.errors import Invalid, LimitExceeded, UsageError
from cmdb.impact.answer import Seed
from cmdb.impact.evaluate import resolve
from cmdb.impact.judge import Seeds
from cmdb.topology import Topology

MOST_WORKS = 10_000
MOST_SEEDS = 1_000
FOREVER = 1 << 62  # end of what has no end yet


class Window(msgspec.Struct, frozen=True):
    """A period, end excluded; epoch milliseconds UTC."""

    start: int
    end: int

    def check(self, what: str = "the window") -> Window:
        """This window. Raises Invalid where it ends before it starts, or when it starts."""
        if self.end <= self.start:
            raise Invalid(f"{what} ends before it starts, or just then; give a later end")
        return self


class Work(msgspec.Struct, frozen=True):
    """A change, an outage or a draft: what happens to its CIs from `start` on (epoch ms), until `end` is reached.

    `key` is what the caller knows it by, `name` what people do. Without an `end` it goes on until further notice.
    """

    key: str
    name: str
    seeds: tuple[Seed, ...]
    start: int
    end: int | None = None


class UnknownCI(msgspec.Struct, frozen=True):
    """A CI that some work names and nobody knows (any more): the answer is without it."""

    work: str
    ci: str


@dataclass(frozen=True, slots=True)
class Task:
    """Work on the CIs of one topology, by number. `out` are those that are out of service while it goes on."""

    key: str
    name: str
    seeds: Seeds
    start: int
    end: int
    out: tuple[int, ...]


def task_of(topology: Topology, work: Work) -> Task:
    """The work in question: its CIs must all be there. Raises UsageError, LimitExceeded, NotFound or Invalid."""
    if not work.seeds:
        raise UsageError("no CIs: name at least one that something happens to")
    if len(work.seeds) > MOST_SEEDS:
        raise LimitExceeded(f"{len(work.seeds):,} CIs; one piece of work has at most {MOST_SEEDS:,}: split it")
    return _task(work, resolve(topology, work.seeds))


def tasks_of(
    topology: Topology, works: Sequence[Work], within: Window, unknown: list[UnknownCI] | None = None
) -> list[Task]:
    """Other work that touches a period; CIs that are not there are left out and noted in `unknown`."""
    if len(works) > MOST_WORKS:
        raise LimitExceeded(f"{len(works):,} changes and incidents; at most {MOST_WORKS:,} fit one question")
    found = []
    for work in works:
        end = FOREVER if work.end is None else work.end
        if end <= within.start or work.start >= within.end or end <= work.start:
            continue
        there = [seed for seed in work.seeds if _is_there(topology, seed.ci)]
        if unknown is not None and len(there) < len(work.seeds):
            known = {seed.ci for seed in there}
            unknown.extend(UnknownCI(work.key, seed.ci) for seed in work.seeds if seed.ci not in known)
        if there:
            found.append(_task(work, resolve(topology, there)))
    return found


def all_seeds(tasks: Iterable[Task]) -> Seeds:
    """What happens to whom while these go on: a release is a window of maintenance, and means to test again."""
    of = [task.seeds for task in tasks]

    def joined(*names: str) -> tuple[int, ...]:
        return tuple(dict.fromkeys(ci for name in names for seeds in of for ci in getattr(seeds, name)))

    pinned = frozenset(ci for seeds in of for ci in seeds.pinned)
    return Seeds(joined("down"), joined("maintenance", "release"), joined("degraded"), joined("release"), pinned)


def _task(work: Work, seeds: Seeds) -> Task:
    out = tuple(dict.fromkeys((*seeds.down, *seeds.maintenance, *seeds.release)))
    return Task(work.key, work.name, seeds, work.start, FOREVER if work.end is None else work.end, out)


def _is_there(topology: Topology, ci: str) -> bool:
    number = topology.find(ci)
    return number is not None and topology.facts.nodes[number].is_there
