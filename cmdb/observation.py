"""What a source says, before anybody has judged it: the first narrow waist."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["self", "reported", "mentioned"]
LINKS, SESSIONS = "links", "sessions"  # parts of a report
CLASS_TABLE = "class"  # named among the tables of a report where all that the class of the device follows from was read
Value = Any  # str, int, float, bool, or a list of one of these; never None, never a mapping


class Identifier(msgspec.Struct, frozen=True, array_like=True):
    """A key that names a CI, such as `serial:cisco:FOC1234X0AB`; a strong one decides, a weak one proposes."""

    key: str
    strong: bool = True


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A relationship from the observed thing to a far end that is named, not resolved.

    `to` is the `key` of another observation of the same report, an identifier key, or the path of a dependent CI
    (see `path`). `method` says how it was seen (`lldp`, `arp`, `file`, …) and becomes part of the evidence.
    """

    type: str
    to: str
    attributes: dict[str, Value] = {}
    method: str = ""


class Observation(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """What one source says about one thing.

    Independent things have `identifiers`, and `key` is a name that is stable from visit to visit inside the report
    (the first strong identifier, else `target:<name>`). Dependent things have a `parent` (the path of an earlier
    observation of the same report) and `key` is their local key inside it. `attributes` holds `name` and attributes of
    the class; what is unknown is absent. Role `reported` is for things the target merely told of. Role `mentioned` only
    names a thing that another report describes, so that it can have links: it says nothing of the thing itself, and
    where nobody has described it, it is not made.

    Beside attributes of the class a person or a register may claim a `status`. `locks` are attributes whose value is to
    hold whatever others say. `refused` is filled where the observation is held against the model: values that were said
    and could not be taken, with the verdict.

    What was computed of one may be kept in its `__dict__`.
    """

    ci_class: str
    key: str
    attributes: dict[str, Value]
    identifiers: tuple[Identifier, ...] = ()
    parent: str | None = None
    links: tuple[Link, ...] = ()
    role: Role = "self"
    locks: tuple[str, ...] = ()
    refused: dict[str, tuple[str, str]] = {}


class Report(msgspec.Struct, frozen=True):
    """Everything one source says about one target in one visit; parents stand before their dependents.

    `at` is in epoch milliseconds UTC. `complete` is False as soon as anything failed. `tables` names what was read
    to its end and had at least one row: absence is only believed when nothing that answered before is silent now.

    A target may be spoken of in several reports of one source, told apart by `part`: the plain one ("") says what it is
    and has, `links` how its parts are tied to other things, `sessions` who talked to whom. In a report of links the
    links of one type of an observation are all that thing has of this type; a type that is not said, and a thing that
    is not observed again, are as before. Sessions only add up.
    """

    source: str
    target: str
    at: int
    observations: tuple[Observation, ...]
    complete: bool = True
    tables: tuple[str, ...] = ()
    part: str = ""

    @property
    def origin(self) -> str:
        """Source, part and target in one word, the name of the facets that this report makes."""
        return origin_name(self.source, self.target, self.part)


def origin_name(source: str, target: str, part: str = "") -> str:
    """Join source and target, `snmp/core-1`, with a part `snmp#links/core-1`; a source holds neither slash nor `#`."""
    return f"{source}#{part}/{target}" if part else f"{source}/{target}"


def split_origin(origin: str) -> tuple[str, str]:
    """Give back the source and the target of an origin or of the name of a facet, whatever its part."""
    source, _, target = origin.partition("/")
    return source.rpartition(">")[2].partition("#")[0], target


def part_of(origin: str) -> str:
    """Give back the part of an origin or of the name of a facet, "" for the plain one."""
    return origin.partition("/")[0].partition("#")[2]


EDIT = "ci:"  # begins the target of what a person says of one CI; its id follows
NEEDS = "#"  # and this, with a name, ends it where the word is of a requirement of that CI
RUN = "discovery"  # the source of what a run itself finds out about its targets


def is_aside(origin: str) -> bool:
    """Whether what an origin says is said beside the description of a thing: by no word of its own is there a thing.

    A requirement is there by the word of who states it.
    """
    source, target = split_origin(origin)
    return source == RUN or (target.startswith(EDIT) and NEEDS not in target)


def facet_name(origin: str, own: str = "") -> str:
    """Name a facet inside its CI: its origin, `<own>><origin>` where it was said of a CI that this one has absorbed.

    So a merge can be undone: what was said of either stays told apart, whenever it was said.
    """
    return f"{own}>{origin}" if own else origin


def split_facet_name(name: str) -> tuple[str, str]:
    """Give back (own, origin) of the name of a facet; own is "" unless it was said of an absorbed CI."""
    head, slash, target = name.partition("/")
    own, _, source = head.rpartition(">")
    return own, f"{source}{slash}{target}"


def origin_of(name: str) -> str:
    """Give back the origin in the name of a facet."""
    return split_facet_name(name)[1] if ">" in name else name


def escape_key(local_key: str) -> str:
    """Make a local key safe inside a path: `|` separates there."""
    return local_key.replace("%", "%25").replace("|", "%7C") if "|" in local_key or "%" in local_key else local_key


def unescape_key(text: str) -> str:
    """Undo `escape_key`."""
    return text.replace("%7C", "|").replace("%25", "%")


def path(parent: str, ci_class: str, local_key: str) -> str:
    """Name a dependent CI through its parent: `<parent>|<class>|<local key>`.

    The parent is the path or key of an observation, or, in the store, the id of a CI.
    """
    return f"{parent}|{ci_class}|{escape_key(local_key)}"


def path_of(observation: Observation) -> str:
    """The name of an observation inside its report: its key, or the path through its parent."""
    if observation.parent is None:
        return observation.key
    return path(observation.parent, observation.ci_class, observation.key)
