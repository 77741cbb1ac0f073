"""From the body of a push to its items: media types, and limits of number, size and depth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson

from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.services import IngestLimits
from collectors.push.adapters import Adapter, Raw
from collectors.push.entities import Note
from collectors.push.nmap import NotXml

JSON_TYPES = frozenset(("application/json",))
LINE_TYPES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"))
XML_TYPES = frozenset(("application/xml", "text/xml"))
TEXT_TYPES = frozenset(("text/plain",))
ZLIB_TYPE = "application/x-compress-zlib"


def media_type_of(body: bytes, adapter: Adapter) -> str:
    """The media type of a saved payload, by its look."""
    start = body[:1_000].lstrip()
    if adapter.split_xml is not None and start.startswith(b"<"):
        return "application/xml"
    if adapter.split_text is not None and not start.startswith((b"{", b"[")):
        return "text/plain"
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return "application/x-ndjson"
    return "application/json"


def split_items(body: bytes, media_type: str, adapter: Adapter, limits: IngestLimits) -> list[Raw]:
    """The items of a body. Raises Refusal 400 where nothing could be parsed, 413 for too many, 415 for another type."""
    if media_type in LINE_TYPES:
        raws = _lines(body, adapter, limits)
    elif media_type in JSON_TYPES:
        raws = _document(body, adapter, limits)
    elif media_type in XML_TYPES and adapter.split_xml is not None:
        raws = _xml(body, adapter, limits)
    elif media_type in TEXT_TYPES and adapter.split_text is not None:
        raws = _text(body, adapter, limits)
    else:
        known = ", ".join(sorted(media_types(adapter)))
        raise Refusal(415, "Unsupported media type", f"Content-Type {media_type[:80]!r}: send one of {known}.")
    _check_number(raws, limits)
    return raws


def media_types(adapter: Adapter) -> frozenset[str]:
    """The media types that an adapter takes."""
    found = JSON_TYPES | LINE_TYPES | {ZLIB_TYPE}
    if adapter.split_xml is not None:
        found |= XML_TYPES
    return found | TEXT_TYPES if adapter.split_text is not None else found


def _check_number(raws: list[Any], limits: IngestLimits) -> None:
    if len(raws) > limits.items:
        raise Refusal(
            413,
            "Too many items",
            f"items: at most {limits.items:,} at once, not {len(raws):,}; split them.",
            limit="items",
            maximum=limits.items,
        )


def _lines(body: bytes, adapter: Adapter, limits: IngestLimits) -> list[Raw]:
    raws: list[Raw] = []
    for line in body.split(b"\n"):
        if line.strip():
            raws += _line(line, adapter, limits)
        if len(raws) > limits.items:
            return raws
    if not raws:
        raise Refusal(400, "Nothing to read", "The body is empty; send one JSON object per line.")
    if all(note is not None and note.code == "NOT_JSON" for _, note in raws):
        first = next(note.message for _, note in raws if note is not None)
        raise Refusal(400, "Nothing to read", f"No line is valid JSON; the first: {first}")
    return raws


def _line(line: bytes, adapter: Adapter, limits: IngestLimits) -> list[Raw]:
    if len(line) > limits.item_bytes:
        return [(None, Note("ITEM_TOO_LARGE", f"itemBytes: at most {limits.item_bytes:,} bytes an item", ""))]
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return [(None, Note("NOT_JSON", f"not valid JSON: {error}", ""))]
    return [_bounded(item, limits) for item in adapter.split(document)]


def _document(body: bytes, adapter: Adapter, limits: IngestLimits) -> list[Raw]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "Nothing to read", f"The body is not valid JSON: {error}") from None
    items = adapter.split(document)
    if items and not any(isinstance(d, dict) for d in items):
        raise Refusal(400, "Nothing to read", 'Send an object, a list of objects, or {"items": [...]}.')
    _check_number(items, limits)
    return [_sized(item, len(body), limits) for item in items]


def _xml(body: bytes, adapter: Adapter, limits: IngestLimits) -> list[Raw]:
    assert adapter.split_xml is not None  # noqa: S101 - chosen so
    try:
        raws = adapter.split_xml(body, limits.items)
    except NotXml as error:
        raise Refusal(400, "Nothing to read", f"The body is {error}.") from None
    return [(raw, note) if note is not None else _sized(raw, len(body), limits) for raw, note in raws]


def _text(body: bytes, adapter: Adapter, limits: IngestLimits) -> list[Raw]:
    assert adapter.split_text is not None  # noqa: S101 - chosen so
    items = adapter.split_text(body.decode("utf-8", "replace"))
    if not items:
        raise Refusal(400, "Nothing to read", "The text is not what the tool prints; send its JSON.")
    _check_number(items, limits)
    return [_sized(item, len(body), limits) for item in items]


def _sized(item: Any, whole: int, limits: IngestLimits) -> Raw:
    """The item, unless it is too large or too deep; what is smaller as a whole need not be measured."""
    raw, note = _bounded(item, limits)
    if note is None and whole > limits.item_bytes and len(as_json(item)) > limits.item_bytes:
        return None, Note("ITEM_TOO_LARGE", f"itemBytes: at most {limits.item_bytes:,} bytes an item", "")
    return raw, note


def as_json(item: Any) -> bytes:
    """An item as JSON; numbers beyond 64 bits, which only other parsers let through, too."""
    try:
        return orjson.dumps(item)
    except TypeError:
        return json.dumps(item).encode()


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
