"""What the store must hold, property by property, as the changes tell it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cmdb.changes import Facet, LinkFacet, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.observation import escape_key
from cmdb.store.rows import RELATIONSHIP_RESERVED, RESERVED, as_json, lower_name, pack_facets

Properties = dict[str, Any]
# Properties that a change gives anew without saying the others: they are compared beside the rest.
CI_ENVELOPE = (
    *("key", "revision", "from", "to", "named"),
    *("keys", "by_class", "by_name", "past_class", "past_name"),  # by which it is found, now and in the past
)
LINK_ENVELOPE = ("from", "first_seen", "to", "source_id", "target_id", "rel_type")

_any = msgspec.msgpack.Encoder(enc_hook=repr, order="deterministic")
_facets = msgspec.json.Decoder(dict[str, Facet])
_link_facets = msgspec.json.Decoder(dict[str, LinkFacet])


def ci_content(change: NewCI | SetCI, first_seen: int) -> Properties:
    """Properties of a CI after a change, without its envelope."""
    name = change.attributes.get("name", "")
    facets, gone = pack_facets(change.facets)
    own = {
        "id": change.id,
        "class": change.ci_class,
        "name": name,
        "name_lc": lower_name(name),
        "status": change.status,
        "first_seen": first_seen,
        "facets": facets,
        "gone": gone,
    }
    return present({**change.attributes, **own})


def ci_envelope(values: Iterable[Any], is_revision_said: bool = True) -> tuple[Any, ...]:
    """The values of CI_ENVELOPE as they are compared: identifiers in any order, none where there are none."""
    key, revision, since, to, named, keys, *found_by = values
    listed = tuple(sorted(keys)) if isinstance(keys, list | tuple) else () if keys is None else keys
    return key, revision if is_revision_said else None, since, to, named, listed, *found_by


def ci_key(parent: str, ci_class: str, local_key: str) -> str | None:
    """The key of a dependent CI; None for others."""
    return f"{parent}|{ci_class}|{escape_key(local_key)}" if parent else None


def link_content(change: NewRelationship | SetRelationship) -> Properties:
    """Properties of a relationship after a change, without its envelope."""
    return present({**change.attributes, "facets": as_json(change.facets)})


def present(properties: Mapping[str, Any]) -> Properties:
    """Without what is null: a property that is null is not there."""
    return {name: value for name, value in properties.items() if value is not None}


def split(properties: Mapping[str, Any], envelope: tuple[str, ...]) -> tuple[Properties, tuple[Any, ...]]:
    """Content and envelope of what was read."""
    content = {name: value for name, value in properties.items() if name not in envelope and value is not None}
    return content, tuple(properties.get(name) for name in envelope)


def fingerprint(content: Any) -> bytes:
    """What is kept of a content where only equality matters. A value of a kind that no commit writes has one too."""
    return hashlib.blake2b(_any.encode(content), digest_size=16).digest()


def described(properties: Mapping[str, Any], reserved: frozenset[str] = RESERVED) -> dict[str, Any]:
    """Properties by names that a person understands, facets taken apart."""
    out: dict[str, Any] = {}
    for name, value in properties.items():
        if name == "facets":
            out |= _facets_described(value, reserved is RELATIONSHIP_RESERVED)
        elif value is not None:
            out[name if name in reserved else f"attribute {name}"] = value
    return out


def _facets_described(text: Any, of_link: bool) -> dict[str, Any]:
    out: dict[str, Any] = {}
    try:
        facets = _link_facets.decode(text) if of_link else _facets.decode(text)
    except (msgspec.DecodeError, TypeError):
        return {"facets": text}
    for origin, facet in facets.items():
        fields = msgspec.structs.asdict(facet)
        attributes = fields.pop("attributes") or {}
        out |= {f"facet {origin}: {name}": value for name, value in fields.items() if value is not None}
        out |= {f"facet {origin}: attribute {name}": value for name, value in attributes.items()}
    return out
