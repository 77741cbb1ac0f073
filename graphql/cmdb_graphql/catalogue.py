"""The class catalogue as GraphQL shows it, built once from the model."""

from __future__ import annotations

from functools import cache

import strawberry

from cmdb.model.document import requirement_in_words
from cmdb_graphql.common import make
from cmdb_graphql.directives import QUARTER, at_most
from cmdb_graphql.enums import MODEL, CiClass, RelationshipType
from cmdb_graphql.items import CLASSES, camel, type_in_words


@strawberry.type(description="Definition of an attribute.", directives=QUARTER)
class AttributeDefinition:
    name: str = strawberry.field(description="Name as in the export.")
    field: str = strawberry.field(description="Name of the GraphQL field.")
    type: str = strawberry.field(description="GraphQL type of the field.")
    description: str = strawberry.field(description="What it is, with unit.")


@strawberry.type(description="Definition of a CI class.", directives=QUARTER)
class ClassDefinition:
    ci_class: CiClass = strawberry.field(name="class", description="Class.")
    description: str = strawberry.field(description="What it is.")
    independent: bool = strawberry.field(
        description="True: it has identifiers of its own; false: a local key inside its parent."
    )
    identifiers: list[str] = strawberry.field(
        description="Kinds of identifier, strongest first, for example serial, engine-id, mac."
    )
    attributes: list[AttributeDefinition] = strawberry.field(description="Attributes.", directives=at_most(60))


@strawberry.type(description="Definition of a relationship type.", directives=QUARTER)
class RelationshipTypeDefinition:
    type: RelationshipType = strawberry.field(description="Type.")
    description: str = strawberry.field(description="What it means.")
    symmetric: bool = strawberry.field(description="True if direction has no meaning.")
    default_requirement: str | None = strawberry.field(
        description='Default requirement in words, for example "1 of 1, at risk on loss". Null: no effect on impact.'
    )


@strawberry.type(description="The class catalogue. It is data with a version, and its changes are in the ledger.")
class Catalogue:
    version: str = strawberry.field(description="Version; also the `policyVersion` of impact answers.")
    classes: list[ClassDefinition] = strawberry.field(description="Classes.", directives=at_most(100))
    relationship_types: list[RelationshipTypeDefinition] = strawberry.field(
        description="Relationship types.", directives=at_most(100)
    )


@cache
def catalogue(version: str) -> Catalogue:
    """The catalogue of the built-in model."""
    classes = [
        make(
            ClassDefinition,
            ci_class=c.name,
            description=c.description,
            independent=c.independent,
            identifiers=[s.scheme for s in c.identifiers],
            attributes=[
                make(
                    AttributeDefinition,
                    name=a.name,
                    field=camel(a.name),
                    type=type_in_words(c.name, a),
                    description=a.description,
                )
                for a in c.attributes.values()
            ],
        )
        for c in MODEL.classes.values()
        if c.name in CLASSES
    ]
    relationship_types = [
        make(
            RelationshipTypeDefinition,
            type=t.name,
            description=t.description,
            symmetric=t.symmetric,
            default_requirement=requirement_in_words(t) or None,
        )
        for t in MODEL.relationship_types.values()
        if not t.internal
    ]
    made: Catalogue = make(Catalogue, version=version, classes=classes, relationship_types=relationship_types)
    return made
