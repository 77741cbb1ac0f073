"""The impact question: seeds resolved, bounds checked, judged on the topology, references made readable."""

from __future__ import annotations

from typing import Any

from cmdb.errors import AmbiguousKey
from cmdb.impact.answer import Seed
from cmdb.impact.evaluate import evaluate
from cmdb.service.calendar import seeds_of_record
from cmdb.service.incidents import open_seeds
from cmdb.service.lifecycle import CHANGE, INCIDENT, RELEASE, number_of
from cmdb.store.protocol import StoredRecord
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput
from cmdb_graphql.impact_types import Impact, ImpactInput, ImpactSeedInput
from cmdb_graphql.items import CLASSES
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.record_keys import asked_record
from cmdb_graphql.selection import Selection

RECORDS = (INCIDENT, CHANGE, RELEASE)  # kinds that may be asked about, and the fields of the input
FEW = 3
MAX_SEEDS, MAX_FIRST, MAX_SKIP, MAX_ONLY = 1_000, 10_000, 10_000_000, 100
_REFS = (
    ("summary", "services", "ci"),
    ("nodes", "ci"),
    ("proof", "ci"),
    ("spared", "ci"),
    ("spared", "livePath"),
    ("findings", "ci"),
)
_SNAKE = {"livePath": "live_path"}


def judge(reading: Reading, given: ImpactInput, selection: Selection) -> Impact:
    """Answer an impact question at the sequence of the whole answer, or at the moment that is asked for."""
    first = 200 if given.first is None else given.first
    skip = given.skip or 0
    if not 1 <= first <= MAX_FIRST:
        raise BadInput("input.first", f"input.first: from 1 to {MAX_FIRST:,}, not {first:,}")
    if not 0 <= skip <= MAX_SKIP:
        raise BadInput("input.skip", f"input.skip: from 0 to {MAX_SKIP:,}, not {skip:,}")
    only = [str(i) for i in given.only or ()]
    if isinstance(given.only, list) and not 1 <= len(only) <= MAX_ONLY:
        raise BadInput("input.only", f"input.only: 1 to {MAX_ONLY} ids, not {len(only):,}")
    as_of, sequence = (v if isinstance(v, int) else None for v in (given.as_of, given.sequence))
    reading = reading.as_of(as_of, sequence, "input.")
    named = [(kind, str(id_)) for kind in RECORDS if isinstance(id_ := getattr(given, kind), str)]
    if len(named) + isinstance(given.seeds, list) > 1:
        kind = named[-1][0]
        raise BadInput(f"input.{kind}", f"input.{kind}: give exactly one of seeds, incident, change and release")
    record = next((asked_record(reading, key, kind, f"input.{kind}") for kind, key in named), None)
    seeds = _seeds_of_record(reading, record) if record else seeds_of(reading, given.seeds or [])
    at = reading.moment.at if reading.moment else None
    already = open_seeds(reading.store, at, but=record.id if record else "") if given.include_open else None
    topology = reading.topology
    reading.check_time()
    answer = evaluate(topology, seeds, first, skip, tuple(only), already=already)
    reading.at(answer.sequence)
    for path in _REFS:
        below = selection.below(*path)
        if "item" in below:
            fill_refs(reading, [r.id for r in _refs([answer], path)], below)
    return answer  # type: ignore[return-value]  # it has the fields of Impact


def _seeds_of_record(reading: Reading, record: StoredRecord) -> list[Seed]:
    seeds = seeds_of_record(reading.store, record)
    if not seeds:
        text = f"{number_of(record)} says of no CI that anything happens to it"
        raise BadInput(f"input.{record.kind}", f"input.{record.kind}: {text}")
    return seeds


def _refs(objects: list[Any], path: tuple[str, ...]) -> list[Any]:
    for name in path:
        values = [getattr(o, _SNAKE.get(name, name)) for o in objects]
        objects = [v for value in values for v in (value if isinstance(value, list | tuple) else [value])]
    return objects


def seeds_of(reading: Reading, given: list[ImpactSeedInput], path: str = "input.seeds") -> list[Seed]:
    """The seeds by id: ids and identifiers of many seeds are read at once, a name takes a query of its own."""
    if not 1 <= len(given) <= MAX_SEEDS:
        raise BadInput(path, f"{path}: 1 to {MAX_SEEDS:,} of them, not {len(given):,}")
    for n, seed in enumerate(given):
        if isinstance(seed.ci, str) == isinstance(seed.key, str):
            raise BadInput(f"{path}[{n}]", f"{path}[{n}]: give exactly one of ci and key")
    ids = [str(s.ci) for s in given if isinstance(s.ci, str)]
    known = {i.id for i in reading.cis(dict.fromkeys(ids))}
    keys = _keys(reading, [str(s.key) for s in given if isinstance(s.key, str)])
    out = []
    for n, seed in enumerate(given):
        if isinstance(seed.ci, str):
            ci = str(seed.ci)
            if ci not in known:
                raise BadInput(f"{path}[{n}].ci", f"{path}[{n}].ci: there is no CI with the id {ci!r}")
        else:
            ci = keys.get(str(seed.key)) or _by_key(reading, str(seed.key), f"{path}[{n}].key")
        out.append(Seed(ci, str(seed.kind or "DOWN")))  # type: ignore[arg-type]  # the enum has the kinds of seeds
    return out


def _keys(reading: Reading, keys: list[str]) -> dict[str, str]:
    """CIs of those keys that are ids or name one CI as an identifier; few keys are quicker one by one."""
    if len(keys) <= FEW:
        return {}
    found = {i.id: i.id for i in reading.cis(dict.fromkeys(keys))}
    named = reading.graph.by_key([k for k in dict.fromkeys(keys) if k not in found])
    return found | {key: holders[0][0] for key, holders in named.items() if len(holders) == 1}


def _by_key(reading: Reading, key: str, argument: str) -> str:
    found = [r for r in reading.graph.resolve(key) if r.ci_class in CLASSES]
    if len(found) > 1:
        raise AmbiguousKey(key, [(r.id, r.ci_class, r.name) for r in found])
    if not found:
        raise BadInput(
            argument, f"{argument}: nothing is named {key!r}; give an id, an identifier or a name as `cis` shows them"
        )
    return found[0].id
