"""Names of pushed things: type and id become a class, identifiers and a local key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cmdb.errors import Invalid
from cmdb.model import is_placeholder, vendor_slug
from cmdb.model.registry import CiClass, Model
from cmdb.observation import Identifier, Observation, Value, path

UNKNOWN_VENDOR = "unknown"  # a serial number without its maker only proposes
MAX_ENTRIES = 1_000  # relationships of an item, entries of `id` and of `description`
# Attributes that makers fill in, with texts that stand for nothing ("To Be Filled By O.E.M.").
MAKER_FILLED = frozenset(("serial_number", "model", "vendor", "uuid"))

# Types of OpenTelemetry's semantic conventions, and what they are here.
TYPES = {
    "host": "Computer",
    "k8s.node": "Computer",
    "device": "Endpoint",
    "service": "Service",
    "service.instance": "SoftwareInstance",
    "process": "SoftwareInstance",
    "container": "Container",
    "container.image": "ContainerImage",
    "hw.network": "Interface",
    "network.interface": "Interface",
}
# Their attributes: (scheme of an identifier or "", attribute or "").
KEYS = {
    "host.id": ("uuid", ""),
    "host.name": ("sysname", "name"),
    "host.mac": ("mac", "mac_addresses"),
    "os.name": ("", "os_name"),
    "os.version": ("", "os_version"),
    "service.name": ("service", "name"),
    "service.version": ("", "version"),
    "container.id": ("", ""),
    "container.name": ("", "name"),
    "container.runtime": ("", "runtime"),
    "container.image.name": ("", "image"),
    "container.image.id": ("", "digest"),
    "process.command_line": ("", "command"),
    "process.owner": ("", "user"),
    "k8s.node.name": ("sysname", "name"),
    "k8s.node.uid": ("uuid", ""),
    "device.id": ("", ""),
    "device.manufacturer": ("", "vendor"),
    "device.model.name": ("", "model"),
    "network.interface.name": ("", "name"),
    "vendor": ("", "vendor"),
}
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


class Note(NamedTuple):
    """Why an item, or a part of it, was not taken: a code, a sentence, and the path inside the item."""

    code: str
    message: str
    path: str


class Rejected(Exception):
    """An item that makes no sense; carries the note that says why."""

    def __init__(self, code: str, message: str, where: str) -> None:
        self.note = Note(code, message, where)
        super().__init__(message)


class Entity(NamedTuple):
    """A thing named by type and id: its observation without description, and that of its parent if it is dependent."""

    observation: Observation
    path: str
    parent: Observation | None


def entity(given: Mapping[str, Any], where: str, model: Model, notes: list[Note]) -> Entity:
    ci_class = _class(given.get("type", given.get("entity.type")), f"{where}type", model)
    ids = mapping(given.get("id", given.get("entity.id")), f"{where}id")
    if not ids or len(ids) > MAX_ENTRIES:
        raise Rejected("NO_ID", f"id: give 1 to {MAX_ENTRIES:,} attributes that identify it", f"{where}id")
    above = given.get("parent")
    if ci_class.inside is not None and (above is not None or not ci_class.independent):
        return _dependent(ci_class, ids, above, where, model, notes)
    if above is not None:
        raise Rejected(
            "NO_PARENT_HERE", f"a {ci_class.name} is not part of another CI: leave `parent` out", f"{where}parent"
        )
    identifiers, named = _identifiers(ci_class, ids, f"{where}id", notes)
    key = next((i.key for i in identifiers if i.strong), identifiers[0].key)
    observation = Observation(ci_class.name, key, {**named, **_known(ci_class, ids)}, tuple(identifiers))
    return Entity(observation, key, None)


def says_nothing(attribute: str, value: object) -> bool:
    """Whether a value stands for "unknown". Asked only of what makers fill in: a port may well be called 1."""
    return attribute in MAKER_FILLED and isinstance(value, str) and is_placeholder(value)


def _dependent(
    ci_class: CiClass, ids: Mapping[str, Any], above: object, where: str, model: Model, notes: list[Note]
) -> Entity:
    """Dependent things are named by a local key inside their parent, which is told of by name only."""
    if above is None:
        kinds = " or ".join(ci_class.inside.parents) if ci_class.inside else "a CI"
        text = f"a {ci_class.name} is part of {kinds}: say of which with `parent`: {{type, id}}"
        raise Rejected("NO_PARENT", text, f"{where}parent")
    parent = entity(mapping(above, f"{where}parent"), f"{where}parent.", model, notes)
    if parent.parent is not None:
        raise Rejected("PARENT_TOO_DEEP", "name the device itself as parent, not a part of it", f"{where}parent.parent")
    local = [str(v) for k in ("key", "name", *sorted(ids)) if (v := ids.get(k)) is not None and _is_text(v)]
    if not local:
        raise Rejected("NO_ID", 'id: give a local key, for example {"name": "eth0"}', f"{where}id")
    key = local[0] if {"key", "name"} & ids.keys() else "/".join(local)
    told = Observation(
        parent.observation.ci_class, parent.observation.key, {}, parent.observation.identifiers, role="reported"
    )
    named = {"name": str(ids["name"])} if "name" in ids else {}
    observation = Observation(ci_class.name, key, {**named, **_known(ci_class, ids)}, parent=parent.path)
    return Entity(observation, path(parent.path, ci_class.name, key), told)


def _class(given: object, where: str, model: Model) -> CiClass:
    if not isinstance(given, str) or not given:
        raise Rejected(
            "NO_TYPE", "type: the class, such as NetworkDevice, or an OpenTelemetry type, such as host", where
        )
    name = TYPES.get(given)
    if name is None:
        plain = re.sub(r"[^a-z0-9]", "", given.lower())
        name = next((c for c in model.classes if c.lower() == plain), given)
    try:
        found = model.ci_class(name)
    except Invalid as error:
        raise Rejected("UNKNOWN_TYPE", str(error), where) from None
    if found.abstract or found.internal:
        raise Rejected("UNKNOWN_TYPE", f"there are no CIs of class {name}; use a class of the catalogue", where)
    return found


def _identifiers(
    ci_class: CiClass, ids: Mapping[str, Any], where: str, notes: list[Note]
) -> tuple[list[Identifier], dict[str, Value]]:
    """The identifiers that an id map gives, strong ones first, and the name in it, if there is one."""
    strong = {s.scheme: s.strong for s in ci_class.identifiers}
    found: dict[str, bool] = {}
    rest: dict[str, str] = {}
    for name, value in sorted(ids.items()):
        if not _is_text(value):
            raise Rejected("BAD_ID", f"{name}: text or a whole number, not {type(value).__name__}", f"{where}.{name}")
        text = str(value).strip()
        if is_placeholder(text):
            notes.append(Note("PLACEHOLDER", f"{text[:80]!r} names nothing; it was left out", f"{where}.{name}"))
            continue
        key = _identifier(name, text, ids, strong)
        if key is None:
            rest[name] = text
        elif key:
            found[key] = found.get(key, False) or _is_strong(key, strong)
    if rest and not any(found.values()):
        # The sender promises that the map as a whole identifies, whatever its attributes mean.
        found[f"{_slug(ci_class.name)}:" + ";".join(f"{k}={v}" for k, v in rest.items())] = True
    if not found:
        raise Rejected(
            "NO_ID", "id: nothing in it identifies; give a serial number with vendor, a UUID or the like", where
        )
    names = [
        str(ids[k]) for k in ("name", "host.name", "service.name", "k8s.node.name", "sysname") if _is_text(ids.get(k))
    ]
    identifiers = [Identifier(k, s) for k, s in sorted(found.items(), key=lambda f: (not f[1], f[0]))]
    return identifiers, {"name": names[0]} if names else {}


def _identifier(name: str, text: str, ids: Mapping[str, Any], strong: Mapping[str, bool]) -> str | None:
    """The identifier in one entry of an id map; "" for an entry that only helps another; None if it is no scheme."""
    if name in ("identifier", "key") and ":" in text:
        scheme, _, value = text.partition(":")
        return f"{scheme.lower()}:{value}"
    scheme = KEYS.get(name, ("", ""))[0] or name.lower().replace("_", "-").removesuffix("-number")
    if name in ("vendor", "device.manufacturer"):
        return ""
    if name == "name" and "sysname" in strong:
        scheme = "sysname"
    if scheme == "serial":
        vendor = vendor_slug(str(ids.get("vendor", ids.get("device.manufacturer", ""))))
        return f"serial:{vendor or UNKNOWN_VENDOR}:{text}"
    if scheme == "uuid":
        return f"uuid:{text.lower()}" if _UUID.fullmatch(text) else None
    if scheme == "mac":
        digits = re.sub(r"[^0-9a-f]", "", text.lower())
        return f"mac:{':'.join(re.findall('..', digits))}" if len(digits) == 12 else None
    if scheme == "name":
        scheme = next((s for s in strong if s == "name" or s == _slug_scheme(strong)), "")
    return f"{scheme}:{text}" if scheme in strong else None


def _slug_scheme(strong: Mapping[str, bool]) -> str:
    """The one scheme of a class that is known by its name alone, such as `service`."""
    return next(iter(strong), "") if len(strong) == 1 else ""


def _is_strong(key: str, strong: Mapping[str, bool]) -> bool:
    scheme, _, value = key.partition(":")
    return strong.get(scheme, True) and not (scheme == "serial" and value.startswith(f"{UNKNOWN_VENDOR}:"))


def _slug(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _is_text(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def attribute_of(ci_class: CiClass, name: str) -> str:
    """The attribute of the class that an entry means; "" if there is none."""
    for candidate in (KEYS.get(name, ("", ""))[1], name, name.replace(".", "_").replace("-", "_"), f"{name}_number"):
        if candidate and (candidate == "name" or candidate in ci_class.attributes):
            return candidate
    return ""


def _known(ci_class: CiClass, ids: Mapping[str, Any]) -> dict[str, Value]:
    """What an id map says about attributes; placeholders say nothing."""
    out: dict[str, Value] = {}
    for name, value in ids.items():
        attribute = attribute_of(ci_class, name)
        if attribute and attribute != "name" and _is_text(value) and not says_nothing(attribute, value):
            out[attribute] = fitting(ci_class, attribute, value)
    return out


def fitting(ci_class: CiClass, attribute: str, value: Value) -> Value:
    """One value where a list is wanted becomes a list of one."""
    kind = ci_class.attributes[attribute].type if attribute in ci_class.attributes else "string"
    return [value] if kind.endswith("_list") and not isinstance(value, list) else value


def mapping(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        label = where or "the item"
        raise Rejected("NOT_AN_OBJECT", f"{label}: a JSON object, not {type(given).__name__}", where)
    return given
