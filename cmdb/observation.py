"""What a source says, before anybody has judged it: the first narrow waist."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["self", "reported"]
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


class Observation(msgspec.Struct, frozen=True, array_like=True):
    """What one source says about one thing.

    Independent things have `identifiers`, and `key` is a name that is stable from visit to visit inside the report
    (the first strong identifier, else `target:<name>`). Dependent things have a `parent` (the path of an earlier
    observation of the same report) and `key` is their local key inside it. `attributes` holds `name` and attributes of
    the class; what is unknown is absent. Role `reported` is for things the target merely told of.
    """

    ci_class: str
    key: str
    attributes: dict[str, Value]
    identifiers: tuple[Identifier, ...] = ()
    parent: str | None = None
    links: tuple[Link, ...] = ()
    role: Role = "self"


class Report(msgspec.Struct, frozen=True):
    """Everything one source says about one target in one visit; parents stand before their dependents.

    `at` is in epoch milliseconds UTC. `complete` is False as soon as anything failed. `tables` names what was read
    to its end and had at least one row: absence is only believed when nothing that answered before is silent now.
    """

    source: str
    target: str
    at: int
    observations: tuple[Observation, ...]
    complete: bool = True
    tables: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Source and target in one word, the name of the facets that this report makes."""
        return origin_name(self.source, self.target)


def origin_name(source: str, target: str) -> str:
    """Join source and target; a source never holds a slash, so the first one separates."""
    return f"{source}/{target}"


def split_origin(origin: str) -> tuple[str, str]:
    """Give back the source and the target of an origin."""
    source, _, target = origin.partition("/")
    return source, target


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
