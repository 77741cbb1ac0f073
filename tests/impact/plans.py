"""What happens when, by the definition: every minute on its own, every set of pieces of work."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from cmdb.impact.answer import Seed
from cmdb.impact.work import Work
from tests.impact import oracle
from tests.impact.estate import Estate, Literal

MINUTE = 60_000


def works(rng: Random, estate: Estate, most: int, horizon: int = 20) -> list[Work]:
    """Some changes, mostly of one CI; the last one may have no end."""
    made = []
    for number in range(rng.randint(1, most)):
        start = rng.randrange(horizon)
        end = None if number == 0 and rng.random() < 0.2 else (start + rng.randint(1, 6)) * MINUTE
        cis = rng.sample(estate.cis, rng.choice((1, 1, 2)))
        kind = rng.choice(("MAINTENANCE", "DOWN", "RELEASE"))
        made.append(Work(f"w{number}", f"W-{number}", tuple(Seed(ci, kind) for ci in cis), start * MINUTE, end))
    return made


def lost(estate: Estate, *works: Work) -> set[Literal]:
    """All that is no more true while these go on."""
    down = oracle.down(estate, {seed.ci for work in works for seed in work.seeds})
    return oracle.truth(estate, set()) - oracle.truth(estate, down)


def each(estate: Estate, works: Iterable[Work]) -> set[Literal]:
    """All that any of these takes down alone."""
    return {literal for work in works for literal in lost(estate, work)}


def cis(literals: Iterable[Literal]) -> set[str]:
    """The CIs of literals."""
    return {literal if isinstance(literal, str) else literal[1] for literal in literals}


def active(works: Iterable[Work], minute: int) -> list[Work]:
    """What goes on in a minute."""
    return [w for w in works if w.start <= minute * MINUTE and (w.end is None or minute * MINUTE < w.end)]
