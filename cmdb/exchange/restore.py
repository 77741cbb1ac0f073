"""Restoring an export into an empty graph, as commits of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from cmdb.changes import (
    Change,
    ChangeSet,
    Facet,
    LinkFacet,
    ManifestEntry,
    NewCI,
    NewRelationship,
    SetTarget,
    digest,
)
from cmdb.errors import Invalid, NotFound
from cmdb.exchange import full
from cmdb.exchange.full import restore_full
from cmdb.exchange.lines import COUNTS, FORMAT, FOUND, Line, as_lists, from_iso
from cmdb.model.registry import Model
from cmdb.observation import Identifier, origin_name
from cmdb.reconcile.status import CLAIMS
from cmdb.store.protocol import GraphStore

CHANGES_PER_COMMIT = 5_000
MAX_LINE = 4 * 1024 * 1024
KINDS = ("header", "ci", "relationship", "plane", "requirement")
PROVIDER_KEYS = {"ci", "connected", "weight"}


class Restored(msgspec.Struct, frozen=True):
    """What an import wrote; `commits` counts those that were taken over as they were."""

    sequence: int
    cis: int
    relationships: int
    requirements: int
    commits: int = 0


def restore(store: GraphStore, model: Model, file: Path, actor: str, now: int) -> Restored:
    """Restore an export file, plain or full, into an empty graph.

    The whole file is read and checked before the first write: a file that was cut off, or a line that does not fit, is
    refused with its line number, and the graph stays empty. Raises Invalid, NotFound.
    """
    try:
        is_full = file.exists() and _is_full(file)
        if is_full:
            done = restore_full(store, lambda: _lines_of(file, full.MAX_LINE))
            counts = done.counts
            return Restored(done.sequence, counts["ci"], counts["relationship"], counts["requirement"], done.sequence)
        if store.head().sequence:
            raise Invalid("the graph is not empty: import restores into an empty one; choose another data directory")
        checked = Checked(model)
        for number, _, line in _lines_of(file):
            checked.take(number, line)
        checked.finish()
        return _write(store, (line for _, _, line in _lines_of(file)), checked, actor, now)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {file}") from error
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from error


def _is_full(file: Path) -> bool:
    with file.open("rb") as stream:
        first = next(read_lines(stream), None)
    return first is not None and first[2].get("kind") == "header" and first[2].get("full") is True


def _lines_of(file: Path, most: int = MAX_LINE) -> Iterator[tuple[int, bytes, Line]]:
    with file.open("rb") as stream:
        yield from read_lines(stream, most)


def read_lines(stream: BinaryIO, most: int = MAX_LINE) -> Iterator[tuple[int, bytes, Line]]:
    """Lines with their numbers, from 1, as they stand and as mappings."""
    number = 0
    kinds = KINDS if most == MAX_LINE else (*KINDS, *full.KINDS)
    while raw := stream.readline(most + 1):
        number += 1
        if len(raw) > most:
            raise Invalid(f"line {number}: longer than {most} bytes")
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            cut = "" if raw.endswith(b"\n") else "; the file was cut off here, export again"
            raise Invalid(f"line {number}: not JSON ({error}){cut}") from error
        if not isinstance(line, dict) or line.get("kind") not in kinds:
            raise Invalid(f"line {number}: expected an object with kind {', '.join(kinds)}")
        yield number, raw, line


class Checked:
    """The first pass: everything that can be wrong with a file, and what the second pass must know ahead."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.classes: dict[str, str] = {}
        self.parents: dict[str, str] = {}
        self.last_seen: dict[str, int] = {}
        self.roots: dict[str, set[str]] = {}
        self.own_roots: dict[str, set[str]] = {}
        self.counts: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.expected: dict[str, int] | None = None
        self.at = 0

    def take(self, number: int, line: Line) -> None:
        """Check one line; raises Invalid with its number."""
        kind = line["kind"]
        if number == 1 and kind != "header":
            raise Invalid("line 1: an export begins with its header")
        try:
            getattr(self, f"_{kind}")(line)
        except Invalid as error:
            raise Invalid(f"line {number}: {error}") from error
        except KeyError as error:
            raise Invalid(f"line {number}: the {kind} has no {error.args[0]!r}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise Invalid(f"line {number}: {error}") from error
        self.counts[kind] += 0 if kind == "requirement" and line.get("origin") == "default" else 1

    def finish(self) -> None:
        """Compare with what the header promised."""
        if not self.counts["header"]:
            raise Invalid("the file is empty: an export begins with its header")
        for kind, count in (self.expected or {}).items():
            if self.counts.get(kind, 0) != count:
                raise Invalid(
                    f"the header promises {count} lines of kind {kind}, the file has {self.counts.get(kind, 0)}: "
                    "it was cut off or edited; export again"
                )
        for plane, roots in self.roots.items():
            if unknown := sorted(roots - self.own_roots.get(plane, set())):
                raise Invalid(
                    f"plane {plane!r}: CI {unknown[0]} is no root of it by its attribute root_of; add it there"
                )

    def is_tie(self, line: Line) -> bool:
        """Whether a relationship is the tie of a dependent CI to its parent, which comes with the CI."""
        ends = line["from"], line["to"]
        for child, parent in (ends, ends[::-1]):
            if self.parents.get(child) == parent and self.model.parent_tie(self.classes[child])[0] == line["type"]:
                return True
        return False

    def _header(self, line: Line) -> None:
        if self.counts["header"]:
            raise Invalid("a second header")
        if line["format"] != FORMAT:
            raise Invalid(
                f"format {line['format']} is not {FORMAT}; use the program that wrote it ({line.get('product')})"
            )
        self.expected, self.at = line.get("counts"), from_iso(line["exported_at"])

    def _ci(self, line: Line) -> None:
        ci_class = self.model.ci_class(line["class"])
        if ci_class.abstract or ci_class.internal:
            raise Invalid(f"no CI can be of class {line['class']}")
        self._new_id(line["id"], line["class"])
        if line["status"] not in ("planned", "in_stock", "in_service", "missing", "retired"):
            raise Invalid(f"unknown status {line['status']!r}")
        if line.get("parent"):
            self._there(line["parent"])
            line["local_key"].encode()
            self.parents[line["id"]] = line["parent"]
        elif not ci_class.independent:
            raise Invalid(f"a {line['class']} needs a parent and a local_key")
        _, wrong = self.model.check_attributes(line["class"], line["attributes"])
        if wrong:
            name, value, message = wrong[0]
            raise Invalid(f"attribute {name}: {message} (got {str(value)[:80]!r})")
        for plane in line["attributes"].get("root_of", ()):
            self.own_roots.setdefault(plane, set()).add(line["id"])
        self._common(line)

    def _common(self, line: Line) -> None:
        line["name"].encode()
        from_iso(line["first_seen"])
        if not isinstance(line["revision"], int):
            raise Invalid("revision is not a number")
        for origin in line["origins"]:
            name = origin_name(origin["source"], origin["target"], origin.get("part", ""))
            if origin.get("status", "planned") not in CLAIMS:
                raise Invalid(f"unknown status {origin['status']!r} of an origin")
            said = {n: v for n, v in origin.get("said", {}).items() if n != "status"}
            if wrong := self.model.check_attributes(line.get("class", "Requirement"), said)[1]:
                raise Invalid(f"said of an origin: {wrong[0][0]}: {wrong[0][2]}")
            for mark, value in origin.get("marks", {}).items():
                if not (isinstance(value, int) if mark in COUNTS else from_iso(value)):
                    raise Invalid(f"mark {mark} of an origin is not a number")
            if "gone" not in origin:
                self.last_seen[name] = max(self.last_seen.get(name, 0), from_iso(origin["last_seen"]))

    def _relationship(self, line: Line) -> None:
        type_ = self.model.relationship_type(line["type"])
        problem = self.model.check_ends(type_.name, self._there(line["from"]), self._there(line["to"]))
        if problem:
            raise Invalid(problem)
        for item in line["evidence"]:
            from_iso(item["last_seen"])

    def _plane(self, line: Line) -> None:
        for root in line["roots"]:
            self._there(root)
        if line.get("origin") != FOUND:  # those that a rule found are found again
            self.roots[line["name"]] = set(line["roots"])

    def _requirement(self, line: Line) -> None:
        self._there(line["owner"])
        for provider in line["providers"]:
            self._there(provider["ci"])
            if unknown := provider.keys() - PROVIDER_KEYS:
                raise Invalid(f"unknown key {sorted(unknown)[0]!r} in a provider")
        if line["origin"] != "default":
            self._new_id(line["id"], "Requirement")
            self._common(line)

    def _new_id(self, ci: str, ci_class: str) -> None:
        if not isinstance(ci, str) or ci in self.classes:
            raise Invalid(f"id {ci!r} occurs twice or is no text")
        self.classes[ci] = ci_class

    def _there(self, ci: str) -> str:
        """Class of a CI that stands above; raises Invalid."""
        if ci not in self.classes:
            raise Invalid(f"{ci} is named before its own line")
        return self.classes[ci]


def _write(store: GraphStore, lines: Iterable[Line], checked: Checked, actor: str, now: int) -> Restored:
    """The second pass: commits of a bounded size; the working state of the targets comes with the last one."""
    changes: list[Change] = []
    manifests: dict[str, dict[str, ManifestEntry]] = {o: {} for o in checked.last_seen}
    sequence = 0

    def commit(targets: list[SetTarget]) -> None:
        nonlocal sequence, changes
        sequence = store.commit(ChangeSet(now, changes, targets), sequence, actor, "import")
        changes = []

    for line in lines:
        if line["kind"] != "relationship" or not checked.is_tie(line):
            changes += _changes(line, manifests, checked.last_seen)
        if len(changes) >= CHANGES_PER_COMMIT:
            commit([])
    commit([SetTarget(o, b"", at, 0, (), manifests[o], 0) for o, at in checked.last_seen.items()])
    counts = checked.counts
    return Restored(sequence, counts["ci"], counts["relationship"], counts["requirement"])


def _changes(line: Line, manifests: dict[str, dict[str, ManifestEntry]], last_seen: dict[str, int]) -> Iterator[Change]:
    kind = line["kind"]
    if kind == "ci":
        yield _new_ci(line, line["class"], line["attributes"], line.get("parent", ""), manifests, last_seen)
    elif kind == "requirement" and line["origin"] != "default":
        attributes = {name: line[name] for name in ("needed", "on_loss", "pass")}
        yield _new_ci(line, "Requirement", attributes, line["owner"], manifests, last_seen)
        for provider in line["providers"]:
            said = {"weight": provider.get("weight", 1)} | (
                {"connected": provider["connected"]} if "connected" in provider else {}
            )
            facets = {
                origin_name(o["source"], o["target"], o.get("part", "")): LinkFacet(
                    from_iso(line["first_seen"]), "", said
                )
                for o in line["origins"]
            }
            yield NewRelationship(line["id"], "PROVIDED_BY", provider["ci"], said, facets)
    elif kind == "relationship":
        since, attributes = from_iso(line["first_seen"]), as_lists(line["attributes"])
        facets = {
            origin_name(e["source"], e["target"], e.get("part", "")): LinkFacet(since, e.get("method", ""), attributes)
            for e in line["evidence"]
        }
        yield NewRelationship(line["from"], line["type"], line["to"], attributes, facets)


def _new_ci(
    line: Line,
    ci_class: str,
    attributes: dict[str, Any],
    parent: str,
    manifests: dict[str, dict[str, ManifestEntry]],
    last_seen: dict[str, int],
) -> NewCI:
    """The CI of a line. Who said which attribute is not in a plain export: each origin is taken to have said all of
    them.
    """
    weak = set(line.get("weak_identifiers", ()))
    identifiers = tuple(Identifier(k, k not in weak) for k in line.get("identifiers", ()))
    whole = {**attributes, "name": line["name"]}
    facets: dict[str, Facet] = {}
    for item in line["origins"]:
        origin, seen = origin_name(item["source"], item["target"], item.get("part", "")), from_iso(item["last_seen"])
        gone = from_iso(item["gone"]) if "gone" in item else None
        content = digest([item["role"], ci_class, whole, identifiers]).hex()
        facets[origin] = Facet(
            from_iso(line["first_seen"]),
            content,
            item["role"],
            ci_class,
            whole,
            identifiers,
            gone,
            seen if gone else None,
            {n: v if n in COUNTS else from_iso(v) for n, v in item.get("marks", {}).items()},
            tuple(item.get("locks", ())),
        )
        if "said" in item:
            facets[origin].attributes = item["said"]
        elif "status" in item:
            facets[origin].attributes = {**whole, "status": item["status"]}
        if gone is None:
            at = 0 if seen == last_seen[origin] else seen
            manifests[origin][f"@{line['id']}"] = ManifestEntry(b"", line["id"], at)
    only = next(iter(facets.values()), None)
    if only is not None and len(facets) == 1 and only.attributes == whole:
        only.attributes = None
    return NewCI(
        line["id"],
        ci_class,
        parent,
        line.get("local_key", ""),
        line["status"],
        whole,
        identifiers,
        facets,
        from_iso(line["first_seen"]),
        line["revision"],
    )
