"""Edits of CIs and baselines: what an input asks of the core, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLResolveInfo, ast_from_value, print_ast
from graphql.execution.values import get_argument_values

from cmdb.baselines import Taken, Wanted, take_baseline
from cmdb.edit import Edit, Saved, create, save
from cmdb.errors import Invalid, NotFound, Refused
from cmdb.ingest import Ingest
from cmdb.observation import Identifier, Observation
from cmdb.reconcile.merge import STATUS
from cmdb.scope import Scope
from cmdb.service.lifecycle import CHANGE, RELEASE, record_named
from cmdb_graphql.changes import point_of
from cmdb_graphql.context import Reading
from cmdb_graphql.enums import MODEL
from cmdb_graphql.errors import BadInput
from cmdb_graphql.where import where
from cmdb_graphql.write_types import AttributeInput, CreateBaselineInput, SaveCiInput

MOST = {"attributes": 100, "identifiers": 20, "lock": 100, "unlock": 100}


def save_ci(reading: Reading, ingest: Ingest, given: SaveCiInput) -> Saved:
    """Do an edit: of the CI with this id, of the one that has these identifiers, or of a new one."""
    for name, most in MOST.items():
        if len(getattr(given, name)) > most:
            raise Refused("TOO_MANY", name, f"at most {most} {name}, not {len(getattr(given, name)):,}")
    edit, reason = _edit(given), _text(given.reason)
    ci = _known(reading, given)
    if ci is None:
        return create(ingest, _new(edit, given), reading.actor, reason, dry_run=given.dry_run)
    expected = given.expected_version if isinstance(given.expected_version, int) else None
    return save(ingest, ci, edit, reading.actor, reason, dry_run=given.dry_run, expected_revision=expected)


def input_fields(given: SaveCiInput) -> dict[str, list[str]]:
    """Where in the input each attribute stands, for what is wrong with it."""
    places = {a.name: ["attributes", str(n), "value"] for n, a in enumerate(given.attributes)}
    return {**places, "name": ["name"], STATUS: ["status"], "locks": ["lock"]}


def _edit(given: SaveCiInput) -> Edit:
    said: dict[str, Any] = {}
    unset: list[str] = []
    pairs = [(name, value) for name, value in (("name", given.name), (STATUS, given.status)) if _is_given(value)]
    for name, value in [*pairs, *(_pair(n, a) for n, a in enumerate(given.attributes))]:
        if name in said or name in unset:
            raise Refused("INVALID", "attributes", f"{name} is given twice")
        if value is None:
            unset.append(name)
        else:
            said[name] = str(value) if name == STATUS else value
    return Edit(said, tuple(unset), tuple(given.lock), tuple(given.unlock))


def _pair(place: int, given: AttributeInput) -> tuple[str, Any]:
    at = f"attributes.{place}"
    if not _is_given(given.value):
        raise BadInput(f"{at}.value", f"{given.name}: give a value, or null to withdraw what people said")
    if given.name in ("name", STATUS):
        raise BadInput(f"{at}.name", f"write the {given.name} beside `attributes`, not in them")
    return given.name, given.value


def _known(reading: Reading, given: SaveCiInput) -> str | None:
    """The CI to edit; None where it is to be made."""
    keys = list(dict.fromkeys(given.identifiers))
    holders = reading.store.by_key(keys) if keys else {}
    owners = {ci for found in holders.values() for ci, _ in found}
    if isinstance(given.id, str):
        found = reading.store.cis([str(given.id)])
        if not found:
            into = reading.store.absorbed([given.id]).get(given.id)
            more = f": {into} has absorbed it" if into else ""
            raise NotFound(f"there is no CI {given.id!r}{more}")
        others = [k for k in keys if given.id not in {ci for ci, _ in holders.get(k, ())}]
        if others:
            raise Refused(
                "INVALID", "identifiers", f"{found[0].name} has no {others[0]!r}; only what is seen adds identifiers"
            )
        owners = {found[0].id}
    if len(owners) > 1:
        raise Refused("AMBIGUOUS", "identifiers", f"they belong to {len(owners)} CIs: {', '.join(sorted(owners))}")
    for ci in reading.store.cis(sorted(owners)):
        if isinstance(given.ci_class, str) and str(given.ci_class) != ci.ci_class:
            text = f"{ci.name} is a {ci.ci_class}; `decideIdentity` with RECLASSIFY changes that"
            raise Refused("INVALID", "class", text)
        return ci.id
    return None


def _new(edit: Edit, given: SaveCiInput) -> Observation:
    for field, value in (("class", given.ci_class), ("name", given.name)):
        if not isinstance(value, str) or not value.strip():
            raise Refused("REQUIRED", field, f"a new CI needs a {field}; to edit one, give its id")
    for field, names in (("unlock", edit.unlock), ("attributes", edit.unset)):
        if names:
            raise Refused("WRONG_STATE", field, f"nobody said {names[0]} of a CI that is not there yet")
    if isinstance(given.expected_version, int):
        raise Refused("VERSION_CONFLICT", "expectedVersion", "there is no such CI yet, so it has no version")
    ci_class, name = str(given.ci_class), str(given.name)
    for lock in edit.lock:
        if lock not in edit.set:
            raise Refused("WRONG_STATE", "lock", f"a new CI has no {lock} that could be locked; give a value")
    rules = MODEL.identifier_rules(ci_class)
    keys = [
        Identifier(k, k.partition(":")[0] in rules and rules[k.partition(":")[0]].strong) for k in given.identifiers
    ]
    key = given.identifiers[0] if given.identifiers else f"{ci_class}:{name}"
    return Observation(ci_class, key, dict(edit.set), tuple(keys), locks=edit.lock)


def take(reading: Reading, ingest: Ingest, given: CreateBaselineInput, info: GraphQLResolveInfo[Any]) -> Taken:
    """Take a baseline. Its scope is the filter as it was given; of a moment that a baseline names, else that one's."""
    moment, scope = None, Scope()
    if given.at:
        try:
            point = point_of(reading, given.at, "at")
        except BadInput:
            raise
        except Invalid as error:
            raise BadInput("at", str(error)) from error
        moment, scope = point.moment, point.scope
    if given.filter:
        scope = Scope(where(given.filter, MODEL), text=_literal(info))
    key = _text(given.record)
    record = record_named(reading.store, key, (CHANGE, RELEASE)) if key else None
    if key and record is None:
        raise Refused("NOT_FOUND", "record", f"there is no change or release with the id or number {key[:80]!r}")
    wanted = Wanted(given.name, _text(given.reason), moment, scope, record.id if record else "")
    return take_baseline(ingest, wanted, reading.actor, given.dry_run)


def _literal(info: GraphQLResolveInfo[Any]) -> str:
    """The filter of the input as GraphQL text, whether it came as text or as a variable."""
    definition = info.parent_type.fields[info.field_name]
    given = get_argument_values(definition, info.field_nodes[0], info.variable_values)["input"]["filter"]
    node = ast_from_value(given, info.schema.type_map["CiFilter"])  # type: ignore[arg-type]  # it is an input type
    return " ".join(print_ast(node).split()) if node is not None else ""


def _is_given(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool | Sequence)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
