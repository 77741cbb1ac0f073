"""What a person says that a CI needs: it becomes an observation of the source `manual`, by the one way in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from cmdb.candidates import MAX_PARENTS, REQUIREMENT, line_of, paths_of
from cmdb.changes import ChangeSet, NewCI, digest
from cmdb.edit import Planned, Saved, check_revision, next_word, plan_said, written
from cmdb.errors import LimitExceeded, NotFound, Refused
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.observation import EDIT, NEEDS, Link, Observation, Report, Value, origin_name, origin_of, path, split_origin
from cmdb.reconcile.check import MANUAL
from cmdb.store.protocol import CIRecord, GraphStore, Head

PROVIDED_BY = "PROVIDED_BY"
MOST_PROVIDERS = 1_000
MOST_WEIGHT = 1_000_000
MOST_NAME = 200  # characters
ON_LOSS = ("none", "at_risk", "degraded")
PASS = ("never", "needed", "any")
METHOD = "stated"


class ProviderAsked(msgspec.Struct, frozen=True):
    """One provider by its id; it must be up or, with `connected`, have a path to a root of that plane."""

    ci: str
    weight: int = 1
    connected: str = ""


class RequirementAsked(msgspec.Struct, frozen=True):
    """So much weight of these providers must be there for the CI `owner` to work; `name` tells its requirements apart.

    An empty name stands for one made of the providers.
    """

    owner: str
    name: str
    needed: int
    providers: tuple[ProviderAsked, ...]
    on_loss: str = "at_risk"
    passes: str = "needed"

    @property
    def literals(self) -> tuple[tuple[str, int, str], ...]:
        """The providers as (id, weight, plane or "")."""
        return tuple((p.ci, p.weight, p.connected) for p in self.providers)

    @property
    def called(self) -> str:
        """The name, or else one that only the same providers give."""
        among = sorted((p.ci, p.connected) for p in self.providers)
        return self.name or f"of {digest(among, 6).hex()}"


def save_requirement(
    ingest: Ingest,
    asked: RequirementAsked,
    actor: str,
    reason: str,
    planes: Collection[str],
    *,
    known: str = "",
    dry_run: bool = False,
    expected_revision: int | None = None,
) -> Saved:
    """State a requirement, or say another one of that name instead; with `dry_run` only tell what that would change.

    `planes` are the planes that there are. `known` is the id of the requirement to replace, where it is not found by
    its name; then it keeps that name. The `ci` of the answer is the requirement. Raises NotFound where there is no such
    owner, Refused where something can't be as asked or the owner is no longer at `expected_revision`, and what `save`
    raises.
    """
    _check_reason(reason)
    _check(asked, planes)
    planned, found = Planned(), [known]

    def make(head: Head) -> ChangeSet | None:
        store = ingest.store
        line = _owner_line(store, asked.owner, expected_revision)
        if line[-1].status == "retired":
            raise Refused("WRONG_STATE", "owner", f"{line[-1].name} is retired; what is gone needs nothing")
        before = _known(store, line[-1], known) if known else same_name(store, asked)
        if before is not None:
            _refuse_others(before, line[-1], "id" if known else "name")
        name = before.local_key if before else asked.called
        origins = (_own_origins(before) if before else []) or [_origin(line[-1].id, name)]
        at = next_word(ingest, origins)
        observation = Observation(
            REQUIREMENT,
            name,
            {"name": name, "needed": asked.needed, "on_loss": asked.on_loss, "pass": asked.passes},
            parent=list(paths_of(line))[-1],
            links=tuple(_links(store, asked, ingest.model)),
        )
        # All of them say it: what one of them said last would else stand beside it.
        plan_said(ingest, _reports(line, origins, at, observation), head, (actor, reason), planned)
        found[0] = before.id if before else _new_id(planned)
        return planned.to_write(at)

    done = written(ingest, make, planned, (actor, reason), dry_run)
    return msgspec.structs.replace(done, ci=found[0])


def drop_requirement(
    ingest: Ingest,
    requirement: str,
    actor: str,
    reason: str,
    *,
    dry_run: bool = False,
    expected_revision: int | None = None,
) -> Saved:
    """Take back a requirement that a person stated; a default that it replaced comes back.

    Raises NotFound where there is none of this id, Refused where others state it, and what `save_requirement` raises.
    """
    _check_reason(reason)
    planned = Planned()

    def make(head: Head) -> ChangeSet | None:
        (record,) = ingest.store.cis([requirement]) or (None,)
        if record is None or record.ci_class != REQUIREMENT or record.status == "missing":
            raise NotFound(f"{_no_such(requirement)}; `cmdb requirement list --origin manual` lists what people stated")
        line = _owner_line(ingest.store, record.parent, expected_revision)
        _refuse_others(record, line[-1], "id")
        origins = _own_origins(record)
        at = next_word(ingest, origins)
        plan_said(ingest, _reports(line, origins, at), head, (actor, reason), planned)
        return planned.to_write(at)

    return written(ingest, make, planned, (actor, reason), dry_run, requirement)


def find_requirement(store: GraphStore, owner: str, name: str) -> CIRecord:
    """The requirement of a CI that somebody stated under a name. Raises NotFound that lists those there are."""
    where = path(owner, REQUIREMENT, name)
    for record in store.cis(sorted(store.by_path([where]).values())):
        return record
    raise NotFound(f"no requirement {name[:MOST_NAME]!r} was stated there; `cmdb requirement list` shows their names")


# ---- what is asked


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("REQUIRED", "reason", "a requirement needs a reason: the ledger keeps why")


def _check(asked: RequirementAsked, planes: Collection[str]) -> None:
    """Refuse what makes no sense whatever is in the graph."""
    if asked.name and not asked.name.strip():
        raise Refused("INVALID", "name", "a name of blanks tells nothing apart; give one with letters")
    if len(asked.name) > MOST_NAME:
        raise Refused("INVALID", "name", f"a name has at most {MOST_NAME} characters, not {len(asked.name):,}")
    for field, value, words in (("onLoss", asked.on_loss, ON_LOSS), ("pass", asked.passes, PASS)):
        if value not in words:
            raise Refused("INVALID", field, f"{value!r}: {near(value, words)}")
    if not asked.providers:
        raise Refused("REQUIRED", "providers", "a requirement needs a provider: nobody can fill an empty one")
    if len(asked.providers) > MOST_PROVIDERS:
        text = f"a requirement has at most {MOST_PROVIDERS:,} providers, not {len(asked.providers):,}"
        raise Refused("TOO_MANY", "providers", f"{text}; give a cluster of them")
    seen: set[str] = set()
    for number, one in enumerate(asked.providers):
        at = f"providers.{number}"
        if one.ci == asked.owner:
            raise Refused("INVALID", f"{at}.ci", "a CI can't be its own provider")
        if one.ci in seen:
            raise Refused("INVALID", f"{at}.ci", f"{one.ci} is named twice; give it once, with all its weight")
        seen.add(one.ci)
        if not 1 <= one.weight <= MOST_WEIGHT:
            raise Refused("INVALID", f"{at}.weight", f"a weight is from 1 to {MOST_WEIGHT:,}, not {one.weight:,}")
        if one.connected and one.connected not in planes:
            text = f"there is no plane {one.connected[:80]!r}: it begins when root_of of its roots names it"
            raise Refused("NOT_FOUND", f"{at}.connected", f"{text}; {near(one.connected, planes)}")
    total = sum(one.weight for one in asked.providers)
    if not 0 <= asked.needed <= total:
        text = f"needed is from 0 to {total:,}, what the providers weigh together, not {asked.needed:,}"
        raise Refused("INVALID", "needed", text)


def _owner_line(store: GraphStore, owner: str, expected_revision: int | None) -> list[CIRecord]:
    line = line_of(store, owner)
    if line[-1].ci_class == REQUIREMENT:
        raise NotFound(f"{owner} is a requirement, and only CIs need something")
    check_revision(line[-1], expected_revision)
    return line


# ---- what was stated before


def _known(store: GraphStore, owner: CIRecord, id_: str) -> CIRecord:
    """The requirement of an id, which must be one of the owner's."""
    (record,) = store.cis([id_]) or (None,)
    if record is None or record.ci_class != REQUIREMENT:
        raise Refused("NOT_FOUND", "id", _no_such(id_))
    if record.parent != owner.id:
        raise Refused("INVALID", "owner", f"{id_} is a requirement of {record.parent}, not of {owner.name}")
    return record


def same_name(store: GraphStore, asked: RequirementAsked) -> CIRecord | None:
    """The requirement of the owner's that has the name asked for, whoever states it; None where there is none."""
    where = path(asked.owner, REQUIREMENT, asked.called)
    (record,) = store.cis(sorted(store.by_path([where]).values())) or (None,)
    return record


def _refuse_others(record: CIRecord, owner: CIRecord, field: str) -> None:
    """Raise Refused where a requirement is not only stated by hand."""
    others = sorted({origin_of(n) for n, f in record.facets.items() if f.gone is None} - set(_own_origins(record)))
    if others:
        text = f"{record.name} of {owner.name} is stated by {others[0]}: change it there"
        raise Refused("WRONG_STATE", field, f"{text}, or state another one of the same providers")


def _no_such(id_: str) -> str:
    if id_.startswith("req:"):
        return f"{id_[:80]} is a default, which follows from relationships: state one of the same providers instead"
    return f"there is no requirement {id_[:80]!r}"


def _own_origins(record: CIRecord) -> list[str]:
    """The origins under which people stated a requirement one by one; it has several where owners became one."""
    origins = {origin_of(name) for name in record.facets}
    return sorted(o for o in origins if split_origin(o)[0] == MANUAL and _is_stated(split_origin(o)[1]))


def _is_stated(target: str) -> bool:
    return target.startswith(EDIT) and NEEDS in target


def _origin(owner: str, name: str) -> str:
    return origin_name(MANUAL, f"{EDIT}{owner}{NEEDS}{name}")


def _new_id(planned: Planned) -> str:
    changes = planned.change_set.changes if planned.change_set else ()
    return next((c.id for c in changes if isinstance(c, NewCI) and c.ci_class == REQUIREMENT), "")


# ---- the observation


def _mentions(line: Sequence[CIRecord]) -> Iterator[Observation]:
    """The owner and what it is part of, named only."""
    places = [None, *paths_of(line)]
    for one, where in zip(line, places, strict=False):
        key = one.local_key if one.parent else EDIT + one.id
        yield Observation(one.ci_class, key, {}, parent=where, role="mentioned")


def _reports(line: Sequence[CIRecord], origins: Sequence[str], at: int, *stated: Observation) -> list[Report]:
    """What each origin says now; where nothing is stated, it takes back what it said before."""
    said = (*_mentions(line), *stated)
    return [Report(MANUAL, split_origin(origin)[1], at, said) for origin in origins]


def _links(store: GraphStore, asked: RequirementAsked, model: Model) -> Iterator[Link]:
    for one, name in zip(asked.providers, _names(store, asked, model), strict=True):
        attributes: dict[str, Value] = {"weight": one.weight}
        if one.connected:
            attributes["connected"] = one.connected
        yield Link(PROVIDED_BY, name, attributes, METHOD)


def _names(store: GraphStore, asked: RequirementAsked, model: Model) -> list[str]:
    """How each provider is named: by an identifier that is its alone, a part by that of its root and its path."""
    known = _with_parents(store, asked)
    lines = [_line(known, one.ci) for one in asked.providers]
    roots = {line[0].id: line[0] for line in lines}
    holders = store.by_key(sorted({i.key for root in roots.values() for i in root.identifiers}))
    names = []
    for number, line in enumerate(lines):
        where = _strongest(line[0], holders, model)
        if not where:
            text = f"{line[0].name} has no identifier that is its alone, so that nothing can be tied to it"
            raise Refused("INVALID", f"providers.{number}.ci", f"{text}; give it one with `cmdb ingest push`")
        for part in line[1:]:
            where = path(where, part.ci_class, part.local_key)
        names.append(where)
    return names


def _with_parents(store: GraphStore, asked: RequirementAsked) -> dict[str, CIRecord]:
    """The providers and what they are part of, in a query for each level."""
    known: dict[str, CIRecord] = {}
    wanted = [one.ci for one in asked.providers]
    for _ in range(MAX_PARENTS + 1):
        known |= {record.id: record for record in store.cis(wanted)}
        wanted = sorted({r.parent for r in known.values() if r.parent} - known.keys())
        if not wanted:
            break
    else:
        raise LimitExceeded(f"a provider lies more than {MAX_PARENTS} parts deep, the limit")
    for number, one in enumerate(asked.providers):
        record = known.get(one.ci)
        if record is None or record.ci_class == REQUIREMENT:
            raise Refused("NOT_FOUND", f"providers.{number}.ci", f"there is no CI {one.ci[:80]!r}")
        if record.status == "retired":
            text = f"{record.name} is retired and provides nothing; leave it out"
            raise Refused("WRONG_STATE", f"providers.{number}.ci", text)
    return known


def _line(known: Mapping[str, CIRecord], ci: str) -> list[CIRecord]:
    line = [known[ci]]
    while line[0].parent:
        line.insert(0, known[line[0].parent])
    return line


def _strongest(root: CIRecord, holders: Mapping[str, tuple[tuple[str, bool], ...]], model: Model) -> str:
    """The strongest identifier that names this CI and no other; "" where there is none."""
    schemes = list(model.identifier_rules(root.ci_class))

    def order(key: str) -> tuple[int, str]:
        scheme = key.partition(":")[0]
        return schemes.index(scheme) if scheme in schemes else len(schemes), key

    mine = [i for i in root.identifiers if [ci for ci, _ in holders.get(i.key, ())] == [root.id]]
    best = sorted(mine, key=lambda i: (not i.strong, *order(i.key)))
    return best[0].key if best else ""
