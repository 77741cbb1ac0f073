"""The schema, put together once."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLSchema, build_schema, parse
from strawberry.schema.config import StrawberryConfig

from cmdb_graphql.alarm_types import Alarm
from cmdb_graphql.items import CLASSES
from cmdb_graphql.ledger_types import IdentityTask
from cmdb_graphql.mutation import Mutation
from cmdb_graphql.prices import Prices
from cmdb_graphql.query import Query
from cmdb_graphql.record_types import Audit, Change, Finding, Incident, KnownError, Release
from cmdb_graphql.relationships import Relationship
from cmdb_graphql.requirements import Requirement
from cmdb_graphql.scalars import SCALARS
from cmdb_graphql.sdl import print_sorted


@cache
def strawberry_schema() -> strawberry.Schema:
    """The schema as strawberry knows it."""
    types = [
        *CLASSES.values(),
        Relationship,
        Requirement,
        IdentityTask,
        Audit,
        Finding,
        Incident,
        Change,
        Release,
        KnownError,
        Alarm,
    ]
    return strawberry.Schema(Query, Mutation, types=types, config=StrawberryConfig(scalar_map=dict(SCALARS)))


@cache
def core_schema() -> GraphQLSchema:
    """The same for graphql-core, which executes it: parsing, guard and caching are ours, not strawberry's."""
    made: GraphQLSchema = strawberry_schema()._schema
    return made


@cache
def prices() -> Prices:
    """The price of each field, from the directives in the SDL: graphql-core keeps none on types made in code."""
    return Prices(build_schema(strawberry_schema().as_str()))


@cache
def sdl() -> str:
    """The published contract: everything sorted, so that a change shows as a small difference."""
    return print_sorted(parse(strawberry_schema().as_str(), no_location=True))
