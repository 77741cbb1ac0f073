"""What a push does: items from a body, through the one way in, back as one result for each item, in order."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from cmdb.changes import EndRelationship, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.services import IngestLimits, Services
from cmdb.ingest import Ingested
from cmdb.observation import Report
from collectors.push.entities import Note
from collectors.push.native import Item, read_item

JSON_TYPES = frozenset(("application/json",))
LINE_TYPES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"))
ZLIB_TYPE = "application/x-compress-zlib"
MAX_DIFF = 200  # changes that a dry run lists
KEPT_KEYS, KEPT_SECONDS, KEPT_BYTES = 10_000, 24 * 3600.0, 64 * 2**20
Raw = tuple[Any, Note | None]  # a parsed item, or why it could not be parsed


def split_items(body: bytes, media_type: str, limits: IngestLimits) -> list[Raw]:
    """The items of a body. Raises Refusal 400 where nothing could be parsed, 413 for too many, 415 for another type."""
    if media_type in LINE_TYPES:
        raws = [_line(line, limits) for line in body.split(b"\n") if line.strip()]
        if raws and all(note is not None and note.code == "NOT_JSON" for _, note in raws):
            raise Refusal(400, "Nothing to read", f"No line is valid JSON; the first: {raws[0][1].message}")  # type: ignore[union-attr]  # all() saw it
    elif media_type in JSON_TYPES:
        raws = _document(body, limits)
    else:
        known = ", ".join(sorted(JSON_TYPES | LINE_TYPES))
        raise Refusal(415, "Unsupported media type", f"Content-Type {media_type[:80]!r}: send one of {known}.")
    if not raws and media_type in LINE_TYPES:
        raise Refusal(400, "Nothing to read", "The body is empty; send one JSON object per line.")
    if len(raws) > limits.items:
        raise Refusal(
            413,
            "Too many items",
            f"items: at most {limits.items:,} at once, not {len(raws):,}; split them.",
            limit="items",
            maximum=limits.items,
        )
    return raws


def _line(line: bytes, limits: IngestLimits) -> Raw:
    if len(line) > limits.item_bytes:
        return None, Note("ITEM_TOO_LARGE", f"itemBytes: at most {limits.item_bytes:,} bytes an item", "")
    try:
        return _bounded(orjson.loads(line), limits)
    except orjson.JSONDecodeError as error:
        return None, Note("NOT_JSON", f"not valid JSON: {error}", "")


def _document(body: bytes, limits: IngestLimits) -> list[Raw]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "Nothing to read", f"The body is not valid JSON: {error}") from None
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        document = document["items"]
    if not isinstance(document, list):
        document = [document]
    if document and not any(isinstance(d, dict) for d in document):
        raise Refusal(400, "Nothing to read", 'Send an object, a list of objects, or {"items": [...]}.')
    if len(document) > limits.items:
        return [(None, None)] * len(document)  # refused by the number alone
    raws: list[Raw] = []
    for item in document:
        if len(body) > limits.item_bytes and len(orjson.dumps(item)) > limits.item_bytes:
            raws.append((None, Note("ITEM_TOO_LARGE", f"itemBytes: at most {limits.item_bytes:,} bytes an item", "")))
        else:
            raws.append(_bounded(item, limits))
    return raws


def _bounded(item: Any, limits: IngestLimits) -> Raw:
    """The item, unless it is nested too deeply; level by level, so that nesting costs no stack."""
    level, depth = [item], 0
    while level:
        depth += 1
        if depth > limits.depth + 1:
            return None, Note("TOO_DEEP", f"depth: at most {limits.depth} levels", "")
        level = [v for value in level for v in _inner(value)]
    return item, None


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


class Push:
    """Takes pushes in. Answers to idempotency keys are kept in memory, bounded: the same items twice change nothing."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self.services, self.clock = services, clock
        self._answers: OrderedDict[str, tuple[float, bytes, dict[str, Any] | None, int]] = OrderedDict()
        self._bytes, self._lock = 0, threading.Lock()

    def take(
        self, body: bytes, media_type: str, source: str, actor: str, dry_run: bool, key: str | None
    ) -> dict[str, Any]:
        """Ingest a body and answer for each item. Blocks. Raises Refusal, and Unreachable from the store."""
        digest = hashlib.sha256(repr((media_type, source, dry_run)).encode() + body).digest()
        if key is not None and (known := self._known(key, digest)) is not None:
            return known
        limits = self.services.ingest_limits
        items = self._read(split_items(body, media_type, limits), source)
        answer = self._ingest(items, source, actor, dry_run)
        if key is not None:
            self._keep(key, digest, answer)
        return answer

    def _read(self, raws: list[Raw], source: str) -> list[Item]:
        now = self.services.clock_ms()
        future = self.services.ingest_limits.future_ms
        items = []
        for index, (raw, note) in enumerate(raws):
            items.append(
                Item(index, rejected=note) if note else read_item(index, raw, source, now, future, self.services.model)
            )
        self._set_aside_stale([i for i in items if i.report is not None])
        return items

    def _set_aside_stale(self, items: list[Item]) -> None:
        """What is older than the word of the same origin that is stored is ignored."""
        states = self.services.store.targets({i.report.origin for i in items if i.report}) if items else {}
        for item in items:
            assert item.report is not None  # noqa: S101 - chosen so
            state = states.get(item.report.origin)
            if state is not None and item.report.at < state.last_seen:
                item.ignored = Note(
                    "STALE", "an item that is newer was taken in before; this one is older", "timestamp"
                )

    def _ingest(self, items: list[Item], source: str, actor: str, dry_run: bool) -> dict[str, Any]:
        results: dict[int, dict[str, Any]] = {}
        sequence, committed, diff = self.services.store.head().sequence, False, list[dict[str, Any]]()
        for batch in _rounds([i for i in items if i.report is not None and i.ignored is None]):
            reports: list[Report] = [i.report for i in batch if i.report is not None]
            done = self.services.ingest.run(reports, actor, f"push {source}", dry_run, explain=True)
            sequence, committed = done.sequence, committed or done.committed
            diff += _diff(done, MAX_DIFF - len(diff)) if dry_run else []
            _warn(batch, done)
            for item in batch:
                results[item.index] = _outcome(item, done)
        out = [results.get(i.index) or _set_aside(i) for i in items]
        totals = Counter(r["status"] for r in out)
        answer: dict[str, Any] = {"items": out, "totals": dict(sorted(totals.items())), "sequence": sequence}
        answer["committed"] = committed
        if dry_run:
            answer |= {"dryRun": True, "changes": diff}
        return answer

    # ---- idempotency keys
    def _known(self, key: str, digest: bytes) -> dict[str, Any] | None:
        """The answer that was given to this key; reserves the key if it is new. Raises Refusal 422 or 409."""
        with self._lock:
            self._forget()
            kept = self._answers.get(key)
            if kept is None:
                return None
            if kept[1] != digest:
                raise Refusal(
                    422,
                    "Key used before",
                    "Idempotency-Key: this key came with another body or other parameters; use a new key.",
                )
            return kept[2]

    def _keep(self, key: str, digest: bytes, answer: dict[str, Any]) -> None:
        size = len(orjson.dumps(answer))
        with self._lock:
            if key not in self._answers and size <= KEPT_BYTES:
                self._answers[key] = (self.clock(), digest, answer, size)
                self._bytes += size
            self._forget()

    def _forget(self) -> None:
        while self._answers:
            at, _, _, size = next(iter(self._answers.values()))
            if self.clock() - at < KEPT_SECONDS and len(self._answers) <= KEPT_KEYS and self._bytes <= KEPT_BYTES:
                return
            self._answers.popitem(last=False)
            self._bytes -= size


def _rounds(items: list[Item]) -> Iterable[list[Item]]:
    """Batches in which each origin stands once, so that two words of one origin are taken in one after the other."""
    waiting = items
    while waiting:
        batch: dict[str, Item] = {}
        later = []
        for item in waiting:
            assert item.report is not None  # noqa: S101 - chosen so
            if item.report.origin in batch:
                later.append(item)
            else:
                batch[item.report.origin] = item
        yield list(batch.values())
        waiting = later


def _warn(batch: list[Item], done: Ingested) -> None:
    by_origin = {i.report.origin: i for i in batch if i.report is not None}
    for problem in done.problems:
        item = by_origin.get(problem.origin)
        if item is not None:
            item.warnings.append(Note("NOT_TAKEN", problem.message, problem.field))


def _outcome(item: Item, done: Ingested) -> dict[str, Any]:
    """The result of an item that went in: that of its own observation, the last one of its report."""
    assert item.report is not None  # noqa: S101 - chosen so
    outcomes = {o.path: o for o in done.outcomes.get(item.report.origin, [])}
    found = outcomes.get(item.path)
    if found is None:
        return _result(item, "conflict", Note("NOT_TAKEN", "nothing was taken; see the warnings", ""))
    result = _result(item, found.status, None)
    if found.ci:
        result["ciId"] = found.ci
    else:
        result["reason"] = _note(Note("IDENTITY", "it fits several CIs, or contradicts one; see `identityTasks`", "id"))
    if found.matched_by:
        result["matchedBy"] = found.matched_by
    result["changes"] = found.changes
    return result


def _set_aside(item: Item) -> dict[str, Any]:
    if item.ignored is not None:
        return _result(item, "ignored", item.ignored)
    return _result(item, "rejected", item.rejected or Note("EMPTY", "nothing to take", ""))


def _result(item: Item, status: str, reason: Note | None) -> dict[str, Any]:
    out: dict[str, Any] = {"index": item.index, "sourceRef": item.path or None, "status": status}
    if reason is not None:
        out["reason"] = _note(reason)
    if item.warnings:
        out["warnings"] = [_note(w) for w in item.warnings]
    return out


def _note(note: Note) -> dict[str, str]:
    return {"code": note.code, "message": note.message, "path": note.path}


def _diff(done: Ingested, most: int) -> list[dict[str, Any]]:
    """What a dry run would write, in short."""
    out: list[dict[str, Any]] = []
    for change in done.change_set.changes[: max(0, most)]:
        if isinstance(change, NewCI):
            out.append({"kind": "CI_CREATED", "class": change.ci_class, "attributes": change.attributes})
        elif isinstance(change, SetCI):
            out.append({"kind": "CI_CHANGED", "ci": change.id, "set": change.set, "unset": list(change.unset)})
        elif isinstance(change, NewRelationship | SetRelationship | EndRelationship):
            kind = {NewRelationship: "CREATED", SetRelationship: "CHANGED", EndRelationship: "ENDED"}[type(change)]
            out.append(
                {"kind": f"RELATIONSHIP_{kind}", "type": change.type, "from": change.source, "to": change.target}
            )
    return out
