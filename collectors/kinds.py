"""What a run reads of its targets: each kind of visit includes what it needs to be understood."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of visits, from the cheapest to the one that reads everything."""

    IDENTITY = "identity"  # is it there, and is it the device that it was? One that is not is read in full
    INVENTORY = "inventory"  # what it is and has, by all protocols
    NEIGHBOURS = "neighbours"  # whom it names as its neighbours, with the ports at which it sees them
    FORWARDING = "forwarding"  # all it can tell: forwarding tables are judged by what every device of a scope tells


EVERYTHING = frozenset(Kind)


def errands(due: Iterable[Kind]) -> list[frozenset[Kind]]:
    """The fewest visits that read what is due, each with all the kinds that it stands for."""
    wanted = frozenset(due)
    if Kind.FORWARDING in wanted:
        return [EVERYTHING]
    if Kind.INVENTORY in wanted:
        return [wanted | {Kind.IDENTITY}]
    return [frozenset({kind}) for kind in Kind if kind in wanted]
