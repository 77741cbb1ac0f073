"""What the class catalogue is made of, as read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cmdb.model.absence import AbsencePolicy

TieDirection = Literal["from_parent", "to_parent"]
Needed = int | Literal["all", "all_but_one", "majority", "attribute"]
Presence = Literal["seen", "stated", "none"]

PRESENCES = ("seen", "stated", "none")
FLAGS = ("free_text", "personal", "volatile", "controlled", "expires")
LIST_TYPES = {"string_list": "string", "integer_list": "integer", "mac_list": "mac"}
TYPES = ("string", "integer", "number", "boolean", "enum", "mac", "inet_address", "cidr", "timestamp", *LIST_TYPES)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a class or of a relationship type.

    `values` are those of an enum; `minimum` and `maximum` bound integers, both included.
    """

    name: str
    type: str
    description: str
    flags: frozenset[str] = frozenset()
    values: tuple[str, ...] = ()
    example: object = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class IdentifierScheme:
    """A kind of identifier of a class, and the rule of what its values prove.

    A strong one decides, a weak one proposes; of a `judged` scheme the sources may call single values weak. One CI has
    one value of an exclusive scheme, or one set of values, so others contradict; a `renewable` value may be given anew
    to what answers under the same target. A match counts only if one of `confirmed_by` agrees too, and not if some of
    `checked_by` disagree while none of them agrees. Two sets of values agree where `share` percent of the smaller one
    are common; `least` so many decide together although each is weak (0: never). `spelling` says which texts are one
    value. `values_in` are attributes that hold values too. One that is not `proposes` finds no candidates.
    """

    scheme: str
    strong: bool
    exclusive: bool
    description: str
    judged: bool = False
    renewable: bool = False
    confirmed_by: tuple[str, ...] = ()
    checked_by: tuple[str, ...] = ()
    share: int = 0
    least: int = 0
    spelling: str = ""
    values_in: tuple[str, ...] = ()
    proposes: bool = True


@dataclass(frozen=True, slots=True)
class Inside:
    """How a dependent class hangs on its parent: whose part it may be, and the relationship that says so."""

    parents: tuple[str, ...]
    relationship: str
    direction: TieDirection


@dataclass(frozen=True, slots=True)
class CiClass:
    """A class of CIs; `attributes` and `identifiers` include what is inherited, `inside` is set for dependent classes.

    `independent` says that CIs of the class may stand alone; IPAddress may do both. A CI with a `rarity` of n fails by
    itself as seldom as n others, of rarity 1, fail at once.
    """

    name: str
    description: str
    abstract: bool
    internal: bool
    independent: bool
    extends: str | None
    inside: Inside | None
    identifiers: tuple[IdentifierScheme, ...]
    attributes: Mapping[str, Attribute]
    is_device: bool
    rarity: float = 1.0


@dataclass(frozen=True, slots=True)
class ImpactRule:
    """How relationships of a type become a requirement of one end (design of impact, section 5).

    `when` maps source_class, target_class, owner_kind and provider_kind to the names that fit; `group` is `each`,
    `all`, `none` (nothing is needed) or the properties that alternatives share, such as `relationship.group_key`.
    """

    when: Mapping[str, tuple[str, ...]]
    owner: Literal["source", "target"]
    group: Literal["each", "all", "none"] | tuple[str, ...]
    needed: Needed
    connected: str | None
    on_loss: Literal["none", "at_risk", "degraded"]
    pass_: Literal["never", "needed", "any"]


@dataclass(frozen=True, slots=True)
class RelationshipType:
    """A type of relationship, read source → target; `sources` and `targets` are class names, or `*` for any."""

    name: str
    description: str
    symmetric: bool
    internal: bool
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    impact: tuple[ImpactRule, ...]


@dataclass(frozen=True, slots=True)
class PrecedenceRule:
    """An exception from the precedence of a source; empty `classes` or `attributes` mean all."""

    classes: tuple[str, ...]
    attributes: tuple[str, ...]
    precedence: int
    description: str


@dataclass(frozen=True, slots=True)
class StaleRule:
    """Another time after which what a source says of some classes is stale."""

    classes: tuple[str, ...]
    after_h: int


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source (the part of a source's name before `:`) with its precedence, 0 to 1,000; larger wins.

    What it has not confirmed for `stale_after_h` hours is stale (None: never). `presence` is what its word says of
    whether a thing is there: it has `seen` it, it was `stated`, or `none`.
    """

    name: str
    description: str
    precedence: int
    rules: tuple[PrecedenceRule, ...]
    stale_after_h: int | None = None
    stale_rules: tuple[StaleRule, ...] = ()
    presence: Presence = "seen"


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything that the files of a model folder say. `version` is a short hash of their content."""

    classes: Mapping[str, CiClass]
    relationship_types: Mapping[str, RelationshipType]
    sources: Mapping[str, SourceKind]
    default_precedence: int
    version: str
    absence: AbsencePolicy
