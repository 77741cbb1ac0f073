"""Known errors: what is known to go wrong, on which CIs or models, and what helps meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.service import lifecycle
from cmdb.service.lifecycle import KNOWN_ERROR, edited, find_record, next_number, number_of, rewrite, stepped
from cmdb.service.version_order import fits_version
from cmdb.store.protocol import CIRecord, GraphStore, Head, StoredRecord

ACTIVE = "active"
MOST_CIS, MOST_VERSIONS = 1_000, 50
TEXTS = ("symptom", "workaround")
VERSIONS = ("version", "os_version", "firmware_version", "hardware_revision")  # attributes that hold a version
By = Literal["ci", "model"]


class Pattern(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which CIs are meant besides those that are named: of a class, maker, model, in one of these versions.

    What is empty is not asked for; an empty pattern fits nothing. Texts are compared without case. A version may have
    <, <=, > or >= in front.
    """

    ci_class: str = ""
    vendor: str = ""
    model: str = ""
    versions: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing that tells a model."""
        return not (self.vendor or self.model or self.versions)

    def fits(self, ci: CIRecord, model: Model) -> bool:
        """Whether a CI is meant."""
        if self.is_empty or (self.ci_class and self.ci_class not in model.ancestry(ci.ci_class)):
            return False
        for name, wanted in (("vendor", self.vendor), ("model", self.model)):
            if wanted and str(ci.attributes.get(name, "")).casefold() != wanted.casefold():
                return False
        has = [str(ci.attributes[name]) for name in VERSIONS if name in ci.attributes]
        return not self.versions or any(fits_version(wanted, one) for wanted in self.versions for one in has)


@dataclass(frozen=True)
class KnownErrorRequest:
    """What a person writes of a known error; what is empty or None stays as it is when one is edited."""

    title: str = ""
    cis: tuple[str, ...] = ()
    pattern: Pattern | None = None
    symptom: str = ""
    workaround: str = ""
    fix: str = ""


class Known(msgspec.Struct, frozen=True):
    """A known error that fits a CI: it names it (`by` ci), or its model."""

    record: StoredRecord
    ci: str
    by: By


class KnownErrors:
    """Writes known errors as records; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def create(self, asked: KnownErrorRequest, actor: str, reason: str) -> StoredRecord:
        """Keep a draft; it counts once it is active. Raises NotFound, Invalid, LimitExceeded."""
        reason = lifecycle.text(reason, "the reason")
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME)
        body, texts, cis = self._body(asked)
        if not cis and "match" not in body:
            raise Invalid("a known error is about a CI, or about a vendor, model or version; name one")
        id_ = self.ingest.new_id()

        def make(head: Head) -> ChangeSet:
            now = self.ingest.clock_ms()
            number = next_number(self.store.records(kinds=(KNOWN_ERROR,)), KNOWN_ERROR)
            whole = {"number": number, "owner": actor, **body, "steps": [{"to": "draft", "by": actor, "at": now}]}
            return ChangeSet(now, [PutRecord(id_, KNOWN_ERROR, "draft", title, cis, whole, texts)])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[id_])[0]

    def edit(self, key: str, asked: KnownErrorRequest, actor: str, reason: str) -> StoredRecord:
        """Change one that is not withdrawn. Raises NotFound, Invalid, LimitExceeded."""
        body, texts, cis = self._body(asked)
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME) if asked.title else ""

        def change(record: StoredRecord, now: int) -> PutRecord | None:
            if record.state == "withdrawn":
                raise Invalid(f"{number_of(record)} is withdrawn; write a new one")
            put = edited(record, actor, now, texts, **body)
            put.title, put.about = title or put.title, cis or put.about
            same = (put.title, put.about, put.texts) == (record.title, record.about, record.texts)
            return None if same and put.body == record.body else put

        return self._write(key, actor, reason, change)

    def step(self, key: str, to: str, actor: str, reason: str) -> StoredRecord:
        """Take one to another state. Raises NotFound, Invalid."""
        return self._write(key, actor, reason, lambda record, now: stepped(record, to, actor, now))

    def _body(self, asked: KnownErrorRequest) -> tuple[dict[str, Any], dict[str, str], tuple[str, ...]]:
        body: dict[str, Any] = {}
        if asked.pattern is not None and asked.pattern != Pattern():
            body["match"] = msgspec.to_builtins(self._checked(asked.pattern))
        if asked.fix:
            body["fix"] = lifecycle.text(asked.fix, "the reference to the fix", lifecycle.MAX_NAME)
        given = {name: getattr(asked, name) for name in TEXTS}
        texts = {name: lifecycle.text(said, f"the {name}") for name, said in given.items() if said}
        return body, texts, self._there(asked.cis)

    def _checked(self, pattern: Pattern) -> Pattern:
        if pattern.is_empty:
            raise Invalid("a class alone tells no model; give a vendor, a model or versions too")
        if pattern.ci_class:
            self.ingest.model.ci_class(pattern.ci_class)
        if len(pattern.versions) > MOST_VERSIONS:
            raise LimitExceeded(f"{len(pattern.versions)} versions; a known error has at most {MOST_VERSIONS}")
        for value in (pattern.vendor, pattern.model, *pattern.versions):
            if value:
                lifecycle.text(value, "what is matched", lifecycle.MAX_NAME)
        return pattern

    def _there(self, ids: Sequence[str]) -> tuple[str, ...]:
        wanted = list(dict.fromkeys(ids))
        if len(wanted) > MOST_CIS:
            raise LimitExceeded(f"{len(wanted):,} CIs; a known error names at most {MOST_CIS:,}: match their model")
        known = {ci.id for ci in self.store.cis(wanted)} if wanted else set()
        if unknown := [ci for ci in wanted if ci not in known]:
            raise NotFound(f"there is no CI with the id {unknown[0][: lifecycle.MAX_NAME]!r}")
        return tuple(wanted)

    def _write(
        self, key: str, actor: str, reason: str, change: Callable[[StoredRecord, int], PutRecord | None]
    ) -> StoredRecord:
        reason = lifecycle.text(reason, "the reason")
        return rewrite(self.ingest, find_record(self.store, KNOWN_ERROR, key), actor, reason, change)


def pattern_of(record: StoredRecord) -> Pattern:
    """Which CIs a known error means besides those that it names."""
    return msgspec.convert(record.body.get("match", {}), Pattern)


def known_errors_on(store: GraphStore, model: Model, cis: Iterable[str]) -> dict[str, list[Known]]:
    """CI ids -> the active known errors that fit, those that name the CI first. Three queries, however many CIs."""
    ids = list(dict.fromkeys(cis))
    active = store.records(kinds=(KNOWN_ERROR,), states=(ACTIVE,)) if ids else []
    if not active:
        return {}
    stands_for = store.absorbed({ci for record in active for ci in record.about})
    named: Mapping[str, frozenset[str]] = {
        record.id: frozenset(stands_for.get(ci, ci) for ci in record.about) for record in active
    }
    found: dict[str, list[Known]] = {}
    for ci in store.cis(ids):
        fitting = [Known(record, ci.id, "ci") for record in active if ci.id in named[record.id]]
        fitting += [
            Known(record, ci.id, "model")
            for record in active
            if ci.id not in named[record.id] and pattern_of(record).fits(ci, model)
        ]
        if fitting:
            found[ci.id] = fitting
    return found
