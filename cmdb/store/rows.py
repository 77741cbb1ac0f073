"""Turn changes into rows of the graph, and rows back into records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cmdb.changes import Absent, Evidence, Facet, LinkFacet, ManifestEntry, Pending, PutTask
from cmdb.errors import Invalid, LimitExceeded
from cmdb.observation import Identifier, Value, unescape_key

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore] # Python 3.14
except ModuleNotFoundError:
    from backports import zstd

MAX_INDEXED_BYTES = 4_096  # Neo4j refuses to index more than 8 kB, the embedded engine takes it and then slows down
MAX_NAME_LC = 1_000  # characters of a name by which it is found and ordered
MAX_MESSAGE_BYTES = 4_000_000  # of rows; the embedded engine hangs on a message of 20 MB, 8 MB is safe
MAX_PART_BYTES = 2_000_000  # of a payload in one property
RESERVED = frozenset(
    ("id", "class", "name", "name_lc", "status", "from", "to", "key", "facets", "first_seen", "revision", "gone")
) | {"by_name", "by_class", "past_name", "past_class", "named", "keys"}
SEPARATOR = "\x01"  # of the parts of `by_name` and `by_class`: sorts before whatever a name may hold
LAST = "\U0010ffff"  # no character, so behind all that have one
_SEPARATORS = frozenset("\x00\x01\x02")
BEHIND = "\x02"  # closes the range of all texts that begin with something and a separator
RELATIONSHIP_RESERVED = frozenset(["from", "to", "facets", "first_seen", "source_id", "target_id", "rel_type"])

_json = msgspec.json.Encoder(order="deterministic")
_facets = msgspec.json.Decoder(dict[str, Facet])
_link_facets = msgspec.json.Decoder(dict[str, LinkFacet])
_link_facet = msgspec.json.Decoder(LinkFacet)
_evidence = msgspec.json.Decoder(tuple[Evidence, ...])
_manifest = msgspec.msgpack.Decoder(dict[str, ManifestEntry])
_absent = msgspec.msgpack.Decoder(dict[str, Absent])
_times = msgspec.msgpack.Decoder(dict[str, int])
_msgpack = msgspec.msgpack.Encoder(order="deterministic")
_plain = msgspec.msgpack.Encoder()

ZstdError: type[Exception] = zstd.ZstdError  # what `decompress` raises

_SCALARS = (str, int, bool, float)


def as_json(value: Any) -> str:
    """Compact JSON text, keys sorted."""
    return _json.encode(value).decode()


def compress(data: bytes) -> bytes:
    """Zstandard, level 1: a fifteenth of the size for a fiftieth of the time of a commit."""
    packed: bytes = zstd.compress(data, 1)
    return packed


def decompress(data: bytes) -> bytes:
    """Undo `compress`."""
    unpacked: bytes = zstd.decompress(data)
    return unpacked


def check_values(values: Mapping[str, Value], where: str) -> None:
    """Refuse what one of the engines would not keep as it is: mappings, mixed lists, integers beyond 64 bits."""
    for name, value in values.items():
        kind = type(value)
        if kind is str or kind is bool or kind is float:
            continue
        if kind is int and -(2**63) <= value < 2**63:
            continue
        if kind is list and len(kinds := set(map(type, value))) <= 1 and kinds <= set(_SCALARS):
            continue
        raise Invalid(
            f"attribute {name!r} of {where} holds {str(value)[:60]!r}:"
            " a value is text, a number, true or false, or a list of one of these"
        )


def check_indexed(text: str, what: str) -> str:
    """Refuse a key that is too long to be indexed."""
    if len(text) > MAX_INDEXED_BYTES // 4 and len(text.encode()) > MAX_INDEXED_BYTES:
        raise LimitExceeded(f"{what} {text[:60]!r}… is longer than {MAX_INDEXED_BYTES} bytes, the limit of a key")
    return text


def lower_name(name: str) -> str:
    """A name as it is searched and ordered; what separates names in an index can't be part of one."""
    lower = name.lower()[:MAX_NAME_LC]
    return lower if _SEPARATORS.isdisjoint(lower) else "".join(c if c > BEHIND else " " for c in lower)


def by_name(name_lc: str, ci: str) -> str:
    """What CIs are ordered by in one index: name, then id."""
    return f"{name_lc}{SEPARATOR}{ci}"


def by_class(ci_class: str, name_lc: str, ci: str) -> str:
    """What the CIs of one class are ordered by in one index: class, name, id."""
    return f"{ci_class}{SEPARATOR}{name_lc}{SEPARATOR}{ci}"


def pack_keys(identifiers: Iterable[Identifier]) -> list[str]:
    """Identifiers as a CI's own property keeps them: `+` and the key for strong ones, `-` and the key for weak ones."""
    return [f"{'+' if i.strong else '-'}{i.key}" for i in identifiers]


def unpack_keys(keys: Iterable[str] | None) -> tuple[Identifier, ...]:
    """Identifiers of what `pack_keys` made, ordered by key."""
    return tuple(sorted((Identifier(key[1:], key[0] == "+") for key in keys or ()), key=lambda i: i.key))


def pack_facets(facets: Mapping[str, Facet]) -> tuple[str, str | None]:
    """Facets as text, and, where some are gone, when those were said last."""
    gone = {o: f.seen or f.gone for o, f in facets.items() if f.gone is not None}
    return as_json(facets), as_json(gone) if gone else None


def unpack_facets(text: str, attributes: dict[str, Value]) -> dict[str, Facet]:
    """Facets from text, what they leave out filled in with the CI's own attributes."""
    facets = _facets.decode(text)
    for facet in facets.values():
        if facet.attributes is None:
            facet.attributes = attributes
    return facets


def unpack_gone(text: str | None) -> dict[str, int]:
    """When gone facets were said last, by origin."""
    return msgspec.json.decode(text, type=dict[str, int]) if text else {}


def unpack_link_facets(text: str | None) -> dict[str, LinkFacet]:
    """Facets of a relationship; a tie to a parent has none."""
    return _link_facets.decode(text) if text else {}


def pack_manifest(manifest: Mapping[str, ManifestEntry]) -> tuple[bytes, bytes | None]:
    """A manifest as bytes and, where lines were carried over from older visits, CI id -> time of that visit."""
    carried: dict[str, int] = {}
    for entry in manifest.values():
        if entry.at:
            carried[entry.ci] = max(entry.at, carried.get(entry.ci, 0))
    return compress(_msgpack.encode(manifest)), _msgpack.encode(carried) if carried else None


def unpack_manifest(data: bytes) -> dict[str, ManifestEntry]:
    """Undo `pack_manifest`."""
    return _manifest.decode(decompress(data))


def pack_absent(absent: Mapping[str, Absent]) -> bytes | None:
    """What an origin no longer sees as bytes; None where that is nothing, so that others are found quickly."""
    return _msgpack.encode(absent) if absent else None


def pack_times(times: Mapping[str, int]) -> bytes | None:
    """CI ids with times as bytes; None where there are none."""
    return _msgpack.encode(times) if times else None


def unpack_absent(data: bytes | None) -> dict[str, Absent]:
    """Undo `pack_absent`."""
    return _absent.decode(data) if data else {}


def unpack_carried(data: bytes | None) -> dict[str, int]:
    """CI id -> time of the visit that said it last, for what later visits left out."""
    return _times.decode(data) if data else {}


def pending_row(wait: Pending) -> list[Any]:
    """A waiting link as a row."""
    identity = pending_id(wait)
    return [
        identity,
        check_indexed(wait.key, "identifier"),
        wait.path,
        wait.ci,
        wait.type,
        wait.origin,
        as_json(wait.facet),
    ]


def pending_id(wait: Pending) -> str:
    """What makes a waiting link itself: everything but what was said of it."""
    return hashlib.blake2b(
        _msgpack.encode([wait.key, wait.path, wait.ci, wait.type, wait.origin]), digest_size=16
    ).hexdigest()


def unpack_pending(row: Sequence[Any]) -> Pending:
    """A waiting link from `[key, path, ci, type, origin, facet]`."""
    key, path, ci, type_, origin, facet = row[:6]
    return Pending(key, path, ci, type_, origin, _link_facet.decode(facet))


def own_attributes(properties: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes among the properties of a CI, without its name."""
    return {name: value for name, value in properties.items() if name not in RESERVED}


def link_attributes(properties: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes among the properties of a relationship."""
    return {name: value for name, value in properties.items() if name not in RELATIONSHIP_RESERVED}


def split_key(key: str | None) -> tuple[str, str]:
    """Parent id and local key of a dependent CI; twice the empty string for others."""
    if not key:
        return "", ""
    parent, _, local_key = key.split("|", 2)
    return parent, unescape_key(local_key)


def chunks(rows: list[list[Any]], limit: int = MAX_MESSAGE_BYTES) -> Iterator[list[list[Any]]]:
    """Split rows so that each part makes a message that the engines take.

    Raises LimitExceeded for a single row beyond the limit.
    """
    if _fits(rows, limit):
        if rows:
            yield rows
        return
    part: list[list[Any]] = []
    size = 0
    for row in rows:
        weight = _weight(row)
        if weight > limit:
            raise LimitExceeded(
                f"one row of {weight} bytes ({str(row[0])[:60]!r}) is more than a message may hold ({limit})"
            )
        if size + weight > limit:
            yield part
            part, size = [], 0
        part.append(row)
        size += weight
    if part:
        yield part


def text_chunks(texts: Iterable[str], limit: int = MAX_MESSAGE_BYTES) -> Iterator[list[str]]:
    """Split texts, as they are asked for, in the same way."""
    for part in chunks([[text] for text in texts], limit):
        yield [row[0] for row in part]


def _fits(rows: list[list[Any]], limit: int) -> bool:
    """Whether rows surely make one message. Encoding them costs a twentieth of weighing each; PackStream and
    MessagePack differ by some bytes a value at most, and the limit leaves room for twice the size.
    """
    try:
        return len(_plain.encode(rows)) <= limit
    except (UnicodeEncodeError, OverflowError):  # what can't be stored is refused elsewhere, with its name
        return False


def _weight(value: Any) -> int:
    """Upper bound of the bytes that a value takes in a message, within a few."""
    kind = type(value)
    if kind is str:
        return 5 + (len(value) if value.isascii() else 4 * len(value))
    if kind is bytes:
        return 5 + len(value)
    if kind is list or kind is tuple:
        return 5 + sum(map(_weight, value))
    if kind is dict:
        return 5 + sum(_weight(k) + _weight(v) for k, v in value.items())
    return 9


def unpack_task(row: Sequence[Any]) -> PutTask:
    """An identity task; those of earlier versions have no proposal, evidence and time."""
    id_, kind, state, origin, observed, keys, cis, text, proposal, evidence, created_at = row
    shown = _evidence.decode(evidence) if evidence else ()
    return PutTask(
        id_, kind, state, origin, observed, tuple(keys), tuple(cis), text, proposal or "none", shown, created_at or 0
    )
