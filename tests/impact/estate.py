"""A plain description of an estate: requirement groups and planes, nothing derived."""

from __future__ import annotations

from dataclasses import dataclass, field

Literal = str | tuple[str, str]  # a CI that must be up, or (plane, CI) that must be connected


@dataclass(frozen=True)
class Need:
    """The owner needs providers of weight `needed`; a provider may be mentioned more than once."""

    owner: str
    needed: int
    mentions: tuple[tuple[Literal, int], ...]
    on_loss: str = "NONE"
    passes: str = "NEEDED"

    @property
    def weights(self) -> dict[Literal, int]:
        """Each provider once with its largest weight; the owner is not its own provider."""
        best: dict[Literal, int] = {}
        for literal, weight in self.mentions:
            if literal != self.owner:
                best[literal] = max(weight, best.get(literal, 0))
        return best


@dataclass
class Ground:
    """One plane: members, undirected links between them, roots."""

    members: set[str] = field(default_factory=set)
    links: set[frozenset[str]] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    _rows: tuple[int, dict[str, list[str]]] = field(default=(-1, {}), compare=False, repr=False)

    def rows(self) -> dict[str, list[str]]:
        """Neighbours of each member; links are only ever added."""
        if self._rows[0] != len(self.links):
            rows: dict[str, list[str]] = {}
            for a, b in map(sorted, self.links):
                rows.setdefault(a, []).append(b)
                rows.setdefault(b, []).append(a)
            self._rows = (len(self.links), rows)
        return self._rows[1]


@dataclass
class Estate:
    """CIs, what they need, and the planes. Groups are known by their position."""

    cis: list[str]
    needs: list[Need] = field(default_factory=list)
    planes: dict[str, Ground] = field(default_factory=dict)


def needs(owner: str, needed: int, *of: Literal, on_loss: str = "NONE", passes: str = "NEEDED") -> Need:
    """A group whose providers all weigh 1."""
    return Need(owner, needed, tuple((literal, 1) for literal in of), on_loss, passes)
