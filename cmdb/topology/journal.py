"""What changed of groups and planes, for whoever keeps a copy of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_EDITS = 200_000  # beyond this a fresh copy is quicker than catching up


@dataclass(slots=True)
class Journal:
    """Edits since the copy was last brought up to date.

    `served` are (literal, number of a group, weight or -1 for "no longer"), `weighed` numbers of groups to read again,
    both in order. `everything`: too much changed to tell it singly, copy all of it.
    """

    served: list[tuple[int, int, int]] = field(default_factory=list)
    weighed: dict[int, None] = field(default_factory=dict)
    everything: bool = True

    def serve(self, literal: int, group: int, weight: int) -> None:
        """Note a provider that came, or went."""
        if not self.everything:
            self.served.append((literal, group, weight))
            if len(self.served) > MOST_EDITS:
                self.overflow()

    def overflow(self) -> None:
        """Give up telling edits singly."""
        self.clear()
        self.everything = True

    def clear(self) -> None:
        """Start anew: the copy is up to date."""
        self.served.clear()
        self.weighed.clear()
        self.everything = False


@dataclass(slots=True)
class Links:
    """Edits of a fabric, in order: (one end, the other, whether they were joined). `cis` came or went."""

    journal: Journal
    edits: list[tuple[int, int, bool]] = field(default_factory=list)
    cis: set[int] = field(default_factory=set)

    def note(self, a: int, b: int, is_joined: bool) -> None:
        """Note an edge that came, or went."""
        if not self.journal.everything:
            self.edits.append((a, b, is_joined))
            if len(self.edits) > MOST_EDITS:
                self.clear()
                self.journal.overflow()

    def clear(self) -> None:
        """Start anew: the copy is up to date."""
        self.edits.clear()
        self.cis.clear()


class Noted(dict[int, int]):
    """A mapping that notes which keys were written; reading it costs what reading any other does."""

    __slots__ = ("written",)

    def __init__(self, mapping: Mapping[int, int]) -> None:
        super().__init__(mapping)
        self.written: set[int] = set(self)

    def __setitem__(self, key: int, value: int) -> None:
        self.written.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: int) -> None:
        self.written.add(key)
        super().__delitem__(key)

    def clear(self) -> None:
        """Note and take away all keys."""
        self.written.update(self)
        super().clear()

    def update(self, other: Mapping[int, int]) -> None:  # type: ignore[override] # the one way it is called
        """Note and write all keys of another mapping."""
        self.written.update(other)
        super().update(other)
