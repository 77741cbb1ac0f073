"""Reads a model folder into definitions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cmdb.errors import Invalid
from cmdb.model.absence import ABSENCE, AbsencePolicy, read_absence
from cmdb.model.check import check_definitions
from cmdb.model.definitions import (
    FLAGS,
    PRESENCES,
    TYPES,
    Attribute,
    CiClass,
    Definitions,
    ImpactRule,
    Inside,
    PrecedenceRule,
    RelationshipType,
    SourceKind,
    StaleRule,
)
from cmdb.model.identifiers import read_scheme
from cmdb.model.shape import Key, Map, Problems, check_keys, read_mapping

BUILT_IN = Path(__file__).parent
RELATIONSHIPS = "relationships.yaml"
PRECEDENCE = "precedence.yaml"
DEVICE = "Device"

_CLASS = {
    "class": Key("text", required=True),
    "description": Key("text", required=True),
    "extends": Key("text"),
    "abstract": Key("flag"),
    "internal": Key("flag"),
    "independent": Key("flag"),
    "rarity": Key("factor"),
    "inside": Key("map"),
    "identifiers": Key("maps"),
    "attributes": Key("map"),
}
_INSIDE = {
    "parents": Key("texts", required=True),
    "relationship": Key("text", required=True),
    "direction": Key("text", required=True, words=("from_parent", "to_parent")),
}
_ATTRIBUTE = {
    "type": Key("text", required=True, words=TYPES),
    "description": Key("text", required=True),
    "flags": Key("texts", words=FLAGS),
    "values": Key("texts"),
    "range": Key("range"),
    "example": Key("any"),
}
_RELATIONSHIP = {
    "description": Key("text", required=True),
    "symmetric": Key("flag"),
    "internal": Key("flag"),
    "from": Key("texts", required=True),
    "to": Key("texts", required=True),
    "attributes": Key("map"),
    "impact": Key("maps"),
}
_RULE = {
    "when": Key("map"),
    "owner": Key("text", required=True, words=("source", "target")),
    "group": Key("any", required=True),
    "needed": Key("any", required=True),
    "connected": Key("text"),
    "on_loss": Key("text", required=True, words=("none", "at_risk", "degraded")),
    "pass": Key("text", required=True, words=("never", "needed", "any")),
}
_WHEN = {name: Key("texts") for name in ("source_class", "target_class", "owner_kind", "provider_kind")}
_PRECEDENCES = {"default": Key("whole", required=True), "sources": Key("map", required=True)}
_SOURCE = {
    "precedence": Key("whole", required=True),
    "description": Key("text", required=True),
    "rules": Key("maps"),
    "presence": Key("text", words=PRESENCES),
    "stale_after_h": Key("whole"),
    "stale_rules": Key("maps"),
}
_STALE_RULE = {"classes": Key("texts", required=True), "after_h": Key("whole", required=True)}
_SOURCE_RULE = {
    "classes": Key("texts"),
    "attributes": Key("texts"),
    "precedence": Key("whole", required=True),
    "description": Key("text", required=True),
}


Own = Mapping[str, Path]  # precedence.yaml or absence.yaml -> the file that says what is different here


def read_definitions(folder: Path, own_files: Own = MappingProxyType({})) -> Definitions:
    """Read `classes/*.yaml`, `relationships.yaml`, `precedence.yaml` and `absence.yaml`, and what is laid over the last
    two. Raises Invalid with all that is wrong.
    """
    problems = Problems(names={name: str(file) for name, file in own_files.items()})
    files = sorted((folder / "classes").glob("*.yaml"))
    if not files:
        problems.add("classes", "", f"there is no YAML file in {folder / 'classes'}; give the folder of a model")
    own = {f"classes/{f.name}": found for f in files if (found := _class(f, problems))}
    relationships = _relationships(read_mapping(folder / RELATIONSHIPS, RELATIONSHIPS, problems), problems)
    ranks = read_mapping(folder / PRECEDENCE, PRECEDENCE, problems)
    default, sources = _precedence(_laid_over(ranks, PRECEDENCE, own_files, problems), problems)
    times = read_mapping(folder / ABSENCE, ABSENCE, problems) if (folder / ABSENCE).exists() else {}
    times = _laid_over(times, ABSENCE, own_files, problems)
    absence = read_absence(times, problems) if times else AbsencePolicy()
    check_definitions(own, relationships, sources, absence, problems)
    if problems.lines:
        raise Invalid("the model can't be used:\n" + "\n".join(problems.lines))
    classes = {c.name: c for c in own.values()}
    full = {name: _inherit(c, classes) for name, c in sorted(classes.items())}
    read = MappingProxyType(full), MappingProxyType(relationships), MappingProxyType(sources)
    return Definitions(*read, default, _version(folder, own_files), absence)


def _laid_over(found: Map, name: str, own_files: Own, problems: Problems) -> Map:
    """A file of the model with what an own file says over it: its keys hold, of `sources` those that it names."""
    if name not in own_files:
        return found
    own = read_mapping(own_files[name], name, problems)
    both = [part["sources"] for part in (found, own) if isinstance(part.get("sources"), dict)]
    return {**found, **own, **({"sources": {**both[0], **both[1]}} if len(both) > 1 else {})}


def _version(folder: Path, own_files: Own) -> str:
    files = [(file.relative_to(folder).as_posix(), file) for file in sorted(folder.rglob("*.yaml"))]
    digest = hashlib.sha256()
    for name, file in (*files, *sorted(own_files.items())):
        digest.update(f"{name}\0".encode())
        digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:12]


def _class(path: Path, problems: Problems) -> CiClass | None:
    file = f"classes/{path.name}"
    before = len(problems.lines)
    found = read_mapping(path, file, problems)
    if not found and len(problems.lines) > before:
        return None
    good = check_keys(found, _CLASS, file, "", problems)
    if "class" not in good:
        return None
    inside = _inside(good["inside"], file, problems) if "inside" in good else None
    schemes = [read_scheme(s, file, f"identifiers[{i}]", problems) for i, s in enumerate(good.get("identifiers", ()))]
    return CiClass(
        name=good["class"],
        description=_text(good),
        abstract=good.get("abstract", False),
        internal=good.get("internal", False),
        independent=good.get("independent", "inside" not in good),
        extends=good.get("extends"),
        inside=inside,
        identifiers=tuple(s for s in schemes if s),
        attributes=_attributes(good.get("attributes", {}), file, "attributes", problems),
        is_device=False,
        rarity=float(good.get("rarity", 1)),
    )


def _inside(found: Map, file: str, problems: Problems) -> Inside | None:
    good = check_keys(found, _INSIDE, file, "inside", problems)
    if len(good) < len(_INSIDE):
        return None
    return Inside(tuple(good["parents"]), good["relationship"], good["direction"])


def _attributes(found: Map, file: str, where: str, problems: Problems) -> Mapping[str, Attribute]:
    made: dict[str, Attribute] = {}
    for name, raw in found.items():
        at = f"{where}.{name}"
        if not isinstance(raw, dict):
            problems.add(file, at, "must be a mapping with type and description; write it so")
            continue
        good = check_keys(raw, _ATTRIBUTE, file, at, problems)
        if "type" in good:
            made[str(name)] = Attribute(
                name=str(name),
                type=good["type"],
                description=_text(good),
                flags=frozenset(good.get("flags", ())),
                values=tuple(good.get("values", ())),
                example=good.get("example"),
                minimum=good["range"][0] if "range" in good else None,
                maximum=good["range"][1] if "range" in good else None,
            )
    return MappingProxyType(made)


def _relationships(found: Map, problems: Problems) -> dict[str, RelationshipType]:
    made: dict[str, RelationshipType] = {}
    for name, raw in found.items():
        if not isinstance(raw, dict):
            problems.add(RELATIONSHIPS, str(name), "must be a mapping with description, from and to; write it so")
            continue
        good = check_keys(raw, _RELATIONSHIP, RELATIONSHIPS, str(name), problems)
        rules = [_rule(r, f"{name}.impact[{i}]", problems) for i, r in enumerate(good.get("impact", ()))]
        made[str(name)] = RelationshipType(
            name=str(name),
            description=_text(good),
            symmetric=good.get("symmetric", False),
            internal=good.get("internal", False),
            sources=tuple(good.get("from", ())),
            targets=tuple(good.get("to", ())),
            attributes=_attributes(good.get("attributes", {}), RELATIONSHIPS, f"{name}.attributes", problems),
            impact=tuple(r for r in rules if r),
        )
    return made


def _rule(found: Map, where: str, problems: Problems) -> ImpactRule | None:
    good = check_keys(found, _RULE, RELATIONSHIPS, where, problems)
    when = check_keys(good.get("when", {}), _WHEN, RELATIONSHIPS, f"{where}.when", problems)
    if not {"owner", "group", "needed", "on_loss", "pass"} <= good.keys():
        return None
    group: Any = tuple(str(g) for g in good["group"]) if isinstance(good["group"], list) else good["group"]
    return ImpactRule(
        when=MappingProxyType({k: tuple(v) for k, v in when.items()}),
        owner=good["owner"],
        group=group,
        needed=good["needed"],
        connected=good.get("connected"),
        on_loss=good["on_loss"],
        pass_=good["pass"],
    )


def _precedence(found: Map, problems: Problems) -> tuple[int, dict[str, SourceKind]]:
    good = check_keys(found, _PRECEDENCES, PRECEDENCE, "", problems) if found else {}
    sources: dict[str, SourceKind] = {}
    for name, raw in good.get("sources", {}).items():
        at = f"sources.{name}"
        if not isinstance(raw, dict):
            problems.add(PRECEDENCE, at, "must be a mapping with precedence and description; write it so")
            continue
        source = check_keys(raw, _SOURCE, PRECEDENCE, at, problems)
        rules = [_source_rule(r, f"{at}.rules[{i}]", problems) for i, r in enumerate(source.get("rules", ()))]
        late = source.get("stale_rules", ())
        stale = [_stale_rule(r, f"{at}.stale_rules[{i}]", problems) for i, r in enumerate(late)]
        sources[str(name)] = SourceKind(
            name=str(name),
            description=_text(source),
            precedence=source.get("precedence", 0),
            rules=tuple(rules),
            stale_after_h=source.get("stale_after_h"),
            stale_rules=tuple(stale),
            presence=source.get("presence", "seen"),
        )
    return good.get("default", 0), sources


def _source_rule(found: Map, where: str, problems: Problems) -> PrecedenceRule:
    good = check_keys(found, _SOURCE_RULE, PRECEDENCE, where, problems)
    classes, attributes = tuple(good.get("classes", ())), tuple(good.get("attributes", ()))
    return PrecedenceRule(classes, attributes, good.get("precedence", 0), _text(good))


def _stale_rule(found: Map, where: str, problems: Problems) -> StaleRule:
    good = check_keys(found, _STALE_RULE, PRECEDENCE, where, problems)
    return StaleRule(tuple(good.get("classes", ())), good.get("after_h", 0))


def _text(found: Map) -> str:
    return " ".join(str(found.get("description", "")).split())


def _inherit(own: CiClass, classes: Mapping[str, CiClass]) -> CiClass:
    """The class with what it inherits: attributes are added, identifiers and `inside` taken over where it has none."""
    line = [own]
    while (above := line[-1].extends) is not None:
        line.append(classes[above])
    attributes = {name: a for c in reversed(line) for name, a in c.attributes.items()}
    inside = next((c.inside for c in line if c.inside), None)
    return CiClass(
        name=own.name,
        description=own.description,
        abstract=own.abstract,
        internal=own.internal,
        independent=own.independent if own.inside or not inside else False,
        extends=own.extends,
        inside=inside,
        identifiers=next((c.identifiers for c in line if c.identifiers), ()),
        attributes=MappingProxyType(attributes),
        is_device=any(c.name == DEVICE for c in line),
        rarity=next((c.rarity for c in line if c.rarity != 1), 1.0),
    )
