"""Configuration items: the two interfaces, and one concrete type for each class of the catalogue."""

from __future__ import annotations

import re
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from cmdb.model.registry import Attribute as AttributeDefinition
from cmdb.model.registry import CiClass as ClassDefinition
from cmdb.store.protocol import CIRecord
from cmdb_graphql.common import CiRef, Node, PageInfo
from cmdb_graphql.completeness_types import Completeness
from cmdb_graphql.directives import FREE, Cost, at_most, paged
from cmdb_graphql.enums import MODEL, CiClass, CiStatus, Direction, InterfaceStatus, RelationshipType
from cmdb_graphql.history_types import FactChangeConnection
from cmdb_graphql.identity_types import IdentityDecision
from cmdb_graphql.provenance import attributes_of
from cmdb_graphql.provenance_types import Attribute, Identifier, Origin
from cmdb_graphql.relationships import RelationshipConnection
from cmdb_graphql.requirements import Requirement
from cmdb_graphql.scalars import CIDR, BigInt, DateTime, InetAddress, MacAddress

PageKey = tuple[tuple[str, ...], str, int, str | None]  # types, direction, first, after of one use of `relationships`


def page_key(types: list[str] | None, direction: str, first: int, after: str | None) -> PageKey:
    """Name a page of relationships, so that what was read before the answer is found again while it is built."""
    return tuple(sorted({str(t) for t in types or ()})), str(direction), first, after


@strawberry.interface(
    description="A thing under maintenance and what is known about it. "
    "Attributes of its class are fields of its concrete type; unknown ones are null."
)
class ConfigurationItem(Node):
    id: strawberry.ID = strawberry.field(description="Opaque, never changes, not even by reclassification or merge.")
    ci_class: CiClass = strawberry.field(name="class", description="Concrete class.")
    name: str = strawberry.field(description="Name for people; need not be unique.")
    status: CiStatus = strawberry.field(description="Where it is in its life.")
    revision: int = strawberry.field(
        description="Counts the commits that changed this CI (the same name in the export); "
        "give it back as `expectedVersion`."
    )
    first_seen: DateTime = strawberry.field(description="When a source first saw it.")
    last_seen: DateTime = strawberry.field(description="When a source last saw it.")
    parent: CiRef | None = strawberry.field(
        description="The CI it is part of (device of an interface, chassis of a module). Null: part of nothing."
    )
    identifiers: list[Identifier] = strawberry.field(
        description="Keys that name this CI; empty for dependent classes.", directives=at_most(50)
    )
    origins: list[Origin] = strawberry.field(
        description="Which source saw it through which target.", directives=at_most(20)
    )
    requirements: list[Requirement] = strawberry.field(
        description="What must hold for this CI to work.", directives=at_most(20)
    )
    completeness: Completeness = strawberry.field(
        description="How complete what is known of it is.", directives=[Cost(weight="5")]
    )

    identity_decisions: list[IdentityDecision] = strawberry.field(
        description="Why these observations are one CI: the latest identity decisions, newest first.",
        directives=at_most(20),
    )

    @strawberry.field(
        description="Attributes with provenance: every source's value, time and verdict.", directives=at_most(40)
    )
    def attributes(
        self,
        info: Info,
        names: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Attribute names as in the export, such as serial_number. Null: all known ones."
            ),
        ] = strawberry.UNSET,
    ) -> list[Attribute]:
        record: CIRecord = self.__dict__["record"]
        rows: Any = attributes_of(record, info.context.model, names or None)
        return rows  # type: ignore[no-any-return]  # rows have the fields of Attribute

    @strawberry.field(
        description="Relationships of this CI, by type, then by the name of the other end.",
        directives=paged("first", "nodes"),
    )
    def relationships(
        self,
        types: Annotated[
            list[RelationshipType] | None, strawberry.argument(description="Only these types. Null: all.")
        ] = strawberry.UNSET,
        direction: Annotated[
            Direction, strawberry.argument(description="Seen from this CI; ignored for types that are symmetric.")
        ] = Direction.BOTH,
        first: Annotated[int, strawberry.argument(description="Page size, 1 to 200.")] = 50,
        after: Annotated[
            str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the start.")
        ] = strawberry.UNSET,
    ) -> RelationshipConnection:
        pages: dict[PageKey, RelationshipConnection] = self.__dict__["pages"]
        return pages[page_key(types or None, direction, first, after or None)]

    @strawberry.field(
        description="Changes of this CI and its relationships, newest first; merged predecessors included.",
        directives=paged("first", "nodes"),
    )
    def history(
        self,
        info: Info,
        attributes: Annotated[
            list[str] | None,
            strawberry.argument(description="Only these attributes. Null: all, and relationships."),
        ] = strawberry.UNSET,
        first: Annotated[int, strawberry.argument(description="Page size, 1 to 200.")] = 50,
        after: Annotated[
            str | None, strawberry.argument(description="`endCursor` of the page before. Null: from the newest.")
        ] = strawberry.UNSET,
    ) -> FactChangeConnection:
        from cmdb_graphql.changes import ci_page  # it fills references, which needs this module

        return ci_page(info, self, attributes or None, first, after or None)


def camel(name: str) -> str:
    """The GraphQL name of an attribute."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


# Attributes that name the thing: the contract promises that they are always there.
ALWAYS = {("IPAddress", "address"), ("Subnet", "prefix"), ("VLAN", "vlan_id")}
_SINGLE: dict[str, Any] = {
    "string": str,
    "enum": str,
    "number": float,
    "boolean": bool,
    "mac": MacAddress,
    "inet_address": InetAddress,
    "cidr": CIDR,
    "timestamp": DateTime,
}
_LISTS: dict[str, Any] = {"string_list": list[str], "integer_list": list[int], "mac_list": list[MacAddress]}
_INTERFACE_STATES = frozenset(("up", "down", "testing", "unknown", "dormant", "not_present", "lower_layer_down"))
_WIDE = re.compile(r"_(bps|bytes)$")  # units whose values pass 32 bits


def graphql_type(attribute: AttributeDefinition) -> Any:
    """The type of the field for an attribute, without nullability."""
    if attribute.type in _LISTS:
        return _LISTS[attribute.type]
    if attribute.type == "integer":
        return BigInt if _WIDE.search(attribute.name) else int
    if attribute.type == "enum" and frozenset(attribute.values) == _INTERFACE_STATES:
        return InterfaceStatus
    return _SINGLE[attribute.type]


def type_in_words(ci_class: str, attribute: AttributeDefinition) -> str:
    """The GraphQL type of the field for an attribute, as in the schema."""
    kind = graphql_type(attribute)
    if attribute.type in _LISTS:
        return f"[{_WORDS[kind.__args__[0]]}!]!"
    word = _WORDS.get(kind, "InterfaceStatus")
    return f"{word}!" if (ci_class, attribute.name) in ALWAYS else word


_WORDS: dict[Any, str] = {
    str: "String",
    int: "Int",
    float: "Float",
    bool: "Boolean",
    **{t: t.__name__ for t in (MacAddress, InetAddress, CIDR, DateTime, BigInt)},
}


def _field(ci_class: str, attribute: AttributeDefinition) -> tuple[Any, Any]:
    """Annotation and field of an attribute; a null is explained, as everywhere in the schema."""
    kind, text = graphql_type(attribute), attribute.description
    if attribute.type in _LISTS:
        return kind, strawberry.field(name=camel(attribute.name), description=text)
    if (ci_class, attribute.name) in ALWAYS:
        return kind, strawberry.field(name=camel(attribute.name), description=text)
    text = text if "Null:" in text else f"{text.rstrip('.')}. Null: unknown."
    return kind | None, strawberry.field(name=camel(attribute.name), description=text)


def _with_attributes(name: str, base: type, attributes: list[AttributeDefinition], owner: str) -> type:
    """A subclass with one field for each attribute, not yet a strawberry type."""
    namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for attribute in attributes:
        kind, field = _field(owner, attribute)
        namespace["__annotations__"][attribute.name] = kind
        namespace[attribute.name] = field
    return type(name, (base,), namespace)


def _device() -> type:
    own = list(MODEL.classes["Device"].attributes.values())
    made = _with_attributes("Device", ConfigurationItem, own, "Device")
    return strawberry.interface(made, description="What all devices have in common.")


def _concrete(definition: ClassDefinition) -> type:
    inherited = MODEL.classes["Device"].attributes if definition.is_device else {}
    own = [a for n, a in definition.attributes.items() if n not in inherited]
    base = Device if definition.is_device else ConfigurationItem
    made = _with_attributes(definition.name, base, own, definition.name)
    return strawberry.type(made, description=definition.description)


Device = _device()
CLASSES: dict[str, type] = {c.name: _concrete(c) for c in MODEL.classes.values() if not c.abstract and not c.internal}
_INT_FIELDS = {
    c.name: tuple(a.name for a in c.attributes.values() if a.type == "integer" and graphql_type(a) is int)
    for c in MODEL.classes.values()
}
_BLANK: dict[str, dict[str, Any]] = {
    c.name: {n: [] if a.type in _LISTS else None for n, a in c.attributes.items()} for c in MODEL.classes.values()
}


@strawberry.type(description="Page of CIs.", directives=FREE)
class CiConnection:
    nodes: list[ConfigurationItem] = strawberry.field(description="The CIs.")
    page_info: PageInfo = strawberry.field(description="Position of the page.")
    total_count: int | None = strawberry.field(
        description="Number of all matches, counted only when asked for. Null: more than 100,000.",
        directives=[Cost(weight="100")],
    )


def item_of(record: CIRecord) -> ConfigurationItem:
    """A CI ready to be answered, attributes as plain fields; `parent`, pages and the like are filled in on demand."""
    values = record.attributes
    for name in _INT_FIELDS[record.ci_class]:
        if not -(2**31) <= values.get(name, 0) < 2**31:  # GraphQL's Int has 32 bits; `attributes` still shows the value
            values = {**values, name: None}
    if record.ci_class in _NAMED:
        values = {**_NAMED[record.ci_class](record.name), **values}
    item: ConfigurationItem = object.__new__(CLASSES[record.ci_class])
    item.__dict__ = {
        **_BLANK[record.ci_class],
        **values,
        "id": record.id,
        "ci_class": record.ci_class,
        "name": record.name,
        "status": record.status,
        "revision": record.revision,
        "first_seen": record.first_seen,
        "last_seen": max(record.seen.values(), default=record.first_seen),
        "record": record,
        "pages": {},
    }
    return item


# Where a source left out what names the thing, its name says it.
_NAMED: dict[str, Any] = {
    "IPAddress": lambda name: {"address": name},
    "Subnet": lambda name: {"prefix": name},
    "VLAN": lambda name: {"vlan_id": int("".join(re.findall(r"\d+$", name)) or 0)},
}
