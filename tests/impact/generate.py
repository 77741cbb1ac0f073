"""Random estates: cycles, several planes, CIs in more than one, weights, repeats, requirements that never held."""

from __future__ import annotations

from random import Random

from tests.impact.estate import Estate, Ground, Literal, Need

ON_LOSS = ("NONE", "AT_RISK", "DEGRADED")
PASSES = ("NEVER", "NEEDED", "ANY")


def anything(rng: Random, most: int = 14) -> Estate:
    """Anything goes; most of it is barely connected and much of it is waived."""
    cis = [f"c{n}" for n in range(rng.randint(2, most))]
    estate = Estate(cis)
    density = rng.choice((0.1, 0.2, 0.35, 0.6))
    for name in ("lan", "san")[: rng.randint(0, 2)]:
        members = rng.sample(cis, rng.randint(1, len(cis)))
        ground = estate.planes[name] = Ground(set(members))
        share = rng.choice((0.0, 0.15, 0.3))
        ground.roots = {ci for ci in members if rng.random() < share}
        for i, a in enumerate(members):
            ground.links |= {frozenset((a, b)) for b in members[:i] if rng.random() < density}
    for owner in cis:
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            mentions = _mentions(rng, estate, rng.randint(1, 4), 0.4)
            if rng.random() < 0.3:
                mentions = [(literal, rng.randint(0, 3)) for literal, _ in mentions]
            total = sum(weight for _, weight in mentions)
            estate.needs.append(_need(rng, owner, rng.randint(0 if rng.random() < 0.1 else 1, max(1, total)), mentions))
    return estate


def redundant(rng: Random, most: int = 16) -> Estate:
    """Redundancy everywhere, so that things break only together."""
    cis = [f"c{n}" for n in range(rng.randint(6, most))]
    members = cis[: rng.randint(2, len(cis))]
    ground = Ground(set(members), set(), set(members[:2]))
    for i in range(2, len(members)):
        ground.links |= {frozenset((members[i], far)) for far in rng.sample(members[:i], 2)}
    estate = Estate(cis, [], {"lan": ground})
    for owner in cis[1:]:
        for _ in range(rng.choice((1, 1, 2))):
            size = rng.randint(2, 4)
            needed = rng.choice((1, 1, max(1, size - 1), max(1, size - 2)))
            estate.needs.append(_need(rng, owner, needed, _mentions(rng, estate, size, 0.4)))
    return estate


def kinds(rng: Random, estate: Estate, among: tuple[str, ...] = ("DOWN",)) -> dict[str, str]:
    """One to three seeds and what happens to them."""
    count = rng.randint(1, min(3, len(estate.cis)))
    return {ci: rng.choice(among) for ci in rng.sample(estate.cis, count)}


def _need(rng: Random, owner: str, needed: int, mentions: list[tuple[Literal, int]]) -> Need:
    return Need(owner, needed, tuple(mentions), rng.choice(ON_LOSS), rng.choice(PASSES))


def _mentions(rng: Random, estate: Estate, size: int, share: float) -> list[tuple[Literal, int]]:
    """Providers, with repeats and the owner itself among them now and then."""
    spots = [(name, ci) for name, ground in estate.planes.items() for ci in sorted(ground.members)]
    if estate.planes and rng.random() < 0.05:
        spots.append((rng.choice(sorted(estate.planes)), rng.choice(estate.cis)))  # perhaps in no plane at all
    found: list[tuple[Literal, int]] = []
    for _ in range(size):
        literal: Literal = rng.choice(spots) if spots and rng.random() < share else rng.choice(estate.cis)
        found.append((literal, 1))
    return found
